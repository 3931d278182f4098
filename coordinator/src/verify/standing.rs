//! How a rig stands: only broken promises count, and they are forgotten with time.
//!
//! A promise is broken by a result that others outvoted, perhaps by having had a part in one, by a challenge cheated in, by a failure of the rig's own and by a lease
//! that ran out in silence. Giving the PC back breaks none, declining an offer breaks none, and neither appears here.

use std::time::Duration;

use headframe_protocol::{TimestampMs, job::Trust};

/// After this long an event counts half.
pub const HALF_LIFE: Duration = Duration::from_hours(30 * 24);

/// Older events weigh less than one in a hundred and are not read.
pub const REMEMBERED: Duration = Duration::from_hours(200 * 24);

/// From one wrong result that is less than two weeks old.
const WATCHED_FROM: f64 = 0.7;
/// From two.
const DISTRUSTED_FROM: f64 = 1.4;
/// From three, or one cheated challenge and one wrong result. Honest rigs with a bad memory module are well below: theirs is wrong
/// once in thousands.
const EXCLUDED_FROM: f64 = 2.4;

/// Added to what was kept: one failure of a rig that has done five jobs says little.
const BENEFIT_OF_DOUBT: f64 = 20.0;

/// What an owner's rig did that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Deed {
    /// Brought a result that was accepted.
    Kept,
    /// Failed by its own fault.
    Failed,
    /// Let a lease run out.
    Lost,
    /// Brought a result that others outvoted.
    Wrong,
    /// Had a part in one that was outvoted, with another owner: one of them was wrong.
    Doubted,
    /// Cheated in a challenge of its hardware.
    Cheated,
}

impl Deed {
    /// Its name, as owners are told.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Failed => "failed",
            Self::Lost => "lost",
            Self::Wrong => "wrong",
            Self::Doubted => "doubted",
            Self::Cheated => "cheated",
        }
    }

    /// How dishonest it is, in wrong results.
    const fn dishonesty(self) -> f64 {
        match self {
            Self::Wrong => 1.0,
            // One is nothing: an honest rig goes on from whatever it is given. Two at a time are watched, four distrusted.
            Self::Doubted => 0.36,
            Self::Cheated => 2.0,
            Self::Kept | Self::Failed | Self::Lost => 0.0,
        }
    }

    const fn is_unreliable(self) -> bool {
        match self {
            Self::Failed | Self::Lost => true,
            Self::Kept | Self::Wrong | Self::Doubted | Self::Cheated => false,
        }
    }
}

/// So many deeds of a kind at about one time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    /// When.
    pub at: TimestampMs,
    /// What.
    pub deed: Deed,
    /// How often.
    pub times: u32,
}

/// What is concluded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Tier {
    /// Was wrong too often: gets no work.
    Excluded,
    /// Everything it brings is checked, and it counts as a stranger's whoever stands behind it.
    Distrusted,
    /// Was wrong of late: checked at least one time in ten.
    Watched,
    /// Has not shown anything yet.
    New,
    /// Keeps its promises.
    Good,
}

impl Tier {
    /// Its text in the database and in answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Excluded => "excluded",
            Self::Distrusted => "distrusted",
            Self::Watched => "watched",
            Self::New => "new",
            Self::Good => "good",
        }
    }

    /// As what a rig is given work that the operator has attested as `attested`. A partner's word is worth what its rig's results are; the
    /// customer's own rigs are his own affair.
    #[must_use]
    pub const fn as_trusted(self, attested: Trust) -> Trust {
        match (self, attested) {
            (Self::Excluded | Self::Distrusted, Trust::Partner) => Trust::Community,
            (Self::Excluded | Self::Distrusted | Self::Watched | Self::New | Self::Good, _) => attested,
        }
    }
}

/// How a rig stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Standing {
    /// What is concluded.
    pub tier: Tier,
    /// Wrong results, each counted less the older it is.
    pub dishonesty: f64,
    /// Of a hundred promises, how many were kept; the older, the less each counts.
    pub reliability_percent: u8,
}

/// How a rig stands at `now`, of everything it did; the order does not matter.
#[must_use]
pub fn standing(events: &[Event], now: TimestampMs) -> Standing {
    let (mut dishonesty, mut broken, mut kept) = (0.0, 0.0, 0.0);
    for event in events {
        let weight = weight(event.at, now) * f64::from(event.times);
        dishonesty += event.deed.dishonesty() * weight;
        if event.deed.is_unreliable() {
            broken += weight;
        }
        if event.deed == Deed::Kept {
            kept += weight;
        }
    }
    let tier = if dishonesty >= EXCLUDED_FROM {
        Tier::Excluded
    } else if dishonesty >= DISTRUSTED_FROM {
        Tier::Distrusted
    } else if dishonesty >= WATCHED_FROM {
        Tier::Watched
    } else if kept < 0.5 {
        Tier::New
    } else {
        Tier::Good
    };
    let share = (kept + BENEFIT_OF_DOUBT) / (kept + BENEFIT_OF_DOUBT + broken);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a hundred, between 0 and 1")]
    let reliability_percent = (share * 100.0).floor() as u8;
    Standing { tier, dishonesty, reliability_percent }
}

/// Half for each half-life that has passed. What is in the future, by a clock that was set, counts whole.
fn weight(at: TimestampMs, now: TimestampMs) -> f64 {
    (-now.since(at).as_secs_f64() / HALF_LIFE.as_secs_f64()).exp2()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DAY_MS: i64 = 24 * 3_600 * 1_000;
    const NOW: TimestampMs = TimestampMs::from_millis(1_000 * DAY_MS);

    fn event(deed: Deed, days_ago: i64, times: u32) -> Event {
        Event { at: TimestampMs::from_millis(NOW.as_millis() - days_ago * DAY_MS), deed, times }
    }

    fn tier(events: &[Event]) -> Tier {
        standing(events, NOW).tier
    }

    #[test]
    fn a_wrong_result_is_watched_two_distrusted_three_excluded() {
        let kept = event(Deed::Kept, 1, 500);
        assert_eq!(tier(&[]), Tier::New);
        assert_eq!(tier(&[kept]), Tier::Good);
        assert_eq!(tier(&[kept, event(Deed::Wrong, 1, 1)]), Tier::Watched);
        assert_eq!(tier(&[kept, event(Deed::Wrong, 1, 2)]), Tier::Distrusted);
        assert_eq!(tier(&[kept, event(Deed::Wrong, 1, 3)]), Tier::Excluded);
        assert_eq!(tier(&[kept, event(Deed::Cheated, 1, 1)]), Tier::Distrusted);
    }

    #[test]
    fn what_was_wrong_is_forgotten_and_nothing_honest_buys_it_off() {
        let kept = event(Deed::Kept, 1, 100_000);
        assert_eq!(tier(&[kept, event(Deed::Wrong, 20, 1)]), Tier::Good);
        assert_eq!(tier(&[kept, event(Deed::Wrong, 20, 3)]), Tier::Distrusted);
        assert_eq!(tier(&[kept, event(Deed::Wrong, 150, 3)]), Tier::Good);
    }

    #[test]
    fn one_doubt_is_nothing_and_many_are_not() {
        let kept = event(Deed::Kept, 1, 500);
        assert_eq!(tier(&[kept, event(Deed::Doubted, 0, 1)]), Tier::Good);
        assert_eq!(tier(&[kept, event(Deed::Doubted, 0, 2)]), Tier::Watched);
        assert_eq!(tier(&[kept, event(Deed::Doubted, 0, 4)]), Tier::Distrusted);
        assert_eq!(tier(&[kept, event(Deed::Doubted, 0, 7)]), Tier::Excluded);
    }

    #[test]
    fn failing_makes_a_rig_unreliable_and_not_dishonest() {
        let found = standing(&[event(Deed::Kept, 0, 60), event(Deed::Failed, 0, 10), event(Deed::Lost, 0, 10)], NOW);
        assert_eq!((found.tier, found.reliability_percent), (Tier::Good, 80));
    }

    fn deed() -> impl Strategy<Value = Deed> {
        prop::sample::select(vec![Deed::Kept, Deed::Failed, Deed::Lost, Deed::Wrong, Deed::Doubted, Deed::Cheated])
    }

    proptest! {
        #[test]
        fn another_broken_promise_never_helps_and_time_never_harms(
            events in prop::collection::vec((deed(), 0_i64..200, 1_u32..20), 0..20),
            more in deed(),
        ) {
            let events: Vec<Event> = events.into_iter().map(|(deed, ago, times)| event(deed, ago, times)).collect();
            let before = standing(&events, NOW);
            let mut worse = events.clone();
            worse.push(event(more, 0, 1));
            if more != Deed::Kept {
                prop_assert!(standing(&worse, NOW).dishonesty >= before.dishonesty);
                prop_assert!(standing(&worse, NOW).reliability_percent <= before.reliability_percent);
            }
            prop_assert!(standing(&events, NOW.after(HALF_LIFE)).dishonesty <= before.dishonesty);
        }
    }
}
