//! Who works for whom. Pure: no I/O, no clock, no async; the same events in the same order give the same matches for the
//! same seed.
//!
//! An index over the database's truth. Every event looks only at what it concerns: a new job at a handful of ready rigs
//! of the classes that fit, a rig that became free at the queues that fit it. Nothing ever walks over all rigs or all
//! jobs, so that the cost of a match does not grow with the size of the network.
//!
//! What is matched is only *reserved* here. [`crate::dispatch`] makes it true in the database, or gives it back.

use std::collections::{BTreeSet, HashMap, HashSet};

use headframe_protocol::{
    AttemptId, CustomerId, DeviceId, JobId, Micros, SessionId, Sha256, TimestampMs,
    api::Pot,
    job::{GpuNeed, JobSpec, Trust},
    rig::RigReport,
};

mod apart;
mod class;
mod linked;
mod queue;
mod rigs;
#[cfg(test)]
mod tests;

pub use class::Class;
pub use rigs::{Agent, Backoff};

use apart::Apart;
use linked::Linked;
use queue::Queue;
use rigs::Rigs;

/// How many customers' next jobs, each of one kind of need, get another try with each tick.
const TRIES_PER_TICK: usize = 16;

/// A rig and a job it gave back are kept apart for this many of its first pauses: half a minute with the default timers. Long
/// enough for every other rig to have its try, short enough for a network of one rig.
const PAUSES_APART: i64 = 6;

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

/// What a job asks of a rig.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Want {
    /// What the rig must have.
    pub need: Need,
    /// The most it pays.
    pub price_per_hour_max: Micros,
}

/// What a rig must have for a job. To a rig that has it, jobs of the same need differ only in what they pay.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Need {
    /// GPUs, how many and which.
    pub gpu: Option<GpuWant>,
    /// Processor cores.
    pub cpu: u16,
    /// Memory.
    pub memory_gib: u16,
    /// Disk.
    pub disk_gib: u16,
    /// How many bytes an attempt may exchange with hosts of the internet; 0 for a job that needs none.
    pub egress_bytes: u64,
    /// The least trusted kind of rig.
    pub trust: Trust,
    /// Whether the job is paid by card. Then it is never done by a rig that its customer is linked to, or a stolen card could be
    /// turned into earnings.
    pub by_card: bool,
}

/// GPUs, how many and which. [`GpuNeed`] in a form that can be a key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct GpuWant {
    /// How many of one rig.
    pub count: u8,
    /// Memory of each.
    pub vram_gib: u16,
    /// Verified score of each.
    pub min_fu: u32,
    /// Only from this vendor.
    pub vendor: Option<headframe_protocol::rig::GpuVendor>,
}

impl Want {
    /// What `spec` asks of a rig.
    #[must_use]
    pub fn of(spec: &JobSpec) -> Self {
        let gpu = spec.resources.gpu.as_ref().map(|GpuNeed { count, vram_gib, min_fu, vendor }| GpuWant {
            count: *count,
            vram_gib: *vram_gib,
            min_fu: *min_fu,
            vendor: *vendor,
        });
        let need = Need {
            gpu,
            cpu: spec.resources.cpu,
            memory_gib: spec.resources.memory_gib,
            disk_gib: spec.resources.disk_gib,
            egress_bytes: spec.network.max_bytes(),
            trust: spec.placement.trust,
            by_card: false,
        };
        Self { need, price_per_hour_max: spec.max_price_per_hour }
    }

    /// The same, paid from `pot`.
    #[must_use]
    pub fn paid_from(self, pot: Pot) -> Self {
        let by_card = match pot {
            Pot::Fiat => true,
            Pot::Available | Pot::Earned | Pot::Free => false,
        };
        Self { need: Need { by_card, ..self.need }, ..self }
    }

    /// How many of a rig's slots it takes.
    #[must_use]
    pub fn slots(&self) -> u8 {
        self.need.slots()
    }
}

impl Need {
    /// How many of a rig's slots it takes.
    #[must_use]
    pub fn slots(&self) -> u8 {
        self.gpu.as_ref().map_or(1, |gpu| gpu.count.max(1))
    }
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
}

/// How an attempt went, as far as the next offers to the rig depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The rig did what it should; earlier failures are forgiven.
    Fine,
    /// The rig worked and then gave the job back of its own will: earlier failures are forgiven, but others have their try at
    /// the job first.
    Yielded {
        /// Which job.
        job: JobId,
    },
    /// The rig gave the job back before it did any work to speak of. A short pause that doubles with each in a row, or one
    /// rig could keep the queue turning for nothing; and others have their try at the job first.
    Unwilling {
        /// Which job.
        job: JobId,
    },
    /// Nothing was learnt about the rig.
    Void,
    /// The job failed by its own doing. A short pause: a rig that fails everything must not eat the queue.
    JobFailed,
    /// The rig failed or did not answer. The pause doubles with each in a row.
    RigFailed,
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
            later: BTreeSet::new(),
            resting: BTreeSet::new(),
            stopped: false,
        }
    }

    /// A job waits. Known ones are passed over, so that hearing of one twice does no harm.
    pub fn job_queued(&mut self, job: QueuedJob, now: TimestampMs) -> Option<Match> {
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
        self.rigs.connect(agent);
        self.fill(device)
    }

    /// A session is over. Ignored if a newer one has replaced it.
    pub fn rig_gone(&mut self, device: DeviceId, session: SessionId) {
        self.rigs.disconnect(device, session);
    }

    /// A rig says what it is now.
    pub fn rig_changed(&mut self, device: DeviceId, session: SessionId, report: &RigReport, fee_bps: u16) -> Vec<Match> {
        self.rigs.report(device, session, report, fee_bps);
        self.fill(device)
    }

    /// A rig takes offers now, or no longer.
    pub fn rig_ready(&mut self, device: DeviceId, session: SessionId, ready: bool) -> Vec<Match> {
        if self.rigs.set_ready(device, session, ready) { self.fill(device) } else { Vec::new() }
    }

    /// An attempt is over, or never came to be; its slots are free. Repeating it changes nothing.
    pub fn released(&mut self, device: DeviceId, attempt: AttemptId, verdict: Verdict, now: TimestampMs) -> Vec<Match> {
        match verdict {
            Verdict::Yielded { job } | Verdict::Unwilling { job } => {
                let until = now.as_millis().saturating_add(self.rigs.first_pause_ms().saturating_mul(PAUSES_APART));
                self.apart.keep(device, job, TimestampMs::from_millis(until));
            }
            Verdict::Fine | Verdict::Void | Verdict::JobFailed | Verdict::RigFailed => {}
        }
        if let Some(until) = self.rigs.release(device, attempt, verdict, now) {
            self.resting.insert((until, device));
        }
        self.fill(device)
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
        let until = now.as_millis().saturating_add(self.rigs.first_pause_ms().saturating_mul(PAUSES_APART));
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
            self.rigs.rested(device, now);
            found.extend(self.fill(device));
        }
        for _ in 0..limit {
            let Some(device) = self.apart.end_one(now) else { break };
            found.extend(self.fill(device));
        }
        // Jobs few rigs can do may have missed them in the draw; a few get another try each time.
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

    /// Per class: its name, rigs ready, rigs connected, the least price among the ready.
    #[must_use]
    pub fn classes(&self) -> Vec<(String, u32, u32, Option<Micros>)> {
        self.rigs.classes()
    }

    /// See [`rigs::Rigs::cheapest`].
    #[must_use]
    pub fn cheapest(&self, want: &Want) -> (Option<Micros>, u32) {
        self.rigs.cheapest(&want.need)
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
        let Self { queue, rigs, apart, linked, .. } = self;
        let job = queue.get(id)?;
        let barred = |device| job.want.need.by_card && linked.are(job.customer, device);
        let device = rigs.candidate(&job.want, job.image, |device| !apart.are(device, id) && !barred(device))?;
        self.reserve(id, device)
    }

    /// Gives a rig jobs until its slots are taken or nothing fits.
    fn fill(&mut self, device: DeviceId) -> Vec<Match> {
        let mut found = Vec::new();
        while !self.stopped {
            let Self { queue, rigs, apart, linked, .. } = self;
            let Some(offer) = rigs.offer_of(device) else { break };
            let Some(job) = queue.next_for(&offer, linked.of(device), |job| !apart.are(device, job)) else { break };
            let Some(matched) = self.reserve(job, device) else { break };
            found.push(matched);
        }
        found
    }

    fn reserve(&mut self, job: JobId, device: DeviceId) -> Option<Match> {
        let job = self.queue.take(job)?;
        let attempt = AttemptId::generate();
        let (session, price_per_hour) = self.rigs.reserve(device, attempt, job.want.slots())?;
        Some(Match { job, attempt, device, session, price_per_hour })
    }
}

/// Whether a rig suits is asked of this: what it has, what it asks, how many slots are free.
#[derive(Debug, Clone)]
pub(crate) struct Capacity {
    pub(crate) class: Class,
    pub(crate) cpu: u16,
    pub(crate) memory_gib: u16,
    pub(crate) disk_gib: u16,
    pub(crate) egress_bytes_max: u64,
    pub(crate) slots_free: u8,
    pub(crate) price_per_hour: Micros,
}

impl Capacity {
    /// Whether this rig can do a job that wants `want`.
    pub(crate) fn suits(&self, want: &Want) -> bool {
        self.price_per_hour <= want.price_per_hour_max && self.fits(&want.need)
    }

    /// Whether this rig has what a job needs.
    pub(crate) fn fits(&self, need: &Need) -> bool {
        self.cpu >= need.cpu
            && self.memory_gib >= need.memory_gib
            && self.disk_gib >= need.disk_gib
            && self.egress_bytes_max >= need.egress_bytes
            && self.slots_free >= need.slots()
            && self.class.suits(need)
    }
}

/// Rigs by device; the type is named because three files pass it around.
pub(crate) type ByDevice<T> = HashMap<DeviceId, T>;
