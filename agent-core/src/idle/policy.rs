//! The judgement about the owner. Pure: readings and the time in, a belief out.

use std::{fmt, time::Duration};

use super::Reading;
use crate::clock::{Moment, Now};

/// Input this much later than the last counts as new. Less is the jitter of two clocks read one after the other.
const JITTER: Duration = Duration::from_millis(100);

/// Probes that fail for shorter than this are forgiven: a screen that is being unlocked restarts them. A rig at work
/// takes the owner to be back after it.
pub(super) const SILENCE_MAX: Duration = Duration::from_secs(2);

/// What is believed about the owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Idleness {
    /// Nobody is using the PC.
    Away,
    /// Somebody is.
    Present {
        /// When keyboard or mouse were last used.
        last_input: Now,
        /// When he counts as away if they are not used again.
        away_at: Now,
    },
    /// No probe can tell. He is taken to be here.
    Unknown,
}

impl fmt::Display for Idleness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Away => "away",
            Self::Present { .. } => "here",
            Self::Unknown => "not seen by any probe, and taken to be here",
        })
    }
}

/// When an owner counts as away.
#[derive(Debug, Clone)]
pub struct Policy {
    rule: Rule,
    belief: Idleness,
    last_input: Option<Now>,
    last_word: Option<Moment>,
}

/// What the owner has set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Work only when he has not touched anything for this long.
    AwayFor(Duration),
    /// Work also while he is here.
    Always,
}

impl Policy {
    /// Believes nothing yet.
    #[must_use]
    pub const fn new(rule: Rule) -> Self {
        Self { rule, belief: Idleness::Unknown, last_input: None, last_word: None }
    }

    /// Takes one round of readings in.
    ///
    /// The most recent sign of life of all probes counts. Going away takes the whole threshold, coming back one touch:
    /// that asymmetry is the hysteresis.
    pub fn judge(&mut self, readings: &[Reading], now: Now) -> Idleness {
        let threshold = match self.rule {
            Rule::Always => return Idleness::Away,
            Rule::AwayFor(threshold) => threshold,
        };
        let idle = readings.iter().filter_map(|reading| reading.idle.as_ref().ok()).min().copied();
        self.belief = match idle {
            Some(idle) => {
                self.last_word = Some(now.moment);
                let last_input = self.newest(now - idle);
                let away_at = last_input + threshold;
                if now.moment >= away_at.moment { Idleness::Away } else { Idleness::Present { last_input, away_at } }
            }
            None if self.last_word.is_some_and(|word| now.moment.since(word) < SILENCE_MAX) => self.belief,
            None => Idleness::Unknown,
        };
        self.belief
    }

    /// The last input, kept as first measured so that the belief does not change while nothing happens.
    fn newest(&mut self, measured: Now) -> Now {
        match self.last_input {
            Some(known) if measured.moment <= known.moment + JITTER => known,
            Some(_) | None => *self.last_input.insert(measured),
        }
    }
}

#[cfg(test)]
mod tests {
    use headframe_protocol::TimestampMs;
    use proptest::prelude::*;

    use super::{super::ProbeError, *};

    fn at(ms: u64) -> Now {
        let wall = TimestampMs::from_millis(i64::try_from(ms).expect("small"));
        Now { moment: Moment::from_origin(Duration::from_millis(ms)), wall }
    }

    fn idle(ms: u64) -> Vec<Reading> {
        vec![Reading { name: "X11 input", idle: Ok(Duration::from_millis(ms)) }]
    }

    fn silent() -> Vec<Reading> {
        vec![Reading { name: "X11 input", idle: Err(ProbeError("there is no display".to_owned())) }]
    }

    fn two_minutes() -> Policy {
        Policy::new(Rule::AwayFor(Duration::from_secs(120)))
    }

    #[test]
    fn an_owner_is_away_after_the_threshold_and_back_at_one_touch() {
        let mut policy = two_minutes();
        let here = policy.judge(&idle(1_000), at(1_000_000));
        assert_eq!(here, Idleness::Present { last_input: at(999_000), away_at: at(1_119_000) });
        assert_eq!(policy.judge(&idle(120_000), at(1_119_000)), Idleness::Away);
        assert!(matches!(policy.judge(&idle(10), at(1_119_500)), Idleness::Present { .. }), "one touch is enough");
    }

    #[test]
    fn a_missing_probe_is_never_an_absent_owner() {
        assert_eq!(two_minutes().judge(&silent(), at(10_000_000)), Idleness::Unknown);
        assert_eq!(two_minutes().judge(&[], at(10_000_000)), Idleness::Unknown);
    }

    #[test]
    fn a_probe_may_miss_a_beat_but_not_stay_silent() {
        let mut policy = two_minutes();
        policy.judge(&idle(200_000), at(1_000_000));
        assert_eq!(policy.judge(&silent(), at(1_001_000)), Idleness::Away, "a second of silence is forgiven");
        assert_eq!(policy.judge(&silent(), at(1_003_000)), Idleness::Unknown, "three are not");
    }

    #[test]
    fn the_most_recent_sign_of_life_counts() {
        let mut both = idle(500_000);
        both.extend(idle(3_000));
        assert!(matches!(two_minutes().judge(&both, at(1_000_000)), Idleness::Present { .. }));
    }

    #[test]
    fn who_works_while_the_owner_is_here_needs_no_probe() {
        assert_eq!(Policy::new(Rule::Always).judge(&[], at(0)), Idleness::Away);
    }

    #[test]
    fn the_belief_does_not_change_while_nothing_happens() {
        let mut policy = two_minutes();
        let first = policy.judge(&idle(1_000), at(1_000_000));
        for step in 1..100 {
            let jitter = step % 3 * 20;
            assert_eq!(policy.judge(&idle(1_000 + step * 250 - jitter), at(1_000_000 + step * 250)), first);
        }
    }

    proptest! {
        #[test]
        fn away_always_means_a_probe_measured_the_whole_threshold(steps in prop::collection::vec((0_u64..5_000, prop::option::of(0_u64..300_000)), 1..60)) {
            let mut policy = two_minutes();
            let (mut time, mut last_seen_idle) = (1_000_000, None);
            for (passed, reading) in steps {
                time += passed;
                let belief = policy.judge(&reading.map_or_else(silent, idle), at(time));
                last_seen_idle = reading.map(|idle| (time, idle)).or(last_seen_idle);
                if belief == Idleness::Away {
                    let (seen_at, idle) = last_seen_idle.expect("nobody is away before a probe has said so");
                    prop_assert!(idle + 100 >= 120_000, "idle for {idle} ms only");
                    prop_assert!(time - seen_at < 2_000, "the last word is {} ms old", time - seen_at);
                }
            }
        }
    }
}
