//! Token units as people write them, and back. Integers only: money is never a floating number.

use alloy::primitives::U256;
use headframe_protocol::{
    Micros,
    chain::{Asset, AssetKind},
    control::Coins,
};

/// Money has six digits after the point.
const MICROS_DECIMALS: u8 = 6;

/// Why a text is no amount.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// Not digits with at most one point.
    #[error("an amount is digits with at most one point, such as 12.5")]
    NotANumber,
    /// Finer than the token can be split.
    #[error("{symbol} has {decimals} digits after the point")]
    TooFine {
        /// Of what.
        symbol: String,
        /// How many it has.
        decimals: u8,
    },
    /// Nothing at all, or more than there can be.
    #[error("this amount is nothing, or more than there can be")]
    OutOfRange,
}

/// `12.50`: at least two digits after the point, and no more than are needed.
pub(super) fn text(units: U256, decimals: u8) -> String {
    let digits = format!("{units:0>width$}", width = usize::from(decimals) + 1);
    let (whole, rest) = digits.split_at(digits.len() - usize::from(decimals));
    let kept = rest.trim_end_matches('0').len().max(2.min(rest.len()));
    if kept == 0 { whole.to_owned() } else { format!("{whole}.{}", &rest[..kept]) }
}

/// Token units of a text that an owner typed.
pub(super) fn parse(text: &str, asset: &Asset) -> Result<U256, AmountError> {
    let (whole, rest) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
    let digits = |part: &str| part.bytes().all(|digit| digit.is_ascii_digit());
    if whole.is_empty() && rest.is_empty() || !digits(whole) || !digits(rest) {
        return Err(AmountError::NotANumber);
    }
    let rest = rest.trim_end_matches('0');
    if rest.len() > usize::from(asset.decimals) {
        return Err(AmountError::TooFine { symbol: asset.symbol.clone(), decimals: asset.decimals });
    }
    let all = format!("{whole}{rest:0<width$}", width = usize::from(asset.decimals));
    let units = U256::from_str_radix(&all, 10).map_err(|_| AmountError::OutOfRange)?;
    if units.is_zero() { Err(AmountError::OutOfRange) } else { Ok(units) }
}

/// For a guest.
pub(super) fn coins(units: U256, symbol: &str, decimals: u8) -> Coins {
    Coins { text: text(units, decimals), symbol: symbol.to_owned(), units: units.to_string() }
}

/// With its symbol.
pub(super) fn named(units: U256, symbol: &str, decimals: u8) -> String {
    format!("{} {symbol}", text(units, decimals))
}

/// In money, rounded down; nothing for a token that has no fixed price.
pub(super) fn worth(units: U256, kind: AssetKind, decimals: u8) -> Option<Micros> {
    match kind {
        AssetKind::Stable => {
            let scale = U256::from(10).pow(U256::from(decimals.saturating_sub(MICROS_DECIMALS)));
            i64::try_from(units / scale).ok().map(Micros::new)
        }
        AssetKind::Hfr => None,
    }
}

#[cfg(test)]
mod tests {
    use alloy::primitives::Address;
    use headframe_protocol::chain::{Authorization, Permit};
    use proptest::prelude::*;

    use super::*;

    fn asset(decimals: u8) -> Asset {
        Asset {
            address: Address::repeat_byte(9),
            symbol: "USDC".to_owned(),
            decimals,
            kind: AssetKind::Stable,
            fee_bps: 1_000,
            eip712: None,
            permit: Permit::None,
            authorization: Authorization::None,
        }
    }

    #[test]
    fn amounts_read_as_people_write_them() {
        for (units, decimals, shown) in [
            (12_500_000_u64, 6, "12.50"),
            (1, 6, "0.000001"),
            (0, 6, "0.00"),
            (1_000_000, 6, "1.00"),
            (1_234_567, 6, "1.234567"),
            (5, 0, "5"),
        ] {
            assert_eq!(text(U256::from(units), decimals), shown);
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let of = |text: &str| parse(text, &asset(6));
        assert_eq!(of("12.5"), Ok(U256::from(12_500_000)));
        assert_eq!(of(" .5 "), Ok(U256::from(500_000)));
        assert_eq!(of("7.0000000000"), Ok(U256::from(7_000_000)), "zeros at the end are not finer");
        for text in ["", ".", "1,5", "1.5.0", "-1", "+1", "1e6", "0x10", "١٢", "1 000"] {
            assert_eq!(of(text), Err(AmountError::NotANumber), "{text}");
        }
        assert!(matches!(of("0.0000001"), Err(AmountError::TooFine { .. })));
        assert_eq!(of("0"), Err(AmountError::OutOfRange));
        assert_eq!(of(&"9".repeat(90)), Err(AmountError::OutOfRange));
    }

    #[test]
    fn only_a_stablecoin_is_worth_its_number() {
        assert_eq!(worth(U256::from(1_999_999_999_999_u64), AssetKind::Stable, 12), Some(Micros::new(1_999_999)));
        assert_eq!(worth(U256::MAX, AssetKind::Stable, 6), None, "absurd amounts are worth nothing");
        assert_eq!(worth(U256::from(1), AssetKind::Hfr, 18), None);
    }

    proptest! {
        #[test]
        fn a_text_means_what_it_was_made_of(units in 1_u128.., decimals in 6_u8..=30) {
            let units = U256::from(units);
            prop_assert_eq!(parse(&text(units, decimals), &asset(decimals)), Ok(units));
        }
    }
}
