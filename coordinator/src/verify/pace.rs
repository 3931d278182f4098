//! Whether a rig takes longer for its results than others need for the same. Time is what is paid, and bits do not tell how long they took.
//!
//! A right result is held against how long others took, on the same hardware. Two honest rigs are never equally quick: so what one is
//! behind adds up, less what honest rigs differ by, and counts for nothing until it is more than chance makes it (Page's cumulative sum:
//! E. S. Page, *Continuous Inspection Schemes*, Biometrika 41, 1954). Then the rig's results that wait are paid for the time others would
//! have taken, less a third of what was too much: so taking longer does not pay from a twentieth on, as long as fewer than one in ten do so (of
//! three the two that agree count, and rigs that are slow on purpose agree). Who is slow for an honest reason is paid by the work, nearly. What is below
//! the slack each time is not found.

use headframe_protocol::{Micros, standing::BEHIND_MAX_PERMILLE};

/// What honest rigs of one kind differ by in a comparison, in thousandths.
pub const SLACK: u64 = 30;

/// What a rig may be behind, in thousandths of what a comparison speaks for. If honest rigs differ by 3 in 100 (the standard deviation of
/// each), chance passes it now and then, and takes a thousandth of what they earn; if by 4, seven.
pub const LIMIT: u64 = BEHIND_MAX_PERMILLE as u64;

/// What is taken off for each thousandth too much, in thirds. If one in `f` rigs is slow on purpose, one comparison in `2 · f` finds nothing:
/// so at least `1 / (1 − 2 · f)` must be taken, and this is enough for one rig in ten, and for what is not past the limit yet when somebody leaves.
const TAKEN_THIRDS: u64 = 4;

/// Below this share of its time one other alone does not say who of the two is wrong, in thousandths: he may have signed for too little
/// to hurt. A third tells.
pub const SURE: u64 = 800;

/// So much longer nobody is late, in milliseconds: a program starts more quickly where its files are in memory still.
pub const START_MS: u64 = 2_000;

/// What a rig is behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pace {
    /// In thousandths of what a comparison of [`Pace::worth`] speaks for.
    pub behind: u64,
    /// What it took too long since it was last behind nothing, the slack included, in the same.
    pub late: u64,
    /// The most that one of the results was worth that it follows from: many that are worth little do not make up for a few that are worth
    /// much.
    pub worth: Micros,
}

/// What a comparison says of the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// As others, as far as can be told.
    Fits,
    /// Much longer than the only other took.
    Unsure,
    /// Longer than others, again and again or by far.
    Slow {
        /// What its results that wait are worth, in thousandths.
        share: u64,
    },
}

impl Pace {
    /// Of the times of all that brought the right result, the one that counts: that of the middle, of two in the middle the shorter.
    fn typical(own_ms: u64, others_ms: &[u64]) -> u64 {
        let mut all = others_ms.to_vec();
        all.push(own_ms);
        all.sort_unstable();
        all[(all.len() - 1) / 2]
    }

    /// After a result worth `worth` that took `own_ms`, and on the same hardware others `others_ms`.
    #[must_use]
    pub fn after(self, (own_ms, worth): (u64, Micros), others_ms: &[u64]) -> (Self, Found) {
        if others_ms.is_empty() {
            return (self, Found::Fits);
        }
        let needed = permille(Self::typical(own_ms, others_ms).saturating_add(START_MS).min(own_ms), own_ms);
        if needed < SURE && others_ms.len() == 1 {
            return (self, Found::Unsure);
        }
        let moved = self.moved(1_000 - needed, worth);
        if moved.behind <= LIMIT {
            return (moved, Found::Fits);
        }
        (Self::default(), Found::Slow { share: 1_000_u64.saturating_sub(moved.late.saturating_mul(TAKEN_THIRDS) / 3) })
    }

    /// By so many thousandths of a result worth so much.
    fn moved(self, late: u64, worth: Micros) -> Self {
        let most = self.worth.max(worth).max(Micros::new(1));
        let of_most = |permille: u64, of: Micros| i128::from(permille) * i128::from(of.get().max(0)) / i128::from(most.get());
        let behind = of_most(self.behind, self.worth) + of_most(late, worth) - of_most(SLACK, worth);
        let late = of_most(self.late, self.worth) + of_most(late, worth);
        match (u64::try_from(behind), u64::try_from(late)) {
            (Ok(behind), Ok(late)) if behind > 0 => Self { behind, late, worth: most },
            _ => Self::default(),
        }
    }
}

fn permille(of: u64, all: u64) -> u64 {
    if all == 0 { 1_000 } else { u64::try_from(u128::from(of) * 1_000 / u128::from(all)).unwrap_or(1_000) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOUR: u64 = 3_600_000;
    const WORTH: Micros = Micros::new(15_000_000);

    /// In hundredths of an hour.
    fn after(pace: Pace, own: u64, others: &[u64]) -> (Pace, Found) {
        let others: Vec<u64> = others.iter().map(|hundredths| hundredths * HOUR / 100).collect();
        pace.after((own * HOUR / 100, WORTH), &others)
    }

    #[test]
    fn who_takes_twice_as_long_as_two_others_is_paid_less_than_half() {
        let (pace, found) = after(Pace::default(), 200, &[100, 99]);
        // 1 - 4/3 * 0.5, of twice the time.
        assert_eq!((pace, found), (Pace::default(), Found::Slow { share: 334 }));
    }

    #[test]
    fn one_other_alone_does_not_condemn() {
        assert_eq!(after(Pace::default(), 100, &[10]), (Pace::default(), Found::Unsure));
        // The third took as long as the first: the second has signed for too little.
        assert_eq!(after(Pace::default(), 100, &[10, 98]).1, Found::Fits);
        assert_eq!(after(Pace::default(), 10, &[100, 98]), (Pace::default(), Found::Fits), "nobody is blamed for being quick");
    }

    #[test]
    fn a_tenth_counts_only_once_it_comes_again() {
        let (pace, found) = after(Pace::default(), 110, &[100]);
        assert_eq!((pace, found), (Pace { behind: 61, late: 91, worth: WORTH }, Found::Fits));
        let (pace, found) = after(pace, 110, &[100]);
        // 122 behind, 182 late: 1 - 4/3 * 0.182, and it begins anew.
        assert_eq!((pace, found), (Pace::default(), Found::Slow { share: 758 }));
    }

    #[test]
    fn what_is_worth_little_does_not_make_up_for_what_is_worth_much() {
        let (mut pace, _) = after(Pace::default(), 115, &[100]);
        for _ in 0..9 {
            pace = pace.after((HOUR, Micros::new(1_500_000)), &[HOUR]).0;
        }
        assert_eq!(pace.behind, 100 - 9 * 3);
        assert!(matches!(after(pace, 115, &[100]).1, Found::Slow { .. }));
    }

    #[test]
    fn starting_may_take_a_moment_longer() {
        assert_eq!(Pace::default().after((2_500, WORTH), &[600, 500]), (Pace::default(), Found::Fits));
        assert!(matches!(Pace::default().after((20_000, WORTH), &[600, 500]).1, Found::Slow { .. }), "not so much longer");
    }

    #[test]
    fn where_nobody_has_such_hardware_nothing_is_told() {
        let pace = Pace { behind: 60, late: 90, worth: WORTH };
        assert_eq!(pace.after((HOUR, WORTH), &[]), (pace, Found::Fits));
    }

    proptest! {
        #[test]
        fn whoever_is_as_quick_as_the_middle_never_loses(
            behind in 0..=LIMIT, worth in 1..1_i64 << 40, own in 0..1_u64 << 40, others in prop::collection::vec(1..1_u64 << 40, 2..5),
        ) {
            let pace = Pace { behind, late: behind, worth: Micros::new(worth) };
            let slower = others.iter().filter(|other| **other >= own).count();
            prop_assume!(slower * 2 >= others.len());
            let (after, found) = pace.after((own, Micros::new(worth)), &others);
            prop_assert_eq!(found, Found::Fits);
            prop_assert!(after.behind <= behind);
        }

        #[test]
        fn nobody_gains_by_taking_longer_from_a_twentieth_on(percent in 105..1_000_u64) {
            // Each time by so much, until it counts: what was paid for is less than what others would have taken.
            let (mut pace, mut times) = (Pace::default(), 0);
            let share = loop {
                times += 1;
                let (next, found) = after(pace, percent, &[100, 100]);
                pace = next;
                if let Found::Slow { share } = found {
                    break share;
                }
            };
            let paid = (times - 1) * percent * 1_000 + percent * share;
            prop_assert!(paid <= times * 100 * 1_000, "{} times, {} for {}", times, paid, times * 100_000);
        }

        #[test]
        fn any_numbers_are_borne(behind in any::<u64>(), worth in any::<i64>(), own in any::<u64>(), more in any::<i64>(), others in prop::collection::vec(any::<u64>(), 0..5)) {
            let pace = Pace { behind: behind >> 2, late: behind >> 1, worth: Micros::new(worth) };
            let (_, found) = pace.after((own, Micros::new(more)), &others);
            if let Found::Slow { share } = found {
                prop_assert!(share <= 1_000);
            }
        }
    }
}
