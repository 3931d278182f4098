//! Money off chain: integer micro-USD. It becomes token units only where a transaction is built.

use std::{fmt, iter::Sum, str::FromStr};

use serde::{Deserialize, Serialize};

/// Milliseconds in an hour, for prices per hour.
const HOUR_MS: i128 = 3_600_000;

/// An amount in millionths of a US dollar. Negative in one leg of every ledger transfer.
///
/// On the wire it is a decimal string of the integer (`"2500000"` is $2.50), because JSON readers
/// lose integers beyond 2⁵³.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export, as = "String"))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(value_type = String, example = "2500000"))]
pub struct Micros(i64);

/// Why a text is not an amount.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an amount is a whole number of micro-dollars as text, such as \"2500000\" for $2.50")]
pub struct ParseMicrosError;

impl Micros {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// From millionths of a dollar.
    #[must_use]
    pub const fn new(micros: i64) -> Self {
        Self(micros)
    }

    /// From whole dollars.
    #[must_use]
    pub const fn dollars(dollars: i32) -> Self {
        Self(dollars as i64 * 1_000_000)
    }

    /// Millionths of a dollar.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }

    /// `self + other`, or `None` on overflow.
    #[must_use]
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(sum) => Some(Self(sum)),
            None => None,
        }
    }

    /// `self - other`, or `None` on overflow.
    #[must_use]
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        match self.0.checked_sub(other.0) {
            Some(difference) => Some(Self(difference)),
            None => None,
        }
    }

    /// The opposite leg of a transfer.
    #[must_use]
    pub const fn negated(self) -> Self {
        Self(-self.0)
    }

    /// What `duration_ms` of use costs in all at this price per hour, rounded down.
    ///
    /// Always computed from the cumulative duration, never added up from slices, so that rounding
    /// cannot accumulate. Saturates at the largest amount.
    #[must_use]
    pub fn per_hour_for(self, duration_ms: u64) -> Self {
        let total = i128::from(self.0) * i128::from(duration_ms) / HOUR_MS;
        Self(i64::try_from(total).unwrap_or(i64::MAX))
    }

    /// The fee on this amount, rounded down: every split leaves its remainder to the supplier.
    #[must_use]
    pub fn fee(self, basis_points: u16) -> Self {
        let fee = i128::from(self.0) * i128::from(basis_points) / 10_000;
        Self(i64::try_from(fee).unwrap_or(i64::MAX))
    }
}

impl Sum for Micros {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        Self(amounts.map(|amount| amount.0).sum())
    }
}

impl fmt::Display for Micros {
    /// Dollars with as many decimals as the amount needs, at least two: `$2.50`, `$0.000417`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let (whole, rest) = (self.0.unsigned_abs() / 1_000_000, self.0.unsigned_abs() % 1_000_000);
        let decimals = format!("{rest:06}");
        let kept = decimals.trim_end_matches('0').len().max(2);
        write!(f, "{sign}${whole}.{}", &decimals[..kept])
    }
}

impl FromStr for Micros {
    type Err = ParseMicrosError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self).map_err(|_| ParseMicrosError)
    }
}

impl TryFrom<String> for Micros {
    type Error = ParseMicrosError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Micros> for String {
    fn from(amount: Micros) -> Self {
        amount.0.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_read_as_dollars() {
        assert_eq!(Micros::new(2_500_000).to_string(), "$2.50");
        assert_eq!(Micros::new(417).to_string(), "$0.000417");
        assert_eq!(Micros::new(-1_000_000).to_string(), "-$1.00");
    }

    #[test]
    fn a_cumulative_price_never_drifts() {
        let rate = Micros::new(333_333);
        assert_eq!(rate.per_hour_for(3_600_000), rate, "an hour costs the price of an hour");
        assert_eq!(rate.per_hour_for(0), Micros::ZERO);
        assert_eq!(Micros::new(i64::MAX).per_hour_for(u64::MAX), Micros::new(i64::MAX), "absurd use saturates");
    }

    #[test]
    fn the_remainder_of_a_fee_stays_with_the_supplier() {
        assert_eq!(Micros::new(19).fee(1_000), Micros::new(1));
    }
}
