//! What is there. What one kind of thing can be is one enum, so that a language says one after the other.

use std::fmt;

use headframe_protocol::control::ProbeView;

use crate::{
    doctor::{
        advisories::Hit,
        facts::{FolderState, Reclaim, Silence},
    },
    runner::{
        DiskLimit,
        engine::{Examined, Limit, Note, WhyNot},
    },
};

/// What was found.
#[derive(Debug, Clone)]
pub(in crate::doctor) enum Found<'f> {
    Engine(EngineFound<'f>),
    Card(CardFound<'f>),
    Pc(PcFound<'f>),
    Owner(OwnerFound<'f>),
    Network(NetworkFound<'f>),
}

/// Of the container engine.
#[derive(Debug, Clone)]
pub(in crate::doctor) enum EngineFound<'f> {
    Taken {
        engine: &'f Examined,
        notes: &'f [Note],
    },
    NotTaken {
        engine: &'f Examined,
        why: &'f WhyNot,
    },
    /// Nothing, at all of these places.
    NothingAt(Vec<&'f str>),
    /// Who would know is not there.
    NobodyToAsk,
    PartsUnnamed,
    /// Parts that are watched, with versions that are none.
    PartsUnread(Vec<Part<'f>>),
    NoFault(Vec<Part<'f>>),
    Faults(Vec<Fault<'f>>),
    Rootless,
    Remapped,
    SharedInVm,
    Shared,
    LimitsMissing {
        cgroups: Option<u8>,
        limits: &'f [Limit],
    },
    LimitsWork {
        cgroups: Option<u8>,
    },
    SeccompOn {
        profile: &'f str,
    },
    SeccompOff,
    GvisorThere,
    NoGvisor,
}

/// Of graphics cards.
#[derive(Debug, Clone)]
pub(in crate::doctor) enum CardFound<'f> {
    Driven {
        models: &'f [String],
        driver: &'f str,
    },
    DriverSeesNone {
        driver: &'f str,
    },
    NoCard,
    /// Cards on the bus, and why their driver says nothing, if there is one.
    Undriven {
        cards: u32,
        why: Option<&'f str>,
    },
    NobodyTells,
    /// For containers, by a toolkit that does not say which it is.
    Described,
    NoToolkit,
    ToolkitUnread {
        version: &'f str,
    },
    Faults(Vec<Fault<'f>>),
    Toolkit {
        version: &'f str,
        describes: Describes,
    },
}

/// Whether a card is described by CDI.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::doctor) enum Describes {
    Cards,
    Nothing,
}

/// Of the PC and the agent's own files.
#[derive(Debug, Clone)]
pub(in crate::doctor) enum PcFound<'f> {
    Folder {
        path: &'f str,
        state: &'f FolderState,
    },
    /// What whoever reads the file says.
    NotUnderstood {
        problem: &'f str,
    },
    Understood {
        path: &'f str,
    },
    NoSettings {
        path: &'f str,
    },
    NoRules {
        path: &'f str,
    },
    FreeUntold,
    /// Too little for anything. All sizes are in GiB.
    FreeLittle {
        free: u64,
    },
    Free {
        free: u64,
        given: u64,
    },
    FreeGivenUnknown {
        free: u64,
    },
    DiskLimit(DiskLimit),
    DiskLimitUntried,
    MemoryUntold,
    Memory {
        total: u64,
        given: Option<u64>,
    },
    NobodyTellsOfVm,
    NoVm,
    Wsl(Reclaim),
    VmKeepsMemory,
}

/// Of what tells whether the owner is here, and of his desktop.
#[derive(Debug, Clone)]
pub(in crate::doctor) enum OwnerFound<'f> {
    NoProbes,
    ProbesBroken(Probes<'f>),
    Seen(Probes<'f>),
    Unseen(Probes<'f>),
    /// His rules do not ask for it.
    UnseenUnasked(Probes<'f>),
    TrayThere,
    NoTray,
    KeyringThere,
    NoKeyring,
    NoSession,
}

/// Of the coordinator and the way to it.
#[derive(Debug, Clone)]
pub(in crate::doctor) enum NetworkFound<'f> {
    NotKnown,
    Silent { host: &'f str, why: Silence },
    NoClock { host: &'f str },
    OnTime { host: &'f str },
    Ahead { host: &'f str, by_s: u64 },
    Behind { host: &'f str, by_s: u64 },
    BandwidthUnmeasured,
}

/// A part of an engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::doctor) struct Part<'f> {
    pub(in crate::doctor) name: &'f str,
    pub(in crate::doctor) version: &'f str,
}

impl fmt::Display for Part<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.version)
    }
}

/// A known fault of a part that is there.
#[derive(Debug, Clone, Copy)]
pub(in crate::doctor) struct Fault<'f> {
    pub(in crate::doctor) part: Part<'f>,
    pub(in crate::doctor) hit: Hit,
}

/// Ways to tell whether the owner is here.
#[derive(Debug, Clone)]
pub(in crate::doctor) struct Probes<'f> {
    pub(in crate::doctor) working: Vec<&'f ProbeView>,
    /// Of things that are not on this PC.
    pub(in crate::doctor) absent: Vec<&'f ProbeView>,
    pub(in crate::doctor) broken: Vec<&'f ProbeView>,
}

impl<'f> From<EngineFound<'f>> for Found<'f> {
    fn from(found: EngineFound<'f>) -> Self {
        Self::Engine(found)
    }
}

impl<'f> From<CardFound<'f>> for Found<'f> {
    fn from(found: CardFound<'f>) -> Self {
        Self::Card(found)
    }
}

impl<'f> From<PcFound<'f>> for Found<'f> {
    fn from(found: PcFound<'f>) -> Self {
        Self::Pc(found)
    }
}

impl<'f> From<OwnerFound<'f>> for Found<'f> {
    fn from(found: OwnerFound<'f>) -> Self {
        Self::Owner(found)
    }
}

impl<'f> From<NetworkFound<'f>> for Found<'f> {
    fn from(found: NetworkFound<'f>) -> Self {
        Self::Network(found)
    }
}
