//! What was looked at on a PC to see whether it can be a rig, and what came of it.

use serde::{Deserialize, Serialize};

use super::Language;

/// How somebody is told whether this PC can be a rig.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct DoctorArgs {
    /// In which language; absent for English, as with guests of before there was a choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub language: Option<Language>,
}

/// Everything that was looked at, in the order in which an owner would mend it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct Checkup {
    /// One after the other.
    pub checks: Vec<Check>,
    /// The same in English as a text that may be shown to strangers: without names of people and PCs. Only in the agent's answer.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[cfg_attr(feature = "ts", ts(as = "Option<String>", optional))]
    pub support: String,
}

impl Checkup {
    /// Whether anything must be mended before this PC can work.
    #[must_use]
    pub fn fails(&self) -> bool {
        self.checks.iter().any(|check| check.verdict == Verdict::Fail)
    }
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct Check {
    /// For programs, such as `engine`. Never changes its meaning.
    pub id: String,
    /// How it is.
    pub verdict: Verdict,
    /// What was looked at.
    pub what: String,
    /// What was found.
    pub actual: String,
    /// What should be.
    pub required: String,
    /// Why it should.
    pub why: String,
    /// What the owner can do, where there is something to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub fix: Option<String>,
}

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// It works, and could be better.
    Warn,
    /// The rig cannot work, or should not.
    Fail,
    /// It could not be found out.
    Unknown,
}
