//! What is known of the graphics cards beyond the present.

use serde::{Deserialize, Serialize};

use crate::benchmark::Benchmark;

/// The longest name of a card. A UUID is 40 bytes.
pub const CARD_BYTES_MAX: usize = 120;

/// Every card of the PC, and what was measured of its processor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct CardPage {
    /// In the order of the bus.
    pub cards: Vec<CardView>,
    /// The newest measurement of the processor; absent before the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub processor: Option<Benchmark>,
}

/// One card: what its driver says of it once, and what this PC has measured of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct CardView {
    /// The driver's UUID.
    pub gpu: String,
    /// The version of its driver.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub driver: Option<String>,
    /// Where it sits, such as `00000000:01:00.0`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub pci: Option<String>,
    /// What its instructions can do, such as `8.9`. Only NVIDIA's have such a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub compute_capability: Option<String>,
    /// The most it may draw, in watts, as its driver held it to when the agent began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub power_limit_w: Option<u32>,
    /// What it is compared with: its model under about that limit.
    pub tier: String,
    /// The newest measurement of it; absent before the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub benchmark: Option<Benchmark>,
    /// Its owner wants it measured again, and it will be once the PC is free.
    pub measure_wanted: bool,
}

/// Which card to measure again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct MeasureArgs {
    /// The driver's UUID.
    pub gpu: String,
}
