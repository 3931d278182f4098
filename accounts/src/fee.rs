//! What the platform keeps of what a customer pays, and the split between it and the supplier.
//!
//! `Market` settles by the same formula (`contracts/src/types/Micros.sol`), in micros like the ledger. A fee
//! is computed on the cumulative amount and rounded down; what a further step costs is the difference of two such fees. So the
//! supplier has every remainder, it is always less than a micro, and it does not grow with the number of steps.
//!
//! Ledger and chain must take the same steps. The chain's are those of a session with many attempts: an attempt that is split from
//! where the session stood has exactly what the chain sweeps for it. Split from nothing, it would have up to a micro more, never
//! less; the operator would have to cover that from his inventory in the Distributor, which activates no root that is not funded.

use headframe_protocol::Micros;

/// Basis points in a whole.
const WHOLE_BPS: u16 = 10_000;

/// The platform's part in hundredths of a percent, at most [`FeeBps::MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FeeBps(u16);

/// Why an amount cannot be split.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FeeError {
    /// No contract of ours takes it.
    #[error("a fee of {0} basis points is above the maximum of 1500")]
    TooHigh(u16),
    /// Use only grows.
    #[error("use cannot go from {before} to {after}: it starts at nothing and only grows")]
    Backwards {
        /// What was used before.
        before: Micros,
        /// What is said to be used now.
        after: Micros,
    },
    /// Beyond what the ledger can hold.
    #[error("a supplier who is to get {0} cannot be given a price the ledger can hold")]
    TooLarge(Micros),
}

/// What was used, divided. The two parts are always the whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Split {
    /// The platform's.
    pub fee: Micros,
    /// The supplier's, with the remainder.
    pub supplier: Micros,
}

impl FeeBps {
    /// Jobs paid in stablecoin: 10 %.
    pub const STABLE: Self = Self(1_000);
    /// Jobs paid from fiat credit: 10 %. What the processor takes comes on top, from the customer.
    pub const FIAT: Self = Self(1_000);
    /// Jobs paid in HFR: 6 %.
    pub const HFR: Self = Self(600);
    /// More than 15 % no contract of ours takes, whoever asks.
    pub const MAX: Self = Self(1_500);

    /// A fee in basis points.
    ///
    /// # Errors
    /// [`FeeError::TooHigh`] above the maximum.
    pub const fn new(basis_points: u16) -> Result<Self, FeeError> {
        if basis_points > Self::MAX.0 { Err(FeeError::TooHigh(basis_points)) } else { Ok(Self(basis_points)) }
    }

    /// In basis points.
    #[must_use]
    pub const fn get(self) -> u16 {
        self.0
    }

    /// The fee on all that was `used`, rounded down. Nothing on what is below nothing.
    #[must_use]
    pub fn on(self, used: Micros) -> Micros {
        used.max(Micros::ZERO).fee(self.0)
    }

    /// Divides what was used since `before`, both counted from the beginning.
    ///
    /// # Errors
    /// [`FeeError::Backwards`] unless 0 ≤ `before` ≤ `after`.
    pub fn split(self, before: Micros, after: Micros) -> Result<Split, FeeError> {
        if before < Micros::ZERO || after < before {
            return Err(FeeError::Backwards { before, after });
        }
        // Neither can overflow: 0 ≤ before ≤ after, and a fee never exceeds what it is on.
        let fee = self.on(after).get() - self.on(before).get();
        let used = after.get() - before.get();
        Ok(Split { fee: Micros::new(fee), supplier: Micros::new(used - fee) })
    }

    /// The least price that leaves the supplier at least `supplier` after the fee.
    ///
    /// # Errors
    /// [`FeeError::TooLarge`] if that is more than the ledger can hold.
    pub fn least_price(self, supplier: Micros) -> Result<Micros, FeeError> {
        let whole = i128::from(WHOLE_BPS);
        let kept = whole - i128::from(self.0);
        let price = (i128::from(supplier.get().max(0)) * whole + kept - 1) / kept;
        i64::try_from(price).map(Micros::new).map_err(|_| FeeError::TooLarge(supplier))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fees() -> impl Strategy<Value = FeeBps> {
        (0..=FeeBps::MAX.0).prop_map(FeeBps)
    }

    #[test]
    fn a_fee_above_the_maximum_does_not_exist() {
        assert_eq!(FeeBps::new(1_500), Ok(FeeBps::MAX));
        assert_eq!(FeeBps::new(1_501), Err(FeeError::TooHigh(1_501)));
    }

    #[test]
    fn use_that_shrinks_is_refused() {
        for (before, after) in [(1, 0), (-1, 0), (-2, -1), (i64::MAX, i64::MIN)] {
            let (before, after) = (Micros::new(before), Micros::new(after));
            assert_eq!(FeeBps::HFR.split(before, after), Err(FeeError::Backwards { before, after }));
        }
    }

    proptest! {
        #[test]
        fn steps_cost_what_the_whole_costs(fee in fees(), mut steps in prop::collection::vec(0..=i64::MAX, 1..20)) {
            steps.sort_unstable();
            let mut before = Micros::ZERO;
            let (mut fees, mut supplied) = (0, 0);
            for after in steps.iter().map(|step| Micros::new(*step)) {
                let Split { fee: kept, supplier } = fee.split(before, after).expect("the steps are sorted");
                prop_assert!(kept >= Micros::ZERO && supplier >= Micros::ZERO);
                (fees, supplied, before) = (fees + kept.get(), supplied + supplier.get(), after);
            }
            prop_assert_eq!(Micros::new(fees), fee.on(before));
            prop_assert_eq!(fees + supplied, before.get());
        }

        #[test]
        fn the_supplier_has_the_remainder_and_it_is_less_than_a_micro(fee in fees(), used in 0..=i64::MAX) {
            let split = fee.split(Micros::ZERO, Micros::new(used)).expect("use grows");
            let exact = i128::from(used) * i128::from(WHOLE_BPS - fee.0);
            let given = i128::from(split.supplier.get()) * i128::from(WHOLE_BPS);
            prop_assert!((0..i128::from(WHOLE_BPS)).contains(&(given - exact)));
        }

        #[test]
        fn attempts_split_from_where_their_session_stood_owe_what_the_chain_sweeps(
            fee in fees(), charges in prop::collection::vec(0..=1_000_000_000_000_i64, 1..30),
        ) {
            let (mut used, mut owed, mut apart) = (0, 0, 0);
            for charge in &charges {
                let [before, after] = [used, used + charge].map(Micros::new);
                owed += fee.split(before, after).expect("use grows").supplier.get();
                apart += fee.split(Micros::ZERO, Micros::new(*charge)).expect("use grows").supplier.get();
                used += charge;
            }
            prop_assert_eq!(owed, used - fee.on(Micros::new(used)).get());
            prop_assert!((0..i64::try_from(charges.len()).expect("few")).contains(&(apart - owed)));
        }

        #[test]
        fn the_least_price_leaves_the_supplier_his_part_and_one_less_does_not(fee in fees(), supplier in 1..=i64::MAX / 2) {
            let price = fee.least_price(Micros::new(supplier)).expect("half of the most leaves room");
            prop_assert!(price.get() - fee.on(price).get() >= supplier);
            let less = Micros::new(price.get() - 1);
            prop_assert!(less.get() - fee.on(less).get() <= supplier, "rounding may leave one price that gives just as much");
        }
    }
}
