//! The only place that asks the machine what time it is.
//!
//! Leases are decided by the database's clock, so that replicas whose machines disagree cannot take a lease from one
//! another. Asking the database each time would cost a round trip; instead each replica measures how far its own clock
//! is from the database's ([`crate::store::Store::measure_clock`]) and adds that difference to everything it reads here.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use headframe_protocol::TimestampMs;

/// The time as the database tells it. Clones share the measured difference.
#[derive(Debug, Clone, Default)]
pub struct Clock {
    offset_ms: Arc<AtomicI64>,
    /// Where a test has stopped it; zero while it goes.
    #[cfg(test)]
    stopped_ms: Arc<AtomicI64>,
}

impl Clock {
    /// Milliseconds since 1970 on the database's clock.
    #[must_use]
    pub fn now(&self) -> TimestampMs {
        #[cfg(test)]
        if let stopped @ 1.. = self.stopped_ms.load(Ordering::Relaxed) {
            return TimestampMs::from_millis(stopped);
        }
        TimestampMs::from_millis(machine_ms() + self.offset_ms.load(Ordering::Relaxed))
    }

    /// It is `now`, until a test says otherwise.
    #[cfg(test)]
    pub(crate) fn stop_at(&self, now: TimestampMs) {
        self.stopped_ms.store(now.as_millis(), Ordering::Relaxed);
    }

    /// Takes over the database's time. `asked_ms` and `answered_ms` are this machine's times around the question; the
    /// answer is taken to have been given half way between.
    pub(crate) fn synchronise(&self, asked_ms: i64, answered_ms: i64, database_ms: i64) {
        let half_way = asked_ms + (answered_ms - asked_ms) / 2;
        self.offset_ms.store(database_ms - half_way, Ordering::Relaxed);
    }
}

/// Milliseconds since 1970 on this machine's own clock.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the system's clock")]
pub(crate) fn machine_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
