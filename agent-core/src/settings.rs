//! What the owner may set: defaults in one commented file, his own lines on top, read once when the agent starts.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

// Attempt tokens travel to such an address, and what it says is believed, so that only https will do once they leave the PC.
use headframe_protocol::Micros;
pub(crate) use headframe_protocol::profile::is_private as is_fit_for_secrets;
use serde::{Deserialize, de::DeserializeOwned};
use url::Url;

pub mod joined;

pub mod notices;

/// The commented defaults, as shipped.
pub const DEFAULTS: &str = include_str!("../defaults.toml");

/// The name of the owner's file in the data directory.
pub const FILE_NAME: &str = "agent.toml";

/// From what guessing begins to be hard to what takes a gibibyte of memory.
pub(crate) const KEYSTORE_LOG_N: std::ops::RangeInclusive<u8> = 14..=20;

/// All settings.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "each key is explained in defaults.toml")]
pub struct Settings {
    pub coordinator: Coordinator,
    pub rig: Rig,
    pub limits: Limits,
    pub engine: Engine,
    pub start: Start,
    pub inputs: Inputs,
    pub diary: Diary,
    pub benchmark: Benchmark,
    pub wallet: Wallet,
    pub timers: Timers,
}

/// `[coordinator]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Coordinator {
    /// The network this rig works for.
    pub url: Url,
    /// The profile it was joined by, as a link; empty if the address was written by hand.
    pub profile: String,
    /// Whether the rig works for a network on this PC instead, with money that is none.
    pub practice: bool,
}

/// `[rig]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rig {
    /// What people call it; empty for the host name.
    pub name: String,
    /// The least it works for.
    pub floor_per_hour: Micros,
}

/// `[limits]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Cores given to jobs; 0 for all.
    pub cpu_cores: u16,
    /// Memory given to jobs; 0 for three quarters.
    pub memory_gib: u16,
    /// Disk given to images and jobs.
    pub disk_gib: u32,
}

impl Limits {
    /// What jobs get of a PC with so much memory.
    #[must_use]
    pub fn memory_bytes(&self, total_bytes: u64) -> u64 {
        match self.memory_gib {
            0 => total_bytes / 4 * 3,
            gib => (u64::from(gib) << 30).min(total_bytes),
        }
    }
}

/// `[engine]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Engine {
    /// The one to use; empty to look for one.
    pub socket: String,
}

/// `[start]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Start {
    /// Whether work is taken before the owner has ever pressed Start.
    pub automatically: bool,
}

/// `[inputs]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inputs {
    /// Whether inputs may come from private addresses.
    pub allow_private_addresses: bool,
}

/// `[diary]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Diary {
    /// Whether what the probes said is kept.
    pub keep: bool,
}

/// `[benchmark]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Benchmark {
    /// Whether the PC is measured without having been asked for it.
    pub automatically: bool,
}

/// `[wallet]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wallet {
    /// How much work one guess at the wallet's password is: 2^this steps of scrypt.
    pub keystore_log_n: u8,
}

/// `[timers]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Timers {
    /// What every pause is divided by.
    pub divisor: u32,
}

impl Timers {
    /// `duration` as these timers have it.
    #[must_use]
    pub fn scaled(self, duration: Duration) -> Duration {
        duration / self.divisor.max(1)
    }
}

/// Why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file is there and cannot be read.
    #[error("could not read the settings in {file}")]
    Read {
        /// The owner's file.
        file: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Not TOML, an unknown key, or a value of the wrong kind. The source names the key and the line.
    #[error("the settings in {file} cannot be understood")]
    Parse {
        /// The owner's file.
        file: PathBuf,
        /// Why.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// A value that is out of range.
    #[error("`{key}` must be {expected}, found {found} ({file})")]
    Value {
        /// Such as `limits.disk_gib`.
        key: &'static str,
        /// What would be right.
        expected: &'static str,
        /// What is there.
        found: String,
        /// The owner's file.
        file: PathBuf,
    },
}

impl Settings {
    /// Reads the owner's file in `data_dir` over the defaults. Without a file the defaults hold.
    ///
    /// # Errors
    /// [`SettingsError`] names the key and the file.
    pub fn load(data_dir: &Path) -> Result<Self, SettingsError> {
        let file = data_dir.join(FILE_NAME);
        Self::parse(&read(&file)?, &file)
    }

    fn parse(text: &str, file: &Path) -> Result<Self, SettingsError> {
        let unclear = |source| SettingsError::Parse { file: file.to_owned(), source: Box::new(source) };
        let settings: Self = over_defaults(DEFAULTS, text).map_err(unclear)?;
        settings.check(file)?;
        Ok(settings)
    }

    fn check(&self, file: &Path) -> Result<(), SettingsError> {
        let Self { coordinator, rig, limits, engine: _, start: _, inputs: _, diary: _, benchmark: _, wallet, timers } = self;
        let wrong = |key, expected, found: String| Err(SettingsError::Value { key, expected, found, file: file.to_owned() });
        if !is_fit_for_secrets(&coordinator.url) {
            return wrong("coordinator.url", "an https address, or http on this PC", coordinator.url.to_string());
        }
        if rig.name.chars().count() > 80 || rig.name.chars().any(char::is_control) {
            return wrong("rig.name", "at most 80 characters", format!("{:?}", rig.name));
        }
        if rig.floor_per_hour < Micros::ZERO {
            return wrong("rig.floor_per_hour", "not negative", rig.floor_per_hour.get().to_string());
        }
        if !(1..=1_000_000).contains(&limits.disk_gib) {
            return wrong("limits.disk_gib", "1 to 1000000", limits.disk_gib.to_string());
        }
        if !KEYSTORE_LOG_N.contains(&wallet.keystore_log_n) {
            return wrong("wallet.keystore_log_n", "14 to 20", wallet.keystore_log_n.to_string());
        }
        if !(1..=1_000).contains(&timers.divisor) {
            return wrong("timers.divisor", "1 to 1000", timers.divisor.to_string());
        }
        Ok(())
    }
}

/// What the owner has written; nothing if there is no file.
fn read(file: &Path) -> Result<String, SettingsError> {
    match fs::read_to_string(file) {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        Err(source) => Err(SettingsError::Read { file: file.to_owned(), source }),
    }
}

/// What an owner's file makes of the defaults.
pub(crate) fn over_defaults<T: DeserializeOwned>(defaults: &str, text: &str) -> Result<T, toml::de::Error> {
    // The owner's file is read as itself first: only then do line numbers in errors mean his lines.
    let own: toml::Table = toml::from_str(text)?;
    let mut merged: toml::Table = toml::from_str(defaults)?;
    overlay(&mut merged, own);
    merged.try_into()
}

/// Puts every value of `over` in its place in `under`, table by table.
fn overlay(under: &mut toml::Table, over: toml::Table) {
    for (key, value) in over {
        match (under.get_mut(&key), value) {
            (Some(toml::Value::Table(below)), toml::Value::Table(above)) => overlay(below, above),
            (_, value) => {
                under.insert(key, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Settings, String> {
        Settings::parse(text, Path::new("agent.toml")).map_err(|error| {
            let source = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            format!("{error} {source}")
        })
    }

    #[test]
    fn the_defaults_are_complete_and_valid() {
        let settings = parse("").expect("the defaults");
        assert!(!settings.start.automatically, "nothing runs before the owner has said so");
    }

    #[test]
    fn the_owners_lines_win_and_the_rest_stays() {
        let settings = parse("[limits]\ndisk_gib = 7\n[rig]\nname = \"cellar\"").expect("valid");
        assert_eq!((settings.limits.disk_gib, settings.limits.memory_gib), (7, 0));
        assert_eq!(settings.rig.name, "cellar");
    }

    #[test]
    fn an_error_names_the_key_and_the_file() {
        let error = parse("[limits]\ndisk_gib = 0").expect_err("out of range");
        assert!(error.contains("`limits.disk_gib` must be 1 to 1000000, found 0 (agent.toml)"), "{error}");
        let error = parse("[limits]\ndisk_gibs = 5").expect_err("misspelt");
        assert!(error.contains("agent.toml") && error.contains("disk_gibs"), "{error}");
        let error = parse("[rig\n").expect_err("not TOML");
        assert!(error.contains("line 1"), "{error}");
    }

    #[test]
    fn tokens_never_cross_a_network_in_the_clear() {
        for (url, fit) in [
            ("http://127.0.0.1:1", true),
            ("http://localhost:1", true),
            ("http://[::1]:1", true),
            ("https://example.org", true),
            ("http://example.org", false),
            ("http://192.168.1.5", false),
            ("ftp://127.0.0.1", false),
        ] {
            let parsed = parse(&format!("[coordinator]\nurl = \"{url}\""));
            assert_eq!(parsed.is_ok(), fit, "{url}: {parsed:?}");
        }
    }
}
