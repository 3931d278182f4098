//! Whether a lease that looks lapsed is. After a start, and after the database was away, rigs must first be able to say that
//! they still work: a rig whose heartbeats could not be written down has done nothing wrong.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// What must have worked for as long as a lease lasts. Reads count too: this replica may have no heartbeats to write, and what
/// it finds lapsed is then another replica's rig, whose heartbeats could not be written either.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    WriteHeartbeats,
    ReadLeases,
}

/// How long both acts have worked without a break that matters. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Amnesty(Arc<Mutex<[Streak; 2]>>);

#[derive(Debug, Clone, Copy)]
struct Streak {
    since: Instant,
    broken: Option<Instant>,
}

impl Default for Amnesty {
    /// Begins with the coordinator.
    fn default() -> Self {
        Self::beginning(Instant::now())
    }
}

impl Amnesty {
    fn beginning(since: Instant) -> Self {
        Self(Arc::new(Mutex::new([Streak { since, broken: None }; 2])))
    }

    /// An act has worked. A break shorter than `harmless` before it has cost nobody his lease.
    pub(crate) fn worked(&self, act: Act, harmless: Duration, now: Instant) {
        self.change(act, |streak| {
            if streak.broken.take().is_some_and(|broken| now.duration_since(broken) >= harmless) {
                streak.since = now;
            }
        });
    }

    /// An act has failed.
    pub(crate) fn failed(&self, act: Act, now: Instant) {
        self.change(act, |streak| streak.broken = streak.broken.or(Some(now)));
    }

    /// How long everything has worked; no time at all while something does not.
    pub(crate) fn steady_for(&self, now: Instant) -> Duration {
        let streaks = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let since = |streak: &Streak| if streak.broken.is_some() { Duration::ZERO } else { now.duration_since(streak.since) };
        streaks.iter().map(since).min().unwrap_or_default()
    }

    fn change(&self, act: Act, change: impl FnOnce(&mut Streak)) {
        let mut streaks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let [writes, reads] = &mut *streaks;
        change(match act {
            Act::WriteHeartbeats => writes,
            Act::ReadLeases => reads,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HARMLESS: Duration = Duration::from_secs(15);

    #[test]
    fn it_begins_anew_after_a_long_break_and_not_after_a_short_one() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let amnesty = Amnesty::beginning(start);
        amnesty.failed(Act::WriteHeartbeats, at(100));
        assert_eq!(amnesty.steady_for(at(100)), Duration::ZERO, "while it is broken nobody loses a lease");
        amnesty.worked(Act::WriteHeartbeats, HARMLESS, at(114));
        assert_eq!(amnesty.steady_for(at(114)).as_secs(), 114);
        amnesty.failed(Act::WriteHeartbeats, at(120));
        amnesty.failed(Act::WriteHeartbeats, at(130));
        amnesty.worked(Act::WriteHeartbeats, HARMLESS, at(140));
        assert_eq!(amnesty.steady_for(at(140)), Duration::ZERO, "a break lasts from its first failure");
        assert_eq!(amnesty.steady_for(at(145)).as_secs(), 5);
    }

    #[test]
    fn reading_again_does_not_make_up_for_heartbeats_that_are_not_written() {
        let start = Instant::now();
        let amnesty = Amnesty::beginning(start);
        amnesty.failed(Act::WriteHeartbeats, start);
        amnesty.worked(Act::ReadLeases, HARMLESS, start + HARMLESS);
        assert_eq!(amnesty.steady_for(start + HARMLESS), Duration::ZERO);
    }
}
