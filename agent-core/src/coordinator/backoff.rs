//! How long to wait before dialling again.

use std::time::Duration;

use crate::settings::Timers;

/// The first wait, doubled with each failure.
const FIRST: Duration = Duration::from_secs(1);

/// The longest wait. A coordinator that was away for an hour has its rigs back two minutes after its return.
pub(super) const LONGEST: Duration = Duration::from_secs(120);

/// The longest wait of a rig that holds a lease. Of the lease's 60 s up to a heartbeat and a half has gone when the line breaks;
/// after a cut of half a minute there must be time for several tries.
pub(super) const LONGEST_AT_WORK: Duration = Duration::from_secs(6);

/// Counts failures in a row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Backoff {
    failures: u32,
    timers: Timers,
}

impl Backoff {
    pub(super) const fn new(timers: Timers) -> Self {
        Self { failures: 0, timers }
    }

    /// A session was opened: begin again with the shortest wait.
    pub(super) const fn reset(&mut self) {
        self.failures = 0;
    }

    /// The next wait: the doubled one, `longest` at most, and up to half of it less by `luck` (0 to 1), so that a fleet does
    /// not return in step.
    pub(super) fn next(&mut self, longest: Duration, luck: f64) -> Duration {
        let full = FIRST.saturating_mul(1 << self.failures.min(16)).min(longest);
        self.failures = self.failures.saturating_add(1);
        self.timers.scaled(full.mul_f64(1.0 - luck.clamp(0.0, 1.0) / 2.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_to_two_minutes_and_begin_again() {
        let mut backoff = Backoff::new(Timers { divisor: 1 });
        let waits: Vec<u64> = (0..9).map(|_| backoff.next(LONGEST, 0.0).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 120, 120]);
        backoff.reset();
        assert_eq!(backoff.next(LONGEST, 1.0), Duration::from_millis(500), "luck takes up to half");
    }

    #[test]
    fn a_rig_at_work_is_back_within_its_lease_after_half_a_minute() {
        // Whatever the luck: the first try after the cut comes before the lease is over, which began a heartbeat before it.
        for luck in 0..=10 {
            let mut backoff = Backoff::new(Timers { divisor: 1 });
            let mut tried = Duration::ZERO;
            while tried < Duration::from_secs(30) {
                tried += backoff.next(LONGEST_AT_WORK, f64::from(luck) / 10.0);
            }
            assert!(tried + Duration::from_secs(18) < Duration::from_secs(60), "{tried:?}");
        }
    }
}
