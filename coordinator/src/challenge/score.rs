//! From a claim to what a card must do, and from what it did to what is believed.
//!
//! A Frame Unit counts more than exact products; here it is only a rate, with one constant for all cards: what a card worth
//! 1,000 FU does in a chain. Who claims so many must reach 85 % of the rate that belongs to them.

use headframe_proof::{Parameters, standing::Outcome, timing::Class};
use headframe_protocol::challenge::{PRODUCTS_MIN, SIZE_MIN, SIZE_STEP};

use crate::{config::ChallengeConfig, store::challenges::Record};

/// What a card is asked for that claims nothing and has shown nothing.
const CLAIM_LEAST: u32 = 10;

/// No claim is taken for more: a hundred of the fastest cards.
const CLAIM_MAX: u32 = 1_000_000;

/// How long a chain is to take a card that does what it claims: long enough that the line's delay matters little, short enough that
/// its owner earns meanwhile.
const CHAIN_S: u64 = 10;

/// The share of a claim that a card must have shown for it to be believed, in percent. The same that [`headframe_proof::timing`]
/// allows.
const BELIEVED_PERCENT: u64 = 85;

/// What a card is worth, of what it claims and of what it has shown: the claim where that was nearly reached, or else what was
/// shown. Nothing without a fresh pass. A rig that claims nothing gets what it has shown.
#[must_use]
pub fn verified_fu(claimed: u32, measured: u32) -> u32 {
    let reached = u64::from(claimed) * BELIEVED_PERCENT <= u64::from(measured) * 100;
    if claimed > 0 && reached { claimed } else { measured }
}

/// What a card did when it passed last.
pub(crate) fn shown_fu(history: &[Record], config: &ChallengeConfig) -> Option<u32> {
    let passed = history.iter().rev().find(|record| record.outcome == Outcome::Passed)?;
    passed.ops_per_us.map(|rate| fu_of(rate, config))
}

/// What a rate is worth.
fn fu_of(ops_per_us: u64, config: &ChallengeConfig) -> u32 {
    let fu = u128::from(ops_per_us) * 1_000_000 * 1_000 / u128::from(config.ops_per_s_at_1000_fu.max(1));
    u32::try_from(fu).unwrap_or(CLAIM_MAX).min(CLAIM_MAX)
}

/// What a card must do that claims `claimed`, or has shown `shown` before and claims nothing.
pub(crate) fn class_of(claimed: u32, shown: Option<u32>, config: &ChallengeConfig) -> Class {
    let fu = if claimed > 0 { claimed } else { shown.unwrap_or(0) }.clamp(CLAIM_LEAST, CLAIM_MAX);
    let scaled = |at_1000: u64| u64::try_from(u128::from(at_1000) * u128::from(fu) / 1_000).unwrap_or(u64::MAX).max(1);
    Class { ops_per_s: scaled(config.ops_per_s_at_1000_fu), read_bytes_per_s: scaled(config.read_bytes_per_s_at_1000_fu) }
}

/// The chain a card is asked for: what fills its memory, made smaller until a card of its class has done it in time. None for less
/// memory than any card has.
pub(crate) fn parameters_of(vram_bytes: u64, class: Class, config: &ChallengeConfig) -> Option<Parameters> {
    let filling = Parameters::filling(vram_bytes)?;
    let budget = class.ops_per_s.saturating_mul(CHAIN_S);
    let fits = |size: u32| Parameters::new(size, PRODUCTS_MIN).is_ok_and(|least| least.work_ops() <= budget);
    let largest = filling.size().min(config.size_max) / SIZE_STEP;
    let size = (1..=largest).rev().map(|steps| steps * SIZE_STEP).find(|size| fits(*size)).unwrap_or(SIZE_MIN);
    let one = Parameters::new(size, PRODUCTS_MIN).ok()?.work_ops() / u64::from(PRODUCTS_MIN);
    let products = u32::try_from(budget / one).unwrap_or(u32::MAX).clamp(PRODUCTS_MIN, filling.products());
    let parameters = Parameters::new(size, products).ok()?;
    // What one product more would take is what `filling` counted with; smaller ones are never too many.
    let kept = parameters.keeping(1).ok()?.kept_bytes();
    let resident = u32::try_from(filling.kept_bytes() / kept).unwrap_or(u32::MAX).clamp(1, products);
    parameters.keeping(resident).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_claim_counts_once_it_was_nearly_reached() {
        assert_eq!(verified_fu(1_000, 0), 0, "nothing was shown");
        assert_eq!(verified_fu(1_000, 850), 1_000);
        assert_eq!(verified_fu(1_000, 849), 849);
        assert_eq!(verified_fu(500, 2_000), 500, "who claims less is paid for less");
        assert_eq!(verified_fu(0, 700), 700);
        assert_eq!(verified_fu(u32::MAX, u32::MAX), u32::MAX);
    }

    #[test]
    fn a_large_fast_card_is_filled_and_a_slow_one_is_not_kept_for_minutes() {
        let config = ChallengeConfig::default();
        let fast = parameters_of(24 << 30, class_of(1_000, None, &config), &config).expect("a card");
        assert_eq!((fast.size(), fast.products()), (16_384, 100));
        assert!(fast.kept_bytes() > 20 << 30, "{fast:?}");
        let slow = parameters_of(24 << 30, class_of(0, None, &config), &config).expect("a card");
        assert!(slow.work_ops() <= class_of(0, None, &config).ops_per_s * CHAIN_S, "{slow:?}");
        assert_eq!(parameters_of(0, class_of(1, None, &config), &config), None);
    }

    proptest! {
        #[test]
        fn whatever_is_claimed_there_is_a_chain_that_fits(vram_gib in 1_u64..200, claimed: u32, size_max in 64_u32..16_384) {
            let config = ChallengeConfig { size_max, ..ChallengeConfig::default() };
            let class = class_of(claimed, None, &config);
            let parameters = parameters_of(vram_gib << 30, class, &config).expect("it has memory");
            prop_assert!(parameters.kept_bytes() <= vram_gib << 30);
            prop_assert!(parameters.size() <= size_max.max(SIZE_MIN));
            prop_assert!(parameters.work_ops() <= class.ops_per_s * CHAIN_S || parameters.size() == SIZE_MIN);
        }

        #[test]
        fn nobody_is_worth_more_than_he_has_shown_and_a_sixth(claimed: u32, measured in 0_u32..2_000_000) {
            let fu = verified_fu(claimed, measured);
            prop_assert!(u64::from(fu) * 85 <= u64::from(measured) * 100);
            prop_assert!(claimed == 0 || fu <= claimed.max(measured));
        }
    }
}
