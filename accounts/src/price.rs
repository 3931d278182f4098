//! What HFR is worth, when two independent observers agree on it, and what amounts become at that price.
//!
//! The price is the lower of a 30-minute average of trades and an oracle, and it is refused when either
//! is missing, stale or far from the other: a price that somebody can move for a minute must not decide what a job costs.

use std::{fmt, num::NonZeroU64};

use headframe_protocol::{Micros, TimestampMs};
use serde::{Deserialize, Serialize};

/// An older observation is no price.
pub const AGE_MAX_MS: i64 = 10 * 60 * 1_000;

/// How far the two may be apart, in basis points of the lower: 3 %.
pub const APART_BPS_MAX: u64 = 300;

/// Blocks are stamped by whoever makes them, a little ahead of our clock at times. More than this is not a clock but a lie.
pub const AHEAD_MAX_MS: i64 = 60 * 1_000;

/// Price units in one dollar.
const PICOS_PER_DOLLAR: i128 = 1_000_000_000_000;

/// US dollars per HFR in millionths of a millionth: `4_000_000_000` is $0.004. Never zero. Finer than [`Micros`], because one
/// micro would be a whole percent of a price of $0.0001. On the wire a decimal string.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UsdPerHfr(NonZeroU64);

/// Who observed a price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Observer {
    /// The average of trades over 30 minutes.
    Twap,
    /// The oracle.
    Oracle,
}

/// A price somebody has seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Observation {
    /// Millionths of a millionth of a dollar per HFR, as it was read; zero is read, and refused.
    pub picos: u64,
    /// When it was true.
    pub at_ms: TimestampMs,
}

/// Why there is no price now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PriceRefused {
    /// One does not answer.
    #[error("{0} has no price for HFR")]
    Missing(Observer),
    /// One says it is worth nothing.
    #[error("{0} says that HFR is worth nothing")]
    Zero(Observer),
    /// Stale.
    #[error("{observer} saw the price of HFR {age_ms} ms ago, more than 10 minutes")]
    TooOld {
        /// Who.
        observer: Observer,
        /// How long ago, in milliseconds.
        age_ms: i64,
    },
    /// Not seen yet.
    #[error("{observer} claims to know the price of HFR {ahead_ms} ms from now")]
    Ahead {
        /// Who.
        observer: Observer,
        /// How far in the future, in milliseconds.
        ahead_ms: i64,
    },
    /// They do not see the same market.
    #[error("the two prices of HFR are {bps} basis points apart, more than 300")]
    Apart {
        /// How far, in basis points of the lower, rounded up.
        bps: u64,
    },
}

/// Why an amount cannot be converted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConversionError {
    /// Debts are not converted.
    #[error("{0} is negative and cannot be converted")]
    Negative(Micros),
    /// Beyond what the ledger can hold.
    #[error("{0} is more than the ledger can hold at this price")]
    TooLarge(Micros),
}

/// Why a text is not a price.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a price is a whole number above zero of millionths of a micro-dollar per HFR, as text")]
pub struct ParsePriceError;

/// The price of HFR now: the lower of the two.
///
/// # Errors
/// [`PriceRefused`], the first reason that is found: then nobody pays or is paid in HFR.
pub fn agree(twap: Option<Observation>, oracle: Option<Observation>, now: TimestampMs) -> Result<UsdPerHfr, PriceRefused> {
    let twap = fresh(Observer::Twap, twap, now)?;
    let oracle = fresh(Observer::Oracle, oracle, now)?;
    let (low, high) = (twap.min(oracle), twap.max(oracle));
    let apart = u128::from(high.picos() - low.picos()) * 10_000;
    if apart > u128::from(low.picos()) * u128::from(APART_BPS_MAX) {
        let bps = apart.div_ceil(u128::from(low.picos()));
        return Err(PriceRefused::Apart { bps: u64::try_from(bps).unwrap_or(u64::MAX) });
    }
    Ok(low)
}

fn fresh(observer: Observer, seen: Option<Observation>, now: TimestampMs) -> Result<UsdPerHfr, PriceRefused> {
    let Observation { picos, at_ms } = seen.ok_or(PriceRefused::Missing(observer))?;
    let age_ms = now.as_millis().saturating_sub(at_ms.as_millis());
    if age_ms > AGE_MAX_MS {
        return Err(PriceRefused::TooOld { observer, age_ms });
    }
    if age_ms < -AHEAD_MAX_MS {
        return Err(PriceRefused::Ahead { observer, ahead_ms: age_ms.saturating_neg() });
    }
    UsdPerHfr::from_picos(picos).ok_or(PriceRefused::Zero(observer))
}

impl UsdPerHfr {
    /// From millionths of a millionth of a dollar; `None` for zero.
    #[must_use]
    pub const fn from_picos(picos: u64) -> Option<Self> {
        match NonZeroU64::new(picos) {
            Some(picos) => Some(Self(picos)),
            None => None,
        }
    }

    /// In millionths of a millionth of a dollar.
    #[must_use]
    pub const fn picos(self) -> u64 {
        self.0.get()
    }

    /// What a supplier gets in HFR for `usd`, rounded down: the operator never hands out what he has not got.
    ///
    /// # Errors
    /// [`ConversionError`] if `usd` is negative or the result beyond 2⁶³ − 1.
    pub fn hfr_for_supplier(self, usd: Micros) -> Result<Micros, ConversionError> {
        convert(usd, |usd| usd * PICOS_PER_DOLLAR / i128::from(self.picos()))
    }

    /// What a customer pays in HFR for `usd`, rounded up, so that nobody computes for nothing.
    ///
    /// # Errors
    /// [`ConversionError`] if `usd` is negative or the result beyond 2⁶³ − 1.
    pub fn hfr_from_customer(self, usd: Micros) -> Result<Micros, ConversionError> {
        let picos = i128::from(self.picos());
        convert(usd, |usd| (usd * PICOS_PER_DOLLAR + picos - 1) / picos)
    }

    /// What a supplier gets in dollars for `hfr`, rounded down.
    ///
    /// # Errors
    /// [`ConversionError`] if `hfr` is negative or the result beyond 2⁶³ − 1.
    pub fn usd_for_supplier(self, hfr: Micros) -> Result<Micros, ConversionError> {
        convert(hfr, |hfr| hfr * i128::from(self.picos()) / PICOS_PER_DOLLAR)
    }
}

/// In 128 bits nothing overflows: 2⁶³ · 10¹² and 2⁶³ · 2⁶⁴ are below 2¹²⁷.
fn convert(amount: Micros, at_price: impl Fn(i128) -> i128) -> Result<Micros, ConversionError> {
    if amount < Micros::ZERO {
        return Err(ConversionError::Negative(amount));
    }
    i64::try_from(at_price(i128::from(amount.get()))).map(Micros::new).map_err(|_| ConversionError::TooLarge(amount))
}

impl fmt::Display for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Twap => "the 30-minute average",
            Self::Oracle => "the oracle",
        })
    }
}

impl TryFrom<String> for UsdPerHfr {
    type Error = ParsePriceError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse().ok().and_then(Self::from_picos).ok_or(ParsePriceError)
    }
}

impl From<UsdPerHfr> for String {
    fn from(price: UsdPerHfr) -> Self {
        price.picos().to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: TimestampMs = TimestampMs::from_millis(1_764_000_000_000);

    fn seen(picos: u64, age_ms: i64) -> Option<Observation> {
        Some(Observation { picos, at_ms: TimestampMs::from_millis(NOW.as_millis() - age_ms) })
    }

    #[test]
    fn the_lower_of_two_that_agree_is_the_price() {
        for (twap, oracle) in [(100, 103), (103, 100), (100, 100)] {
            let price = agree(seen(twap, AGE_MAX_MS), seen(oracle, -AHEAD_MAX_MS), NOW);
            assert_eq!(
                price.map(UsdPerHfr::picos),
                Ok(100),
                "{twap} and {oracle}: 3 %, 10 minutes and a minute ahead still count"
            );
        }
    }

    #[test]
    fn every_reason_to_refuse_is_told_apart() {
        let fine = seen(1_000, 0);
        let of = |twap, oracle| agree(twap, oracle, NOW).expect_err("it must be refused");
        assert_eq!(of(None, fine), PriceRefused::Missing(Observer::Twap));
        assert_eq!(of(fine, None), PriceRefused::Missing(Observer::Oracle));
        assert_eq!(of(seen(0, 0), fine), PriceRefused::Zero(Observer::Twap));
        assert_eq!(of(fine, seen(1, 600_001)), PriceRefused::TooOld { observer: Observer::Oracle, age_ms: 600_001 });
        assert_eq!(of(seen(1, -60_001), fine), PriceRefused::Ahead { observer: Observer::Twap, ahead_ms: 60_001 });
        assert_eq!(of(fine, seen(1_031, 0)), PriceRefused::Apart { bps: 310 });
        assert_eq!(of(seen(u64::MAX, 0), seen(1, 0)), PriceRefused::Apart { bps: u64::MAX });
        let ancient = Some(Observation { picos: 1, at_ms: TimestampMs::from_millis(i64::MIN) });
        assert_eq!(of(ancient, fine), PriceRefused::TooOld { observer: Observer::Twap, age_ms: i64::MAX });
    }

    #[test]
    fn a_dollar_buys_250_at_four_tenths_of_a_cent() {
        let price = UsdPerHfr::from_picos(4_000_000_000).expect("above zero");
        assert_eq!(price.hfr_for_supplier(Micros::dollars(1)), Ok(Micros::new(250_000_000)));
        assert_eq!(price.usd_for_supplier(Micros::new(250_000_000)), Ok(Micros::dollars(1)));
    }

    #[test]
    fn what_cannot_be_held_is_refused() {
        let price = UsdPerHfr::from_picos(1).expect("above zero");
        assert_eq!(price.hfr_from_customer(Micros::new(-1)), Err(ConversionError::Negative(Micros::new(-1))));
        assert_eq!(price.hfr_for_supplier(Micros::new(i64::MAX)), Err(ConversionError::TooLarge(Micros::new(i64::MAX))));
        let price = UsdPerHfr::from_picos(u64::MAX).expect("above zero");
        assert_eq!(price.usd_for_supplier(Micros::new(i64::MAX)), Err(ConversionError::TooLarge(Micros::new(i64::MAX))));
    }

    proptest! {
        #[test]
        fn a_customer_never_pays_less_than_a_supplier_gets_nor_a_micro_more(picos in 1..=u64::MAX, usd in 0..=i64::MAX) {
            let price = UsdPerHfr::from_picos(picos).expect("above zero");
            if let Ok(paid) = price.hfr_from_customer(Micros::new(usd)) {
                let got = price.hfr_for_supplier(Micros::new(usd)).expect("it is no more");
                prop_assert!(got <= paid && paid.get() - got.get() <= 1);
                let worth = |hfr: Micros| i128::from(hfr.get()) * i128::from(picos);
                let owed = i128::from(usd) * PICOS_PER_DOLLAR;
                prop_assert!(worth(got) <= owed && owed <= worth(paid));
            }
        }

        #[test]
        fn there_and_back_makes_nobody_richer(picos in 1..=u64::MAX, usd in 0..=i64::MAX) {
            let price = UsdPerHfr::from_picos(picos).expect("above zero");
            if let Ok(hfr) = price.hfr_for_supplier(Micros::new(usd)) {
                prop_assert!(price.usd_for_supplier(hfr).expect("it is no more than it was") <= Micros::new(usd));
            }
        }

        #[test]
        fn an_accepted_price_is_within_three_percent_of_both(twap in 1..=u64::MAX, oracle in 1..=u64::MAX) {
            if let Ok(price) = agree(seen(twap, 0), seen(oracle, 0), NOW) {
                prop_assert_eq!(price.picos(), twap.min(oracle));
                prop_assert!(u128::from(twap.max(oracle)) * 100 <= u128::from(price.picos()) * 103);
            }
        }
    }
}
