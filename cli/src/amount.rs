//! Amounts as a person writes and reads them. Integers only: money is never a floating number.

use std::{fmt, str::FromStr};

use headframe_protocol::{
    Micros,
    chain::{Asset, AssetKind},
};

/// Digits after the point: what the network's books count in, whatever a token can hold.
const DIGITS_MAX: usize = 6;

/// A sum of money or of tokens that somebody has asked for: more than nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Amount(Micros);

/// Why a text is not an amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// Not digits with at most one point.
    #[error("an amount is digits with at most one point, such as 12.5")]
    NotANumber,
    /// Finer than the books.
    #[error("an amount has at most six digits after the point")]
    TooFine,
    /// Zero.
    #[error("an amount is more than nothing")]
    Nothing,
    /// Beyond what the books can hold.
    #[error("this is more than there can be")]
    TooMuch,
}

impl Amount {
    /// In millionths.
    #[must_use]
    pub const fn micros(self) -> Micros {
        self.0
    }
}

impl FromStr for Amount {
    type Err = AmountError;

    fn from_str(text: &str) -> Result<Self, AmountError> {
        let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|letter| letter.is_ascii_digit());
        if !digits(whole) || !digits(part) {
            return Err(AmountError::NotANumber);
        }
        if part.len() > DIGITS_MAX {
            return Err(AmountError::TooFine);
        }
        let micros: i64 = format!("{whole}{part:0<DIGITS_MAX$}").parse().map_err(|_| AmountError::TooMuch)?;
        if micros == 0 { Err(AmountError::Nothing) } else { Ok(Self(Micros::new(micros))) }
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&plain(self.0))
    }
}

/// A number without the sign of a currency: `12.50`.
#[must_use]
pub fn plain(amount: Micros) -> String {
    amount.to_string().replace('$', "")
}

/// An amount of a token: `12.50 USDC`.
#[must_use]
pub fn of(amount: Micros, asset: &Asset) -> String {
    format!("{} {}", plain(amount), asset.symbol)
}

/// What an asset is called where its token is not known.
#[must_use]
pub const fn kind(kind: AssetKind) -> &'static str {
    match kind {
        AssetKind::Stable => "USD",
        AssetKind::Hfr => "HFR",
    }
}

/// Hundredths of a percent as people read them: `4.25%`.
#[must_use]
pub fn percent(bps: i64) -> String {
    let (whole, rest) = (bps / 100, (bps % 100).abs());
    match rest {
        0 => format!("{whole}%"),
        rest if rest % 10 == 0 => format!("{whole}.{}%", rest / 10),
        rest => format!("{whole}.{rest:02}%"),
    }
}

/// Which part of `whole` a `part` is, in hundredths of a percent, rounded down.
#[must_use]
pub fn share_bps(part: Micros, whole: Micros) -> i64 {
    let bps = i128::from(part.get()) * 10_000 / i128::from(whole.get().max(1));
    i64::try_from(bps).unwrap_or(0)
}

/// A price of millionths of a millionth of a dollar: `$0.004`.
#[must_use]
pub fn picos(picos: u64) -> String {
    const PICOS_PER_DOLLAR: u64 = 1_000_000_000_000;
    let digits = format!("{:012}", picos % PICOS_PER_DOLLAR);
    let kept = digits.trim_end_matches('0').len().max(2);
    format!("${}.{}", picos / PICOS_PER_DOLLAR, &digits[..kept])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<i64, AmountError> {
        text.parse::<Amount>().map(|amount| amount.micros().get())
    }

    #[test]
    fn amounts_are_written_as_people_write_them() {
        for (text, micros) in
            [("12.5", 12_500_000), ("12", 12_000_000), ("0.000001", 1), ("007.10", 7_100_000), ("9223372036854.775807", i64::MAX)]
        {
            assert_eq!(check(text), Ok(micros), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for text in
            ["", ".", "1.", ".5", "1,5", "1.5.0", "-1", "+1", "1e3", "1E3", "0x10", "١٢", "1 000", " 1", "$1", "1_000", "inf"]
        {
            assert_eq!(check(text), Err(AmountError::NotANumber), "{text}");
        }
        for text in ["0.0000001", "1.0000000", "0.1234567"] {
            assert_eq!(check(text), Err(AmountError::TooFine), "{text}");
        }
        assert_eq!(check("0"), Err(AmountError::Nothing));
        assert_eq!(check("0.000000"), Err(AmountError::Nothing));
        assert_eq!(check("9223372036854.775808"), Err(AmountError::TooMuch));
        assert_eq!(check(&"9".repeat(90)), Err(AmountError::TooMuch));
    }

    #[test]
    fn parts_and_prices_are_read_by_people() {
        assert_eq!([percent(1_000), percent(425), percent(5), percent(1_250)], ["10%", "4.25%", "0.05%", "12.5%"]);
        assert_eq!(share_bps(Micros::new(42_553), Micros::dollars(1)), 425);
        assert_eq!(share_bps(Micros::new(5), Micros::ZERO), 50_000, "nothing to divide by is no reason to stop");
        assert_eq!([picos(4_000_000_000), picos(1), picos(1_500_000_000_000)], ["$0.004", "$0.000000000001", "$1.50"]);
    }
}
