//! How often a rig is checked: always at first, more rarely the longer it was right, never less than one time in fifty.
//!
//! The rule is BOINC's adaptive replication (`sched/sched_send.cpp`, `set_trust`) with a floor. One thing differs: there every
//! result that was not found wrong counts as right; here only one that was compared. Otherwise a rig would talk itself down to
//! the floor with results nobody has looked at.

use super::Tier;

/// So many results must be right in a row before any is taken unchecked.
pub const RIGHT_BEFORE_TRUST: u32 = 10;

/// The chance that one result is checked, in millionths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Chance(u32);

impl Chance {
    /// Every time.
    pub const ALWAYS: Self = Self(1_000_000);
    /// The least, for everybody and for ever: 2 %. At a wage twice its cost, a rig that cheats at this rate loses more to the one
    /// check that finds it out than it saved until then; see [`super::hold`].
    pub const FLOOR: Self = Self(20_000);
    /// A rig that was wrong of late is checked at least this often.
    pub const WATCHED: Self = Self(100_000);

    /// In millionths.
    #[must_use]
    pub const fn millionths(self) -> u32 {
        self.0
    }

    /// Whether a lot is drawn. `lot` must be unpredictable to rigs, and drawn only after the result was named.
    #[must_use]
    pub const fn draws(self, lot: u32) -> bool {
        // The remainder favours the first millionths by less than one in four thousand.
        lot % 1_000_000 < self.0
    }
}

/// How often a rig was right in a row, on the hardware and driver it has now: on others it begins anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Record {
    /// Results that were compared and found right, since the last that was not.
    pub right_in_a_row: u32,
}

impl Record {
    /// After one more result was found right.
    #[must_use]
    pub const fn right(self) -> Self {
        Self { right_in_a_row: self.right_in_a_row.saturating_add(1) }
    }

    /// After a result was found wrong.
    #[must_use]
    pub const fn wrong() -> Self {
        Self { right_in_a_row: 0 }
    }

    /// How likely the next result is checked.
    #[must_use]
    pub fn chance(self, tier: Tier) -> Chance {
        let by_record = match self.right_in_a_row {
            few if few < RIGHT_BEFORE_TRUST => Chance::ALWAYS,
            many => Chance(Chance::ALWAYS.0 / many),
        };
        let least = match tier {
            Tier::New | Tier::Good => Chance::FLOOR,
            Tier::Watched => Chance::WATCHED,
            Tier::Distrusted | Tier::Excluded => Chance::ALWAYS,
        };
        by_record.max(least)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ten_right_results_in_a_row_begin_to_be_believed_and_one_wrong_ends_it() {
        let mut record = Record::default();
        for _ in 0..RIGHT_BEFORE_TRUST {
            assert_eq!(record.chance(Tier::New), Chance::ALWAYS);
            record = record.right();
        }
        assert_eq!(record.chance(Tier::Good).millionths(), 100_000);
        assert_eq!(record.chance(Tier::Distrusted), Chance::ALWAYS);
        assert_eq!(Record::wrong().chance(Tier::Good), Chance::ALWAYS);
    }

    proptest! {
        #[test]
        fn nobody_is_ever_checked_less_than_the_floor_and_more_right_results_never_mean_more_checks(right in 0_u32..100_000) {
            let chance = |right_in_a_row| Record { right_in_a_row }.chance(Tier::Good);
            prop_assert!(chance(right) >= Chance::FLOOR);
            prop_assert!(chance(right + 1) <= chance(right));
            prop_assert_eq!(chance(50.max(right)), Chance::FLOOR);
        }
    }

    #[test]
    fn lots_are_drawn_as_often_as_the_chance_says() {
        for right_in_a_row in [10, 33, 50] {
            let chance = Record { right_in_a_row }.chance(Tier::Good);
            let drawn = (0..1_000_000).filter(|lot| chance.draws(*lot)).count();
            assert_eq!(drawn, chance.millionths() as usize);
        }
    }
}
