//! Everything the rig can decide to do.

use std::{fmt, sync::Arc, time::Duration};

use headframe_protocol::session::{AttemptRef, Offer};

use crate::{coordinator::Say, store::Entry};

/// Something is to be done. In order; none is waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Write this down.
    Write(Entry),
    /// Tell the coordinator, if it can be reached. What must arrive is decided again later.
    Say(Say),
    /// Tell the runner.
    Run(Order),
    /// Find out what this PC can do.
    Measure {
        /// Slots whose cards the owner keeps.
        without: Vec<u8>,
    },
    /// The PC is needed: give up measuring it, at once.
    StopMeasuring,
    /// Nothing is left to do: the agent may end.
    Leave,
}

/// What the runner is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// Run this.
    Start {
        /// What was offered.
        offer: Arc<Offer>,
        /// The slots whose cards it gets; none for a job that needs no card.
        cards: Vec<u8>,
    },
    /// End it within the grace.
    Stop {
        /// Which.
        at: AttemptRef,
        /// How long it may take.
        grace: Duration,
    },
    /// End it now.
    Kill(AttemptRef),
    /// Bring what it left as its checkpoint.
    Save(Arc<Offer>),
    /// Remove what is left of it.
    Discard(AttemptRef),
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Write(entry) => write!(f, "write {}", Named(entry)),
            Self::Say(say) => write!(f, "say {say}"),
            Self::Run(Order::Start { offer, cards }) if cards.is_empty() => write!(f, "start {}", offer.at.attempt),
            Self::Run(Order::Start { offer, cards }) => write!(f, "start {} on cards {cards:?}", offer.at.attempt),
            Self::Run(Order::Stop { at, grace }) => write!(f, "stop {} within {grace:?}", at.attempt),
            Self::Run(Order::Kill(at)) => write!(f, "kill {}", at.attempt),
            Self::Run(Order::Save(offer)) => write!(f, "save {}", offer.at.attempt),
            Self::Run(Order::Discard(at)) => write!(f, "discard {}", at.attempt),
            Self::Measure { without } if without.is_empty() => f.write_str("measure"),
            Self::Measure { without } => write!(f, "measure all cards but {without:?}"),
            Self::StopMeasuring => f.write_str("stop measuring"),
            Self::Leave => f.write_str("leave"),
        }
    }
}

/// An entry in a few words.
struct Named<'a>(&'a Entry);

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Entry::Accepted(offer) => write!(f, "accepted {}", offer.at.attempt),
            Entry::Stage { at, stage } => write!(f, "stage {} {stage}", at.attempt),
            Entry::Renewed { at, .. } => write!(f, "renewed {}", at.attempt),
            Entry::From { at, network } => write!(f, "{} from {network}", at.attempt),
            Entry::Drew { at, cards } => write!(f, "drawn by {} on {} cards", at.attempt, cards.len()),
            Entry::Parting { at, .. } => write!(f, "parting {}", at.attempt),
            Entry::Receipt { at, sequence, running_ms } => write!(f, "receipt {} #{sequence} {running_ms} ms", at.attempt),
            Entry::Ended { at, .. } => write!(f, "ended {}", at.attempt),
            Entry::CheckpointSaved { at, saved } => write!(f, "checkpoint {} of {} files", at.attempt, saved.files.len()),
            Entry::CheckpointEnded(at) => write!(f, "checkpoint {} ended", at.attempt),
            Entry::Settled(settled) => write!(f, "settled {} {}", settled.at.attempt, settled.state),
            Entry::Dropped { at, state, reason } => write!(f, "dropped {} {state} ({reason})", at.attempt),
            Entry::Yielded { at, made } => write!(f, "yielded {} {}", at.attempt, made.cause.as_str()),
            Entry::Choice(choice) => write!(f, "choice {choice:?}"),
        }
    }
}
