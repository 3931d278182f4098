//! Everything that can wake the rig, in one list.

use std::time::Duration;

use headframe_protocol::{Pseudonym, rig::Refusals};

use super::{
    giving_back::{CardMemory, Hindrances},
    measuring::Measured,
};
use crate::{
    coordinator::Said,
    idle::{Gate, Idleness},
    runner::{Adopted, RunEvent},
    store::Written,
};

/// Something happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Time has passed.
    Tick,
    /// The owner asks for something.
    Asked(Ask),
    /// The belief about the owner has changed.
    Owner(Idleness),
    /// What the owner's rules have against working has changed.
    Rules(Hindrances),
    /// What the cards hold has changed; slot by slot, nothing for one that does not tell.
    Cards(Vec<Option<CardMemory>>),
    /// What an hour must bring has changed; nothing if the owner's rules do not say.
    Gate(Option<Gate>),
    /// How many bytes one attempt may exchange with the internet; 0 for none.
    Egress(u64),
    /// Which jobs the owner does not want has changed.
    Refuses(Refusals),
    /// The container engine has come or gone.
    Engine(EngineState),
    /// The runner has looked at what an earlier life left.
    Adopted(Vec<Adopted>),
    /// The disk has filled up or been emptied.
    Disk(DiskState),
    /// The measurement of this PC has something to say.
    Measured(Measured),
    /// The coordinator spoke, or the line to it changed.
    Coordinator(Said),
    /// Something happened to a container.
    Run(RunEvent),
    /// The journal has written an entry.
    Written(Written),
}

/// What an owner may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// Work whenever I am away.
    Start,
    /// Give me the PC back, for some time or until I say so.
    Pause(Option<Duration>),
    /// Finish what runs, then take no more.
    Finish,
    /// Find out now what this PC can do, though I am here.
    Measure,
    /// Take no more jobs of a customer.
    Block {
        /// By his pseudonym on this rig.
        customer: Pseudonym,
        /// Give back what of his is here, too.
        stop: bool,
    },
    /// End the agent; stop what runs.
    Quit,
}

/// The container engine.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum EngineState {
    /// Not looked for yet.
    #[default]
    Unknown,
    /// Works, and what an earlier life left is being looked at.
    Ready,
    /// None was found.
    Missing,
    /// One was found and cannot be used.
    Unusable {
        /// Why and what to do.
        message: String,
    },
}

/// The disk the jobs work on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DiskState {
    /// There is room.
    #[default]
    Roomy,
    /// There is not.
    Full,
}
