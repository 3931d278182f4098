//! The owner's rules as his file has them, for whoever shows and changes them.

use serde::{Deserialize, Serialize};

use crate::Micros;

/// What there is, and of which state of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct RulesPage {
    /// Defaults with the owner's file over them; absent if it cannot be understood.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub rules: Option<OwnerRules>,
    /// Why it cannot be understood. Nothing works until it can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub problem: Option<String>,
    /// The rules of an owner who has written none.
    pub defaults: OwnerRules,
    /// Stands for what is in the file now; goes along with a change of it.
    pub revision: String,
    /// Where the file is, or will be.
    pub file: String,
    /// The time zone in which hours and days are meant, such as `Europe/Madrid`; empty if the PC does not say.
    pub zone: String,
}

/// Rules in place of those that hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct SetRulesArgs {
    /// All of them. Of the owner's file only the lines that differ are changed.
    pub rules: OwnerRules,
    /// That of the [`RulesPage`] they were made from. If the file is another by now, nothing is changed.
    pub revision: String,
}

/// All rules, with the names and in the form of `rules.toml`, whose comments say what each means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "each key is explained in rules.toml")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct OwnerRules {
    pub away: AwayRules,
    pub schedule: WeekRules,
    pub power: PowerRules,
    pub network: NetworkRules,
    pub heat: HeatRules,
    pub load: LoadRules,
    pub programs: ProgramRules,
    pub gpus: GpuRules,
    pub giving_back: GivingBackRules,
    pub tariff: TariffRules,
    pub internet: InternetRules,
    pub jobs: JobRules,
}

/// `[away]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "each key is explained in rules.toml")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct AwayRules {
    pub require: bool,
    pub threshold_s: u32,
    pub locked_is_away: bool,
    pub remote_is_here: bool,
}

/// `[schedule]`: a letter for every hour of each day, `i`, `a` or `-`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "they are the days")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct WeekRules {
    pub mon: String,
    pub tue: String,
    pub wed: String,
    pub thu: String,
    pub fri: String,
    pub sat: String,
    pub sun: String,
}

/// `[power]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "each key is explained in rules.toml")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct PowerRules {
    pub on_battery: bool,
}

/// `[network]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "each key is explained in rules.toml")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct NetworkRules {
    pub on_metered: bool,
    pub up_kib_per_second: u32,
    pub down_kib_per_second: u32,
}

/// `[heat]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "each key is explained in rules.toml")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct HeatRules {
    pub cpu_max_c: i16,
    pub gpu_max_c: i16,
    pub resume_below_c: i16,
}

/// `[load]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "each key is explained in rules.toml")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct LoadRules {
    pub others_max_percent: u8,
    pub for_s: u32,
}

/// `[programs]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "each key is explained in rules.toml")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct ProgramRules {
    pub never_disturb: Vec<String>,
    pub fullscreen: bool,
}

/// `[gpus]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "each key is explained in rules.toml")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct GpuRules {
    pub kept: Vec<String>,
    pub others_memory_mib: u32,
    pub others_load_percent: u8,
}

/// `[giving_back]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "each key is explained in rules.toml")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct GivingBackRules {
    pub input_s: u8,
    pub game_s: u8,
    pub battery_s: u8,
    pub cool_down_s: u16,
}

/// `[tariff]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "each key is explained in rules.toml")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct TariffRules {
    /// Micro-dollars; empty if not known.
    pub price_per_kwh: String,
    pub watts: u32,
    pub min_net_per_hour: Micros,
    pub bands: Vec<BandRules>,
}

/// `[[tariff.bands]]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "each key is explained in rules.toml")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct BandRules {
    /// Empty for every day.
    #[serde(default)]
    pub days: Vec<String>,
    pub from: u8,
    pub to: u8,
    pub price_per_kwh: Micros,
}

/// `[internet]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "each key is explained in rules.toml")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct InternetRules {
    pub jobs: bool,
    pub kib_per_second: u32,
    pub mib_per_job: u32,
}

/// `[jobs]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "each key is explained in rules.toml")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct JobRules {
    pub gpu: bool,
    pub cpu: bool,
    pub unsaved: bool,
    pub longest_hours: u8,
    pub undeclared: bool,
    pub adult: bool,
    pub blocked: Vec<BlockedCustomer>,
}

/// `[[jobs.blocked]]`: a customer of whom no more jobs are taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct BlockedCustomer {
    /// His pseudonym on this rig.
    pub customer: String,
    /// What he called the job by which the owner knows him; empty if nobody wrote it down.
    #[serde(default)]
    pub job: String,
    /// When he was blocked, as in RFC 3339; empty if nobody wrote it down.
    #[serde(default)]
    pub since: String,
}

/// Take no more jobs of the customer of an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct BlockArgs {
    /// An attempt of a job of his.
    pub attempt: String,
    /// Give back what of his runs now, too. Otherwise it goes on to its end.
    pub stop: bool,
}

/// Take jobs of a customer again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct UnblockArgs {
    /// His pseudonym, as [`BlockedCustomer::customer`] has it.
    pub customer: String,
}
