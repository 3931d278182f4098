//! The owner's rigs, for his window. What the network says of them is [`crate::fleet`].

use serde::{Deserialize, Serialize};

use crate::{Micros, TimestampMs, demand::MarketPlace, fleet::FleetAlone};

/// Which page of the owner's rigs.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct FleetArgs {
    /// The rig after which the page begins; absent for the first page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub after: Option<String>,
}

/// What the network said of the owner's rigs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct FleetView {
    /// When it was asked.
    pub asked_ms: TimestampMs,
    /// What it said.
    pub said: FleetSaid,
}

/// An answer, or why there is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub enum FleetSaid {
    /// These are they.
    Listed {
        /// A page of them.
        page: FleetPage,
    },
    /// The network did not answer.
    Silent,
    /// The network does not believe this PC's clock.
    ClockWrong,
    /// The network says no.
    Refused {
        /// Why, in its own words.
        message: String,
    },
}

/// A page of the owner's rigs, and what all of them come to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct FleetPage {
    /// The wallet whose they are; absent if none has signed for this rig.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub wallet: Option<String>,
    /// Why only this rig is told of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub alone: Option<FleetAlone>,
    /// In the order in which they first signed in.
    pub rigs: Vec<FleetRigView>,
    /// Of all of them, on whichever page.
    pub total: FleetSums,
    /// What to send as `after` for the next page; absent at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub next: Option<String>,
}

/// One of the owner's rigs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct FleetRigView {
    /// Known to the network as.
    pub device: String,
    /// What its owner calls it.
    pub name: String,
    /// Whether it is this PC.
    pub here: bool,
    /// The version of its agent; absent if the network has not noted it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub agent: Option<String>,
    /// Whether it is connected.
    pub connected: bool,
    /// When it was last seen.
    pub seen_ms: TimestampMs,
    /// How many jobs it has.
    pub attempts: u32,
    /// Whether it would be given a job now; absent where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub place: Option<MarketPlace>,
    /// Its processor.
    pub cpu_model: String,
    /// Logical cores offered.
    pub cpu_cores: u16,
    /// Cards offered.
    pub cards: Vec<FleetCardView>,
    /// Frame Units that the network believes now, of all its cards.
    pub fu: u32,
    /// What it has earned today, after the fee.
    pub today: Micros,
    /// What it has earned in seven days, today among them, after the fee.
    pub days: Micros,
    /// How it stands: `new`, `good`, `watched`, `distrusted` or `excluded`.
    pub tier: String,
}

/// One card of a rig of the owner's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct FleetCardView {
    /// Its model.
    pub model: String,
    /// Its memory, in bytes.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub vram_bytes: u64,
    /// Frame Units that the network believes now; absent while it believes none, and where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub fu: Option<u32>,
}

/// What all rigs of the owner come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct FleetSums {
    /// How many there are.
    pub rigs: u32,
    /// How many are connected.
    pub connected: u32,
    /// Frame Units that the network believes now, of those that are connected.
    pub fu: u32,
    /// What they have earned today, after the fee.
    pub today: Micros,
    /// What they have earned in seven days, today among them, after the fee.
    pub days: Micros,
}
