//! How fast: a rate that holds over any span of time, but for what may come at once.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// Of what one second carries, so much may come at once.
const BURST: Duration = Duration::from_secs(1);

/// Gives out units (bytes, or connections) at a rate. Shared by all who have to keep to it together.
#[derive(Debug, Default)]
pub(super) struct Rate(Mutex<Bucket>);

impl Rate {
    /// Waits until `units` may pass, at `per_second`.
    pub(super) async fn pass(&self, units: u64, per_second: u64) {
        let due = self.0.lock().unwrap_or_else(PoisonError::into_inner).due(units, per_second, Instant::now());
        tokio::time::sleep_until(due).await;
    }
}

/// What was given out is as a debt that time pays off.
#[derive(Debug, Clone, Copy, Default)]
struct Bucket {
    /// When it will be paid.
    paid: Option<Instant>,
}

impl Bucket {
    fn due(&mut self, units: u64, per_second: u64, now: Instant) -> Instant {
        let takes = Duration::from_secs_f64(units as f64 / per_second.max(1) as f64);
        // What nobody used is not kept beyond the burst.
        let from = self.paid.map_or(now, |paid| paid.max(now));
        let paid = from + takes;
        self.paid = Some(paid);
        paid.checked_sub(BURST).map_or(now, |due| due.max(now))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// However it is asked for, in no span of time passes more than the rate, one burst, and the piece that is passing.
        #[test]
        fn the_rate_holds_over_any_span(pieces in prop::collection::vec((1_u64..20_000, 0_u64..3_000), 1..60), rate in 1_000_u64..1_000_000) {
            let begin = Instant::now();
            let (mut bucket, mut now, mut passed) = (Bucket::default(), begin, Vec::new());
            for (units, pause_ms) in pieces {
                now += Duration::from_millis(pause_ms);
                let due = bucket.due(units, rate, now);
                prop_assert!(due >= now);
                passed.push((due, units));
                now = due;
            }
            for first in 0..passed.len() {
                let mut total = 0;
                for (at, units) in &passed[first..] {
                    total += units;
                    let span = at.duration_since(passed[first].0) + BURST;
                    let most = span.as_secs_f64() * rate as f64 + 20_000.0 + 1.0;
                    prop_assert!(total as f64 <= most, "{} in {:?}", total, span);
                }
            }
        }
    }
}
