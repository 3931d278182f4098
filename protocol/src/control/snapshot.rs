//! The present as the window draws it.

use serde::{Deserialize, Serialize};

use super::{ClockFault, ProbeView};
use crate::{TimestampMs, job::Reason, money::Micros, session::RefusedCode};

/// Everything the window shows without asking. Small, complete, replaced as a whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct Snapshot {
    /// Grows with every change; an older one is dropped.
    pub revision: u32,
    /// The agent program's version.
    pub agent_version: String,
    /// What the rig is doing, and why.
    pub phase: Phase,
    /// When that began.
    pub since_ms: TimestampMs,
    /// The rig.
    pub rig: RigView,
    /// Jobs on the rig now.
    pub working: Vec<JobCard>,
    /// What today's work has earned.
    pub today: Earned,
    /// The line to the coordinator.
    pub link: Link,
    /// The network is one of practice: no amount is money.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[cfg_attr(feature = "ts", ts(as = "Option<bool>", optional))]
    pub practice: bool,
    /// The container engine.
    pub engine: EngineView,
    /// What the idle probes measure, with those that are missing.
    pub probes: Vec<ProbeView>,
    /// What the rig asks for an hour beyond its settings; absent if its owner's rules do not say what power costs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub asks: Option<AskView>,
    /// What is wrong with this PC's clock; absent while it is right, or nobody could say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub clock: Option<ClockFault>,
    /// Grows with everything that changes the history of jobs: the moment to ask for it again.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[cfg_attr(feature = "ts", ts(as = "Option<u32>", optional))]
    pub history: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks this way")]
const fn is_zero(count: &u32) -> bool {
    *count == 0
}

/// What the rig is doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", rename_all_fields = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub enum Phase {
    /// Never started by the owner.
    Off,
    /// Looking at engine and hardware.
    Checking,
    /// Would work, but.
    Waiting {
        /// Everything that stands in the way, most important first; never empty.
        reasons: Vec<WaitReason>,
    },
    /// Finding out what the PC can do.
    Benchmarking {
        /// How far that has come.
        #[serde(flatten)]
        measuring: MeasuringView,
    },
    /// Free, and waiting for a job.
    Ready,
    /// Fetching image and inputs.
    Preparing,
    /// A container runs.
    Working,
    /// Giving the PC back.
    Yielding,
    /// Bringing results away.
    Uploading,
    /// Finishing what runs; takes no more.
    Draining,
    /// Told to pause.
    Paused {
        /// When it resumes by itself; absent if only the owner resumes it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "ts", ts(optional))]
        until_ms: Option<TimestampMs>,
    },
}

/// How far a measurement has come.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct MeasuringView {
    /// Which card, or the processor; empty until that is known.
    pub what: String,
    /// The card's UUID, as its view has it; absent for the processor, and for a card of which the driver tells none. Two cards may have
    /// one name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub gpu: Option<String>,
    /// How much of it is done.
    pub percent: u8,
    /// How much longer it takes, in seconds.
    pub left_s: u32,
}

/// One thing that stands in the way of working.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", rename_all_fields = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub enum WaitReason {
    /// Keyboard or mouse were used.
    OwnerActive {
        /// When last.
        last_input_ms: TimestampMs,
        /// When the rig starts if they are not touched again.
        starts_ms: TimestampMs,
    },
    /// No probe can tell whether the owner is away, so he is taken to be here.
    NoIdleProbe,
    /// No container engine was found.
    NoEngine,
    /// The engine was found and cannot be used.
    EngineUnusable {
        /// Why and what to do.
        message: String,
    },
    /// The coordinator cannot be reached.
    Offline,
    /// The coordinator does not let the rig in.
    Refused {
        /// Why, for the program.
        code: RefusedCode,
        /// Why, for the owner.
        message: String,
    },
    /// A job went wrong here; the rig waits a little before it takes the next.
    BackingOff {
        /// Until when.
        until_ms: TimestampMs,
    },
    /// The disk the jobs work on is nearly full.
    DiskFull,
    /// The owner's rules keep this hour free.
    Schedule {
        /// When the next hour begins that they do not; absent if they keep all of them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "ts", ts(optional))]
        opens_ms: Option<TimestampMs>,
    },
    /// Somebody uses the PC from afar.
    Remote,
    /// A program runs that is not to be disturbed.
    Program {
        /// Which.
        name: String,
    },
    /// A window fills the screen.
    Fullscreen,
    /// The PC runs on a battery or a UPS.
    OnBattery,
    /// The connection is metered.
    Metered,
    /// Something is too hot.
    Hot {
        /// What.
        part: HotPart,
        /// How hot it was when work stopped, in degrees Celsius.
        celsius: i16,
        /// From when on work goes on.
        resumes_at: i16,
    },
    /// The owner's own programs need the processor.
    Busy {
        /// How much of it they used when work stopped, in percent.
        percent: u8,
        /// How much they may.
        at_most: u8,
    },
    /// A program of the owner uses the graphics card.
    GpuInUse {
        /// The card's model.
        gpu: String,
        /// Which program.
        program: String,
    },
    /// The owner keeps the graphics card to himself.
    GpuKept {
        /// The card's model.
        gpu: String,
    },
    /// What stopped the work is over; it begins again a little later.
    CoolingDown {
        /// When.
        until_ms: TimestampMs,
    },
    /// Something that should be measured cannot be, so the owner's side is taken.
    ProbeBroken {
        /// What measures it.
        probe: String,
        /// Why it does not.
        message: String,
    },
    /// Power costs so much now that no job may pay what the owner wants.
    Unprofitable {
        /// What an hour's power costs.
        power_per_hour: Micros,
        /// What an hour must bring.
        floor_per_hour: Micros,
    },
    /// The owner's rules cannot be understood, so nothing works until they can.
    RulesBroken {
        /// Where and why.
        message: String,
    },
}

/// What an hour must bring.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct AskView {
    /// What its power costs.
    pub power_per_hour: Micros,
    /// Power, and what the owner wants to be left.
    pub floor_per_hour: Micros,
}

/// What can be too hot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub enum HotPart {
    /// The processor.
    Cpu,
    /// A graphics card.
    Gpu,
}

/// The rig as the window draws it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct RigView {
    /// The device id.
    pub device: String,
    /// What the owner calls it.
    pub name: String,
    /// The processor.
    pub cpu: CpuView,
    /// GPUs, in the order of the bus.
    pub gpus: Vec<GpuView>,
}

/// The processor as the window draws it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct CpuView {
    /// Model name.
    pub model: String,
    /// Logical cores.
    pub cores: u16,
    /// Load of all cores, 0 to 100.
    pub load_percent: u8,
    /// Memory in use, in bytes.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub memory_used_bytes: u64,
    /// Memory, in bytes.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub memory_bytes: u64,
}

/// One GPU as the window draws it. Absent figures were not measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct GpuView {
    /// The driver's UUID.
    pub uuid: String,
    /// Model name.
    pub model: String,
    /// Verified score; absent until a challenge has been passed.
    pub fu: Option<u32>,
    /// What this PC has measured of itself; absent until it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub measured_fu: Option<u32>,
    /// Core temperature in °C.
    pub temperature_c: Option<u8>,
    /// Fan speed, 0 to 100.
    pub fan_percent: Option<u8>,
    /// Draw in milliwatts.
    pub power_milliwatts: Option<u32>,
    /// Load, 0 to 100.
    pub load_percent: Option<u8>,
    /// How fast its cores run, in MHz.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub core_clock_mhz: Option<u32>,
    /// How fast its memory runs, in MHz.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub memory_clock_mhz: Option<u32>,
    /// Memory in use, in bytes.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub vram_used_bytes: u64,
    /// Memory, in bytes.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub vram_bytes: u64,
    /// It computes for a challenge of the coordinator now.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[cfg_attr(feature = "ts", ts(as = "Option<bool>", optional))]
    pub proving: bool,
    /// What stands in the way of work on this card alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "ts", ts(as = "Option<Vec<WaitReason>>", optional))]
    pub reasons: Vec<WaitReason>,
}

/// One attempt in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct JobCard {
    /// The attempt.
    pub attempt: String,
    /// The job.
    pub job: String,
    /// What the customer calls it, or its image's name.
    pub title: String,
    /// The image by digest.
    pub image: String,
    /// Where it is.
    pub stage: Stage,
    /// Why it ended, where there is a reason.
    pub reason: Option<Reason>,
    /// The reason as a sentence, with the detail that belongs to it.
    pub reason_text: Option<String>,
    /// When the offer was taken.
    pub started_ms: TimestampMs,
    /// When it ended.
    pub ended_ms: Option<TimestampMs>,
    /// How long the container has run, in milliseconds.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub running_ms: u64,
    /// How long the container may run, in milliseconds. Absent once that no longer matters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional, type = "number"))]
    pub timeout_ms: Option<u64>,
    /// Progress of this stage in parts per thousand, where known. Never while the container runs: it tells nobody.
    pub permille: Option<u16>,
    /// What the owner earns per hour, after the platform's fee.
    pub earns_per_hour: Micros,
    /// What it has earned: confirmed by the coordinator once it is settled, computed from the running time before.
    pub earned: Micros,
    /// Whether the coordinator has confirmed the amount.
    pub confirmed: bool,
    /// Files of its result; absent before there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub result_files: Option<u32>,
    /// Their bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional, type = "number"))]
    pub result_bytes: Option<u64>,
    /// Bytes of log on this rig.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub log_bytes: u64,
    /// The GPUs it has, by [`GpuView::uuid`]; none for a job that works on the processor.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "ts", ts(as = "Option<Vec<String>>", optional))]
    pub gpus: Vec<String>,
    /// Whose job it is, by his pseudonym on this rig; absent where nobody told: then he cannot be blocked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub customer: Option<String>,
}

/// Where an attempt is, as the owner sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub enum Stage {
    /// Fetching image and inputs.
    Preparing,
    /// The container runs.
    Running,
    /// Giving the PC back.
    Yielding,
    /// Bringing results away.
    Uploading,
    /// Accepted by the coordinator.
    Succeeded,
    /// Ended badly.
    Failed,
    /// The PC was given back.
    Yielded,
    /// Too late: the lease had lapsed.
    Lost,
    /// The customer or the operator ended it.
    Cancelled,
}

/// What has been earned since local midnight.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct Earned {
    /// Confirmed by the coordinator.
    pub confirmed: Micros,
    /// Computed for what runs or is not settled yet.
    pub pending: Micros,
    /// Jobs settled as succeeded.
    pub jobs: u32,
    /// What the power for what is confirmed cost, as far as it was measured while a price was known; absent if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub power: Option<Micros>,
    /// What of [`Self::confirmed`] is left after [`Self::power`]; absent with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub net: Option<Micros>,
    /// Attempts that ran and were settled.
    #[serde(default)]
    pub attempts: u32,
    /// Of those, whose power was not measured, or not for the whole time.
    #[serde(default)]
    pub unmeasured: u32,
    /// Of those that were measured, when it was not known what power costs.
    #[serde(default)]
    pub unpriced: u32,
}

/// The line to the coordinator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", rename_all_fields = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub enum Link {
    /// In a session.
    Connected {
        /// The network's name.
        network: String,
    },
    /// Dialling.
    Connecting,
    /// Waiting before the next try.
    Waiting {
        /// When it dials again.
        until_ms: TimestampMs,
        /// What went wrong last.
        message: String,
    },
    /// The coordinator said no; see the phase's reasons.
    Refused,
}

/// The container engine, with what was looked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct EngineView {
    /// The one in use, such as `Docker 20.10.24`; absent if none.
    pub found: Option<String>,
    /// Every place that was looked at, in order, and what was there.
    pub tried: Vec<EngineTried>,
}

/// One place an engine was looked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct EngineTried {
    /// Such as `Docker (unix:///var/run/docker.sock)`.
    pub place: String,
    /// `in use`, or why not.
    pub result: String,
}
