//! What there is to know about a PC before it works. Plain, so that any PC can be made up in a test.

use std::time::Duration;

use headframe_protocol::control::ProbeView;

use crate::runner::engine::Examined;

/// Everything that is judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The agent's folder.
    pub folder: Folder,
    /// The owner's settings.
    pub settings: Written,
    /// The owner's rules.
    pub rules: Written,
    /// Places an engine was looked for at.
    pub engines: Vec<Examined>,
    /// Graphics cards.
    pub gpus: Gpus,
    /// The disk the jobs work on.
    pub disk: Disk,
    /// Memory, in bytes: what there is, and what jobs would get.
    pub memory: Memory,
    /// What WSL's own settings say of giving memory back; absent where there is no WSL.
    pub wsl: Option<Reclaim>,
    /// What the coordinator's clock says.
    pub coordinator: Coordinator,
    /// Whether his rules wait until the owner is away; taken to be so while they are not understood.
    pub waits_for_away: bool,
    /// What tells whether he is.
    pub probes: Vec<ProbeView>,
    /// What the desktop offers.
    pub desktop: Desktop,
}

/// The agent's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    /// Its path.
    pub path: String,
    /// How it is.
    pub state: FolderState,
}

/// How a folder is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FolderState {
    /// It is made at the first start.
    Missing,
    /// It is there and ours.
    Private,
    /// Others may read in it.
    Exposed {
        /// Its permissions, as `ls` counts them.
        mode: u32,
    },
    /// Nothing can be written there.
    ReadOnly,
    /// It belongs to another user.
    Foreign,
    /// Something else is in its place.
    NotAFolder,
    /// It cannot be looked at.
    Unusable(String),
}

/// A file of the owner's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Its path.
    pub path: String,
    /// Whether there is one.
    pub exists: bool,
    /// Why it is not understood.
    pub problem: Option<String>,
}

/// Graphics cards, and what containers would need to use them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Gpus {
    /// NVIDIA cards on the bus, whether a driver knows them or not; absent if the bus cannot be read.
    pub on_the_bus: Option<u32>,
    /// Models the driver tells of.
    pub models: Vec<String>,
    /// The driver's version, or why it tells nothing.
    pub driver: Option<Result<String, String>>,
    /// The version of NVIDIA's toolkit for containers.
    pub toolkit: Option<String>,
    /// Whether the cards are described by a CDI file.
    pub cdi_files: bool,
}

/// The disk the jobs work on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disk {
    /// Free; absent if the system does not tell.
    pub free_bytes: Option<u64>,
    /// What the owner gives to images and jobs; absent if his settings are not understood.
    pub cap_bytes: Option<u64>,
    /// What stays free whatever happens.
    pub reserve_bytes: u64,
}

/// Memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// What there is; absent if the system does not tell.
    pub total_bytes: Option<u64>,
    /// What jobs would get.
    pub given_bytes: Option<u64>,
}

/// Whether WSL's virtual machine gives memory back that nobody uses in it (`autoMemoryReclaim` in `.wslconfig`, Microsoft's "Advanced
/// settings configuration in WSL").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reclaim {
    /// It is written that it does.
    On,
    /// It is written that it does not.
    Off,
    /// Nothing is written: newer versions do, older ones do not.
    Unwritten,
}

/// What the coordinator's clock says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Coordinator {
    /// The settings are not understood, so that nobody knows which one.
    NotKnown,
    /// It did not answer.
    Silent {
        /// Its host.
        host: String,
        /// Why.
        why: Silence,
    },
    /// It answered without saying what time it is.
    NoClock {
        /// Its host.
        host: String,
    },
    /// It answered.
    Told {
        /// Its host.
        host: String,
        /// This PC's clock against its own: positive is ahead.
        ahead_ms: i64,
        /// How long the answer took: the least that can be told apart.
        took: Duration,
    },
}

/// Why a coordinator did not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Silence {
    /// Nothing can be asked at its address.
    NoAddress,
    /// This PC cannot ask.
    CannotAsk,
    /// It took longer than anybody waits.
    Late {
        /// How long he waited, in seconds.
        after_s: u64,
    },
    /// There is nobody at its address.
    Nobody,
    /// Something is there that answers otherwise.
    Unreadable,
}

/// What the desktop offers. Absent: there is no session bus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Desktop {
    /// Whether a tray takes icons.
    pub tray: Option<bool>,
    /// Whether a keeper of passwords answers.
    pub secrets: Option<bool>,
}
