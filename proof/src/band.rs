//! How fast cards of a model really are, learned from those that passed; and what it means not to be.
//!
//! Median and median deviation, over owners and not over cards: somebody with a thousand cards has one voice, and to move the
//! middle takes half of all owners. Too fast is as odd as too slow: who answers three times as fast as his model ever did has asked
//! a faster card.

use std::collections::BTreeMap;

/// Owners below which nothing is learned: with eight, three may lie together and move nothing.
pub const OWNERS_MIN: usize = 8;

/// Passes that count for one owner, his newest.
const PASSES_PER_OWNER: usize = 8;

/// Half the band's width, in median deviations: four standard deviations where noise is normal.
const DEVIATIONS: u64 = 6;

/// The least half of the band's width, in percent of the middle. A card that throttles by a tenth and is slow by another is
/// inside, however alike the others are.
const HALF_PERCENT_MIN: u64 = 25;

/// The most: a band that is wider tells nothing.
const HALF_PERCENT_MAX: u64 = 40;

/// An honest pass, in the order in which they happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pass<O> {
    /// Whose card it was.
    pub owner: O,
    /// Operations a microsecond, the round trip taken off.
    pub ops_per_us: u64,
}

/// Rates at which a model is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Band {
    /// The middle, in operations a microsecond.
    pub middle: u64,
    /// The slowest.
    pub slowest: u64,
    /// The fastest.
    pub fastest: u64,
}

/// How a rate stands to a band.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// Like others of the model.
    Usual,
    /// Slower than honest cards are.
    TooSlow,
    /// Faster than the model can be.
    TooFast,
}

impl Band {
    /// Learned from honest passes of one model. None while too few owners have one: then only the deadline binds.
    #[must_use]
    pub fn learned<O: Ord>(passes: &[Pass<O>]) -> Option<Self> {
        let mut by_owner: BTreeMap<&O, Vec<u64>> = BTreeMap::new();
        for pass in passes.iter().rev() {
            let rates = by_owner.entry(&pass.owner).or_default();
            if rates.len() < PASSES_PER_OWNER {
                rates.push(pass.ops_per_us);
            }
        }
        if by_owner.len() < OWNERS_MIN {
            return None;
        }
        let middle = median(by_owner.values().map(|rates| median(rates.clone())).collect());
        // Deviations of single passes, not of owners' medians: it is a single pass that will be judged.
        let deviation = |rates: &Vec<u64>| median(rates.iter().map(|rate| rate.abs_diff(middle)).collect());
        let spread = median(by_owner.values().map(deviation).collect());
        let percent = |percent: u64| (u128::from(middle) * u128::from(percent) / 100) as u64;
        let half = spread.saturating_mul(DEVIATIONS).clamp(percent(HALF_PERCENT_MIN), percent(HALF_PERCENT_MAX));
        Some(Self { middle, slowest: middle - half, fastest: middle.saturating_add(half) })
    }

    /// Where a rate lies.
    #[must_use]
    pub const fn pace(self, ops_per_us: u64) -> Pace {
        if ops_per_us < self.slowest {
            Pace::TooSlow
        } else if ops_per_us > self.fastest {
            Pace::TooFast
        } else {
            Pace::Usual
        }
    }
}

/// The lower middle one.
fn median(mut values: Vec<u64>) -> u64 {
    values.sort_unstable();
    values.get(values.len().saturating_sub(1) / 2).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fleet(rates: impl IntoIterator<Item = (u32, u64)>) -> Option<Band> {
        Band::learned(&rates.into_iter().map(|(owner, ops_per_us)| Pass { owner, ops_per_us }).collect::<Vec<_>>())
    }

    #[test]
    fn seven_owners_teach_nothing_however_many_cards_they_have() {
        assert_eq!(fleet((0..7_000).map(|card| (card % 7, 1_000))), None);
        assert_eq!(fleet((0..8).map(|owner| (owner, 1_000))).map(|band| (band.slowest, band.fastest)), Some((750, 1_250)));
    }

    #[test]
    fn liars_with_many_cards_do_not_move_the_band() {
        let honest = (0..13).map(|owner| (owner, 970 + u64::from(owner) * 5));
        let before = fleet(honest.clone()).expect("enough owners");
        let liars = (0..10_000).map(|card| (100 + card % 6, 1_900));
        let after = fleet(honest.chain(liars)).expect("enough owners");
        assert!(after.middle.abs_diff(before.middle) <= 30, "{before:?} {after:?}");
        assert_eq!(after.pace(1_900), Pace::TooFast);
        assert_eq!(after.pace(500), Pace::TooSlow);
        assert_eq!(after.pace(1_000), Pace::Usual);
    }

    #[test]
    fn the_newest_passes_of_an_owner_count() {
        let old = (0..8).flat_map(|owner| (0..20).map(move |_| (owner, 500)));
        let new = (0..8).flat_map(|owner| (0..8).map(move |_| (owner, 1_000)));
        assert_eq!(fleet(old.chain(new)).map(|band| band.middle), Some(1_000));
    }
}
