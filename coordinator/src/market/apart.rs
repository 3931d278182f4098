//! Jobs and rigs that are kept apart for a while: the rig gave the job back, and others should have their try first.

use std::collections::{BTreeSet, HashMap};

use headframe_protocol::{DeviceId, JobId, TimestampMs};

use super::ByDevice;

/// Pairs kept apart. How many a rig can be in is bounded by its slots and by the pause that follows each time it gives one
/// back, which doubles.
#[derive(Debug, Default)]
pub(super) struct Apart {
    pairs: ByDevice<HashMap<JobId, TimestampMs>>,
    ends: BTreeSet<(TimestampMs, DeviceId, JobId)>,
}

impl Apart {
    pub(super) fn keep(&mut self, device: DeviceId, job: JobId, until: TimestampMs) {
        self.pairs.entry(device).or_default().insert(job, until);
        self.ends.insert((until, device, job));
    }

    pub(super) fn are(&self, device: DeviceId, job: JobId) -> bool {
        self.pairs.get(&device).is_some_and(|jobs| jobs.contains_key(&job))
    }

    /// When the next pair may meet again.
    pub(super) fn next(&self) -> Option<TimestampMs> {
        self.ends.first().map(|&(at, _, _)| at)
    }

    /// The rig of a pair that may meet again since `now`; it is not returned twice.
    pub(super) fn end_one(&mut self, now: TimestampMs) -> Option<DeviceId> {
        let &(at, device, job) = self.ends.first().filter(|(at, _, _)| *at <= now)?;
        self.ends.pop_first();
        let jobs = self.pairs.get_mut(&device)?;
        // Kept apart again in the meantime, that end counts and not this one.
        if jobs.get(&job).is_some_and(|until| *until <= at) {
            jobs.remove(&job);
        }
        if jobs.is_empty() {
            self.pairs.remove(&device);
        }
        Some(device)
    }
}
