//! An owner who paused his rig for no set time may have forgotten it. He is told after a day, and seldom afterwards; nothing is decided
//! for him. A file in the data directory remembers when he was told, so that neither a restart nor another network tells it anew.

use std::{fs, io, path::Path, time::Duration};

use headframe_agent::clock::{Moment, Now};
use headframe_protocol::{TimestampMs, control::Phase};

/// After so long he is told first.
const FIRST_AFTER: Duration = Duration::from_hours(24);

/// And then so often.
const AGAIN_AFTER: Duration = Duration::from_hours(3 * 24);

/// Holds when he was told last, in milliseconds since 1970. Whoever deletes it is told once more.
const FILE_NAME: &str = "pause-told";

/// How long ago something was. What was before this life only the wall clock knows; it is read once, and may be set afterwards.
#[derive(Debug, Clone, Copy)]
struct Ago {
    before: Duration,
    seen: Moment,
}

impl Ago {
    fn of(at: TimestampMs, now: Now) -> Self {
        Self { before: now.wall.since(at), seen: now.moment }
    }

    const fn until(self, now: Moment) -> Duration {
        self.before.saturating_add(now.since(self.seen))
    }
}

/// The pause that lasts, and when he was told of it.
#[derive(Debug)]
struct Pause {
    since: TimestampMs,
    length: Ago,
    told: Option<Ago>,
}

/// Remembers when he was told last.
#[derive(Debug, Default)]
pub(crate) struct Reminder {
    pause: Option<Pause>,
    /// Of whichever pause.
    told: Option<TimestampMs>,
}

impl Reminder {
    /// Knows when he was told in an earlier life.
    pub(crate) const fn after(told: Option<TimestampMs>) -> Self {
        Self { pause: None, told }
    }

    /// For how many days it has been paused, if he is to be told of it `now`: of a rig that is in `phase` since `since`.
    pub(crate) fn due(&mut self, phase: &Phase, since: TimestampMs, now: Now) -> Option<u64> {
        let Phase::Paused { until_ms: None } = phase else { return None };
        let Pause { length, told, .. } = match self.pause.take() {
            Some(known) if known.since == since => self.pause.insert(known),
            Some(_) | None => {
                // What was told before this pause was of another one, and what was told later than now was told by a wrong clock.
                let told = self.told.filter(|told| (since..=now.wall).contains(told)).map(|told| Ago::of(told, now));
                self.pause.insert(Pause { since, length: Ago::of(since, now), told })
            }
        };
        let length = length.until(now.moment);
        let is_due = told.map_or(length >= FIRST_AFTER, |told| told.until(now.moment) >= AGAIN_AFTER);
        is_due.then_some(length.as_secs() / 86_400)
    }

    /// He was told.
    pub(crate) fn told(&mut self, now: Now) {
        self.told = Some(now.wall);
        if let Some(pause) = &mut self.pause {
            pause.told = Some(Ago::of(now.wall, now));
        }
    }
}

/// When he was told last, if a life before this one wrote it into `data_dir`.
pub(crate) fn told_before(data_dir: &Path) -> Option<TimestampMs> {
    let text = fs::read_to_string(data_dir.join(FILE_NAME)).ok()?;
    text.trim().parse().ok().map(TimestampMs::from_millis)
}

/// Writes down when he was told. Renamed into its place: half a number would be another one.
pub(crate) fn note_told(data_dir: &Path, told: TimestampMs) -> io::Result<()> {
    let file = data_dir.join(FILE_NAME);
    let aside = file.with_extension("new");
    fs::write(&aside, format!("{}\n", told.as_millis()))?;
    fs::rename(aside, file)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOR_GOOD: Phase = Phase::Paused { until_ms: None };

    /// An hour of this life, with the wall clock ahead by some hours.
    fn hour(hour: u64, ahead: i64) -> Now {
        let wall = i64::try_from(hour).expect("small") + ahead;
        Now { moment: Moment::from_origin(Duration::from_hours(hour)), wall: TimestampMs::from_millis(wall * 3_600_000) }
    }

    /// Whether he is told so many hours after the pause began; then he is.
    fn tells(reminder: &mut Reminder, phase: &Phase, now: Now) -> bool {
        let is_due = reminder.due(phase, TimestampMs::from_millis(0), now).is_some();
        if is_due {
            reminder.told(now);
        }
        is_due
    }

    #[test]
    fn who_paused_for_no_set_time_is_told_after_a_day_and_every_three() {
        let mut reminder = Reminder::default();
        let told: Vec<u64> = (0..200).filter(|at| tells(&mut reminder, &FOR_GOOD, hour(*at, 0))).collect();
        assert_eq!(told, [24, 96, 168]);
        assert_eq!(reminder.due(&FOR_GOOD, TimestampMs::from_millis(0), hour(240, 0)), Some(10));
    }

    #[test]
    fn a_pause_that_ends_by_itself_needs_no_reminder() {
        let ends = Phase::Paused { until_ms: Some(TimestampMs::from_millis(1_000_000_000)) };
        let mut reminder = Reminder::default();
        assert!((0..200).all(|at| !tells(&mut reminder, &ends, hour(at, 0))));
    }

    #[test]
    fn a_new_pause_is_counted_anew() {
        let mut reminder = Reminder::default();
        assert!(tells(&mut reminder, &FOR_GOOD, hour(24, 0)));
        let again = hour(26, 0).wall;
        assert_eq!(reminder.due(&FOR_GOOD, again, hour(26, 0)), None);
        assert_eq!(reminder.due(&FOR_GOOD, again, hour(50, 0)), Some(1));
    }

    #[test]
    fn who_could_not_be_told_is_told_at_the_next_look() {
        let mut reminder = Reminder::default();
        let due = |reminder: &mut Reminder, at| reminder.due(&FOR_GOOD, TimestampMs::from_millis(0), hour(at, 0));
        assert_eq!([due(&mut reminder, 24), due(&mut reminder, 25)], [Some(1), Some(1)]);
    }

    #[test]
    fn neither_a_restart_nor_a_visit_to_another_network_tells_it_anew() {
        let mut told = None;
        let mut at_hours = Vec::new();
        for at in 0..200 {
            // Each hour is another life, whose own clock begins anew with the PC, and every other one has a pause of its own.
            let mut reminder = Reminder::after(told);
            let now = Now { moment: Moment::default(), ..hour(at, 0) };
            let since = TimestampMs::from_millis(if at % 2 == 0 { 0 } else { 1 });
            if reminder.due(&FOR_GOOD, since, now).is_some() {
                reminder.told(now);
                told = Some(now.wall);
                at_hours.push(at);
            }
        }
        assert_eq!(at_hours, [24, 96, 168]);
    }

    #[test]
    fn a_clock_that_was_ahead_and_is_set_right_delays_no_reminder() {
        let year = 8_760;
        let mut reminder = Reminder::default();
        let told: Vec<u64> =
            (0..200).filter(|at| tells(&mut reminder, &FOR_GOOD, hour(*at, if *at < 30 { year } else { 0 }))).collect();
        assert_eq!(told, [0, 72, 144], "the wrong clock made it old at once, and three days are three days");
        // And what the wrong clock wrote down is not believed in the next life.
        let mut next = Reminder::after(Some(hour(0, year).wall));
        assert!(tells(&mut next, &FOR_GOOD, hour(48, 0)));
    }

    #[test]
    fn what_was_written_down_is_read_in_the_next_life() {
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(told_before(folder.path()), None);
        for told in [1, 1_800_000_000_000].map(TimestampMs::from_millis) {
            note_told(folder.path(), told).expect("written");
            assert_eq!(told_before(folder.path()), Some(told));
        }
        fs::write(folder.path().join(FILE_NAME), "soon").expect("written");
        assert_eq!(told_before(folder.path()), None, "he is told once more");
    }
}
