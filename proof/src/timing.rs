//! How long a challenge may take, as functions of what was claimed.
//!
//! What a class is worth is measured on real cards and learned from the fleet
//! ([`crate::band`]); nothing here knows a model.

use std::time::Duration;

use headframe_protocol::challenge::{READS_MAX, ROUNDS};

use crate::{
    Parameters,
    band::{Band, Pace},
    parameters::BLOCK_BYTES,
    standing::Outcome,
};

/// The share of its class's rate that a card must reach, in percent: what an honest one that is hot and has bad luck still reaches.
const RATE_PERCENT: u128 = 85;

/// How much longer than an honest card's own time reading may take, in percent of it.
const READING_PERCENT: u32 = 150;

/// How long an honest card is to read. Much longer than a packet is late, and short enough that the trees of a round fit into the
/// memory that the products leave free.
const READING: Duration = Duration::from_millis(500);

/// No round trip counts for more: a rig may answer pings late to win time.
pub const RTT_MAX: Duration = Duration::from_millis(300);

/// What cards of a claimed class do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Class {
    /// Multiplications and additions a second in a chain of exact products: the median of honest cards.
    pub ops_per_s: u64,
    /// Bytes a second when blocks of 4 KiB are read in random order and hashed: the median of honest cards.
    pub read_bytes_per_s: u64,
}

/// From asking to the commitment: `RTT_p95 + work / (rate × 0.85)`.
#[must_use]
pub fn proving_deadline(class: Class, parameters: Parameters, rtt_p95: Duration) -> Duration {
    let nanos = u128::from(parameters.work_ops()) * 1_000_000_000 * 100 / (u128::from(class.ops_per_s.max(1)) * RATE_PERCENT);
    slack(rtt_p95) + nanoseconds(nanos)
}

/// How many blocks a card of the class is to read in each round.
#[must_use]
pub fn reads_per_round(class: Class) -> u32 {
    let bytes = u128::from(class.read_bytes_per_s) * READING.as_nanos() / 1_000_000_000;
    u32::try_from(bytes / u128::from(ROUNDS) / BLOCK_BYTES as u128).unwrap_or(READS_MAX).clamp(1, READS_MAX)
}

/// From the nonce to the answer: `RTT_p95 + 1.5 × bytes / rate`.
#[must_use]
pub fn reading_deadline(class: Class, reads: u32, rtt_p95: Duration) -> Duration {
    let bytes = u128::from(ROUNDS) * u128::from(reads) * BLOCK_BYTES as u128;
    slack(rtt_p95) + nanoseconds(bytes * 1_000_000_000 / u128::from(class.read_bytes_per_s.max(1))) * READING_PERCENT / 100
}

/// What an answer that is right is worth, by the time from asking to the commitment: against the deadline of what was claimed, and,
/// where enough is known of the model, against its band.
#[must_use]
pub fn judged(class: Class, parameters: Parameters, rtt_p95: Duration, took: Duration, band: Option<Band>) -> Outcome {
    let micros = took.saturating_sub(slack(rtt_p95)).as_micros().max(1);
    let ops_per_us = (u128::from(parameters.work_ops()) / micros) as u64;
    let paced = band.is_none_or(|band| band.pace(ops_per_us) == Pace::Usual);
    if paced && took <= proving_deadline(class, parameters, rtt_p95) { Outcome::Passed } else { Outcome::OutOfTime }
}

fn slack(rtt_p95: Duration) -> Duration {
    rtt_p95.min(RTT_MAX)
}

/// Longer than 584 years is as long as that.
fn nanoseconds(nanos: u128) -> Duration {
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX / 100))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLASS: Class = Class { ops_per_s: 80_000_000_000_000, read_bytes_per_s: 900_000_000_000 };

    #[test]
    fn deadlines_follow_the_formulas() {
        let parameters = Parameters::new(8_192, 100).expect("within bounds");
        // 2 × 8,192³ × 100 = 109.95 × 10¹² operations at 68 × 10¹² a second.
        let deadline = proving_deadline(CLASS, parameters, Duration::from_millis(50));
        assert_eq!(deadline.as_millis(), 50 + 1_616);
        let reads = reads_per_round(CLASS);
        assert_eq!(reads, 5_493_164);
        assert_eq!(reading_deadline(CLASS, reads, Duration::from_millis(50)).as_millis(), 50 + 749);
    }

    #[test]
    fn neither_a_slow_line_nor_an_odd_class_is_worth_much() {
        let parameters = Parameters::new(64, 20).expect("within bounds");
        let far = proving_deadline(CLASS, parameters, Duration::from_secs(60));
        assert!(far < RTT_MAX + Duration::from_millis(1));
        for odd in [Class { ops_per_s: 0, read_bytes_per_s: 0 }, Class { ops_per_s: u64::MAX, read_bytes_per_s: u64::MAX }] {
            let reads = reads_per_round(odd);
            assert!((1..=READS_MAX).contains(&reads));
            let largest = Parameters::new(16_384, 100).expect("within bounds");
            assert!(proving_deadline(odd, largest, Duration::ZERO) <= Duration::from_secs(1 << 40));
            assert!(reading_deadline(odd, reads, Duration::ZERO) <= Duration::from_secs(1 << 40));
        }
    }
}
