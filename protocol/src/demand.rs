//! What the network has for a rig to do, so that its owner can see why it has work or none.
//!
//! Nothing here tells of one customer: jobs are only counted, and prices are those that rigs asked and got.

use serde::{Deserialize, Serialize};

use crate::{Micros, Sha256, TimestampMs};

/// What waits for a rig, what it lacks for the rest, and how such rigs have fared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RigDemand {
    /// What kind of rig it is matched as, such as `nvidia 24 GiB`; absent for one that never signed in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// Whether it would be given a job now.
    pub place: MarketPlace,
    /// Until when it rests, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rests_until_ms: Option<TimestampMs>,
    /// How many jobs were looked at: those that wait for a rig and may start.
    pub waiting: u32,
    /// Whether more wait than were looked at.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub more: bool,
    /// How many of those the rig could do.
    pub fitting: u32,
    /// Why it cannot do the others, what keeps it from the most first. A job counts for each requirement the rig does not meet.
    #[serde(default)]
    pub unmet: Vec<Unmet>,
    /// How rigs of its kind have fared in the last seven days; absent while too few of them were given anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<KindDemand>,
    /// What its cards have proved, in the order of its report.
    #[serde(default)]
    pub cards: Vec<ProvedCard>,
    /// How it stands; absent where the coordinator does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standing: Option<StandingInBrief>,
}

/// How a rig stands, in brief.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StandingInBrief {
    /// `new`, `good`, `watched`, `distrusted` or `excluded`.
    pub tier: String,
    /// Of a hundred promises, how many were kept; the older, the less each counts.
    pub reliability_percent: u8,
    /// What its results of late took longer than others' on the same hardware, in thousandths: the most of its kinds of hardware. Beyond
    /// 120 what waits is paid for the time others take.
    pub behind_permille: u32,
}

/// Whether a rig would be given a job now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum MarketPlace {
    /// The next one that fits.
    Open,
    /// All of it works already.
    Full,
    /// It has said that it takes none.
    Closed,
    /// Attempts went wrong on it; others have their try first.
    Resting,
    /// It is kept free for a job that needs more of it than is free yet.
    KeptFree,
    /// One of its cards is challenged, or is about to be.
    Challenged,
    /// The operator has stopped the network.
    Stopped,
    /// The operator has taken it out of work.
    Quarantined,
    /// It is not connected, or to another coordinator of the network than the one that was asked.
    Absent,
}

/// A requirement of jobs that a rig does not meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Unmet {
    /// Which.
    pub requirement: Requirement,
    /// How many jobs ask for it.
    pub jobs: u32,
    /// How many of them ask for nothing else that the rig lacks.
    pub alone: u32,
}

/// What a job asks of a rig, one thing at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Requirement {
    /// GPUs, or more of them.
    GpuCount,
    /// GPUs of another maker.
    GpuVendor,
    /// Instructions that its GPUs do not have, or nobody has said that they do.
    ComputeCapability,
    /// More memory on each GPU.
    Vram,
    /// A higher verified score.
    Score,
    /// More processor cores.
    Cpu,
    /// More memory.
    Memory,
    /// More disk.
    Disk,
    /// To reach hosts of the internet, or with more bytes.
    Egress,
    /// Somebody known behind it.
    Trust,
    /// That it stands in certain countries, attested by the operator.
    Country,
    /// A lower price: its owner asks for more than the job pays.
    Price,
    /// That it has not just given this very job back: others have their try first.
    AnotherTry,
    /// That its owner is not the customer, where the job is paid by card.
    AnotherOwner,
    /// That this customer's jobs have not failed on it again and again.
    FewerFailures,
    /// Graphics cards, on which its owner takes no jobs.
    GpuJobs,
    /// No graphics card, and its owner takes no such jobs.
    CpuJobs,
    /// To run without checkpoints, which its owner does not take.
    Unsaved,
    /// To run longer than its owner takes.
    Length,
    /// That its owner takes what the customer says it holds, or has not said.
    Content,
    /// That its owner has not blocked this customer.
    Unblocked,
}

/// How rigs of one kind have fared in the last seven days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct KindDemand {
    /// Jobs they were given: the newest, five hundred at most. What follows is of these.
    pub jobs: u32,
    /// Half of the jobs came sooner after a rig had become free for one, in seconds.
    pub wait_s: u32,
    /// What owners got for an hour, after the fee: one in ten got less.
    pub low_per_hour: Micros,
    /// Half of them got less.
    pub middle_per_hour: Micros,
    /// One in ten got more.
    pub high_per_hour: Micros,
}

/// What a card has proved to the network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProvedCard {
    /// The SHA-256 sum of the driver's UUID for it: its rig knows which that is, and nobody else has to.
    pub card: Sha256,
    /// The score that is believed now; absent while none is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fu: Option<u32>,
    /// When it passed a challenge last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passed_ms: Option<TimestampMs>,
    /// When it failed one last. One that came to nothing is neither.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed_ms: Option<TimestampMs>,
}
