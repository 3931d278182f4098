//! Whose fault it is when a job fails by its own doing: the job's, or that of a rig on which everything crashes.
//!
//! Nobody can tell from one failure. But a customer whose jobs fail on one rig after the other, and are done well on none, has broken
//! jobs; and a rig is known to be broken by others' success with what it fails.

use std::collections::HashMap;

use headframe_protocol::{CustomerId, DeviceId, TimestampMs};

/// Failing on this many other rigs excuses the next. One other may be broken as well.
const OTHERS: usize = 2;

/// Rigs remembered for a customer: more tell nothing more.
const RIGS_MAX: usize = 8;

/// Customers remembered before those of long ago are looked for and forgotten.
const CUSTOMERS_MAX: usize = 4_096;

/// Customers whose jobs have failed since the last one that was done well, with the rigs and when.
#[derive(Debug, Default)]
pub(super) struct Blame {
    failing: HashMap<CustomerId, Vec<(DeviceId, TimestampMs)>>,
}

impl Blame {
    /// A customer's job failed by its own doing. Returns the rigs that are excused of his failures now, this one among them, if the
    /// fault is in his jobs.
    pub(super) fn failed(&mut self, customer: CustomerId, device: DeviceId, window_ms: i64, now: TimestampMs) -> Vec<DeviceId> {
        let old = |at: TimestampMs| at.as_millis().saturating_add(window_ms) <= now.as_millis();
        if self.failing.len() >= CUSTOMERS_MAX && !self.failing.contains_key(&customer) {
            self.failing.retain(|_, rigs| rigs.iter().any(|(_, at)| !old(*at)));
        }
        let rigs = self.failing.entry(customer).or_default();
        rigs.retain(|(known, at)| *known != device && !old(*at));
        let excused = rigs.len() >= OTHERS;
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
