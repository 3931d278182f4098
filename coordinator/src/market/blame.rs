//! Whose fault it is when a job fails by its own doing: the job's, or that of a rig on which everything crashes.
//!
//! Nobody can tell from one failure. But a customer whose jobs fail on one rig after the other, are done well on none, and run on no
//! more rigs than they have failed on, has broken jobs; and a rig is known to be broken by others' getting on with what it fails.

use std::collections::{HashMap, HashSet};

use headframe_protocol::{CustomerId, DeviceId, TimestampMs};

/// Failing on fewer rigs than this excuses nobody: one other may be broken as well.
const RIGS_MIN: usize = 3;

/// Rigs remembered for all customers together. With more, a customer's further rigs are not counted for him.
const REMEMBERED_MAX: usize = 65_536;

/// A customer whose jobs have failed since the last one that was done well.
#[derive(Debug)]
struct Failing {
    since: TimestampMs,
    rigs: HashSet<DeviceId>,
    /// Whether the fault was found to be in his jobs.
    broken: bool,
}

/// Customers with failing jobs, and how many attempts of each customer run.
#[derive(Debug, Default)]
pub(super) struct Blame {
    failing: HashMap<CustomerId, Failing>,
    /// Rigs in all of them.
    remembered: usize,
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

    /// A customer's job failed by its own doing. Returns rigs that are excused of his failures from now on, this one among them, if
    /// the fault is in his jobs.
    pub(super) fn failed(&mut self, customer: CustomerId, device: DeviceId, window_ms: i64, now: TimestampMs) -> Vec<DeviceId> {
        let old = |since: TimestampMs| since.as_millis().saturating_add(window_ms) <= now.as_millis();
        if self.failing.get(&customer).is_some_and(|failing| old(failing.since)) {
            self.done(customer);
        }
        if self.remembered >= REMEMBERED_MAX {
            self.failing.retain(|_, failing| !old(failing.since));
            self.remembered = self.failing.values().map(|failing| failing.rigs.len()).sum();
        }
        let running = self.running.get(&customer).copied().unwrap_or(0) as usize;
        let anew = || Failing { since: now, rigs: HashSet::new(), broken: false };
        let failing = self.failing.entry(customer).or_insert_with(anew);
        if self.remembered < REMEMBERED_MAX && failing.rigs.insert(device) {
            self.remembered += 1;
        }
        let was_broken = failing.broken;
        failing.broken = failing.rigs.len() >= RIGS_MIN && failing.rigs.len() >= running;
        match (failing.broken, was_broken) {
            (true, false) => {
                let mut rigs: Vec<DeviceId> = failing.rigs.iter().copied().collect();
                // The same events give the same matches.
                rigs.sort_unstable();
                rigs
            }
            (true, true) => vec![device],
            (false, _) => Vec::new(),
        }
    }

    /// A customer's job was done well somewhere: his jobs can be done.
    pub(super) fn done(&mut self, customer: CustomerId) {
        if let Some(failing) = self.failing.remove(&customer) {
            self.remembered = self.remembered.saturating_sub(failing.rigs.len());
        }
    }
}
