//! How much one slice holds: by the time slices took, never by a guess. A slice that is too long keeps the owner waiting and makes
//! Windows take the card away; one that is too short measures the driver.

use std::time::Duration;

/// How long a slice should take.
pub(super) const SLICE: Duration = Duration::from_millis(12);

/// How long it may take before the next ones are made shorter.
pub(super) const SLICE_MAX: Duration = Duration::from_millis(15);

/// How much longer than the last one a slice may be: a card that wakes from its sleep gets quicker while we look.
const GROWTH_MAX: f64 = 4.0;

/// The size of slices, in steps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pace {
    steps: u32,
    steps_max: u32,
}

impl Pace {
    /// From the least there is.
    pub(super) fn new(steps_max: u32) -> Self {
        Self { steps: 1, steps_max: steps_max.max(1) }
    }

    pub(super) const fn steps(self) -> u32 {
        self.steps
    }

    /// Whether the last slice was about as long as it should be, or cannot be longer.
    pub(super) fn is_set(self, took: Duration) -> bool {
        (took >= SLICE / 2 && took <= SLICE_MAX)
            || (took < SLICE && self.steps == self.steps_max)
            || (took > SLICE_MAX && self.steps == 1)
    }

    /// Towards the right size, while looking for it.
    pub(super) fn adjust(&mut self, took: Duration) {
        let factor = SLICE.as_secs_f64() / took.as_secs_f64().max(1e-6);
        self.scale(factor.min(GROWTH_MAX));
    }

    /// Down at once, where a slice of `steps` took too long while measuring. A cooler moment later is no reason to grow: slices of one
    /// measurement should be alike.
    pub(super) fn restrain(&mut self, steps: u32, took: Duration) {
        // One that was handed over before the last restraint says nothing new.
        if took > SLICE_MAX && steps == self.steps {
            self.scale(SLICE.as_secs_f64() / took.as_secs_f64());
        }
    }

    fn scale(&mut self, factor: f64) {
        let steps = (f64::from(self.steps) * factor).clamp(1.0, f64::from(self.steps_max));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to a u32 just above")]
        let steps = steps as u32;
        self.steps = steps;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_card_is_paced_within_twenty_slices(step_us in 0.001f64..10_000.0) {
            let mut pace = Pace::new(u32::MAX);
            let took = |pace: Pace| Duration::from_secs_f64(f64::from(pace.steps()) * step_us / 1e6);
            for _ in 0..20 {
                if pace.is_set(took(pace)) {
                    break;
                }
                pace.adjust(took(pace));
            }
            prop_assert!(pace.is_set(took(pace)), "{pace:?} takes {:?}", took(pace));
        }
    }

    #[test]
    fn slices_that_became_slow_are_made_shorter_once() {
        let mut pace = Pace { steps: 100, steps_max: 1_000 };
        pace.restrain(100, Duration::from_millis(24));
        assert_eq!(pace.steps(), 50);
        pace.restrain(100, Duration::from_millis(24));
        assert_eq!(pace.steps(), 50, "the second of the two that were waiting");
        pace.restrain(50, Duration::from_millis(3));
        assert_eq!(pace.steps(), 50);
    }
}
