//! Whose fault it is when a job fails by its own doing: the job's, or that of a rig on which everything crashes.
//!
//! Nobody can tell from one failure. But a customer whose jobs fail on one rig after the other, are done well on none, and of whose jobs
//! no more run than have failed, has broken jobs; and a rig is known to be broken by others' getting on with what it fails.

use std::collections::HashMap;

use headframe_protocol::{CustomerId, DeviceId, TimestampMs};

/// Failing on this many other rigs may excuse the next. One other may be broken as well.
const OTHERS: usize = 2;

/// Rigs remembered for a customer: more tell nothing more.
const RIGS_MAX: usize = 8;

/// Customers remembered before those of long ago are looked for and forgotten.
const CUSTOMERS_MAX: usize = 4_096;

/// A customer whose jobs have failed since the last one that was done well.
#[derive(Debug, Default)]
struct Failing {
    /// How many.
    failed: u32,
    /// On which rigs, and when.
    rigs: Vec<(DeviceId, TimestampMs)>,
}

/// Customers with failing jobs, and how many attempts of each customer run.
#[derive(Debug, Default)]
pub(super) struct Blame {
    failing: HashMap<CustomerId, Failing>,
    running: HashMap<CustomerId, u32>,
}

impl Blame {
    /// A job of a customer was given to a rig.
    pub(super) fn began(&mut self, customer: CustomerId) {
        *self.running.entry(customer).or_default() += 1;
    }

    /// It is over, however it went.
    pub(super) fn ended(&mut self, customer: CustomerId) {
        if let Some(running) = self.running.get_mut(&customer) {
            *running = running.saturating_sub(1);
            if *running == 0 {
                self.running.remove(&customer);
            }
        }
    }

    /// A customer's job failed by its own doing. Returns the rigs that are excused of his failures now, this one among them, if the
    /// fault is in his jobs.
    pub(super) fn failed(&mut self, customer: CustomerId, device: DeviceId, window_ms: i64, now: TimestampMs) -> Vec<DeviceId> {
        let old = |at: TimestampMs| at.as_millis().saturating_add(window_ms) <= now.as_millis();
        if self.failing.len() >= CUSTOMERS_MAX && !self.failing.contains_key(&customer) {
            self.failing.retain(|_, failing| failing.rigs.iter().any(|(_, at)| !old(*at)));
        }
        let Failing { failed, rigs } = self.failing.entry(customer).or_default();
        rigs.retain(|(known, at)| *known != device && !old(*at));
        // Failures that nobody remembers the rigs of count no more.
        *failed = if rigs.is_empty() { 1 } else { failed.saturating_add(1) };
        let running = self.running.get(&customer).copied().unwrap_or(0);
        let excused = rigs.len() >= OTHERS && *failed >= running;
        if rigs.len() >= RIGS_MAX {
            rigs.remove(0);
        }
        rigs.push((device, now));
        if excused { rigs.iter().map(|(device, _)| *device).collect() } else { Vec::new() }
    }

    /// A customer's job was done well somewhere: his jobs can be done.
    pub(super) fn done(&mut self, customer: CustomerId) {
        self.failing.remove(&customer);
    }
}
