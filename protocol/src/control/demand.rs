//! Why the rig has work or none, as the network sees it.

use serde::{Deserialize, Serialize};

use crate::{
    Micros, TimestampMs,
    demand::{MarketPlace, Unmet},
};

/// What the network last said of the work there is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct DemandView {
    /// When it was asked.
    pub asked_ms: TimestampMs,
    /// What it said; absent if it did not answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub network: Option<NetworkDemand>,
}

/// What waits for the rig, what it lacks for the rest, and how such rigs have fared. [`crate::demand::RigDemand`] for the window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct NetworkDemand {
    /// What kind of rig it is matched as, such as `nvidia 24 GiB`; absent for one that never signed in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub class: Option<String>,
    /// Whether it would be given a job now.
    pub place: MarketPlace,
    /// Until when it rests, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub rests_until_ms: Option<TimestampMs>,
    /// How many waiting jobs were looked at.
    pub waiting: u32,
    /// Whether more wait than were looked at.
    pub more: bool,
    /// How many of those the rig could do.
    pub fitting: u32,
    /// Why it cannot do the others, what keeps it from the most first.
    pub unmet: Vec<Unmet>,
    /// How rigs of its kind have fared in the last seven days; absent while too few of them were given anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub kind: Option<KindFares>,
    /// What its cards have proved to the network.
    pub cards: Vec<CardProof>,
    /// How it stands; absent where the network does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub standing: Option<StandingView>,
}

/// How a rig stands with the network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct StandingView {
    /// `new`, `good`, `watched`, `distrusted` or `excluded`.
    pub tier: String,
    /// Of a hundred promises, how many were kept.
    pub reliability_percent: u8,
    /// Whether its results came so much later than others' on the same hardware that it is half-way to being paid for the time others take.
    pub slow: bool,
}

/// How rigs of one kind have fared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct KindFares {
    /// Jobs they were given, of which the rest is told.
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

/// What a card has proved to the network. What the PC has measured of itself is [`super::GpuView::measured_fu`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct CardProof {
    /// The driver's UUID.
    pub gpu: String,
    /// The score that the network believes now; absent while it believes none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub fu: Option<u32>,
    /// When it passed a challenge last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub passed_ms: Option<TimestampMs>,
    /// When it failed one last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub failed_ms: Option<TimestampMs>,
}
