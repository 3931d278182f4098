//! An owner who paused his rig for no set time may have forgotten it. He is told after a day, and seldom afterwards; nothing is decided
//! for him.

use std::time::Duration;

use headframe_protocol::{TimestampMs, control::Phase};

/// After so long he is told first.
const FIRST_AFTER: Duration = Duration::from_hours(24);

/// And then so often.
const AGAIN_AFTER: Duration = Duration::from_hours(3 * 24);

/// Remembers when he was told last.
#[derive(Debug, Default)]
pub(crate) struct Reminder {
    told: Option<TimestampMs>,
}

impl Reminder {
    /// For how many days it has been paused, if he is to be told of it `now`: of a rig that is in `phase` since `since`.
    pub(crate) fn due(&mut self, phase: &Phase, since: TimestampMs, now: TimestampMs) -> Option<u64> {
        let Phase::Paused { until_ms: None } = phase else {
            self.told = None;
            return None;
        };
        let paused = now.since(since);
        let is_due = self.told.map_or(paused >= FIRST_AFTER, |told| now.since(told) >= AGAIN_AFTER);
        if !is_due {
            return None;
        }
        self.told = Some(now);
        Some(paused.as_secs() / 86_400)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOR_GOOD: Phase = Phase::Paused { until_ms: None };

    /// What is told so many hours after the pause began.
    fn at(reminder: &mut Reminder, phase: &Phase, hour: i64) -> Option<u64> {
        reminder.due(phase, TimestampMs::from_millis(0), TimestampMs::from_millis(hour * 3_600_000))
    }

    #[test]
    fn who_paused_for_no_set_time_is_told_after_a_day_and_every_three() {
        let mut reminder = Reminder::default();
        let told: Vec<i64> = (0..200).filter(|hour| at(&mut reminder, &FOR_GOOD, *hour).is_some()).collect();
        assert_eq!(told, [24, 96, 168]);
        assert_eq!(at(&mut reminder, &FOR_GOOD, 240), Some(10));
    }

    #[test]
    fn a_pause_that_ends_by_itself_needs_no_reminder() {
        let ends = Phase::Paused { until_ms: Some(TimestampMs::from_millis(1_000_000_000)) };
        let mut reminder = Reminder::default();
        assert!((0..200).all(|hour| at(&mut reminder, &ends, hour).is_none()));
    }

    #[test]
    fn a_new_pause_is_counted_anew() {
        let mut reminder = Reminder::default();
        assert!(at(&mut reminder, &FOR_GOOD, 24).is_some());
        assert!(at(&mut reminder, &Phase::Ready, 25).is_none());
        assert!(at(&mut reminder, &FOR_GOOD, 26).is_some());
    }
}
