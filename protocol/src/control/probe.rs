//! What tells whether the owner is away and whether his rules allow work, as it is shown.

use serde::{Deserialize, Serialize};

/// One way of telling whether the owner is away.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct ProbeView {
    /// Such as `X11 input`.
    pub name: String,
    /// What it says, or why it is missing.
    pub says: String,
    /// Whether it works.
    pub works: bool,
    /// It does not because this PC has nothing of the kind, which is no fault.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[cfg_attr(feature = "ts", ts(optional, type = "boolean"))]
    pub absent: bool,
    /// What it looks at; absent where the agent has a way of telling that this program does not know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub kind: Option<ProbeKind>,
    /// The same as `says`, for whoever speaks another language; absent of one that does not work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub sees: Option<ProbeSees>,
}

/// What a probe looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub enum ProbeKind {
    /// Keyboard and mouse.
    Input,
    /// Gamepads.
    Gamepad,
    /// The owner's session at the desktop.
    Session,
    /// Whether the PC has mains power.
    Power,
    /// A power supply that bridges outages.
    Ups,
    /// Whether the connection is metered.
    Metered,
    /// How hot the processor is.
    Heat,
    /// How much of the processor others use.
    Load,
    /// What runs.
    Programs,
    /// Whether a window fills the screen.
    Fullscreen,
    /// What the graphics cards do beside jobs.
    Gpus,
}

/// What a probe sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub enum ProbeSees {
    /// The owner is away.
    Away,
    /// He is here.
    Here,
    /// Too little to say which.
    Unsure,
    /// The screen is locked.
    Locked,
    /// It is not.
    Unlocked,
    /// The PC is used from afar.
    Remote,
    /// It runs on a battery.
    Battery,
    /// It does not.
    Mains,
    /// What is sent and fetched costs.
    Metered,
    /// It does not.
    Unmetered,
    /// A figure that changes all the time.
    Measured,
    /// A list that changes all the time.
    Watched,
    /// A window fills the screen.
    Fullscreen,
    /// None does.
    NoFullscreen,
}
