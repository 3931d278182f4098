//! How long a step asks again before it gives up: one measure for everything that comes and goes over the owner's line.

use std::time::Duration;

/// Tries in all. With the pauses between about two minutes: longer than a lease lives without the coordinator, so that whoever
/// is away for less costs no attempt.
const TRIES: u32 = 12;
/// Between tries; doubles up to the longest.
const PAUSE: Duration = Duration::from_millis(500);
const PAUSE_MAX: Duration = Duration::from_secs(20);

/// What is left of it.
#[derive(Debug)]
pub(super) struct Patience {
    tries_left: u32,
    pause: Duration,
}

impl Patience {
    pub(super) const fn new() -> Self {
        Self { tries_left: TRIES - 1, pause: PAUSE }
    }

    /// How long to wait before the next try; none if there is no next.
    pub(super) fn spend(&mut self) -> Option<Duration> {
        self.tries_left = self.tries_left.checked_sub(1)?;
        let pause = self.pause;
        self.pause = (pause * 2).min(PAUSE_MAX);
        Some(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_outlasts_a_lease_and_ends() {
        let mut patience = Patience::new();
        let lasted: Duration = std::iter::from_fn(|| patience.spend()).sum();
        assert!((Duration::from_secs(75)..Duration::from_secs(180)).contains(&lasted), "{lasted:?}");
    }
}
