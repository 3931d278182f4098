//! Jobs that wait, grouped by what they need of a rig, and whose turn it is.
//!
//! Fairness is deficit round robin (Shreedhar and Varghese 1996) with the deficits kept as what each customer has been served: the one
//! served least is next, and a customer who comes back after a pause starts level with the others instead of with saved-up turns. How
//! far a customer can be behind or ahead of the [`Level`] is bounded, so that nobody waits for ever, whoever comes after him.
//!
//! What a rig looks at is bounded per customer, so that nobody can hide the jobs of others behind his own: a customer takes
//! part with a limited number of kinds of need at a time, and within a kind each look is at another customer.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use headframe_protocol::{CustomerId, JobId, Micros, TimestampMs};

use super::{Capacity, Class, Need, QueuedJob};
pub(super) use kind::Seated;
use kind::{Kind, Turn};
use level::{Level, SLOT};

mod kind;
mod level;

/// Kinds that suit which one rig looks at before it takes the best of them. Kinds that do not suit cost a comparison and do
/// not count.
const KINDS_LOOKED_AT_MAX: usize = 256;

/// Kinds of need one customer's jobs take part with at the same moment: an eighth of what a rig looks at. Jobs of further
/// kinds wait outside until one of these has no job left.
const KINDS_PER_CUSTOMER_MAX: usize = 32;

/// Longer than any reader of the queue is on its way.
const TAKEN_KEPT_MS: u128 = 15_000;

/// Looks at rigs with too few free slots before one of them is kept free for a job. Often enough for a rig with room to be found first.
const PASSED_MAX: u32 = 64;

/// A rig that looks for a job.
pub(super) struct Offer<'a> {
    pub(super) class: &'a Class,
    /// What of it is free now.
    pub(super) free: Capacity,
    /// What it has with all its slots.
    pub(super) whole: Capacity,
}

/// What a rig that looks for a job finds.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// This job.
    Job(JobId),
    /// Jobs of this kind were passed over often, because they need more slots than are ever free at once.
    Keep(u64),
    Nothing,
}

/// What a rig finds that is kept free for a kind of jobs.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kept {
    /// Enough is free for this job.
    Free(JobId),
    /// Not enough is free yet.
    NotYet,
    /// There is no such job any more that it could be given.
    ForNobody,
}

/// All waiting jobs.
#[derive(Debug, Default)]
pub(super) struct Queue {
    jobs: HashMap<JobId, QueuedJob>,
    kinds: BTreeMap<u64, Kind>,
    by_need: HashMap<Need, u64>,
    /// Every customer's place in every kind he has jobs of, by number.
    seats: BTreeMap<u64, (u64, CustomerId)>,
    customers: HashMap<CustomerId, Customer>,
    /// The last number given to a kind or a seat.
    numbered: u64,
    /// The kind and the seat looked at last, so that who looks at a part of them begins elsewhere next time.
    kind_at: u64,
    seat_at: u64,
    /// Jobs taken lately, with the epoch they had. A reader of the database that looked before the match was written down
    /// must not bring them back. Kept for one to two spans of [`TAKEN_KEPT_MS`].
    taken: [HashMap<JobId, u64>; 2],
    taken_since: TimestampMs,
    /// Where newcomers start.
    level: Level,
    /// Customers with a seat.
    seated: u64,
}

/// A customer with jobs.
#[derive(Debug, Default)]
struct Customer {
    /// Slots given to his jobs, as [`Level`] counts.
    served: u64,
    /// Kinds he takes part with.
    kinds: usize,
    /// What waits outside, the kind that came first at the front.
    outside: VecDeque<Need>,
    jobs_outside: HashMap<Need, Vec<JobId>>,
}

impl Queue {
    pub(super) fn len(&self) -> usize {
        self.jobs.len()
    }

    pub(super) fn get(&self, id: JobId) -> Option<&QueuedJob> {
        self.jobs.get(&id)
    }

    #[cfg(test)]
    pub(super) fn get_all(&self) -> impl Iterator<Item = &QueuedJob> {
        self.jobs.values()
    }

    /// Whether a job is known in this epoch or a later one.
    pub(super) fn knows(&self, id: JobId, epoch: u64) -> bool {
        let taken = self.taken.iter().any(|taken| taken.get(&id).is_some_and(|known| *known >= epoch));
        taken || self.jobs.get(&id).is_some_and(|known| known.epoch >= epoch)
    }

    /// Takes note of a job; it waits only after [`Queue::ready`]. False if it is known in this epoch already.
    pub(super) fn insert(&mut self, job: QueuedJob) -> bool {
        if self.knows(job.id, job.epoch) {
            return false;
        }
        self.remove(job.id);
        self.jobs.insert(job.id, job);
        true
    }

    /// The job may be given to a rig from now on. Returns whose turn it is among those that need the same; nothing if the
    /// job has to wait outside.
    pub(super) fn ready(&mut self, id: JobId) -> Option<JobId> {
        let job = self.jobs.get(&id)?;
        let customer = self.customers.entry(job.customer).or_default();
        let number = self.by_need.get(&job.want.need).copied();
        let seated = number.and_then(|number| self.kinds.get(&number)).is_some_and(|kind| kind.has(job.customer));
        if !seated && customer.kinds >= KINDS_PER_CUSTOMER_MAX {
            let need = &job.want.need;
            if !customer.jobs_outside.contains_key(need) {
                customer.outside.push_back(need.clone());
            }
            customer.jobs_outside.entry(need.clone()).or_default().push(id);
            return None;
        }
        let number = number.unwrap_or_else(|| {
            self.numbered += 1;
            self.by_need.insert(job.want.need.clone(), self.numbered);
            self.kinds.insert(self.numbered, Kind::new(job.want.need.clone()));
            self.numbered
        });
        let kind = self.kinds.get_mut(&number)?;
        if !seated {
            // Level with those who wait for the same; with all others if nobody does.
            let level = self.level.now();
            customer.served = customer.served.max(kind.least_served().map_or(level, |least| least.min(level)));
            self.seated += u64::from(customer.kinds == 0);
            customer.kinds += 1;
            self.numbered += 1;
            self.seats.insert(self.numbered, (number, job.customer));
            kind.sit(job.customer, customer.served, self.numbered);
        }
        kind.add(job);
        kind.next(&self.customers, self.level, Micros::ZERO, |_| false, |_| true).map(|turn| turn.job)
    }

    pub(super) fn remove(&mut self, id: JobId) -> Option<QueuedJob> {
        let job = self.jobs.remove(&id)?;
        self.leave(&job);
        Some(job)
    }

    /// Forgets jobs queued before `before` that are not among `seen`, and returns how many.
    pub(super) fn keep_only(&mut self, seen: &HashSet<JobId>, before: TimestampMs) -> usize {
        let gone: Vec<JobId> =
            self.jobs.values().filter(|job| job.queued_ms < before && !seen.contains(&job.id)).map(|job| job.id).collect();
        for id in &gone {
            self.remove(*id);
        }
        gone.len()
    }

    /// Every kind of need there is, by number.
    pub(super) fn kinds(&self) -> Vec<u64> {
        self.kinds.keys().copied().collect()
    }

    /// The job whose turn it is in a kind.
    pub(super) fn next_of(&mut self, kind: u64) -> Option<JobId> {
        self.kinds.get_mut(&kind)?.next(&self.customers, self.level, Micros::ZERO, |_| false, |_| true).map(|turn| turn.job)
    }

    /// A few jobs, each of another customer or kind, others each time.
    pub(super) fn some(&mut self, count: usize) -> Vec<JobId> {
        let ahead = self.seats.range(self.seat_at + 1..).chain(self.seats.range(..=self.seat_at));
        let seats: Vec<(u64, (u64, CustomerId))> = ahead.take(count).map(|(number, seat)| (*number, *seat)).collect();
        self.seat_at = seats.last().map_or(self.seat_at, |(number, _)| *number);
        let first = |(_, (kind, customer))| self.kinds.get(&kind)?.first_of(customer);
        seats.into_iter().filter_map(first).collect()
    }

    /// Among the jobs that suit the rig and that it `may` be given, the one whose customer was served least, `barred` ones aside: for
    /// jobs paid by card others may be than for the rest.
    pub(super) fn next_for(
        &mut self,
        rig: &Offer<'_>,
        barred: impl Fn(bool, CustomerId) -> bool,
        may: impl Fn(JobId) -> bool,
    ) -> Next {
        let Self { kinds, customers, level, kind_at, .. } = self;
        let begin = *kind_at + 1;
        let (mut best, mut passed, mut looked_at) = (None::<Turn>, None::<(u32, u64)>, 0);
        // Twice, for a map that is being changed cannot be chained with itself.
        for (from, to) in [(begin, u64::MAX), (0, begin)] {
            for (number, kind) in kinds.range_mut(from..to) {
                if looked_at >= KINDS_LOOKED_AT_MAX {
                    break;
                }
                if !rig.whole.fits(&kind.need) || !rig.class.suits(&kind.need) {
                    continue;
                }
                looked_at += 1;
                *kind_at = *number;
                let by_card = kind.need.by_card;
                if !rig.free.fits(&kind.need) {
                    kind.passed = kind.passed.saturating_add(1);
                    if kind.passed >= PASSED_MAX && kind.pays(rig.free.price_per_hour, |customer| barred(by_card, customer)) {
                        passed = passed.max(Some((kind.passed, *number)));
                    }
                    continue;
                }
                let turn = kind.next(customers, *level, rig.free.price_per_hour, |customer| barred(by_card, customer), &may);
                best = [best, turn].into_iter().flatten().min();
            }
        }
        match (passed, best) {
            (Some((_, kind)), _) => Next::Keep(kind),
            (None, Some(turn)) => Next::Job(turn.job),
            (None, None) => Next::Nothing,
        }
    }

    /// The same among the jobs of one kind, for a rig that is kept free for it.
    pub(super) fn next_of_kept(
        &mut self,
        number: u64,
        rig: &Offer<'_>,
        barred: impl Fn(bool, CustomerId) -> bool,
        may: impl Fn(JobId) -> bool,
    ) -> Kept {
        let Self { kinds, customers, level, .. } = self;
        let price = rig.free.price_per_hour;
        let suits = |kind: &&mut Kind| {
            rig.whole.fits(&kind.need)
                && rig.class.suits(&kind.need)
                && kind.pays(price, |customer| barred(kind.need.by_card, customer))
        };
        let Some(kind) = kinds.get_mut(&number).filter(suits) else { return Kept::ForNobody };
        if !rig.free.fits(&kind.need) {
            return Kept::NotYet;
        }
        let by_card = kind.need.by_card;
        let turn = kind.next(customers, *level, price, |customer| barred(by_card, customer), may);
        turn.map_or(Kept::ForNobody, |turn| Kept::Free(turn.job))
    }

    /// Jobs of this kind have a rig that is kept for them, or are not to be kept one for now; they begin to be passed over anew.
    pub(super) fn forget_passed(&mut self, number: u64) {
        if let Some(kind) = self.kinds.get_mut(&number) {
            kind.passed = 0;
        }
    }

    /// Jobs that may be given to a rig, by kind, customer and rank.
    pub(super) fn waiting(&self) -> impl Iterator<Item = (&Need, impl Iterator<Item = Seated<'_>>)> {
        self.kinds.values().map(|kind| (&kind.need, kind.seated()))
    }

    pub(super) fn has_kind(&self, number: u64) -> bool {
        self.kinds.contains_key(&number)
    }

    /// Takes a job out, to be given to a rig.
    pub(super) fn take(&mut self, id: JobId) -> Option<QueuedJob> {
        let job = self.jobs.remove(&id)?;
        let slots = u64::from(job.want.slots());
        self.level.serve(slots, self.seated);
        if let Some(customer) = self.customers.get_mut(&job.customer) {
            customer.served = (customer.served.max(self.level.least()) + slots * SLOT).min(self.level.most());
        }
        if let Some(kind) = self.by_need.get(&job.want.need).and_then(|number| self.kinds.get_mut(number)) {
            kind.passed = 0;
        }
        self.leave(&job);
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

    /// A job is gone: so may be its customer's seat, and its kind.
    fn leave(&mut self, job: &QueuedJob) {
        if self.jobs.is_empty() {
            // Customers with nothing waiting keep no figure for ever: the level stands for them.
            self.customers.clear();
            (self.level, self.seated) = (Level::default(), 0);
        }
        let Some(number) = self.by_need.get(&job.want.need).copied() else { return };
        let Some(kind) = self.kinds.get_mut(&number) else { return };
        let Some(seat) = kind.remove(job) else { return };
        if kind.is_empty() {
            self.kinds.remove(&number);
            self.by_need.remove(&job.want.need);
        }
        self.seats.remove(&seat);
        if let Some(customer) = self.customers.get_mut(&job.customer) {
            customer.kinds = customer.kinds.saturating_sub(1);
            let gone = customer.kinds == 0;
            self.seated = self.seated.saturating_sub(u64::from(gone));
            // Who was served no more than a newcomer is one.
            if gone && customer.served <= self.level.now() && customer.outside.is_empty() {
                self.customers.remove(&job.customer);
            }
            self.let_in(job.customer);
        }
    }

    /// A seat is free for a customer whose jobs may wait outside.
    fn let_in(&mut self, customer: CustomerId) {
        while let Some(waiting) = self.customers.get_mut(&customer)
            && waiting.kinds < KINDS_PER_CUSTOMER_MAX
            && let Some(need) = waiting.outside.pop_front()
        {
            for id in waiting.jobs_outside.remove(&need).unwrap_or_default() {
                self.ready(id);
            }
        }
    }
}
