//! What the settings of the window show and change beside the rules: what the owner is told outside of it, where things lie, and what he may
//! show to somebody who helps him.

use serde::{Deserialize, Serialize};

/// Of what the desktop tells the owner. `notices.toml` says what each is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, clippy::struct_excessive_bools, reason = "six switches, each explained in notices.toml")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct Notices {
    pub job_done: bool,
    pub refused: bool,
    pub trouble: bool,
    pub update: bool,
    pub paused: bool,
    /// Guests of before this do not say it: then it is on, as it is where an owner has chosen nothing.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    #[cfg_attr(feature = "ts", ts(optional, as = "Option<bool>"))]
    pub paid: bool,
}

const fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
const fn is_yes(paid: &bool) -> bool {
    *paid
}

/// What the owner is told, and where he has written it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct NoticesPage {
    /// Defaults with the owner's file over them; the defaults alone if it cannot be understood.
    pub notices: Notices,
    /// Why the file cannot be understood. Then it cannot be changed from here either.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub problem: Option<String>,
    /// Where the file is, or will be.
    pub file: String,
}

/// What may be shown to somebody who helps: without keys, and without names of people and PCs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct Support {
    /// Where it was written, to be read before it is sent.
    pub file: String,
    /// All of it, at most 128 KiB.
    pub text: String,
}

/// Where this PC keeps what belongs to Headframe, as the window's own program knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct Places {
    /// The window program's version.
    pub window_version: String,
    /// The folder with everything.
    pub data_dir: String,
    /// The size of all files in it.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub data_bytes: u64,
    /// The agent's own log.
    pub log_dir: String,
    /// The size of all files in it.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub log_bytes: u64,
}

/// Which folder to show in the system's own program for folders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct OpenPlaceArgs {
    /// One of ours; no other can be named.
    pub place: Place,
}

/// A folder of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub enum Place {
    /// Everything.
    Data,
    /// The agent's own log.
    Log,
    /// What was written for somebody who helps.
    Support,
}
