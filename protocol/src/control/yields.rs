//! How quickly the PC was given back: each time, and all times together.

use serde::{Deserialize, Serialize};

use crate::TimestampMs;

/// The most yields one answer lists.
pub const YIELDS_MAX: u32 = 100;

/// What wanted the PC back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub enum YieldCause {
    /// Keyboard, mouse or gamepad were used.
    Input,
    /// No probe could tell any more whether the owner is away.
    Unseen,
    /// Somebody came from afar.
    Remote,
    /// A game, a film or another program that is not to be disturbed.
    Game,
    /// The mains power failed.
    Power,
    /// Something was too hot.
    Heat,
    /// The owner's own programs needed the processor.
    Load,
    /// The connection became metered.
    Network,
    /// The hour, a card the owner keeps, or another of his rules.
    Rules,
    /// The owner paused the rig.
    Paused,
    /// The agent was told to end.
    Quit,
}

impl YieldCause {
    /// Its name on the wire and on disk.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Unseen => "unseen",
            Self::Remote => "remote",
            Self::Game => "game",
            Self::Power => "power",
            Self::Heat => "heat",
            Self::Load => "load",
            Self::Network => "network",
            Self::Rules => "rules",
            Self::Paused => "paused",
            Self::Quit => "quit",
        }
    }
}

/// One time the PC was given back by one attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct YieldView {
    /// Whose container it was.
    pub attempt: String,
    /// What the customer calls the job.
    pub title: String,
    /// What wanted the PC back.
    pub cause: YieldCause,
    /// When that was.
    pub wanted_ms: TimestampMs,
    /// From then until the container was gone, in milliseconds.
    pub stop_ms: u32,
    /// From then until the memory of its graphics cards was free again, in milliseconds; absent without a card.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub memory_ms: Option<u32>,
    /// The memory of a card was not seen to come back within the time that is waited for it.
    pub memory_missing: bool,
    /// The job did not end when asked and was ended.
    pub killed: bool,
}

/// How quickly the PC was given back.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct Yields {
    /// How many times in all.
    pub count: u32,
    /// How many of them the job had to be ended.
    pub killed: u32,
    /// How often a card's memory was not seen to come back.
    pub memory_missing: u32,
    /// Half of them were done within this, in milliseconds.
    pub p50_ms: u32,
    /// 95 of 100 were done within this.
    pub p95_ms: u32,
    /// All of them were.
    pub max_ms: u32,
    /// The newest, newest first.
    pub recent: Vec<YieldView>,
}
