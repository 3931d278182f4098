//! What a customer is told before he pays, and what an owner may ask by default.
//!
//! A quote is per hour and holds for a minute; reserving freezes it. Whoever pays in HFR pays less because the platform keeps less:
//! the price is the least that leaves the supplier what he gets from everybody else, so the discount is the platform's and never
//! his.

use headframe_protocol::{Micros, TimestampMs};

use crate::{
    fee::{FeeBps, FeeError},
    price::{ConversionError, UsdPerHfr},
};

/// How long a quote holds: long enough to read it and to sign, short enough for the price of HFR to stand still.
pub const VALID_MS: i64 = 60 * 1_000;

/// By default an owner asks for one and a half times his electricity, as a fraction.
const FLOOR_FACTOR: (i128, i128) = (3, 2);

/// Watts in a kilowatt.
const WATTS_PER_KW: i128 = 1_000;

/// What an hour costs, and who gets it. All in micros of one asset; `fee + supplier = price`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HourlyRate {
    /// The customer pays.
    pub price: Micros,
    /// At this fee.
    pub fee_bps: FeeBps,
    /// The platform keeps.
    pub fee: Micros,
    /// The supplier receives.
    pub supplier: Micros,
}

/// On what terms HFR is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HfrTerms {
    /// What it is worth now.
    pub price: UsdPerHfr,
    /// What the platform keeps; [`FeeBps::HFR`] unless the chain profile says less.
    pub fee_bps: FeeBps,
}

/// The same hour paid in HFR.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HfrRate {
    /// In micros of HFR.
    pub rate: HourlyRate,
    /// What the customer pays, in micro-dollars at [`HfrRate::price`].
    pub usd: Micros,
    /// The price of HFR it is computed with.
    pub price: UsdPerHfr,
    /// What the customer saves an hour, in micro-dollars.
    pub discount: Micros,
    /// The same in hundredths of a percent of the price in stablecoin, rounded down.
    pub discount_bps: u16,
}

/// An offer to a customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quote {
    /// When it was made.
    pub issued_ms: TimestampMs,
    /// From then on it no longer holds.
    pub valid_until_ms: TimestampMs,
    /// Paid in stablecoin or from fiat credit, in micro-dollars.
    pub stable: HourlyRate,
    /// Paid in HFR, if it has a price now and costs no more that way.
    pub hfr: Option<HfrRate>,
}

/// Why there is no quote.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuoteError {
    /// A price below nothing.
    #[error("{0} an hour is below nothing")]
    Negative(Micros),
    /// The amounts are beyond what the ledger can hold.
    #[error("could not turn the price around its fee")]
    Fee(#[source] FeeError),
    /// The amounts in HFR are beyond what the ledger can hold.
    #[error("could not express the price in HFR")]
    Conversion(#[source] ConversionError),
}

impl HourlyRate {
    /// An hour at `price`.
    ///
    /// # Errors
    /// [`QuoteError::Negative`] if that is below nothing.
    pub fn new(price: Micros, fee_bps: FeeBps) -> Result<Self, QuoteError> {
        let split = fee_bps.split(Micros::ZERO, price).map_err(|_| QuoteError::Negative(price))?;
        Ok(Self { price, fee_bps, fee: split.fee, supplier: split.supplier })
    }
}

impl Quote {
    /// Offers an hour for `price` micro-dollars now, of which `fee_bps` is the platform's, and for less in HFR if that is taken.
    ///
    /// # Errors
    /// [`QuoteError`] if the price is below nothing, or so high that an amount does not fit the ledger.
    pub fn new(price: Micros, fee_bps: FeeBps, hfr: Option<HfrTerms>, now: TimestampMs) -> Result<Self, QuoteError> {
        let stable = HourlyRate::new(price, fee_bps)?;
        let hfr = hfr.map(|terms| HfrRate::of(&stable, terms)).transpose()?.filter(|hfr| hfr.usd <= price);
        let valid_until_ms = TimestampMs::from_millis(now.as_millis().saturating_add(VALID_MS));
        Ok(Self { issued_ms: now, valid_until_ms, stable, hfr })
    }

    /// Whether it may still be taken.
    #[must_use]
    pub fn holds_at(&self, now: TimestampMs) -> bool {
        now < self.valid_until_ms
    }
}

impl HfrRate {
    /// An hour that costs `price` micro-dollars from everybody else, of which `fee_bps` is the platform's then.
    ///
    /// # Errors
    /// [`QuoteError`] as for a [`Quote`].
    pub fn new(price: Micros, fee_bps: FeeBps, terms: HfrTerms) -> Result<Self, QuoteError> {
        Self::of(&HourlyRate::new(price, fee_bps)?, terms)
    }

    /// The least that leaves the supplier what `stable` does.
    fn of(stable: &HourlyRate, terms: HfrTerms) -> Result<Self, QuoteError> {
        let HfrTerms { price, fee_bps } = terms;
        let usd = fee_bps.least_price(stable.supplier).map_err(QuoteError::Fee)?;
        let rate = HourlyRate::new(price.hfr_from_customer(usd).map_err(QuoteError::Conversion)?, fee_bps)?;
        let discount = Micros::new(stable.price.get().saturating_sub(usd.get()));
        let bps = i128::from(discount.get()) * 10_000 / i128::from(stable.price.get().max(1));
        Ok(Self { rate, usd, price, discount, discount_bps: u16::try_from(bps).unwrap_or(0) })
    }
}

/// What an owner asks an hour unless he says otherwise: one and a half times what `watts` cost him at `tariff` micro-dollars per
/// kilowatt-hour, rounded up. `None` if the tariff is negative or the floor beyond what the ledger can hold.
#[must_use]
pub fn default_floor(watts: u32, tariff: Micros) -> Option<Micros> {
    let (times, over) = FLOOR_FACTOR;
    let energy = i128::from(watts) * i128::from(tariff.get()) * times;
    let parts = WATTS_PER_KW * over;
    (tariff >= Micros::ZERO).then(|| i64::try_from((energy + parts - 1) / parts).ok().map(Micros::new)).flatten()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: TimestampMs = TimestampMs::from_millis(1_764_000_000_000);

    fn terms(picos: u64) -> HfrTerms {
        HfrTerms { price: UsdPerHfr::from_picos(picos).expect("above zero"), fee_bps: FeeBps::HFR }
    }

    #[test]
    fn a_dollar_an_hour_is_quoted_as_the_page_shows_it() {
        let quote = Quote::new(Micros::dollars(1), FeeBps::STABLE, Some(terms(4_000_000_000)), NOW).expect("a fair price");
        let [fee, supplier] = [100_000, 900_000].map(Micros::new);
        assert_eq!(quote.stable, HourlyRate { price: Micros::dollars(1), fee_bps: FeeBps::STABLE, fee, supplier });
        let hfr = quote.hfr.expect("it has a price");
        assert_eq!((hfr.usd, hfr.discount, hfr.discount_bps), (Micros::new(957_447), Micros::new(42_553), 425));
        assert_eq!(hfr.rate.price, Micros::new(239_361_750), "0.957447 / 0.004");
    }

    #[test]
    fn a_quote_holds_for_a_minute() {
        let quote = Quote::new(Micros::dollars(1), FeeBps::FIAT, None, NOW).expect("a fair price");
        assert!(quote.holds_at(NOW) && quote.holds_at(TimestampMs::from_millis(NOW.as_millis() + 59_999)));
        assert!(!quote.holds_at(TimestampMs::from_millis(NOW.as_millis() + 60_000)));
    }

    #[test]
    fn hfr_is_not_offered_where_it_costs_more() {
        let low = FeeBps::new(500).expect("below the maximum");
        let quote = Quote::new(Micros::dollars(1), low, Some(terms(4_000_000_000)), NOW).expect("a fair price");
        assert_eq!(quote.hfr, None);
    }

    #[test]
    fn prices_nobody_can_pay_are_refused() {
        let of = |micros, hfr| Quote::new(Micros::new(micros), FeeBps::STABLE, hfr, NOW).expect_err("it must be refused");
        assert_eq!(of(-1, None), QuoteError::Negative(Micros::new(-1)));
        assert!(matches!(of(i64::MAX, Some(terms(1))), QuoteError::Conversion(_)));
    }

    #[test]
    fn the_floor_is_one_and_a_half_times_the_electricity() {
        assert_eq!(default_floor(420, Micros::new(120_000)), Some(Micros::new(75_600)), "420 W at $0.12 a kWh");
        assert_eq!(default_floor(1, Micros::new(1)), Some(Micros::new(1)), "rounded up");
        assert_eq!(default_floor(0, Micros::new(i64::MAX)), Some(Micros::ZERO));
        assert_eq!(default_floor(420, Micros::new(-1)), None);
        assert_eq!(default_floor(u32::MAX, Micros::new(i64::MAX)), None);
    }

    proptest! {
        #[test]
        fn a_discount_never_costs_the_supplier(usd in 0..=1_000_000_000_000_i64, picos in 1_000_000..=1_000_000_000_000_000_u64) {
            let quote = Quote::new(Micros::new(usd), FeeBps::STABLE, Some(terms(picos)), NOW).expect("it fits");
            let (stable, hfr) = (quote.stable, quote.hfr.expect("it has a price"));
            prop_assert!(hfr.usd <= stable.price && hfr.discount >= Micros::ZERO);
            prop_assert_eq!(stable.fee.get() + stable.supplier.get(), stable.price.get());
            prop_assert_eq!(hfr.rate.fee.get() + hfr.rate.supplier.get(), hfr.rate.price.get());
            prop_assert!(hfr.usd.get() - FeeBps::HFR.on(hfr.usd).get() >= stable.supplier.get());
            // In HFR too, to what a micro of HFR is worth.
            let worth = i128::from(hfr.rate.supplier.get() + 1) * i128::from(picos);
            prop_assert!(worth >= i128::from(stable.supplier.get()) * 1_000_000_000_000);
        }
    }
}
