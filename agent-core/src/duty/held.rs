//! The life of one attempt on this rig.
//!
//! ```text
//!  Writing ─► Doing ─► Closing ─► Reporting ─► settled or dropped
//!                └──► Stopping ──┘
//!  Recovering: what an earlier life left, until the runner has looked
//!  Resuming: nothing of it is here; it is started again once the coordinator says that it is still ours
//! ```

use std::{sync::Arc, time::Duration};

use headframe_protocol::{
    TimestampMs,
    job::{AttemptState, Reason},
    session::{AttemptRef, LeaseBeat, Offer, Outcome},
};

use super::{
    Effect, Order,
    checkpoint::keep_for,
    giving_back::{CardMemory, Stop, WantedBack},
};
use crate::{
    clock::{Moment, Now},
    coordinator::{Say, Usage},
    runner::{Assignment, Known, SecretToken},
    store::{Entry, OpenAttempt, Parting},
};

/// One attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The offer that was taken.
    pub offer: Arc<Offer>,
    /// Where the work is: `accepted`, `preparing`, `running` or `uploading`.
    pub doing: AttemptState,
    /// Where the attempt is.
    pub life: Life,
    /// How far along what is being done is, where known.
    pub permille: Option<u16>,
    /// How long the container has run.
    pub running_ms: u64,
    /// Bytes of log.
    pub log_bytes: u64,
    /// When the offer was taken.
    pub accepted_ms: TimestampMs,
    /// The slots it has while it has a container.
    slots: Vec<u8>,
    /// The last receipt's number.
    sequence: u64,
    /// What the last receipt claimed.
    receipted_ms: u64,
    /// When the lease is over if no heartbeat is answered.
    pub(super) fence_at: Moment,
    /// When the coordinator has given the offer to another if it has not heard from us.
    pub(super) answer_by: Moment,
    /// Whether the coordinator has said in this life of the agent that it is ours.
    pub(super) confirmed: bool,
    /// When progress within a stage may be told again.
    pub(super) progress_at: Moment,
    /// What its cards held before it was started, slot by slot; nothing of a card that does not tell.
    pub(super) cards_before: Vec<(u8, CardMemory)>,
    /// Its customer was blocked, and it is to be given back.
    pub(super) unwanted: bool,
}

/// Where an attempt is between the offer and its settlement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Life {
    /// Being written down; nothing has happened yet.
    Writing,
    /// Left by an earlier life; the runner has not looked yet.
    Recovering {
        /// What to say once it has stopped, if it is to be stopped.
        parting: Option<Parting>,
    },
    /// Left by an earlier life that had not started it; whether it is still ours is not known yet.
    Resuming,
    /// The runner works on it.
    Doing,
    /// The runner has been told to stop.
    Stopping {
        /// What is said when it has.
        parting: Parting,
        /// When patience ends.
        kill_at: Moment,
        /// Whether it has.
        killed: bool,
        /// Who wants the PC back, if that is why.
        wanted: Option<WantedBack>,
    },
    /// It has ended; the outcome is being written down.
    Closing {
        /// How it ended.
        outcome: Outcome,
        /// When to try again, if it could not be written.
        retry_at: Option<Moment>,
    },
    /// The outcome is written down and said until the coordinator answers.
    Reporting {
        /// How it ended.
        outcome: Outcome,
        /// When it is said again.
        again_at: Moment,
        /// When that stops, if the coordinator says it is not ours.
        give_up_at: Option<Moment>,
    },
}

impl Held {
    pub(super) fn taken(offer: Arc<Offer>, slots: Vec<u8>, lease_ttl: Duration, now: Now) -> Self {
        let mut held = Self {
            offer,
            doing: AttemptState::Accepted,
            life: Life::Writing,
            permille: None,
            running_ms: 0,
            log_bytes: 0,
            accepted_ms: now.wall,
            slots,
            sequence: 0,
            receipted_ms: 0,
            fence_at: now.moment,
            answer_by: now.moment,
            confirmed: true,
            progress_at: now.moment,
            cards_before: Vec::new(),
            unwanted: false,
        };
        held.answer_by = now.moment + Duration::from_millis(held.offer.ack_within_ms);
        held.renew(now.moment, lease_ttl);
        held
    }

    /// As the journal has it. The lease counts from the last answered heartbeat; only the wall clock has seen the time since
    /// then, and one that was set back cannot make the lease longer than a fresh one.
    pub(super) fn recovered(past: OpenAttempt, lease_ttl: Duration, now: Now) -> Self {
        let OpenAttempt { offer, stage, parting, running_ms, log_bytes, sequence, outcome, accepted_ms, renewed_ms } = past;
        let life = match outcome {
            Some(outcome) => Life::Reporting { outcome, again_at: now.moment, give_up_at: None },
            None => Life::Recovering { parting },
        };
        let fresh = Self::taken(Arc::new(offer), Vec::new(), lease_ttl, now);
        let left = fresh.fence_at.since(now.moment).saturating_sub(now.wall.since(renewed_ms));
        let fence_at = now.moment + left;
        let receipted_ms = running_ms;
        Self {
            doing: stage,
            running_ms,
            log_bytes,
            sequence,
            receipted_ms,
            accepted_ms,
            life,
            fence_at,
            confirmed: false,
            ..fresh
        }
    }

    /// Names it.
    #[must_use]
    pub fn at(&self) -> AttemptRef {
        self.offer.at
    }

    /// The lease lives on from `sent`, and the container as much longer as the customer allows.
    pub(super) fn renew(&mut self, sent: Moment, lease_ttl: Duration) {
        let keep_for = Duration::from_secs(u64::from(self.offer.spec.on_disconnect.keep_for_s));
        self.fence_at = self.fence_at.max(sent + lease_ttl + keep_for);
    }

    /// Begins it, or begins it again.
    pub(super) fn start(&mut self, cards_before: Vec<(u8, CardMemory)>, out: &mut Vec<Effect>) {
        self.life = Life::Doing;
        self.cards_before = cards_before;
        self.doing = AttemptState::Accepted;
        out.push(Effect::Run(Order::Start { offer: Arc::clone(&self.offer), cards: self.cards() }));
    }

    /// The slots it was given, in the order of the GPUs; none for what an earlier life left.
    #[must_use]
    pub fn slots(&self) -> &[u8] {
        &self.slots
    }

    /// The slots whose cards it has. A job that needs no card has a slot, so that there is one job to a card, and not the card.
    #[must_use]
    pub fn cards(&self) -> Vec<u8> {
        if self.offer.spec.resources.gpu.is_some() { self.slots.clone() } else { Vec::new() }
    }

    /// Whether it has a container, or may have one or get one.
    #[must_use]
    pub fn has_container(&self) -> bool {
        match &self.life {
            Life::Writing | Life::Recovering { .. } | Life::Resuming | Life::Doing | Life::Stopping { .. } => true,
            Life::Closing { .. } | Life::Reporting { .. } => false,
        }
    }

    /// Whether it has `slot`. Attempts of an earlier life have all of them until the runner has looked.
    pub(super) fn occupies(&self, slot: u8) -> bool {
        match &self.life {
            Life::Recovering { .. } | Life::Resuming => true,
            Life::Writing | Life::Doing | Life::Stopping { .. } => self.slots.is_empty() || self.slots.contains(&slot),
            Life::Closing { .. } | Life::Reporting { .. } => false,
        }
    }

    /// Whether something of it is on the rig or about to be.
    pub(super) fn is_active(&self) -> bool {
        match &self.life {
            Life::Writing
            | Life::Recovering { .. }
            | Life::Resuming
            | Life::Doing
            | Life::Stopping { .. }
            | Life::Closing { .. } => true,
            Life::Reporting { .. } => false,
        }
    }

    /// What the runner has to look for.
    pub(super) fn known(&self) -> Option<Known> {
        let Life::Recovering { parting } = &self.life else { return None };
        Some(Known { assignment: assignment(&self.offer, Vec::new()), running_ms: self.running_ms, stopping: parting.is_some() })
    }

    /// What heartbeats say of it. Nothing before it is accepted.
    #[must_use]
    pub fn beat(&self) -> Option<LeaseBeat> {
        let state = match &self.life {
            Life::Writing => return None,
            Life::Recovering { .. } | Life::Resuming | Life::Doing | Life::Stopping { .. } | Life::Closing { .. } => self.doing,
            Life::Reporting { outcome, .. } => final_state(outcome),
        };
        Some(LeaseBeat { at: self.at(), state, running_ms: self.running_ms })
    }

    /// Tells the runner to stop and writes down what is said then.
    pub(super) fn part(&mut self, parting: Parting, stop: Stop, now: Now, out: &mut Vec<Effect>) {
        let (at, Stop { grace, wanted }) = (self.at(), stop);
        out.push(Effect::Write(Entry::Parting { at, parting: parting.clone() }));
        out.push(Effect::Run(Order::Stop { at, grace }));
        self.life = Life::Stopping { parting, kill_at: now.moment + grace, killed: false, wanted };
    }

    /// It has ended: the outcome is written down before anybody hears of it or anything is removed.
    pub(super) fn close(&mut self, outcome: Outcome, out: &mut Vec<Effect>) {
        if self.running_ms > 0 {
            self.sequence += 1;
            self.receipted_ms = self.running_ms;
        }
        self.life = Life::Closing { outcome, retry_at: None };
        self.write_outcome(out);
    }

    /// Writes the outcome down, once more if it did not work.
    pub(super) fn write_outcome(&mut self, out: &mut Vec<Effect>) {
        let at = self.at();
        if let Life::Closing { outcome, retry_at } = &mut self.life {
            *retry_at = None;
            let (sequence, running_ms, log_bytes) = (self.sequence, self.running_ms, self.log_bytes);
            let keep_for = keep_for(&self.offer, outcome);
            out.push(Effect::Write(Entry::Ended { at, outcome: outcome.clone(), sequence, running_ms, log_bytes, keep_for }));
        }
    }

    /// Says how it ended, and when to say so again.
    pub(super) fn report(&mut self, again_at: Moment, out: &mut Vec<Effect>) {
        let (at, usage, log_bytes) = (self.at(), self.usage(), self.log_bytes);
        if let Life::Reporting { outcome, again_at: due, .. } = &mut self.life {
            *due = again_at;
            let usage = Some(usage).filter(|usage| usage.running_ms > 0);
            out.push(Effect::Say(Say::Finished { at, outcome: outcome.clone(), usage, log_bytes }));
        }
    }

    /// Numbers a receipt if there is anything new to claim.
    pub(super) fn number_receipt(&mut self, out: &mut Vec<Effect>) {
        let runs = match &self.life {
            Life::Doing | Life::Stopping { .. } => true,
            Life::Writing | Life::Recovering { .. } | Life::Resuming | Life::Closing { .. } | Life::Reporting { .. } => false,
        };
        if runs && self.running_ms > self.receipted_ms {
            self.sequence += 1;
            self.receipted_ms = self.running_ms;
            let (at, sequence, running_ms) = (self.at(), self.sequence, self.running_ms);
            out.push(Effect::Write(Entry::Receipt { at, sequence, running_ms }));
        }
    }

    fn usage(&self) -> Usage {
        Usage { at: self.at(), job: self.offer.job, sequence: self.sequence, running_ms: self.receipted_ms }
    }

    /// Takes in how long the container has been seen to run so far.
    pub(super) fn ran(&mut self, running_ms: u64) {
        self.running_ms = running_ms.max(self.receipted_ms);
    }

    /// Takes in how long it ran in all, which may be less than was claimed: until the engine tells of the end, time is counted. Nothing
    /// is known if it is nothing; then the last claim stands.
    pub(super) fn ran_in_all(&mut self, running_ms: u64, log_bytes: u64) {
        self.running_ms = if running_ms == 0 { self.receipted_ms } else { running_ms };
        self.log_bytes = self.log_bytes.max(log_bytes);
    }
}

/// What the runner needs of an offer, with the cards it gets by their UUIDs.
#[must_use]
pub fn assignment(offer: &Offer, gpus: Vec<String>) -> Assignment {
    Assignment {
        at: offer.at,
        job: offer.job,
        spec: offer.spec.clone(),
        array_index: offer.array_index,
        base: offer.base.clone(),
        token: SecretToken::new(offer.token.clone()),
        registry: offer.registry.clone(),
        checkpoint: offer.checkpoint.clone(),
        gpus,
    }
}

/// What an outcome makes of the attempt.
#[must_use]
pub const fn final_state(outcome: &Outcome) -> AttemptState {
    match outcome {
        Outcome::Succeeded { .. } => AttemptState::Succeeded,
        Outcome::Failed { .. } => AttemptState::Failed,
        Outcome::Yielded { .. } => AttemptState::Yielded,
        Outcome::Cancelled { .. } => AttemptState::Cancelled,
    }
}

/// What an attempt that is taken away counts as.
pub(super) const fn dropped_state(reason: Reason) -> AttemptState {
    match reason {
        Reason::CancelledByCustomer
        | Reason::KilledByOperator
        | Reason::AccountSuspended
        | Reason::NetworkStopped
        | Reason::ImageRevoked => AttemptState::Cancelled,
        Reason::LeaseLapsed => AttemptState::Lost,
        Reason::ExitCode
        | Reason::OutOfMemory
        | Reason::TimedOut
        | Reason::ImageMissing
        | Reason::ImageRefused
        | Reason::PullFailed
        | Reason::FetchFailed
        | Reason::InputUnavailable
        | Reason::InputMismatch
        | Reason::OutputMissing
        | Reason::OutputRefused
        | Reason::UploadFailed
        | Reason::OutputMismatch
        | Reason::RigDiskFull
        | Reason::EngineFailed
        | Reason::AgentRestarted
        | Reason::OwnerReturned
        | Reason::RigPaused
        | Reason::NoAnswer
        | Reason::Declined
        | Reason::EgressForbidden
        | Reason::Unwanted
        | Reason::TooManyFailures
        | Reason::TooManyInterruptions
        | Reason::NoRig
        | Reason::NotRunnable
        | Reason::ResultMismatch => AttemptState::Withdrawn,
    }
}
