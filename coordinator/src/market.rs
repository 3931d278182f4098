//! Who works for whom. Pure: no I/O, no clock, no async; the same events in the same order give the same matches for the
//! same seed.
//!
//! An index over the database's truth. Every event looks only at what it concerns: a new job at a handful of ready rigs
//! of the classes that fit, a rig that became free at the queues that fit it. Nothing ever walks over all rigs or all
//! jobs, so that the cost of a match does not grow with the size of the network.
//!
//! What is matched is only *reserved* here. [`crate::dispatch`] makes it true in the database, or gives it back.

use std::collections::{BTreeSet, HashMap, HashSet};

use headframe_protocol::{AttemptId, CustomerId, DeviceId, JobId, Micros, SessionId, Sha256, TimestampMs, rig::RigReport};

mod agent;
mod aisles;
mod apart;
mod asked;
mod blame;
mod capacity;
mod class;
mod country;
mod demand;
mod draw;
mod fleet;
mod held;
pub(crate) mod interrupts;
mod kept;
mod linked;
mod numbers;
mod queue;
mod record;
mod rigs;
mod shelf;
mod small;
mod traits;
#[cfg(test)]
mod tests;
mod verdict;
mod want;

pub use agent::Agent;
pub use class::Class;
pub use country::Country;
pub use demand::{Board, Prospects, Seeker};
pub use fleet::{Fleet, Tier};
pub use interrupts::{History, Ran};
pub use record::Backoff;
pub use verdict::Verdict;
pub use want::{GpuWant, Need, Want};

use apart::Apart;
use blame::Blame;
use capacity::Capacity;
use kept::KeptFree;
use linked::Linked;
use queue::{Kept, Next, Offer, Queue};
use rigs::{Reserved, Rigs};
use verdict::PAUSES_APART;

/// How many customers' next jobs, each of one kind of need, get another try with each tick.
const TRIES_PER_TICK: usize = 16;

/// A job that waits for a rig, with all that matching looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueuedJob {
    /// The job.
    pub id: JobId,
    /// Its epoch now; the attempt gets the next.
    pub epoch: u64,
    /// Whose.
    pub customer: CustomerId,
    /// What it asks of a rig.
    pub want: Want,
    /// The image; rigs that have it are preferred.
    pub image: Sha256,
    /// When it entered the queue.
    pub queued_ms: TimestampMs,
    /// Not before this.
    pub not_before_ms: TimestampMs,
}

/// A job and the rig it is reserved for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    /// The job, taken out of the queue.
    pub job: QueuedJob,
    /// The attempt this becomes if the database agrees.
    pub attempt: AttemptId,
    /// The rig.
    pub device: DeviceId,
    /// The session to push the offer to.
    pub session: SessionId,
    /// What the customer pays: the rig's ask now, frozen.
    pub price_per_hour: Micros,
    /// The rig's class.
    pub class: Class,
    /// How long the rig has waited for it, in seconds: since it became free for a job, or was given its last.
    pub waited_s: u32,
}

/// What customers pay for a rig whose owner wants at least `floor`: the least price that leaves him his floor after the fee.
#[must_use]
pub fn price(floor: Micros, fee_bps: u16) -> Micros {
    let keep = i128::from(10_000 - fee_bps.min(9_999));
    let price = (i128::from(floor.get().max(0)) * 10_000 + keep - 1) / keep;
    Micros::new(i64::try_from(price).unwrap_or(i64::MAX))
}

/// The index: ready rigs by class, waiting jobs by what they need.
#[derive(Debug)]
pub struct Market {
    rigs: Rigs,
    queue: Queue,
    apart: Apart,
    linked: Linked,
    blame: Blame,
    kept: KeptFree,
    /// The latest time an event told: those that tell none happen then.
    now: TimestampMs,
    /// Jobs that may not start yet, by when they may.
    later: BTreeSet<(TimestampMs, JobId)>,
    /// Rigs that back off, by until when.
    resting: BTreeSet<(TimestampMs, DeviceId)>,
    stopped: bool,
}

impl Market {
    /// An empty market. `seed` drives the sampling.
    #[must_use]
    pub fn new(backoff: Backoff, seed: u64) -> Self {
        Self {
            rigs: Rigs::new(backoff, seed),
            queue: Queue::default(),
            apart: Apart::default(),
            linked: Linked::default(),
            blame: Blame::default(),
            kept: KeptFree::default(),
            now: TimestampMs::default(),
            later: BTreeSet::new(),
            resting: BTreeSet::new(),
            stopped: false,
        }
    }

    /// A job waits. Known ones are passed over, so that hearing of one twice does no harm.
    pub fn job_queued(&mut self, job: QueuedJob, now: TimestampMs) -> Option<Match> {
        self.now = self.now.max(now);
        let (id, not_before) = (job.id, job.not_before_ms);
        if !self.queue.insert(job) {
            return None;
        }
        if not_before > now {
            self.later.insert((not_before, id));
            return None;
        }
        self.try_now(id)
    }

    /// Whether hearing of a job in this epoch would be news.
    #[must_use]
    pub fn knows(&self, job: JobId, epoch: u64) -> bool {
        self.queue.knows(job, epoch)
    }

    /// A match came to nothing for a reason that had nothing to do with the job; it waits again.
    pub fn give_back(&mut self, job: QueuedJob, now: TimestampMs) -> Option<Match> {
        self.queue.untake(job.id);
        self.job_queued(job, now)
    }

    /// A match came to nothing because the database did not give the job: it is gone, or somebody else's. Should it still
    /// wait there, because somebody else let go of it, a reader of the queue may bring it back.
    pub fn refused(&mut self, matched: &Match, now: TimestampMs) -> Vec<Match> {
        self.queue.untake(matched.job.id);
        self.released(matched.device, matched.attempt, Verdict::Void, now)
    }

    /// Jobs queued before `before` that are not among `seen` wait no longer. Returns how many there were.
    pub fn only_these_wait(&mut self, seen: &HashSet<JobId>, before: TimestampMs) -> usize {
        self.queue.keep_only(seen, before)
    }

    /// A job no longer waits.
    pub fn job_gone(&mut self, job: JobId) {
        self.queue.remove(job);
    }

    /// A rig is connected, or its session is a newer one. Replaces what was known of it, but not its back-off.
    pub fn rig_connected(&mut self, agent: Agent) -> Vec<Match> {
        let device = agent.device;
        self.rigs.connect(agent, self.now);
        // It may have come to rest while it was away.
        self.resting.extend(self.rigs.wake_at(device, self.now).map(|at| (at, device)));
        self.fill(device)
    }

    /// A session is over. Ignored if a newer one has replaced it.
    pub fn rig_gone(&mut self, device: DeviceId, session: SessionId) {
        let Some(held_for) = self.rigs.disconnect(device, session, self.now) else { return };
        self.kept.let_go(device);
        for customer in held_for {
            self.blame.ended(customer);
        }
    }

    /// A rig says what it is now, and whom its owner has blocked.
    pub fn rig_changed(
        &mut self,
        (device, session): (DeviceId, SessionId),
        report: &RigReport,
        blocked: HashSet<CustomerId>,
        fee_bps: u16,
    ) -> Vec<Match> {
        self.rigs.report((device, session), report, blocked, fee_bps, self.now);
        self.fill(device)
    }

    /// A rig takes offers now, or no longer.
    pub fn rig_ready(&mut self, device: DeviceId, session: SessionId, ready: bool) -> Vec<Match> {
        if self.rigs.set_ready(device, session, ready, self.now) { self.fill(device) } else { Vec::new() }
    }

    /// An attempt is over, or never came to be; its slots are free. Repeating it changes nothing.
    pub fn released(&mut self, device: DeviceId, attempt: AttemptId, verdict: Verdict, now: TimestampMs) -> Vec<Match> {
        self.now = self.now.max(now);
        if let Some((job, pauses)) = verdict.apart() {
            let until = now.as_millis().saturating_add(self.rigs.backoff().first_ms.saturating_mul(pauses));
            self.apart.keep(device, job, TimestampMs::from_millis(until));
        }
        let excused = self.blame(device, attempt, verdict, now);
        if let Some(at) = self.rigs.release((device, attempt), verdict, excused.contains(&device), now) {
            self.resting.insert((at, device));
        }
        let mut found = self.fill(device);
        for other in excused.into_iter().filter(|other| *other != device) {
            found.extend(self.fill(other));
        }
        found
    }

    /// Whether the fault of a failure is in the customer's jobs: then these rigs are excused of them.
    fn blame(&mut self, device: DeviceId, attempt: AttemptId, verdict: Verdict, now: TimestampMs) -> Vec<DeviceId> {
        let Some(customer) = self.rigs.customer_of(device, attempt) else { return Vec::new() };
        self.blame.ended(customer);
        match verdict {
            Verdict::Fine => {
                self.blame.done(customer);
                Vec::new()
            }
            Verdict::JobFailed { .. } => {
                let excused = self.blame.failed(customer, device, self.rigs.backoff().window_ms, now);
                for device in &excused {
                    self.rigs.excuse(*device, customer, now);
                }
                excused
            }
            Verdict::Yielded { .. }
            | Verdict::Unwilling { .. }
            | Verdict::Unwanted { .. }
            | Verdict::Void
            | Verdict::RigFailed => Vec::new(),
        }
    }

    /// A rig worked on an attempt for some time; how it ended tells how likely the next is to be interrupted.
    pub fn learn(&mut self, device: DeviceId, ran: Ran) {
        self.now = self.now.max(ran.to);
        self.rigs.learn(device, ran, self.now);
    }

    /// Who is linked to which rig, all of them.
    pub fn set_linked(&mut self, links: Vec<(CustomerId, DeviceId)>) {
        self.linked.set(links);
    }

    /// The database does not let a rig work for a customer it is linked to; the job waits for another.
    pub fn refused_as_linked(&mut self, matched: Match, now: TimestampMs) -> Vec<Match> {
        self.linked.add(matched.job.customer, matched.device);
        let mut found = self.released(matched.device, matched.attempt, Verdict::Void, now);
        found.extend(self.give_back(matched.job, now));
        found
    }

    /// The database does not let a rig do this very job; the job waits for another, and the rig for other work.
    pub fn refused_to_this_rig(&mut self, matched: Match, now: TimestampMs) -> Vec<Match> {
        let until = now.as_millis().saturating_add(self.rigs.backoff().first_ms.saturating_mul(PAUSES_APART));
        self.apart.keep(matched.device, matched.job.id, TimestampMs::from_millis(until));
        let mut found = self.released(matched.device, matched.attempt, Verdict::Void, now);
        found.extend(self.give_back(matched.job, now));
        found
    }

    /// The operator has stopped the network, or lets it go on. While stopped nothing is matched.
    pub fn set_stopped(&mut self, stopped: bool) -> Vec<Match> {
        if self.stopped == stopped {
            return Vec::new();
        }
        self.stopped = stopped;
        let mut found = Vec::new();
        if stopped {
            return found;
        }
        // In turns and each to the best of a few rigs, as if the jobs came now; then each rig that is still free looks itself.
        let mut kinds = self.queue.kinds();
        while !kinds.is_empty() {
            kinds.retain(|kind| {
                let placed = self.queue.next_of(*kind).and_then(|job| self.place(job));
                let more = placed.is_some();
                found.extend(placed);
                more
            });
        }
        for device in self.rigs.ready() {
            found.extend(self.fill(device));
        }
        found
    }

    /// Time has passed: jobs that may start now, rigs that have rested. At most `limit` of each.
    pub fn tick(&mut self, now: TimestampMs, limit: usize) -> Vec<Match> {
        self.now = self.now.max(now);
        self.queue.forget_taken(now);
        let mut found = Vec::new();
        for _ in 0..limit {
            let Some(&(_, job)) = self.later.first().filter(|(at, _)| *at <= now) else { break };
            self.later.pop_first();
            found.extend(self.try_now(job));
        }
        for _ in 0..limit {
            let Some(&(_, device)) = self.resting.first().filter(|(at, _)| *at <= now) else { break };
            self.resting.pop_first();
            if let Some(at) = self.rigs.rested(device, now) {
                self.resting.insert((at, device));
            }
            found.extend(self.fill(device));
        }
        for _ in 0..limit {
            let Some(device) = self.apart.end_one(now) else { break };
            found.extend(self.fill(device));
        }
        for device in self.kept.for_nobody(|kind| self.queue.has_kind(kind)) {
            self.rigs.keep(device, false, now);
            found.extend(self.fill(device));
        }
        // Jobs few rigs can do may have missed them; a few get another try each time.
        for job in self.queue.some(TRIES_PER_TICK) {
            found.extend(self.place(job));
        }
        found
    }

    /// When [`Market::tick`] has something to do next.
    #[must_use]
    pub fn next_tick(&self) -> Option<TimestampMs> {
        let later = self.later.first().map(|&(at, _)| at);
        let rested = self.resting.first().map(|&(at, _)| at);
        [later, rested, self.apart.next()].into_iter().flatten().min()
    }

    /// How many jobs wait here.
    #[must_use]
    pub fn jobs_waiting(&self) -> usize {
        self.queue.len()
    }

    /// A copy of what is connected. Takes a look at every rig.
    #[must_use]
    pub fn fleet(&self) -> Fleet {
        self.rigs.fleet()
    }

    /// A copy of what waits. Takes a look at thousands of jobs.
    #[must_use]
    pub fn board(&self) -> Board {
        Board::new(self.queue.waiting(), self.apart.pairs(), self.stopped)
    }

    /// A rig that is connected, as far as what it may be given depends on it.
    #[must_use]
    pub fn seeker(&self, device: DeviceId) -> Option<Seeker> {
        self.rigs.seeker(device, self.linked.of(device), self.now)
    }

    /// How many rigs are connected.
    #[must_use]
    pub fn rigs(&self) -> usize {
        self.rigs.len()
    }

    /// Changes when what [`Market::fleet`] tells may have changed.
    #[must_use]
    pub fn fleet_version(&self) -> u64 {
        self.rigs.version()
    }

    /// A job may be given to a rig from now on. Whose turn it is among those that need the same has the first try.
    fn try_now(&mut self, job: JobId) -> Option<Match> {
        let next = self.queue.ready(job)?;
        let found = self.place(next);
        // The one whose turn it is may pay less than anybody asks, or be kept apart from the rigs that are free.
        if found.is_some() || next == job { found } else { self.place(job) }
    }

    /// Tries to give a job to a rig.
    fn place(&mut self, id: JobId) -> Option<Match> {
        if self.stopped {
            return None;
        }
        let Self { queue, rigs, apart, linked, now, .. } = self;
        let job = queue.get(id)?;
        let (apart, by_card) = (apart.from(id), job.want.need.by_card);
        let barred = |device| by_card && linked.are(job.customer, device);
        let may = |device| apart.iter().all(|(known, _)| *known != device) && !barred(device);
        // Most jobs may go to any rig; then the rigs themselves are not looked at.
        let device = if apart.is_empty() && !by_card {
            rigs.candidate(job, *now, None::<fn(DeviceId) -> bool>)
        } else {
            rigs.candidate(job, *now, Some(may))
        }?;
        self.reserve(id, device)
    }

    /// Gives a rig jobs until its slots are taken or nothing fits.
    fn fill(&mut self, device: DeviceId) -> Vec<Match> {
        let mut found = Vec::new();
        while !self.stopped {
            match self.next_for(device) {
                Next::Job(job) => match self.reserve(job, device) {
                    Some(matched) => found.push(matched),
                    None => break,
                },
                Next::Keep(kind) => self.keep_free(kind, device),
                Next::Nothing => break,
            }
        }
        found
    }

    fn next_for(&mut self, device: DeviceId) -> Next {
        let Self { queue, rigs, apart, linked, kept, now, .. } = self;
        let unwelcome = rigs.barred(device, *now);
        let Some((agent, free)) = rigs.offer_of(device) else { return Next::Nothing };
        let offer = Offer { class: &agent.class, free, whole: agent.capacity };
        let (linked, blocked) = (linked.of(device), &agent.told.blocked);
        let barred = |by_card: bool, customer: CustomerId| {
            (by_card && linked.is_some_and(|linked| linked.contains(&customer)))
                || unwelcome.contains(&customer)
                || blocked.contains(&customer)
        };
        let may = |job| !apart.are(device, job);
        let is_kept = rigs.is_kept(device);
        if let Some(kind) = kept.kind_of(device).filter(|_| is_kept) {
            match queue.next_of_kept(kind, &offer, barred, may) {
                Kept::Free(job) => return Next::Job(job),
                Kept::NotYet => return Next::Nothing,
                Kept::ForNobody => {}
            }
            kept.let_go(device);
            rigs.keep(device, false, *now);
            return self.next_for(device);
        }
        kept.let_go(device);
        queue.next_for(&offer, barred, may)
    }

    /// Keeps a rig free for jobs that were passed over, if not another is that will be free sooner.
    fn keep_free(&mut self, kind: u64, device: DeviceId) {
        let Self { queue, rigs, kept, now, .. } = self;
        queue.forget_passed(kind);
        let free = |device| rigs.offer_of(device).map_or(0, |(_, free)| free.slots_free);
        let other = kept.device_of(kind);
        if other.map_or_else(|| kept.is_full(rigs.len()), |other| free(other) >= free(device)) {
            return;
        }
        if rigs.keep(device, true, *now) {
            kept.keep(kind, device);
            if let Some(other) = other {
                rigs.keep(other, false, *now);
                // It takes other work with the next tick.
                self.resting.insert((*now, other));
            }
        }
    }

    fn reserve(&mut self, job: JobId, device: DeviceId) -> Option<Match> {
        let job = self.queue.take(job)?;
        let attempt = AttemptId::generate();
        if self.kept.let_go(device) {
            self.rigs.keep(device, false, self.now);
        }
        let Reserved { session, price_per_hour, class, waited_s, wake_at } =
            self.rigs.reserve(device, attempt, &job, self.now)?;
        self.blame.began(job.customer);
        self.resting.extend(wake_at.map(|at| (at, device)));
        Some(Match { job, attempt, device, session, price_per_hour, class, waited_s })
    }
}

/// Rigs by device; the type is named because three files pass it around.
pub(crate) type ByDevice<T> = HashMap<DeviceId, T>;
