//! Jobs and rigs that are kept apart for a while: the rig gave the job back, and others should have their try first.

use std::collections::{BTreeSet, HashMap};

use headframe_protocol::{DeviceId, JobId, TimestampMs};

/// Pairs kept apart, by job: most jobs were never given back, and then nothing is looked at for any rig. How many there are is
/// bounded by rigs' slots and by the pause that follows each time, which doubles.
#[derive(Debug, Default)]
pub(super) struct Apart {
    pairs: HashMap<JobId, Vec<(DeviceId, TimestampMs)>>,
    ends: BTreeSet<(TimestampMs, DeviceId, JobId)>,
}

impl Apart {
    pub(super) fn keep(&mut self, device: DeviceId, job: JobId, until: TimestampMs) {
        let rigs = self.pairs.entry(job).or_default();
        rigs.retain(|(known, _)| *known != device);
        rigs.push((device, until));
        self.ends.insert((until, device, job));
    }

    /// The rigs a job is kept apart from, each with until when.
    pub(super) fn from(&self, job: JobId) -> &[(DeviceId, TimestampMs)] {
        self.pairs.get(&job).map_or(&[], Vec::as_slice)
    }

    pub(super) fn are(&self, device: DeviceId, job: JobId) -> bool {
        self.from(job).iter().any(|(known, _)| *known == device)
    }

    /// All pairs that are kept apart.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (DeviceId, JobId)> {
        self.pairs.iter().flat_map(|(job, rigs)| rigs.iter().map(|(device, _)| (*device, *job)))
    }

    /// When the next pair may meet again.
    pub(super) fn next(&self) -> Option<TimestampMs> {
        self.ends.first().map(|&(at, _, _)| at)
    }

    /// The rig of a pair that may meet again since `now`; it is not returned twice.
    pub(super) fn end_one(&mut self, now: TimestampMs) -> Option<DeviceId> {
        let &(at, device, job) = self.ends.first().filter(|(at, _, _)| *at <= now)?;
        self.ends.pop_first();
        let rigs = self.pairs.get_mut(&job)?;
        // Kept apart again in the meantime, that end counts and not this one.
        rigs.retain(|(known, until)| *known != device || *until > at);
        if rigs.is_empty() {
            self.pairs.remove(&job);
        }
        Some(device)
    }
}
