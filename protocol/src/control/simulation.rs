//! What an owner's rules would have done in days that were recorded.

use serde::{Deserialize, Serialize};

use super::OwnerRules;
use crate::TimestampMs;

/// The most days that can be asked for: no more are kept.
pub const SIMULATED_DAYS_MAX: u8 = 14;

/// The longest rules that can be asked about.
pub const RULES_BYTES_MAX: usize = 64 * 1024;

/// What is to be simulated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct SimulateArgs {
    /// How many days back from now, at most 14.
    pub days: u8,
    /// Rules as they would stand in the owner's file; absent for those that hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub rules: Option<String>,
    /// The same as a whole, such as the window's before they are saved. Counts before `rules`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub draft: Option<Box<OwnerRules>>,
}

/// What would have been. Every moment of the window is in exactly one of `worksMs`, `unknownMs` and a loss. Nothing is said about jobs:
/// whether there would have been one is not known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct Simulation {
    /// Where the window begins.
    pub from_ms: TimestampMs,
    /// Where it ends.
    pub until_ms: TimestampMs,
    /// How long it would have been free for work, in milliseconds.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub works_ms: u64,
    /// How long nobody looked, as when the PC slept, in milliseconds.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub unknown_ms: u64,
    /// How often work would have been interrupted.
    pub interruptions: u32,
    /// What kept it from working, the largest first.
    pub lost: Vec<Loss>,
    /// The same, day by day.
    pub days: Vec<SimulatedDay>,
}

/// One day of the PC's calendar.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct SimulatedDay {
    /// Such as `2026-11-23`.
    pub date: String,
    /// How long it would have been free for work, in milliseconds.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub works_ms: u64,
    /// How long nobody looked, in milliseconds.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub unknown_ms: u64,
    /// How often work would have been interrupted.
    pub interruptions: u32,
    /// What kept it from working, the largest first.
    pub lost: Vec<Loss>,
}

/// Time that was not free for work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct Loss {
    /// Why not.
    pub to: LostTo,
    /// How long, in milliseconds.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub ms: u64,
}

/// Why time was not free for work: what comes first of several reasons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub enum LostTo {
    /// The owner was here.
    OwnerActive,
    /// Nothing saw whether he was.
    NoIdleProbe,
    /// The rules kept the hour free.
    Schedule,
    /// Somebody used the PC from afar.
    Remote,
    /// A program ran that is not to be disturbed.
    Program,
    /// A window filled the screen.
    Fullscreen,
    /// The PC was not on mains power.
    OnBattery,
    /// The connection was metered.
    Metered,
    /// Something was too hot.
    Hot,
    /// The owner's programs needed the processor.
    Busy,
    /// Something could not be measured.
    ProbeBroken,
    /// Something else.
    Other,
}
