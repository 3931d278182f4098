//! How long to wait before trying again: doubling, bounded, and never in step with others.

use std::{hash::BuildHasher as _, time::Duration};

/// The tries of one act.
#[derive(Debug, Clone)]
pub struct Backoff {
    next: Duration,
    longest: Duration,
    left: u32,
}

impl Backoff {
    /// For one request: six tries over some 8 s, enough for a coordinator that restarts, short enough for a person who waits.
    #[must_use]
    pub const fn request() -> Self {
        Self { next: Duration::from_millis(250), longest: Duration::from_secs(4), left: 5 }
    }

    /// For something that is followed for hours: five minutes without a word before giving up.
    #[must_use]
    pub const fn follow() -> Self {
        Self { next: Duration::from_millis(250), longest: Duration::from_secs(10), left: 35 }
    }

    /// How long to wait before the next try; `None` when there were enough. `asked` is what the other side wants at least.
    pub fn next(&mut self, asked: Option<Duration>) -> Option<Duration> {
        self.left = self.left.checked_sub(1)?;
        let wait = self.next.max(asked.unwrap_or_default().min(self.longest));
        self.next = (self.next * 2).min(self.longest);
        Some(wait.mul_f64(jitter()))
    }
}

/// 0.75 to 1.25. The standard hasher's random seed is randomness enough to keep clients out of step.
fn jitter() -> f64 {
    let roll = std::collections::hash_map::RandomState::new().hash_one(());
    0.75 + f64::from(u32::try_from(roll >> 32).unwrap_or(0)) / f64::from(u32::MAX) * 0.5
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_end() {
        let mut backoff = Backoff::request();
        let waits: Vec<_> = std::iter::from_fn(|| backoff.next(None)).collect();
        assert_eq!(waits.len(), 5);
        assert!(waits.iter().sum::<Duration>() < Duration::from_secs(11), "{waits:?}");
    }

    #[test]
    fn a_server_cannot_make_us_wait_for_ever() {
        let wait = Backoff::request().next(Some(Duration::from_secs(86_400))).expect("a first try");
        assert!(wait <= Duration::from_secs(5), "{wait:?}");
    }
}
