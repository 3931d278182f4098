//! Jobs that wait, grouped by what they want, and whose turn it is.
//!
//! Fairness is deficit round robin with the deficits kept as what each customer has been served: the one served least is
//! next, and a customer who comes back after a pause starts level with the others instead of with saved-up turns.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
};

use headframe_protocol::{CustomerId, JobId, Sha256, TimestampMs};

use super::{Capacity, QueuedJob, Want};

/// How many groups one rig looks at before it gives up for now. Groups differ in needs or price; a network sells few
/// kinds of work, and a rig that found nothing in so many is looked at again with the next event.
const GROUPS_LOOKED_AT_MAX: usize = 64;

/// Longer than any reader of the queue is on its way.
const TAKEN_KEPT_MS: u128 = 15_000;

/// All waiting jobs.
#[derive(Debug, Default)]
pub(super) struct Queue {
    jobs: HashMap<JobId, QueuedJob>,
    groups: HashMap<Want, Group>,
    /// The groups in turn, so that a rig which looks at a part of them begins elsewhere next time.
    turn: Vec<Want>,
    at: usize,
    served: HashMap<CustomerId, u64>,
    /// Jobs taken lately, with the epoch they had. A reader of the database that looked before the match was written down
    /// must not bring them back. Kept for one to two spans of [`TAKEN_KEPT_MS`].
    taken: [HashMap<JobId, u64>; 2],
    taken_since: TimestampMs,
    /// What the customer served last had been served: where newcomers start.
    level: u64,
}

/// Jobs that want the same.
#[derive(Debug, Default)]
struct Group {
    /// Oldest first. Entries of jobs taken or gone are dropped when met.
    of: HashMap<CustomerId, BinaryHeap<Reverse<(TimestampMs, JobId)>>>,
    /// Least served first. An entry whose figure is old is put back with the new one when met.
    order: BinaryHeap<Reverse<(u64, CustomerId)>>,
}

impl Queue {
    pub(super) fn len(&self) -> usize {
        self.jobs.len()
    }

    /// Takes note of a job; it waits only after [`Queue::ready`]. False if it is known in this epoch already.
    pub(super) fn insert(&mut self, job: QueuedJob) -> bool {
        let taken = self.taken.iter().any(|taken| taken.get(&job.id).is_some_and(|epoch| *epoch >= job.epoch));
        if taken || self.jobs.get(&job.id).is_some_and(|known| known.epoch >= job.epoch) {
            return false;
        }
        self.jobs.insert(job.id, job);
        true
    }

    /// The job may be given to a rig from now on.
    pub(super) fn ready(&mut self, id: JobId) -> Option<Want> {
        let job = self.jobs.get(&id)?;
        let want = job.want.clone();
        let group = self.groups.entry(want.clone()).or_insert_with(|| {
            self.turn.push(want.clone());
            Group::default()
        });
        let heap = group.of.entry(job.customer).or_default();
        if heap.is_empty() {
            let served = self.served.entry(job.customer).or_default();
            *served = (*served).max(self.level);
            group.order.push(Reverse((*served, job.customer)));
        }
        heap.push(Reverse((job.queued_ms, id)));
        Some(want)
    }

    pub(super) fn remove(&mut self, id: JobId) {
        self.jobs.remove(&id);
    }

    /// Every kind of want there is.
    pub(super) fn wants(&self) -> Vec<Want> {
        self.turn.clone()
    }

    /// A few kinds of want, others each time.
    pub(super) fn some_wants(&mut self, count: usize) -> Vec<Want> {
        let count = count.min(self.turn.len());
        (0..count)
            .map(|_| {
                self.at = (self.at + 1) % self.turn.len();
                self.turn[self.at].clone()
            })
            .collect()
    }

    /// The image of the job that is next among those that want `want`.
    pub(super) fn next_image(&mut self, want: &Want) -> Option<Sha256> {
        let (_, _, job) = self.head(want)?;
        self.jobs.get(&job).map(|job| job.image)
    }

    /// Among the groups that suit the rig, the one whose next customer was served least.
    pub(super) fn next_for(&mut self, rig: &Capacity) -> Option<Want> {
        let mut best: Option<(u64, TimestampMs, Want)> = None;
        let looks = self.turn.len().min(GROUPS_LOOKED_AT_MAX);
        let mut looked = 0;
        while looked < looks && !self.turn.is_empty() {
            looked += 1;
            self.at = (self.at + 1) % self.turn.len();
            let want = self.turn[self.at].clone();
            if !rig.suits(&want) {
                continue;
            }
            match self.head(&want) {
                Some((served, _, job)) => {
                    let queued = self.jobs.get(&job).map_or(TimestampMs::default(), |job| job.queued_ms);
                    if best.as_ref().is_none_or(|(least, oldest, _)| (served, queued) < (*least, *oldest)) {
                        best = Some((served, queued, want));
                    }
                }
                None => self.forget_group(self.at),
            }
        }
        best.map(|(_, _, want)| want)
    }

    /// Takes the job that is next among those that want `want`.
    pub(super) fn take(&mut self, want: &Want) -> Option<QueuedJob> {
        let (served, customer, id) = self.head(want)?;
        self.level = self.level.max(served);
        *self.served.entry(customer).or_default() += u64::from(want.slots());
        if let Some(heap) = self.groups.get_mut(want).and_then(|group| group.of.get_mut(&customer)) {
            heap.pop();
        }
        let job = self.jobs.remove(&id)?;
        self.taken[0].insert(id, job.epoch);
        Some(job)
    }

    /// A taken job may come back in the same epoch.
    pub(super) fn untake(&mut self, id: JobId) {
        for taken in &mut self.taken {
            taken.remove(&id);
        }
    }

    /// Forgets jobs taken long ago.
    pub(super) fn forget_taken(&mut self, now: TimestampMs) {
        if now.since(self.taken_since).as_millis() >= TAKEN_KEPT_MS {
            self.taken_since = now;
            self.taken[1] = std::mem::take(&mut self.taken[0]);
        }
    }

    /// Whose turn it is in a group, how much that customer was served, and his oldest job there.
    fn head(&mut self, want: &Want) -> Option<(u64, CustomerId, JobId)> {
        let Self { jobs, groups, served, .. } = self;
        let group = groups.get_mut(want)?;
        loop {
            let Reverse((figure, customer)) = *group.order.peek()?;
            let heap = group.of.entry(customer).or_default();
            while let Some(Reverse((queued, id))) = heap.peek() {
                // The same job may wait again with a later time; only that entry counts.
                if jobs.get(id).is_some_and(|job| job.queued_ms == *queued) {
                    break;
                }
                heap.pop();
            }
            let Some(Reverse((_, id))) = heap.peek() else {
                group.of.remove(&customer);
                group.order.pop();
                continue;
            };
            let now = served.get(&customer).copied().unwrap_or_default();
            if now > figure {
                group.order.pop();
                group.order.push(Reverse((now, customer)));
                continue;
            }
            return Some((now, customer, *id));
        }
    }

    fn forget_group(&mut self, at: usize) {
        let want = self.turn.swap_remove(at);
        self.groups.remove(&want);
        // Customers with nothing waiting keep no figure for ever: the level stands for them.
        if self.jobs.is_empty() {
            self.served.clear();
            self.level = 0;
        }
    }
}
