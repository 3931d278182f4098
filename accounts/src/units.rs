//! The ledger's micro-units as a token's smallest units, and back.
//!
//! One whole token is 10⁶ micros off chain and 10^decimals units on it, so a micro is 10^(decimals − 6) units. Into units it is
//! always exact. Back it may not be: whoever asks says whether a remainder is an error or is left where it is.

use alloy_primitives::U256;
use headframe_protocol::Micros;
use serde::{Deserialize, Serialize};

/// Digits of the ledger. A token with fewer cannot hold a micro.
const LEDGER_DECIMALS: u8 = 6;

/// No token in use has more than 24; with this many a sum of 2⁶³ micros still fits a word of the chain 10³⁴ times.
const DECIMALS_MAX: u8 = 30;

/// How many digits a token has after the point: 6 to 30.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Decimals(u8);

/// Why an amount cannot be converted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnitsError {
    /// The token is too coarse for the ledger, or finer than any token.
    #[error("a token has 6 to 30 decimals, not {0}")]
    Decimals(u8),
    /// Chains know no debts.
    #[error("{0} is negative, and a chain has no negative amounts")]
    Negative(Micros),
    /// A micro would be cut.
    #[error("{0} units are not a whole number of micros")]
    Inexact(U256),
    /// More than the ledger can hold.
    #[error("{0} units are more than the ledger can hold")]
    TooMany(U256),
}

impl Decimals {
    /// Of a token that says it has `digits` after the point.
    ///
    /// # Errors
    /// [`UnitsError::Decimals`] if it has fewer than 6 or more than 30.
    pub const fn new(digits: u8) -> Result<Self, UnitsError> {
        if digits < LEDGER_DECIMALS || digits > DECIMALS_MAX { Err(UnitsError::Decimals(digits)) } else { Ok(Self(digits)) }
    }

    /// Digits after the point.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }

    /// Token units in one micro.
    #[must_use]
    pub fn units_per_micro(self) -> U256 {
        U256::from(10).pow(U256::from(self.0 - LEDGER_DECIMALS))
    }

    /// The amount in token units. Exact.
    ///
    /// # Errors
    /// [`UnitsError::Negative`] below zero.
    pub fn units(self, amount: Micros) -> Result<U256, UnitsError> {
        let micros = u64::try_from(amount.get()).map_err(|_| UnitsError::Negative(amount))?;
        Ok(U256::from(micros) * self.units_per_micro())
    }

    /// Token units as micros, if nothing is left over.
    ///
    /// # Errors
    /// [`UnitsError::Inexact`] if something is, [`UnitsError::TooMany`] beyond 2⁶³ − 1 micros.
    pub fn micros_exact(self, units: U256) -> Result<Micros, UnitsError> {
        if units % self.units_per_micro() == U256::ZERO { self.micros_floor(units) } else { Err(UnitsError::Inexact(units)) }
    }

    /// Token units as micros, rounded down: for showing, and for crediting what somebody sent us.
    ///
    /// # Errors
    /// [`UnitsError::TooMany`] beyond 2⁶³ − 1 micros.
    pub fn micros_floor(self, units: U256) -> Result<Micros, UnitsError> {
        i64::try_from(units / self.units_per_micro()).map(Micros::new).map_err(|_| UnitsError::TooMany(units))
    }
}

impl TryFrom<u8> for Decimals {
    type Error = UnitsError;

    fn try_from(digits: u8) -> Result<Self, Self::Error> {
        Self::new(digits)
    }
}

impl From<Decimals> for u8 {
    fn from(decimals: Decimals) -> Self {
        decimals.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_token_too_coarse_or_too_fine_is_refused() {
        for digits in [0, 5, 31, u8::MAX] {
            assert_eq!(Decimals::new(digits), Err(UnitsError::Decimals(digits)));
        }
        assert_eq!(Decimals::new(6).map(Decimals::units_per_micro), Ok(U256::from(1)));
        assert_eq!(Decimals::new(18).map(Decimals::units_per_micro), Ok(U256::from(1_000_000_000_000_u64)));
    }

    #[test]
    fn a_debt_has_no_units() {
        let decimals = Decimals::new(6).expect("6 is fine");
        assert_eq!(decimals.units(Micros::new(-1)), Err(UnitsError::Negative(Micros::new(-1))));
    }

    #[test]
    fn what_does_not_fit_the_ledger_is_refused() {
        let decimals = Decimals::new(6).expect("6 is fine");
        let most = U256::from(i64::MAX);
        assert_eq!(decimals.micros_exact(most), Ok(Micros::new(i64::MAX)));
        assert_eq!(decimals.micros_exact(most + U256::from(1)), Err(UnitsError::TooMany(most + U256::from(1))));
        assert_eq!(decimals.micros_floor(U256::MAX), Err(UnitsError::TooMany(U256::MAX)));
    }

    proptest! {
        #[test]
        fn every_amount_survives_the_chain(micros in 0..=i64::MAX, digits in 6_u8..=30) {
            let decimals = Decimals::new(digits).expect("in range");
            let units = decimals.units(Micros::new(micros)).expect("not negative");
            prop_assert_eq!(decimals.micros_exact(units), Ok(Micros::new(micros)));
        }

        #[test]
        fn a_remainder_is_refused_or_left(micros in 0..=i64::MAX, digits in 7_u8..=30, rest in 1_u8..10) {
            let decimals = Decimals::new(digits).expect("in range");
            let units = decimals.units(Micros::new(micros)).expect("not negative") + U256::from(rest);
            prop_assert_eq!(decimals.micros_exact(units), Err(UnitsError::Inexact(units)));
            prop_assert_eq!(decimals.micros_floor(units), Ok(Micros::new(micros)));
        }
    }
}
