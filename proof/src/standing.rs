//! What a card's past challenges say of it, and when it is asked again.
//!
//! A time out of band is forgiven once: honest cards are hot, and lines are bad. A wrong number is not: arithmetic has no bad day, and
//! a card that computes wrongly must not work even if its owner is honest.

use std::time::Duration;

use headframe_protocol::TimestampMs;

/// How long a pass counts.
pub const FRESH: Duration = Duration::from_secs(24 * 3_600);

/// Passes that make a card proven, and over how long.
const PROVEN_PASSES: usize = 20;
const PROVEN_AFTER: Duration = Duration::from_secs(7 * 24 * 3_600);

/// How long a wrong number keeps a card from being proven.
const REFUSAL_COUNTS: Duration = Duration::from_secs(30 * 24 * 3_600);

/// Wrong numbers in a row after which a person should look.
const REFUSALS_MAX: usize = 2;

/// The mean time to the next challenge after a pass.
const MEAN: Duration = Duration::from_secs(8 * 3_600);

/// Between these it lies: soon enough after [`FRESH`] minus a repetition, and not at once.
const BETWEEN: (Duration, Duration) = (Duration::from_secs(600), Duration::from_secs(20 * 3_600));

/// The free repetition comes within this.
const REPETITION: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(600));

/// After a failure: an hour, doubling to 16.
const BACKOFF: Duration = Duration::from_secs(3_600);
const BACKOFF_DOUBLINGS: usize = 4;

/// How a challenge ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Right, and in time.
    Passed,
    /// Right, but past the deadline or out of the model's band.
    OutOfTime,
    /// Wrong.
    Refused,
    /// The owner took his PC back, or the session ended. Nobody is punished for that.
    Unanswered,
}

/// A past challenge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Past {
    /// When it ended.
    pub at: TimestampMs,
    /// How.
    pub outcome: Outcome,
}

/// How far a card is trusted to be what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tier {
    /// It has not passed in the last 24 hours, or has failed since.
    Unverified,
    /// It has passed in the last 24 hours.
    Verified,
    /// And at least twenty times over at least a week, without a wrong number for thirty days.
    Proven,
}

/// The tier at a time, from all known challenges of the card in order.
#[must_use]
pub fn tier(history: &[Past], now: TimestampMs) -> Tier {
    let passes: Vec<_> = history.iter().filter(|past| past.outcome == Outcome::Passed).collect();
    let fresh = passes.last().is_some_and(|past| now.since(past.at) < FRESH);
    if !fresh || failures(history) > 0 {
        return Tier::Unverified;
    }
    let wrong = history.iter().any(|past| past.outcome == Outcome::Refused && now.since(past.at) < REFUSAL_COUNTS);
    let long = passes.first().is_some_and(|past| now.since(past.at) >= PROVEN_AFTER);
    if long && !wrong && passes.len() >= PROVEN_PASSES { Tier::Proven } else { Tier::Verified }
}

/// Whether a person should look before the card works again.
#[must_use]
pub fn is_suspect(history: &[Past]) -> bool {
    let answered = history.iter().rev().filter(|past| past.outcome != Outcome::Unanswered);
    answered.take_while(|past| past.outcome == Outcome::Refused).count() >= REFUSALS_MAX
}

/// How long after the last challenge the next one comes. `chance` is 64 fresh random bits: nobody may know beforehand.
#[must_use]
pub fn next_after(history: &[Past], chance: u64) -> Duration {
    let failures = failures(history);
    match history.last().map(|past| past.outcome) {
        None | Some(Outcome::Unanswered) => between(REPETITION, chance),
        Some(Outcome::Passed) => exponential(chance),
        Some(Outcome::OutOfTime) if failures == 0 => between(REPETITION, chance),
        Some(Outcome::OutOfTime | Outcome::Refused) => {
            let least = BACKOFF * (1 << failures.saturating_sub(1).min(BACKOFF_DOUBLINGS));
            between((least, least * 2), chance)
        }
    }
}

/// Failures since the last pass. The first time out of band is not one, if nothing else was wrong.
fn failures(history: &[Past]) -> usize {
    let since: Vec<_> = history.iter().rev().map(|past| past.outcome).take_while(|outcome| *outcome != Outcome::Passed).collect();
    let refused = since.iter().filter(|outcome| **outcome == Outcome::Refused).count();
    let late = since.iter().filter(|outcome| **outcome == Outcome::OutOfTime).count();
    refused + late.saturating_sub(usize::from(refused == 0))
}

/// Waiting without memory: however long ago the last challenge was, the next is as likely as ever, until the pass grows stale.
fn exponential(chance: u64) -> Duration {
    // 53 bits of chance, never zero.
    let part = ((chance >> 11) + 1) as f64 / (1_u64 << 53) as f64;
    MEAN.mul_f64(-part.ln().min(0.0)).clamp(BETWEEN.0, BETWEEN.1)
}

fn between((least, most): (Duration, Duration), chance: u64) -> Duration {
    let span = most.saturating_sub(least).as_millis() as u64;
    least + Duration::from_millis(((u128::from(chance) * u128::from(span)) >> 64) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_MS: i64 = 3_600_000;

    fn history(outcomes: &[(i64, Outcome)]) -> Vec<Past> {
        outcomes.iter().map(|(hour, outcome)| Past { at: TimestampMs::from_millis(hour * HOUR_MS), outcome: *outcome }).collect()
    }

    fn at(hour: i64) -> TimestampMs {
        TimestampMs::from_millis(hour * HOUR_MS)
    }

    #[test]
    fn nothing_is_verified_that_has_not_passed_in_a_day() {
        assert_eq!(tier(&[], at(0)), Tier::Unverified);
        let passed = history(&[(100, Outcome::Passed)]);
        assert_eq!(tier(&passed, at(123)), Tier::Verified);
        assert_eq!(tier(&passed, at(124)), Tier::Unverified);
    }

    #[test]
    fn one_slow_answer_is_forgiven_and_one_wrong_answer_is_not() {
        let slow = history(&[(1, Outcome::Passed), (2, Outcome::OutOfTime)]);
        assert_eq!(tier(&slow, at(3)), Tier::Verified);
        assert!(next_after(&slow, u64::MAX) <= REPETITION.1);
        let slower = history(&[(1, Outcome::Passed), (2, Outcome::OutOfTime), (2, Outcome::Unanswered), (3, Outcome::OutOfTime)]);
        assert_eq!(tier(&slower, at(3)), Tier::Unverified);
        assert!(next_after(&slower, 0) >= BACKOFF);
        let wrong = history(&[(1, Outcome::Passed), (2, Outcome::Refused)]);
        assert_eq!((tier(&wrong, at(3)), is_suspect(&wrong)), (Tier::Unverified, false));
        let again = history(&[(1, Outcome::Refused), (2, Outcome::Unanswered), (3, Outcome::Refused)]);
        assert!(is_suspect(&again));
        let mended = history(&[(1, Outcome::Refused), (2, Outcome::Refused), (3, Outcome::Passed)]);
        assert_eq!((tier(&mended, at(4)), is_suspect(&mended)), (Tier::Verified, false));
    }

    #[test]
    fn a_week_of_passes_proves_a_card_and_a_wrong_number_undoes_it_for_a_month() {
        let mut passes = history(&(0..30).map(|turn| (turn * 8, Outcome::Passed)).collect::<Vec<_>>());
        assert_eq!(tier(&passes, at(233)), Tier::Proven);
        passes.insert(20, Past { at: at(160), outcome: Outcome::Refused });
        assert_eq!(tier(&passes, at(233)), Tier::Verified);
        assert_eq!(tier(&passes[..5], at(33)), Tier::Verified);
    }

    #[test]
    fn a_pass_is_renewed_before_it_is_stale_at_a_time_nobody_knows() {
        let passed = history(&[(1, Outcome::Passed)]);
        let waits: Vec<_> = (0..10_000_u64).map(|turn| next_after(&passed, turn.wrapping_mul(0x9e37_79b9_7f4a_7c15))).collect();
        assert!(waits.iter().all(|wait| *wait >= BETWEEN.0 && *wait + REPETITION.1 < FRESH));
        let early = waits.iter().filter(|wait| **wait < Duration::from_secs(4 * 3_600)).count();
        // 1 - e^(-1/2) = 39 % come within four hours.
        assert!((3_600..4_300).contains(&early), "{early}");
        for chance in [0, 1, u64::MAX] {
            assert!(next_after(&passed, chance) <= BETWEEN.1);
        }
    }
}
