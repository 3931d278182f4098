//! How a rig stands, so that its owner can see why.

use serde::{Deserialize, Serialize};

use crate::{Micros, TimestampMs, job::Trust};

/// What a rig may be behind others on the same hardware, in thousandths of what one comparison speaks for; beyond it, what waits is paid for the
/// time others take.
pub const BEHIND_MAX_PERMILLE: u32 = 120;

/// How a rig stands with the network, and of what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RigStanding {
    /// `new`, `good`, `watched`, `distrusted` or `excluded`.
    pub tier: String,
    /// Who the operator says stands behind it.
    #[serde(default)]
    pub attested: Trust,
    /// As what it is given work: a partner's rig whose tier is `distrusted` or worse is anybody's until it is better or pardoned.
    #[serde(default)]
    pub trust: Trust,
    /// Of a hundred promises, how many were kept; the older, the less each counts.
    pub reliability_percent: u8,
    /// Results found right in a row, on each kind of hardware.
    pub right_in_a_row: Vec<RightInARow>,
    /// What was looked at, by day. Work that was given back is not among it: that breaks no promise.
    pub deeds: Vec<DeedsOfADay>,
    /// Earnings that wait for a check, or for the rig's first weeks to be over.
    pub withheld: Vec<Withheld>,
}

/// Results found right in a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RightInARow {
    /// On which kind of hardware.
    pub class: String,
    /// How many.
    pub results: u32,
    /// What it took longer than others, of late, in thousandths of what one comparison speaks for. Beyond
    /// 120 what waits is paid for the time others take, and it begins anew.
    #[serde(default)]
    pub behind_permille: u32,
}

/// What a rig did on one day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeedsOfADay {
    /// When the day began, in UTC.
    pub day_ms: TimestampMs,
    /// `kept`, `failed`, `lost`, `wrong`, `doubted` or `cheated`.
    pub deed: String,
    /// How often.
    pub times: u32,
}

/// Earnings that wait.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Withheld {
    /// On which chain; 0 for none.
    pub chain_id: u64,
    /// How much.
    pub amount: Micros,
    /// Of that, for time that was given back and that no result speaks for. The rest waits for a check of a result.
    #[serde(default)]
    pub given_back: Micros,
    /// How much of such time can be paid now, as a part of what results have earned. What it does not cover waits for more results, and
    /// lapses after `timers.unconfirmed_max_ms`.
    #[serde(default)]
    pub allowance: Micros,
}
