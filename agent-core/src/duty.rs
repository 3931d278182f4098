//! Everything the agent can decide: what this rig is doing, and what it may do next.
//!
//! `step(event, now) -> effects`: no I/O, no clock, no waiting. The same events in the same order always make the same
//! decisions, which is why every fault is first a script in `tests.rs`.
//!
//! What it holds to, whatever happens:
//! - the owner never waits longer than the grace for his PC;
//! - a slot never has two containers;
//! - every attempt that was accepted ends in exactly one outcome, or is taken away;
//! - nothing is started, reported or discarded before the journal has it on disk.
//!
//! Reading order: [`event`] (what can happen), [`effect`] (what can be done), [`phase`] (what the owner sees), `held` (the
//! life of one attempt), `checkpoint` (what it may leave), `measuring`, then `talk`, `run` and `time` (what each kind of event changes).

use std::{sync::Arc, time::Duration};

use headframe_protocol::{
    Pseudonym, TimestampMs,
    control::WaitReason,
    job::{Reason, Resources},
    rig::Refusals,
    session::{AttemptRef, Offer},
};

use crate::{
    clock::{Moment, Now},
    idle::{Gate, Idleness},
    runner::Known,
    settings::Timers,
    store::{Choice, Entry, OpenAttempt, OpenCheckpoint},
};

pub mod effect;
pub mod event;
mod checkpoint;
pub mod giving_back;
mod held;
mod measuring;
pub mod phase;
mod run;
mod talk;
mod time;

use checkpoint::Keeping;
pub use checkpoint::SAVE_WITHIN;
pub use effect::{Effect, Order};
pub use event::{Ask, DiskState, EngineState, Event};
use giving_back::{CardMemory, Cooling, Hindrances};
pub use held::{Held, Life, assignment, final_state};
pub use measuring::Measured;
use measuring::Measuring;

/// How long a lease is taken to live before a coordinator has said. The network's own figure.
pub const LEASE_TTL: Duration = Duration::from_secs(60);

/// How often an outcome is repeated while the line is up and nobody has answered.
pub const REPEAT_EVERY: Duration = Duration::from_secs(10);

/// How long an outcome is repeated to a coordinator that says the attempt is not ours.
pub const REPEAT_FOR: Duration = Duration::from_secs(60);

/// How long the rig rests after its first failure in a row; doubles with each, up to [`BACKOFF_MAX`]. A broken rig must
/// not eat the queue.
pub const BACKOFF: Duration = Duration::from_secs(30);

/// The longest rest after failures.
pub const BACKOFF_MAX: Duration = Duration::from_secs(15 * 60);

/// How long an agent that is told to end stays to hear that its last words were written down.
pub const LINGER: Duration = Duration::from_secs(2);

/// How long an agent that is told to end waits in all beyond the grace. A stuck engine must not hold up a shutdown.
pub const LEAVE_WITHIN: Duration = Duration::from_secs(10);

/// What the rig may give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    /// GPUs, or 1.
    pub slots: u8,
    /// GPUs.
    pub gpus: u8,
    /// Cores for all attempts together.
    pub cpu_cores: u16,
    /// Memory for all attempts together.
    pub memory_bytes: u64,
    /// Disk for all attempts together.
    pub disk_bytes: u64,
}

/// What an earlier life left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Past {
    /// What the owner chose last.
    pub choice: Choice,
    /// Until when a pause holds, if it ends by itself.
    pub paused_until: Option<Now>,
    /// Attempts that are not settled.
    pub open: Vec<OpenAttempt>,
    /// Checkpoints that are not finished with, and when each is given up.
    pub checkpoints: Vec<(OpenCheckpoint, Now)>,
}

/// The state machine.
#[derive(Debug, Clone)]
pub struct Duty {
    capacity: Capacity,
    timers: Timers,
    wish: Wish,
    owner: Idleness,
    /// What the owner's rules have against working.
    hindrances: Hindrances,
    /// When the next work may begin after what stopped the last.
    cooling: Cooling,
    /// What the card of each slot holds, as far as they tell.
    cards: Vec<Option<CardMemory>>,
    /// What an hour must bring.
    gate: Option<Gate>,
    /// How many bytes one attempt may exchange with the internet; 0 for none.
    egress_bytes_max: u64,
    /// Jobs the owner does not want.
    refuses: Refusals,
    engine: EngineState,
    disk: DiskState,
    link: LinkState,
    lease_ttl: Duration,
    rest: Option<Rest>,
    /// Failures in a row before the rest that is over.
    failures_before: u32,
    held: Vec<Held>,
    /// What attempts left that gave the PC back.
    keeping: Vec<Keeping>,
    /// What this PC can do is being found out, or is to be.
    measuring: Measuring,
    leaving: Option<Leaving>,
}

/// What the owner wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wish {
    Off,
    On,
    Finishing,
    Paused { since: TimestampMs, until: Option<Now> },
}

fn paused(now: Now, until: Option<Now>) -> (Wish, Choice) {
    let until_ms = until.map(|until| until.wall);
    (Wish::Paused { since: now.wall, until }, Choice::Paused { since_ms: Some(now.wall), until_ms })
}

/// The line to the coordinator.
#[derive(Debug, Clone, PartialEq, Eq)]
enum LinkState {
    Down,
    Up,
    Refused { code: headframe_protocol::session::RefusedCode, message: String },
}

/// The pause after failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Rest {
    failures: u32,
    until: Now,
}

/// The agent has been told to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Leaving {
    at_latest: Moment,
    linger_until: Option<Moment>,
    said: bool,
}

impl Duty {
    /// Goes on where an earlier life ended.
    #[must_use]
    pub fn new(capacity: Capacity, timers: Timers, past: Past, now: Now) -> Self {
        let Past { choice, paused_until, open, checkpoints } = past;
        let wish = match choice {
            Choice::Off => Wish::Off,
            Choice::On => Wish::On,
            Choice::Finishing => Wish::Finishing,
            Choice::Paused { since_ms, .. } => Wish::Paused { since: since_ms.unwrap_or(now.wall), until: paused_until },
        };
        let lease_ttl = timers.scaled(LEASE_TTL);
        Self {
            capacity,
            timers,
            wish,
            owner: Idleness::Unknown,
            hindrances: Hindrances::none(),
            cooling: Cooling::default(),
            cards: Vec::new(),
            gate: None,
            egress_bytes_max: 0,
            refuses: Refusals::default(),
            engine: EngineState::Unknown,
            disk: DiskState::Roomy,
            link: LinkState::Down,
            lease_ttl,
            rest: None,
            failures_before: 0,
            keeping: checkpoints
                .into_iter()
                .map(|(past, until)| Keeping::recovered(past, until.moment.min(now.moment + timers.scaled(SAVE_WITHIN)), now))
                .collect(),
            held: open.into_iter().map(|attempt| Held::recovered(attempt, lease_ttl, now)).collect(),
            measuring: Measuring::default(),
            leaving: None,
        }
    }

    /// Takes in what happened and decides what is done about it.
    pub fn step(&mut self, event: Event, now: Now) -> Vec<Effect> {
        let mut out = Vec::new();
        // Before anything else: after the PC has slept, the first event may be about a lease that is long over.
        self.fence(now, &mut out);
        match event {
            Event::Tick => {}
            Event::Asked(ask) => self.asked(ask, now, &mut out),
            Event::Owner(idleness) => self.owner = idleness,
            Event::Rules(hindrances) => self.ruled(hindrances, now),
            Event::Cards(cards) => self.cards = cards,
            Event::Gate(gate) => self.gate = gate,
            Event::Egress(bytes_max) => self.egress_bytes_max = bytes_max,
            Event::Refuses(refuses) => self.refuses = refuses,
            Event::Engine(state) => self.engine = state,
            Event::Adopted(found) => self.adopted(&found, now, &mut out),
            Event::Disk(state) => self.disk = state,
            Event::Measured(measured) => self.measured(measured),
            Event::Coordinator(said) => self.heard(said, now, &mut out),
            Event::Run(event) => self.ran(event, now, &mut out),
            Event::Written(written) => self.written(written, now, &mut out),
        }
        self.keep_time(now, &mut out);
        out
    }

    /// Attempts on this rig, oldest first.
    #[must_use]
    pub fn held(&self) -> &[Held] {
        &self.held
    }

    /// Whether nothing is on the rig that has a deadline.
    #[must_use]
    pub const fn is_at_rest(&self) -> bool {
        self.held.is_empty() && self.leaving.is_none()
    }

    /// What an hour must bring.
    #[must_use]
    pub const fn gate(&self) -> Option<Gate> {
        self.gate
    }

    /// Jobs the owner does not want.
    #[must_use]
    pub const fn refuses(&self) -> &Refusals {
        &self.refuses
    }

    /// What is believed about the disk.
    #[must_use]
    pub const fn disk(&self) -> DiskState {
        self.disk
    }

    /// Since when the rig is paused, if it is: also in an earlier life.
    #[must_use]
    pub const fn paused_since(&self) -> Option<TimestampMs> {
        match self.wish {
            Wish::Paused { since, .. } => Some(since),
            Wish::Off | Wish::On | Wish::Finishing => None,
        }
    }

    /// What the runner has to look for after an earlier life.
    #[must_use]
    pub fn known(&self) -> Vec<Known> {
        self.held.iter().filter_map(Held::known).collect()
    }

    fn asked(&mut self, ask: Ask, now: Now, out: &mut Vec<Effect>) {
        let (wish, choice) = match ask {
            Ask::Start => (Wish::On, Choice::On),
            Ask::Pause(time) => paused(now, time.map(|time| now + time)),
            Ask::Finish => (Wish::Finishing, Choice::Finishing),
            Ask::Measure => return self.measure_for_owner(),
            Ask::Block { customer, stop } => return self.block(customer, stop),
            Ask::Quit => {
                // The wish is left as it is: a rig that was working goes on after the next start.
                let at_latest = now.moment + self.stop().grace + LEAVE_WITHIN;
                self.leaving.get_or_insert(Leaving { at_latest, linger_until: None, said: false });
                return;
            }
        };
        if ask == Ask::Start {
            // The owner knows best: a rest is only a guess that the fault is still there.
            self.rest = None;
            self.cooling = Cooling::default();
        } else {
            self.measuring.goes_by_rules();
        }
        self.wish = wish;
        out.push(Effect::Write(Entry::Choice(choice)));
    }

    fn position(&self, at: AttemptRef) -> Option<usize> {
        self.held.iter().position(|held| held.at() == at)
    }

    /// Slots for `offer`, or why it is not taken: they are taken, the owner needs them, or it wants more than he gives.
    fn slots_for(&self, offer: &Offer) -> Result<Vec<u8>, Reason> {
        let resources = &offer.spec.resources;
        let gpus = resources.gpu.as_ref().map_or(0, |gpu| gpu.count);
        if gpus > self.capacity.gpus || !self.has_room_for(resources) {
            return Err(Reason::Declined);
        }
        let taken = |slot: &u8| self.held.iter().any(|held| held.occupies(*slot));
        let wanted = usize::from(gpus.max(1));
        let free: Vec<u8> = (0..self.capacity.slots).filter(|slot| !taken(slot)).collect();
        let usable: Vec<u8> = free.iter().copied().filter(|slot| self.is_usable(*slot, gpus > 0)).take(wanted).collect();
        match (usable.len() == wanted, free.len() >= wanted) {
            (true, _) => Ok(usable),
            (false, true) => Err(Reason::OwnerReturned),
            (false, false) => Err(Reason::Declined),
        }
    }

    /// Whether the owner lets a job reach the hosts it names, with as many bytes.
    fn lets_out(&self, offer: &Offer) -> bool {
        offer.spec.network.max_bytes() <= self.egress_bytes_max
    }

    /// Why a job the owner does not want is not taken. A coordinator of before, which names no customers, knows no such reason; it never
    /// hears of refusals either, and offers on.
    fn unwanted(&self, offer: &Offer) -> Option<Reason> {
        let is_blocked = offer.customer.is_some_and(|customer| self.refuses.blocked.contains(&customer));
        let reason = if offer.customer.is_some() { Reason::Unwanted } else { Reason::Declined };
        (is_blocked || self.refuses.refuse(&offer.spec, offer.content)).then_some(reason)
    }

    /// The owner takes no more jobs of a customer, at once and not only when his rules are read again. What runs of them goes on, or
    /// is given back.
    fn block(&mut self, customer: Pseudonym, stop: bool) {
        if !self.refuses.blocked.contains(&customer) {
            self.refuses.blocked.push(customer);
        }
        for held in self.held.iter_mut().filter(|held| stop && held.offer.customer == Some(customer)) {
            held.unwanted = true;
        }
    }

    /// Whether cores, memory and disk are left for `more` beside what is held.
    fn has_room_for(&self, more: &Resources) -> bool {
        let all = || self.held.iter().filter(|held| held.has_container()).map(|held| &held.offer.spec.resources).chain([more]);
        let bytes = |gib: u16| u64::from(gib) << 30;
        let cpu_cores: u32 = all().map(|resources| u32::from(resources.cpu)).sum();
        let memory_bytes: u64 = all().map(|resources| bytes(resources.memory_gib)).sum();
        let disk_bytes: u64 = all().map(|resources| bytes(resources.disk_gib)).sum::<u64>() + self.kept_disk_bytes();
        cpu_cores <= u32::from(self.capacity.cpu_cores)
            && memory_bytes <= self.capacity.memory_bytes
            && disk_bytes <= self.capacity.disk_bytes
    }

    fn take(&mut self, offer: Arc<Offer>, slots: Vec<u8>, now: Now, out: &mut Vec<Effect>) {
        out.push(Effect::Write(Entry::Accepted(Arc::clone(&offer))));
        self.held.push(Held::taken(offer, slots, self.lease_ttl, now));
    }
}

#[cfg(test)]
mod tests;
