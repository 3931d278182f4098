//! What can be found on a PC, before it has words: `judge` decides it, `speech` says it in each language.

use headframe_protocol::control::Verdict;

mod found;
mod remedy;

pub(super) use found::{CardFound, Describes, EngineFound, Fault, Found, NetworkFound, OwnerFound, Part, PcFound, Probes};
pub(super) use remedy::{CardRemedy, EngineRemedy, OwnerRemedy, PcRemedy, Remedy};

/// What came of one thing that was looked at.
#[derive(Debug, Clone)]
pub(super) struct Finding<'f> {
    pub(super) topic: Topic,
    pub(super) verdict: Verdict,
    pub(super) found: Found<'f>,
    /// What the owner can do, where there is something to do.
    pub(super) remedy: Option<Remedy<'f>>,
}

/// What is looked at. What should be, and why, is the same whatever is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Topic {
    Engine,
    Faults,
    Users,
    Limits,
    Seccomp,
    Gvisor,
    Driver,
    CardsInContainers,
    Folder,
    Settings,
    Rules,
    Disk,
    DiskLimit,
    Memory,
    VmMemory,
    Probes,
    Tray,
    Secrets,
    Clock,
    Bandwidth,
}

impl Topic {
    /// For programs. Never changes its meaning.
    pub(super) const fn id(self) -> &'static str {
        match self {
            Self::Engine => "engine",
            Self::Faults => "engine_faults",
            Self::Users => "user_namespaces",
            Self::Limits => "limits",
            Self::Seccomp => "seccomp",
            Self::Gvisor => "gvisor",
            Self::Driver => "gpu_driver",
            Self::CardsInContainers => "gpu_containers",
            Self::Folder => "folder",
            Self::Settings => "settings",
            Self::Rules => "rules",
            Self::Disk => "disk",
            Self::DiskLimit => "disk_limit",
            Self::Memory => "memory",
            Self::VmMemory => "vm_memory",
            Self::Probes => "probes",
            Self::Tray => "tray",
            Self::Secrets => "secrets",
            Self::Clock => "clock",
            Self::Bandwidth => "bandwidth",
        }
    }

    pub(super) fn says<'f>(self, verdict: Verdict, found: impl Into<Found<'f>>) -> Finding<'f> {
        Finding { topic: self, verdict, found: found.into(), remedy: None }
    }

    pub(super) fn ok<'f>(self, found: impl Into<Found<'f>>) -> Finding<'f> {
        self.says(Verdict::Ok, found)
    }

    pub(super) fn warn<'f>(self, found: impl Into<Found<'f>>, remedy: impl Into<Remedy<'f>>) -> Finding<'f> {
        self.says(Verdict::Warn, found).mended_by(remedy)
    }

    pub(super) fn fail<'f>(self, found: impl Into<Found<'f>>, remedy: impl Into<Remedy<'f>>) -> Finding<'f> {
        self.says(Verdict::Fail, found).mended_by(remedy)
    }

    pub(super) fn unknown<'f>(self, found: impl Into<Found<'f>>) -> Finding<'f> {
        self.says(Verdict::Unknown, found)
    }
}

impl<'f> Finding<'f> {
    pub(super) fn mended_by(self, remedy: impl Into<Remedy<'f>>) -> Self {
        Self { remedy: Some(remedy.into()), ..self }
    }
}
