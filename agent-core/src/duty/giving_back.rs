//! Giving the PC back: who wants it, how long a job may take to leave, when it has, and when the next may come.
//!
//! A reason against one card stops what runs there and nothing else. Pausing a container is no way to give a card back: its memory
//! stays taken. So the container is asked to end, ended if it does not, and what it had is seen to be free again before anything
//! is said about it.

use std::{collections::BTreeMap, time::Duration};

use headframe_protocol::{
    control::{WaitReason, YieldCause},
    job::{AttemptState, Reason},
    session::Outcome,
};

use super::{Duty, Effect, Held, Life, Order, Wish};
use crate::{
    clock::{Moment, Now},
    idle::{GivingBack, Idleness, Rules},
    store::{Entry, Parting, Yield},
};

/// How long the memory of a card may take to come back once the container is gone. Drivers take milliseconds; one that has not after
/// this needs more than waiting.
const CARDS_MAX: Duration = Duration::from_secs(10);

/// What a card may hold more than before a job and still count as given back: what its driver keeps for itself.
const CARD_SLACK_BYTES: u64 = 64 << 20;

/// Input that is older than this was not what wanted the PC back; something else made it count.
const FRESH: Duration = Duration::from_secs(10);

/// What the owner's rules have against working, and how they want the PC given back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hindrances {
    /// Against any work.
    pub rig: Vec<WaitReason>,
    /// Against work on single slots.
    pub slots: BTreeMap<u8, Vec<WaitReason>>,
    /// How long what takes.
    pub giving_back: GivingBack,
}

impl Hindrances {
    /// Nothing is known against working.
    #[must_use]
    pub fn none() -> Self {
        Self { rig: Vec::new(), slots: BTreeMap::new(), giving_back: Rules::shipped().giving_back }
    }

    fn on(&self, slot: u8) -> &[WaitReason] {
        self.slots.get(&slot).map_or(&[], Vec::as_slice)
    }

    /// A program of the owner needs some card, and so the processor too.
    fn games(&self) -> impl Iterator<Item = &WaitReason> {
        self.slots.values().flatten().filter(|reason| matches!(reason, WaitReason::GpuInUse { .. }))
    }
}

/// What a card's memory holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CardMemory {
    /// In all.
    pub used_bytes: u64,
    /// By programs that are not jobs, as far as the driver tells.
    pub others_bytes: u64,
}

impl CardMemory {
    /// Whether a card that held this before a job has back what the job took, if it holds `now`.
    fn is_back(self, now: Self) -> bool {
        let others_more = now.others_bytes.saturating_sub(self.others_bytes);
        now.used_bytes <= self.used_bytes.saturating_add(others_more).saturating_add(CARD_SLACK_BYTES)
    }
}

/// How something is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stop {
    /// How long it may take.
    pub(super) grace: Duration,
    /// Who wants the PC back, if that is why.
    pub(super) wanted: Option<WantedBack>,
}

/// Somebody wants the PC back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WantedBack {
    /// What does.
    pub cause: YieldCause,
    /// Since when.
    pub since: Now,
    /// When the container was gone, once it is.
    pub gone_at: Option<Moment>,
}

/// One demand for the PC.
#[derive(Debug, Clone, Copy)]
struct Demand {
    reason: Reason,
    cause: YieldCause,
    since: Now,
    grace: Duration,
}

/// When work may begin again after what stopped it is over.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Cooling {
    rig: Option<Now>,
    slots: BTreeMap<u8, Now>,
}

impl Duty {
    /// How a container is stopped that nobody at the PC is waiting for.
    pub(super) fn stop(&self) -> Stop {
        Stop { grace: self.timers.scaled(seconds(self.hindrances.giving_back.input_s)), wanted: None }
    }

    /// The owner's rules come to something else now.
    pub(super) fn ruled(&mut self, hindrances: Hindrances, now: Now) {
        let pause = self.timers.scaled(Duration::from_secs(u64::from(hindrances.giving_back.cool_down_s)));
        let is_over = |before: &[WaitReason], after: &[WaitReason]| {
            !pause.is_zero() && before.iter().any(cools_down) && !after.iter().any(cools_down)
        };
        if is_over(&self.hindrances.rig, &hindrances.rig) {
            self.cooling.rig = Some(now + pause);
        }
        for (slot, before) in &self.hindrances.slots {
            if is_over(before, hindrances.on(*slot)) {
                self.cooling.slots.insert(*slot, now + pause);
            }
        }
        self.hindrances = hindrances;
    }

    /// Ends pauses whose time is over.
    pub(super) fn cool_down(&mut self, now: Now) {
        self.cooling.rig = self.cooling.rig.filter(|until| now.moment < until.moment);
        self.cooling.slots.retain(|_, until| now.moment < until.moment);
    }

    /// Whether the owner leaves nothing to work with.
    pub(super) fn is_hindered(&self) -> bool {
        !self.hindrances.rig.is_empty() || self.cooling.rig.is_some() || self.is_every_slot_kept()
    }

    /// Whether work that needs a card, or work that needs none, may have `slot` now.
    pub(super) fn is_usable(&self, slot: u8, with_card: bool) -> bool {
        if with_card {
            self.hindrances.on(slot).is_empty() && !self.cooling.slots.contains_key(&slot)
        } else {
            self.hindrances.games().next().is_none() && self.cooling.slots.is_empty()
        }
    }

    /// The slots that may be worked on now, for what is told of the rig.
    pub fn usable_slots(&self) -> impl Iterator<Item = u8> {
        (0..self.capacity.slots).filter(|slot| self.is_usable(*slot, self.capacity.gpus > 0))
    }

    fn is_every_slot_kept(&self) -> bool {
        !self.is_usable(0, false) && self.usable_slots().next().is_none()
    }

    /// What the rules have against working, what is about single cards only if no other is left.
    pub(super) fn hindering(&self) -> Vec<WaitReason> {
        let mut reasons = self.hindrances.rig.clone();
        let mut cooling = self.cooling.rig;
        if self.is_every_slot_kept() {
            for reason in self.hindrances.slots.values().flatten() {
                if !reasons.contains(reason) {
                    reasons.push(reason.clone());
                }
            }
            cooling = cooling.into_iter().chain(self.cooling.slots.values().copied()).max_by_key(|until| until.moment);
        }
        // It is over only once nothing else stands in the way, too.
        if let Some(until) = cooling.filter(|_| reasons.is_empty()) {
            reasons.push(WaitReason::CoolingDown { until_ms: until.wall });
        }
        reasons
    }

    /// What stands in the way of work on `slot` alone.
    #[must_use]
    pub fn hindering_slot(&self, slot: u8) -> Vec<WaitReason> {
        let mut reasons = self.hindrances.on(slot).to_vec();
        if let Some(until) = self.cooling.slots.get(&slot).filter(|_| reasons.is_empty()) {
            reasons.push(WaitReason::CoolingDown { until_ms: until.wall });
        }
        reasons
    }

    /// Stops containers the owner does not want now. Uploads go on: they need neither GPU nor memory, and the work is done.
    pub(super) fn give_back(&mut self, now: Now, out: &mut Vec<Effect>) {
        let demands: Vec<Option<Demand>> = self.held.iter().map(|held| self.demand(held, now)).collect();
        let leaving = self.leaving.is_some();
        for (held, demand) in self.held.iter_mut().zip(demands) {
            let Some(Demand { reason, cause, since, grace }) = demand else { continue };
            let at = held.at();
            match (&mut held.life, held.doing) {
                (Life::Doing, AttemptState::Uploading) if !leaving => {}
                (Life::Doing, _) => {
                    let stop = Stop { grace, wanted: Some(WantedBack { cause, since, gone_at: None }) };
                    held.part(Parting::Report { outcome: Outcome::Yielded { reason } }, stop, now, out);
                }
                // Whoever wants it now is more in a hurry than who wanted it first.
                (Life::Stopping { kill_at, killed: false, .. }, _) if now.moment + grace < *kill_at => {
                    *kill_at = now.moment + grace;
                    out.push(Effect::Run(Order::Stop { at, grace }));
                }
                // Not here yet, and not to be.
                (Life::Resuming, _) => held.close(Outcome::Yielded { reason }, out),
                (
                    Life::Writing
                    | Life::Recovering { .. }
                    | Life::Stopping { .. }
                    | Life::Closing { .. }
                    | Life::Reporting { .. },
                    _,
                ) => {}
            }
        }
    }

    /// Who wants back what `held` has: what came first is the cause, what is most in a hurry sets the grace.
    fn demand(&self, held: &Held, now: Now) -> Option<Demand> {
        let rules = self.hindrances.giving_back;
        let demand = |reason, cause, since| {
            let grace = self.timers.scaled(grace(cause, rules));
            Demand { reason, cause, since, grace }
        };
        let mut demands = Vec::new();
        if self.leaving.is_some() {
            demands.push(demand(Reason::RigPaused, YieldCause::Quit, now));
        }
        match self.wish {
            Wish::Off | Wish::Paused { .. } => demands.push(demand(Reason::RigPaused, YieldCause::Paused, now)),
            Wish::On | Wish::Finishing => {}
        }
        match self.owner {
            Idleness::Away => {}
            Idleness::Present { last_input, .. } => {
                let is_fresh = now.moment.since(last_input.moment) <= FRESH && last_input.moment <= now.moment;
                let since = if is_fresh { last_input } else { now };
                demands.push(demand(Reason::OwnerReturned, YieldCause::Input, since));
            }
            Idleness::Unknown => demands.push(demand(Reason::OwnerReturned, YieldCause::Unseen, now)),
        }
        if held.offer.spec.network.max_bytes() > self.egress_bytes_max {
            demands.push(demand(Reason::OwnerReturned, YieldCause::Rules, now));
        }
        if held.unwanted {
            demands.push(demand(Reason::Unwanted, YieldCause::Rules, now));
        }
        let rig = self.hindrances.rig.iter().chain(self.against(held));
        demands.extend(rig.map(|reason| demand(Reason::OwnerReturned, cause(reason), now)));
        let grace = demands.iter().map(|demand| demand.grace).min()?;
        demands.first().map(|first| Demand { grace, ..*first })
    }

    /// What stands in the way on the slots of `held`. What needs no card is in the way of a game wherever it plays.
    fn against(&self, held: &Held) -> Vec<&WaitReason> {
        if held.offer.spec.resources.gpu.is_none() {
            return self.hindrances.games().collect();
        }
        let slots = self.hindrances.slots.iter();
        slots
            .filter(|(slot, _)| held.slots().is_empty() || held.slots().contains(slot))
            .flat_map(|(_, reasons)| reasons)
            .collect()
    }

    /// The container of an attempt is gone. Returns how it parts if it may be said now: nobody waits for a card of it.
    pub(super) fn gone(&mut self, index: usize, parting: Parting, now: Now) -> Option<Parting> {
        let is_back = self.are_cards_back(&self.held[index]);
        let Life::Stopping { parting: said_later, wanted: Some(wanted), .. } = &mut self.held[index].life else {
            return Some(parting);
        };
        wanted.gone_at.get_or_insert(now.moment);
        if is_back {
            return Some(parting);
        }
        *said_later = parting;
        None
    }

    /// Concludes attempts whose cards have come back, or have not for too long.
    pub(super) fn wait_for_cards(&mut self, now: Now, out: &mut Vec<Effect>) {
        let patience = self.timers.scaled(CARDS_MAX);
        let over = self.held.iter().filter_map(|held| match &held.life {
            Life::Stopping { parting, wanted: Some(WantedBack { gone_at: Some(gone_at), .. }), .. }
                if now.moment >= *gone_at + patience || self.are_cards_back(held) =>
            {
                Some((held.at(), parting.clone()))
            }
            _ => None,
        });
        for (at, parting) in over.collect::<Vec<_>>() {
            if let Some(index) = self.position(at) {
                self.conclude(index, parting, now, out);
            }
        }
    }

    fn are_cards_back(&self, held: &Held) -> bool {
        held.cards_before.iter().all(|(slot, before)| {
            let now = self.cards.get(usize::from(*slot)).copied().flatten();
            now.is_some_and(|now| before.is_back(now))
        })
    }

    /// Writes down how long it took, if somebody waited for it.
    pub(super) fn write_yield(&self, index: usize, now: Now, out: &mut Vec<Effect>) {
        let held = &self.held[index];
        let Life::Stopping { wanted: Some(WantedBack { cause, since, gone_at }), killed, .. } = &held.life else { return };
        if held.doing != AttemptState::Running {
            return;
        }
        let since_then = |at: Moment| u32::try_from(at.since(since.moment).as_millis()).unwrap_or(u32::MAX);
        let has_cards = !held.cards_before.is_empty();
        let made = Yield {
            cause: *cause,
            wanted_ms: since.wall,
            stop_ms: since_then(gone_at.unwrap_or(now.moment)),
            memory_ms: has_cards.then(|| since_then(now.moment)),
            memory_missing: !self.are_cards_back(held),
            killed: *killed,
        };
        out.push(Effect::Write(Entry::Yielded { at: held.at(), made }));
    }

    /// What the cards of these slots hold, to be compared with later.
    pub(super) fn cards_of(&self, slots: &[u8]) -> Vec<(u8, CardMemory)> {
        let card = |slot: &u8| self.cards.get(usize::from(*slot)).copied().flatten().map(|memory| (*slot, memory));
        slots.iter().filter_map(card).collect()
    }
}

const fn seconds(seconds: u8) -> Duration {
    Duration::from_secs(seconds as u64)
}

const fn grace(cause: YieldCause, rules: GivingBack) -> Duration {
    seconds(match cause {
        YieldCause::Game => rules.game_s,
        YieldCause::Power => rules.battery_s,
        YieldCause::Input
        | YieldCause::Unseen
        | YieldCause::Remote
        | YieldCause::Heat
        | YieldCause::Load
        | YieldCause::Network
        | YieldCause::Rules
        | YieldCause::Paused
        | YieldCause::Quit => rules.input_s,
    })
}

/// What of an owner's life a reason is about.
const fn cause(reason: &WaitReason) -> YieldCause {
    match reason {
        WaitReason::OwnerActive { .. } => YieldCause::Input,
        WaitReason::NoIdleProbe | WaitReason::ProbeBroken { .. } => YieldCause::Unseen,
        WaitReason::Remote => YieldCause::Remote,
        WaitReason::Program { .. } | WaitReason::Fullscreen | WaitReason::GpuInUse { .. } => YieldCause::Game,
        WaitReason::OnBattery => YieldCause::Power,
        WaitReason::Metered => YieldCause::Network,
        WaitReason::Hot { .. } => YieldCause::Heat,
        WaitReason::Busy { .. } => YieldCause::Load,
        WaitReason::Schedule { .. }
        | WaitReason::RulesBroken { .. }
        | WaitReason::GpuKept { .. }
        | WaitReason::CoolingDown { .. }
        | WaitReason::Unprofitable { .. }
        | WaitReason::NoEngine
        | WaitReason::EngineUnusable { .. }
        | WaitReason::Offline
        | WaitReason::Refused { .. }
        | WaitReason::BackingOff { .. }
        | WaitReason::DiskFull => YieldCause::Rules,
    }
}

/// Whether the end of this is a guess that the owner may still be about: a game is started again, a socket is found. Heat and load
/// have their own slowness, and an hour of the week ends when it ends.
const fn cools_down(reason: &WaitReason) -> bool {
    matches!(cause(reason), YieldCause::Remote | YieldCause::Game | YieldCause::Power)
}
