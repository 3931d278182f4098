//! Which of a rig's earnings wait, until when, and which are lost when a result was wrong.
//!
//! A check that finds one wrong result cannot undo the others that nobody looked at. So what was earned unchecked waits until a
//! later check finds the rig right, and is lost if it finds it wrong. A rig that cheats with one result in `q` keeps what it
//! earned since the last check with chance `1 − q` and loses it with chance `q`: in expectation it is paid for its honest part
//! alone, whatever `q` is and however rarely it is checked. What is more, earnings of a rig's first weeks wait until those are
//! over, so that a new identity is worth nothing until it has worked honestly for as long.
//!
//! Nothing that waits is lost by giving the PC back, by a lost lease or a failure: only by a result that others outvoted.

use std::time::Duration;

use headframe_protocol::TimestampMs;

/// How long after its first sign-in a rig's earnings wait: as long as a card payment is easily taken back, for the same people
/// try both.
pub const PROBATION: Duration = Duration::from_hours(30 * 24);

/// Earnings nobody has confirmed are let go after this: where no second rig of the kind is found, an owner must not wait for
/// ever.
pub const UNCONFIRMED_MAX: Duration = Duration::from_hours(30 * 24);

/// A result is compared afterwards if no check has come by chance for so long: or whoever cheats would only have to stop in time.
/// Shorter than uploads are kept, so that the work can still be done again.
pub const CHECKED_WITHIN: Duration = Duration::from_hours(3 * 24);

/// How long earnings wait. An operator may choose others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// After a rig's first sign-in.
    pub probation: Duration,
    /// Without any check.
    pub unconfirmed_max: Duration,
}

impl Default for Terms {
    fn default() -> Self {
        Self { probation: PROBATION, unconfirmed_max: UNCONFIRMED_MAX }
    }
}

/// Earnings of one attempt that wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hold {
    /// Since when.
    pub earned: TimestampMs,
    /// Whether this very result was compared and found right.
    pub confirmed: bool,
    /// Whether there was a result. Work that was given back in the middle leaves none: only a later result can speak for it.
    pub delivered: bool,
}

/// What is known of the rig that earned them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Earner {
    /// When it first signed in.
    pub first_seen: TimestampMs,
    /// When a result of it was last found right.
    pub last_right: Option<TimestampMs>,
}

impl Hold {
    /// Whether earnings of `now` wait at all.
    #[must_use]
    pub fn waits(self, earner: &Earner, terms: &Terms, now: TimestampMs) -> bool {
        !self.is_over(earner, terms, now)
    }

    /// Whether the owner may have them.
    #[must_use]
    pub fn is_over(self, earner: &Earner, terms: &Terms, now: TimestampMs) -> bool {
        let past_probation = now >= earner.first_seen.after(terms.probation);
        let confirmed = self.confirmed || earner.last_right.is_some_and(|right| right >= self.earned);
        let anybody_knows = self.delivered || earner.last_right.is_some();
        past_probation && (confirmed || (anybody_knows && now >= self.earned.after(terms.unconfirmed_max)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_MS: i64 = 24 * 3_600 * 1_000;

    fn is_over(earned: i64, confirmed: bool, last_right: Option<i64>, now: i64) -> bool {
        let day = |day: i64| TimestampMs::from_millis(day * DAY_MS);
        let earner = Earner { first_seen: day(0), last_right: last_right.map(day) };
        Hold { earned: day(earned), confirmed, delivered: true }.is_over(&earner, &Terms::default(), day(now))
    }

    #[test]
    fn a_new_rig_waits_until_its_first_month_is_over() {
        assert!(!is_over(1, true, Some(1), 29));
        assert!(is_over(1, true, Some(1), 30));
    }

    #[test]
    fn work_given_back_is_paid_to_whoever_delivers_something_too() {
        let day = |day: i64| TimestampMs::from_millis(day * DAY_MS);
        let is_over = |last_right: Option<i64>| {
            let earner = Earner { first_seen: day(0), last_right: last_right.map(day) };
            Hold { earned: day(40), confirmed: false, delivered: false }.is_over(&earner, &Terms::default(), day(90))
        };
        assert!(!is_over(None), "who never brought anything has shown nothing");
        assert!(is_over(Some(10)) && is_over(Some(50)));
    }

    #[test]
    fn what_nobody_looked_at_waits_for_the_next_check() {
        assert!(is_over(40, true, None, 40), "looked at itself, it does not wait");
        assert!(!is_over(40, false, Some(39), 45));
        assert!(is_over(40, false, Some(41), 45));
        assert!(is_over(40, false, None, 70), "and not for ever where nobody can look");
    }
}
