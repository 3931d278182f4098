//! A copy of what is connected, for questions that take a look at every rig: they are answered beside the market and not in it.

use std::collections::BTreeMap;

use headframe_protocol::{Micros, error::FieldError};

use super::{
    Capacity, Class, Need, Want,
    asked::{asked, of_price},
};

/// A connected rig.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Member {
    /// Its number among the classes.
    pub(super) class: u32,
    /// What it has with all its slots.
    pub(super) capacity: Capacity,
    /// Whether it takes work now.
    pub(super) ready: bool,
}

/// What was connected at some moment.
#[derive(Debug, Default)]
pub struct Fleet {
    pub(super) classes: Vec<Class>,
    pub(super) members: Vec<Member>,
}

/// Rigs of one class and about one verified score.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tier<'a> {
    /// Their class.
    pub class: &'a Class,
    /// The score that each has at least, on all of its GPUs; 0 where none is verified.
    pub fu: u32,
    /// How many take work now.
    pub ready: u32,
    /// How many are connected.
    pub connected: u32,
    /// The least that one of the ready asks.
    pub price_per_hour_min: Option<Micros>,
}

/// Where a tier of scores begins, within each power of ten: the preferred numbers E12 of IEC 60063, a fifth apart. So a card held to
/// less power is another tier than its model, and cards that differ by a bad day are not.
const STEPS: [u32; 12] = [100, 120, 150, 180, 220, 270, 330, 390, 470, 560, 680, 820];

/// Where the tier of a score begins.
fn step(fu: u32) -> u32 {
    let scale = 10_u64.pow(fu.checked_ilog10().unwrap_or(0));
    let steps = STEPS.iter().rev().map(|step| u64::from(*step) * scale / 100);
    let begins = steps.map(|step| step.max(1)).find(|step| *step <= u64::from(fu));
    begins.and_then(|step| u32::try_from(step).ok()).unwrap_or(0)
}

impl Fleet {
    /// What there is, by class and score.
    #[must_use]
    pub fn tiers(&self) -> Vec<Tier<'_>> {
        let mut tiers: BTreeMap<(&Class, u32), Tier<'_>> = BTreeMap::new();
        for member in &self.members {
            let Some(class) = self.classes.get(member.class as usize) else { continue };
            let fu = step(member.capacity.fu);
            let empty = || Tier { class, fu, ready: 0, connected: 0, price_per_hour_min: None };
            let tier = tiers.entry((class, fu)).or_insert_with(empty);
            tier.connected += 1;
            if member.ready {
                tier.ready += 1;
                let price = member.capacity.price_per_hour;
                tier.price_per_hour_min = Some(tier.price_per_hour_min.map_or(price, |least| least.min(price)));
            }
        }
        tiers.into_values().collect()
    }

    /// The least price among the rigs that could do such a job, and how many of them take work now. Whatever the job itself would pay
    /// at most.
    #[must_use]
    pub fn cheapest(&self, need: &Need) -> (Option<Micros>, u32) {
        let classes: Vec<bool> = self.classes.iter().map(|class| class.suits(need)).collect();
        let suits = |class: u32| classes.get(class as usize).copied().unwrap_or(false);
        let able = self.members.iter().filter(|member| suits(member.class) && member.capacity.fits(need));
        able.fold((None, 0), |(least, ready), member| {
            let price = member.capacity.price_per_hour;
            (Some(least.map_or(price, |least: Micros| least.min(price))), ready + u32::from(member.ready))
        })
    }

    /// Why no rig that was connected could do such a job: each requirement that none meets, or, if each is met by some, those that no
    /// rig meets together. Empty if one could.
    #[must_use]
    pub fn unmet(&self, want: &Want) -> Vec<FieldError> {
        let mut asked = asked(&want.need);
        asked.push(of_price());
        let Some(most) = u32::try_from(asked.len()).ok().and_then(|count| 1_u32.checked_shl(count)) else { return Vec::new() };
        let all = most - 1;
        // Which requirements a rig meets, as bits: there are few, and fifty thousand rigs.
        let (mut by_none, mut best) = (all, 0_u32);
        for member in &self.members {
            let Some(class) = self.classes.get(member.class as usize) else { continue };
            let met = asked
                .iter()
                .enumerate()
                .fold(0, |met, (at, asked)| met | u32::from((asked.met)(want, class, member.capacity)) << at);
            if met == all {
                return Vec::new();
            }
            by_none &= !met;
            if met.count_ones() > best.count_ones() {
                best = met;
            }
        }
        let named = |bits: u32| asked.iter().enumerate().filter(move |(at, _)| bits >> at & 1 == 1).map(|(_, asked)| asked);
        if self.members.is_empty() {
            return vec![FieldError::new("", "no rig is connected now")];
        }
        if by_none != 0 {
            return named(by_none).map(|asked| FieldError::new(asked.field, asked.none)).collect();
        }
        let message = "no connected rig has this together with the rest of what the job asks for";
        named(all & !best).map(|asked| FieldError::new(asked.field, message)).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_card_held_to_less_power_is_another_tier_and_one_on_a_bad_day_is_not() {
        assert_eq!([1_000, 1_060, 1_199].map(step), [1_000; 3]);
        assert_eq!([700, 999, 1_200].map(step), [680, 820, 1_200]);
        assert_eq!([0, 1, 2, 9, 10, 11, u32::MAX].map(step), [0, 1, 2, 8, 10, 10, 3_900_000_000]);
    }

    proptest! {
        #[test]
        fn a_tier_begins_at_or_below_each_of_its_scores(fu in 10_u32..) {
            let begins = step(fu);
            prop_assert!(begins <= fu && u64::from(fu) * 80 < u64::from(begins) * 100 + 800, "{begins}");
            prop_assert_eq!(step(begins), begins);
        }
    }
}
