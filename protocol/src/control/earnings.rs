//! What the rig has earned: added up, listed, and as a text to keep.
//!
//! An attempt counts in the hour, day or month in which the coordinator settled it, in the zone of the PC. What nobody knows is
//! absent, never zero.

use serde::{Deserialize, Serialize};

use super::Stage;
use crate::{Micros, TimestampMs};

/// The most that is earned on one page of attempts.
pub const EARNED_PAGE_MAX: u32 = 100;

/// What a guest may ask about earnings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum EarningsRequest {
    /// Sums of hours, days or months.
    Sums(EarningsArgs),
    /// The attempts of some time, each with what proves it.
    Attempts(EarnedArgs),
    /// A piece of a text in the form of RFC 4180.
    Sheet(SheetArgs),
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum EarningsAnswer {
    /// Answers [`EarningsRequest::Sums`].
    Sums {
        /// All of them.
        earnings: Box<Earnings>,
    },
    /// Answers [`EarningsRequest::Attempts`].
    Attempts {
        /// The page.
        page: EarnedPage,
    },
    /// Answers [`EarningsRequest::Sheet`].
    Sheet {
        /// The piece.
        piece: SheetPiece,
    },
}

/// How long a stretch of time is that is added up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub enum EarningsBy {
    /// An hour.
    Hour,
    /// A day of the PC's calendar; 23 or 25 hours where its clock changes.
    Day,
    /// A month of the PC's calendar.
    Month,
}

impl EarningsBy {
    /// The most that can be asked for at once: two days, two months, three years.
    #[must_use]
    pub const fn count_max(self) -> u16 {
        match self {
            Self::Hour => 48,
            Self::Day => 62,
            Self::Month => 36,
        }
    }
}

/// Which sums.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct EarningsArgs {
    /// Of what.
    pub by: EarningsBy,
    /// How many, the present one counted; at most 48 hours, 62 days or 36 months.
    pub count: u16,
}

/// What was earned in stretches of time that meet without a gap.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct Earnings {
    /// Of what.
    pub by: EarningsBy,
    /// The zone of the PC, such as `Europe/Madrid`; empty if it does not say.
    pub zone: String,
    /// Oldest first; the last is not over yet.
    pub buckets: Vec<EarningsBucket>,
    /// The most that any of them brought from all sources together.
    pub highest: Micros,
    /// All of them together.
    pub total: EarningsSum,
    /// The same, by what worked; the largest first.
    pub workers: Vec<WorkerSum>,
    /// What such a stretch brought in the past.
    pub range: EarningsRange,
    /// Calendar years in which something was settled, newest first.
    pub years: Vec<i16>,
}

/// One stretch of time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct EarningsBucket {
    /// Where it begins.
    pub from_ms: TimestampMs,
    /// Where the next one begins.
    pub until_ms: TimestampMs,
    /// What was earned in it.
    pub sum: EarningsSum,
}

/// Sums, in one unit of account: micro-dollars as the coordinator confirmed them, after the platform's fee.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct EarningsSum {
    /// From customers' jobs, before power.
    pub jobs: Micros,
    /// From rewards; absent while this rig keeps no book of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub rewards: Option<Micros>,
    /// From virtual rigs; absent while this rig keeps no book of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub virtual_rigs: Option<Micros>,
    /// What the power cost that was measured while a price was known; absent if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub power: Option<Micros>,
    /// What is left after [`Self::power`]; absent with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub net: Option<Micros>,
    /// What the graphics cards drew, in watt-seconds; absent if nothing was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional, type = "number"))]
    pub energy_joules: Option<u64>,
    /// How long jobs ran, in milliseconds.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub running_ms: u64,
    /// Attempts that ran.
    pub attempts: u32,
    /// Of those, whose power was not measured, or not for the whole time.
    pub unmeasured: u32,
    /// Of those that were measured, when it was not known what power costs.
    pub unpriced: u32,
}

/// What one part of the PC has earned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct WorkerSum {
    /// Which part.
    pub worker: Worker,
    /// What it earned. Of an attempt on several cards each has an equal part.
    pub sum: EarningsSum,
}

/// What works.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub enum Worker {
    /// A graphics card.
    Card {
        /// Its UUID.
        gpu: String,
        /// Its name.
        model: String,
    },
    /// The processor alone.
    Processor,
    /// Which card it was has not been written down, as before agents did.
    Unknown,
}

/// What a stretch of work brought in the past, before power: of 100, 10 brought less than [`Self::p10`] and 10 more than [`Self::p90`].
/// Nothing is said about the future.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct EarningsRange {
    /// Over how many it is told: hours that jobs ran, or whole days or months in which something was settled.
    pub basis: u32,
    /// Over how many at least.
    pub needed: u32,
    /// Absent if there are too few.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub p10: Option<Micros>,
    /// The middle; absent if there are too few.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub p50: Option<Micros>,
    /// Absent if there are too few.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub p90: Option<Micros>,
}

/// Which attempts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct EarnedArgs {
    /// Settled at or after this.
    pub from_ms: TimestampMs,
    /// Settled before this.
    pub until_ms: TimestampMs,
    /// The attempt after which the page begins; absent for the oldest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub after: Option<String>,
    /// How many, at most 100.
    pub limit: u32,
}

/// A page of attempts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct EarnedPage {
    /// Oldest first, by when they were settled.
    pub attempts: Vec<EarnedCard>,
    /// What to send as `after` for the next page; absent at the end.
    pub next: Option<String>,
}

/// What one attempt has earned, and what proves it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct EarnedCard {
    /// The attempt.
    pub attempt: String,
    /// What the job is called.
    pub title: String,
    /// How it ended.
    pub stage: Stage,
    /// When it was settled.
    pub settled_ms: TimestampMs,
    /// What it earned, and what its power cost.
    pub sum: EarningsSum,
    /// The hash that the rig's device key signed for its last receipt; absent if none was signed, or the network's name is not known any
    /// more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub receipt: Option<String>,
}

/// Which text, and which piece of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SheetArgs {
    /// Which text.
    pub of: SheetOf,
    /// What the last piece said as `next`; absent for the first piece.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// What a text is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub enum SheetOf {
    /// Every attempt that was settled.
    Attempts,
    /// A calendar year for whoever works out taxes: its months, then each attempt.
    Year {
        /// Such as 2026.
        year: i16,
    },
}

/// A piece of a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SheetPiece {
    /// Whole lines; the first piece begins with the names of the columns.
    pub text: String,
    /// A name for the file, of letters, digits, hyphens and points.
    pub file_name: String,
    /// What to send as `after` for the next piece; absent at the end.
    pub next: Option<String>,
}

/// A text that was written into a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct Exported {
    /// Where it is.
    pub path: String,
}
