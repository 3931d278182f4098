//! Turns samples of one container into the time it has run. A fold: samples in, a total out.
//!
//! It has no clock and does no I/O: a sample carries the time it was taken, on a clock that stops while the PC
//! sleeps. Gaps are never filled in: if nobody looked for a while, that while is not billed. We would rather lose
//! some seconds of earnings than explain to a customer why he paid for some that nobody saw.

use std::time::Duration;

pub mod energy;

/// The longest time between two samples that still counts. Samples come once a second; five times that forgives a
/// busy PC and is short enough that nobody argues over it.
pub const GAP_MAX: Duration = Duration::from_secs(5);

/// One look at the container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// When, on a clock that stops while the PC sleeps.
    pub at: Duration,
    /// Whether the container was seen running.
    pub running: bool,
}

/// The time one container has run so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Meter {
    total: Duration,
    last: Option<Sample>,
}

impl Meter {
    /// Goes on from what an earlier life has counted. The time in between was seen by nobody and is not counted.
    #[must_use]
    pub const fn resumed(running_ms: u64) -> Self {
        Self { total: Duration::from_millis(running_ms), last: None }
    }

    /// Takes one sample in. One older than the last changes nothing.
    pub fn add(&mut self, sample: Sample) {
        if let Some(last) = self.last {
            let Some(passed) = sample.at.checked_sub(last.at) else { return };
            if last.running && passed <= GAP_MAX {
                self.total += passed;
            }
        }
        self.last = Some(sample);
    }

    /// How long the container has run, in milliseconds.
    #[must_use]
    pub fn running_ms(&self) -> u64 {
        u64::try_from(self.total.as_millis()).unwrap_or(u64::MAX)
    }

    /// The total once the engine has told when the container started and finished: the lesser of what was seen and
    /// what the engine says. The engine measures on a wall clock that may have been set meanwhile, so it can only
    /// lower the sum, and not to nothing.
    #[must_use]
    pub fn settled_ms(&self, engine_says: Option<Duration>) -> u64 {
        let said = engine_says
            .filter(|said| !said.is_zero())
            .map_or(u64::MAX, |said| u64::try_from(said.as_millis()).unwrap_or(u64::MAX));
        self.running_ms().min(said)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(samples: &[(u64, bool)]) -> Meter {
        let mut meter = Meter::default();
        for (at_ms, running) in samples {
            meter.add(Sample { at: Duration::from_millis(*at_ms), running: *running });
        }
        meter
    }

    #[test]
    fn time_between_samples_of_a_running_container_counts() {
        assert_eq!(seen(&[(10_000, true), (11_000, true), (11_500, false)]).running_ms(), 1_500);
    }

    #[test]
    fn one_sample_is_no_time() {
        assert_eq!(seen(&[(10_000, true)]).running_ms(), 0);
    }

    #[test]
    fn a_gap_is_not_billed() {
        assert_eq!(seen(&[(0, true), (1_000, true), (61_000, true), (62_000, true)]).running_ms(), 2_000);
    }

    #[test]
    fn a_stopped_container_costs_nothing() {
        assert_eq!(seen(&[(0, false), (1_000, false), (2_000, true), (3_000, true)]).running_ms(), 1_000);
    }

    #[test]
    fn an_old_sample_changes_nothing() {
        assert_eq!(seen(&[(1_000, true), (2_000, true), (500, true), (3_000, true)]).running_ms(), 2_000);
    }

    #[test]
    fn a_new_life_bills_no_second_twice() {
        let mut meter = Meter::resumed(90_000);
        meter.add(Sample { at: Duration::from_secs(5), running: true });
        assert_eq!(meter.running_ms(), 90_000, "nothing between the lives");
        meter.add(Sample { at: Duration::from_secs(6), running: true });
        assert_eq!(meter.running_ms(), 91_000);
    }

    #[test]
    fn the_engine_can_only_lower_the_sum() {
        let meter = seen(&[(0, true), (1_000, true)]);
        assert_eq!(meter.settled_ms(Some(Duration::from_millis(900))), 900);
        assert_eq!(meter.settled_ms(Some(Duration::from_secs(100))), 1_000);
        assert_eq!(meter.settled_ms(Some(Duration::ZERO)), 1_000, "a clock that was set back proves nothing");
        assert_eq!(meter.settled_ms(None), 1_000);
    }
}
