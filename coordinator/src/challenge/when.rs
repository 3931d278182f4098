//! When a card is asked again: [`headframe_proof::standing`] decides, but for one thing.
//!
//! Nobody is punished for giving the PC back to its owner. But who walks away only after he has been told what he must show could
//! go on until he is asked for what he has: a card that left out a twentieth would have it in one of 27 tries. So he waits as
//! long as after a failure. An honest rig loses its owner in these seconds once in a blue moon.

use std::time::Duration;

use headframe_proof::standing::{self, Outcome, Past};

use crate::store::challenges::Record;

/// After walking away: an hour, doubling to 16.
const BACKOFF: Duration = Duration::from_secs(3_600);
const DOUBLINGS_MAX: usize = 4;

/// How long after the last challenge the next one comes. `chance` is 64 fresh random bits.
pub(super) fn next_after(history: &[Record], chance: u64) -> Duration {
    let usual = standing::next_after(&pasts(history), chance);
    let unanswered = history.iter().rev().take_while(|record| record.outcome == Outcome::Unanswered);
    match unanswered.filter(|record| record.questioned).count() {
        0 => usual,
        times => usual.max(BACKOFF * (1 << (times - 1).min(DOUBLINGS_MAX))),
    }
}

/// As the pure judgement takes them.
pub(crate) fn pasts(history: &[Record]) -> Vec<Past> {
    history.iter().map(|record| Past { at: record.at, outcome: record.outcome }).collect()
}

#[cfg(test)]
mod tests {
    use headframe_protocol::TimestampMs;

    use super::*;

    fn history(past: &[(Outcome, bool)]) -> Vec<Record> {
        let record = |(outcome, questioned): &(Outcome, bool)| Record {
            gpu: String::new(),
            at: TimestampMs::from_millis(0),
            outcome: *outcome,
            questioned: *questioned,
            ops_per_us: None,
        };
        past.iter().map(record).collect()
    }

    #[test]
    fn who_walks_away_from_the_questions_waits_as_if_he_had_failed() {
        let hours = |past: &[(Outcome, bool)]| next_after(&history(past), 0).as_secs() / 3_600;
        let (passed, left, walked) = ((Outcome::Passed, true), (Outcome::Unanswered, false), (Outcome::Unanswered, true));
        assert_eq!(hours(&[passed, left, left]), 0, "an owner may come back as often as he likes");
        assert_eq!(hours(&[passed, walked]), 1);
        assert_eq!(hours(&[passed, walked, left, walked]), 2);
        assert_eq!(hours(&[walked; 9]), 16);
        assert_eq!(hours(&[walked, walked, passed]), 20, "a pass makes up for it");
    }
}
