//! Everything the operator decides, read once at the door. One struct per concern; the rest of the program sees structs only.
//!
//! The commented file with every key and its default is `coordinator/defaults.toml`; a test keeps it equal to
//! [`Config::default`]. A key that is not known, or a value out of range, is an error that names the key.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use headframe_protocol::Micros;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::{
    store::{lifecycle::Rules, verify},
    verify::hold::{ALLOWANCE_PERMILLE_MAX, Terms},
};

mod challenge;
mod fiat;
mod timers;

pub use challenge::ChallengeConfig;
pub use fiat::FiatConfig;
pub use timers::Timers;

/// The commented defaults, for `headframe-coordinator defaults`.
pub const DEFAULTS_TOML: &str = include_str!("../defaults.toml");

/// More than fifteen percent no contract takes, and no network.
const FEE_BPS_MAX: u16 = 1_500;

/// The whole configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where to listen. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// What customers and agents dial, without a slash at the end. Absent: `http://` and the address listened on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_url: Option<Url>,
    /// `postgres://…` or `sqlite://…`. Absent: the file `coordinator.db` in the data directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database_url: Option<String>,
    /// Holds the database file, results, logs and keys.
    pub data_dir: PathBuf,
    /// Who runs this network.
    pub network: NetworkConfig,
    /// Every lease and deadline.
    pub timers: Timers,
    /// How much of anything.
    pub limits: Limits,
    /// Which images may run.
    pub images: ImagesConfig,
    /// The registry customers push to.
    pub registry: RegistryConfig,
    /// Telling customers that jobs ended.
    pub webhooks: WebhooksConfig,
    /// Whether results are checked, and earnings wait for it.
    pub verification: VerificationConfig,
    /// Payments by card.
    pub fiat: FiatConfig,
    /// What graphics cards must prove.
    pub challenge: ChallengeConfig,
    /// The chains money is settled on. None: the network keeps practice money only.
    pub chains: Vec<ChainConfig>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8460)),
            public_url: None,
            database_url: None,
            data_dir: PathBuf::from("headframe-data"),
            network: NetworkConfig::default(),
            timers: Timers::default(),
            limits: Limits::default(),
            images: ImagesConfig::default(),
            registry: RegistryConfig::default(),
            webhooks: WebhooksConfig::default(),
            verification: VerificationConfig::default(),
            fiat: FiatConfig::default(),
            challenge: ChallengeConfig::default(),
            chains: Vec::new(),
        }
    }
}

/// One chain money is settled on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChainConfig {
    /// The chain profile that deployment wrote.
    pub profile: PathBuf,
    /// Holds `<role>.key` of each role this coordinator acts in.
    pub keys: PathBuf,
    /// Whether it is the chain the token lives on; exactly one is.
    #[serde(default)]
    pub home: bool,
    /// Earnings of outside addresses are brought to them from this worth on; what is less waits. A batch costs about 25,000 gas for
    /// each.
    #[serde(default = "a_dollar")]
    pub carry_least: Micros,
}

impl ChainConfig {
    /// The rest is as it is by default.
    #[must_use]
    pub fn new(profile: PathBuf, keys: PathBuf, home: bool) -> Self {
        Self { profile, keys, home, carry_least: a_dollar() }
    }
}

fn a_dollar() -> Micros {
    Micros::dollars(1)
}

/// Who runs this network and what he takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NetworkConfig {
    /// Its name, part of everything rigs sign.
    pub name: String,
    /// The platform's part of every charge, in hundredths of a percent.
    pub fee_bps: u16,
    /// Where people who need help are sent.
    pub support: String,
    /// The legal name of who runs it. Empty: the network has no profile to join by.
    pub operator: String,
    /// What may be computed and what may not, in a few sentences.
    pub content_policy: String,
    /// The operator's own pages, where he also publishes the fingerprint of his key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub website: Option<Url>,
}

impl Default for NetworkConfig {
    fn default() -> Self {
        Self {
            name: "local".to_owned(),
            fee_bps: 1_000,
            support: String::new(),
            operator: String::new(),
            content_policy: String::new(),
            website: None,
        }
    }
}

/// How much of anything there may be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Open jobs of a new customer.
    pub open_jobs_max: u32,
    /// Bytes of uploads and results a new customer may keep.
    pub storage_bytes_max: u64,
    /// Bytes of one uploaded input.
    pub upload_bytes_max: u64,
    /// Bytes of one output file.
    pub output_bytes_max: u64,
    /// Bytes of one attempt's log.
    pub log_bytes_max: u64,
    /// Interruptions after which a job is given up.
    pub interruptions_max: u32,
    /// Sessions of agents per replica.
    pub sessions_max: u32,
    /// Rigs nobody has seen before that may sign in from one address at once; one more every 8 s.
    pub newcomers_max: u32,
    /// Connections per replica that are not sessions of agents.
    pub connections_max: u32,
    /// Connections to PostgreSQL, or readers of the SQLite file.
    pub database_connections_max: u32,
}

impl Default for Limits {
    fn default() -> Self {
        const GIB: u64 = 1024 * 1024 * 1024;
        Self {
            open_jobs_max: 10_000,
            storage_bytes_max: 100 * GIB,
            upload_bytes_max: 20 * GIB,
            output_bytes_max: 20 * GIB,
            log_bytes_max: 30 * 1024 * 1024,
            interruptions_max: 10,
            sessions_max: 20_000,
            // A hall of new rigs behind one address comes in one evening; so does a network behind one proxy.
            newcomers_max: 256,
            connections_max: 5_000,
            database_connections_max: 8,
        }
    }
}

/// Which images may run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ImagesConfig {
    /// Whether the operator must have approved a digest before it runs. A revoked one never runs.
    pub require_approval: bool,
}

impl Default for ImagesConfig {
    fn default() -> Self {
        Self { require_approval: true }
    }
}

/// The registry customers push to. Its token server is the coordinator.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RegistryConfig {
    /// Host and port as in image names, such as `registry.example:5000`. Empty: the network has no registry of its own.
    pub host: String,
    /// Where the coordinator itself reaches the registry's API, for garbage collection. Empty: `https://` and the host.
    pub api_url: String,
    /// The `service` the registry is configured with.
    pub service: String,
}

/// Telling customers that jobs ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WebhooksConfig {
    /// Whether addresses in private networks may be told. Only for networks without strangers.
    pub allow_private_addresses: bool,
    /// Tries before a message is given up. With the default timers 16 take about a day.
    pub tries_max: u32,
}

impl Default for WebhooksConfig {
    fn default() -> Self {
        Self { allow_private_addresses: false, tries_max: 16 }
    }
}

/// Whether results are checked, and earnings wait for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct VerificationConfig {
    /// Whether results are now and then compared with those of other rigs. Off only where all rigs are the operator's own.
    pub checks: bool,
    /// Whether earnings wait until a rig's first weeks are over and a check has found it right. Without it cheating pays.
    pub withhold: bool,
    /// Of what a rig's results have earned, what it may be paid for time given back that nothing came of, in thousandths: up to 250.
    /// Whoever only pretends to work gains as much.
    pub allowance_permille: u16,
}

impl VerificationConfig {
    /// Nothing is checked and nothing waits.
    pub const OFF: Self = Self { checks: false, withhold: false, allowance_permille: 0 };
}

impl Default for VerificationConfig {
    fn default() -> Self {
        Self { checks: true, withhold: true, allowance_permille: 0 }
    }
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("could not read {path}")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file is not what it should be.
    #[error("{path} is not right")]
    Parse {
        /// Which.
        path: PathBuf,
        /// Where and why.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// A value is out of range.
    #[error("`{key}` must be {expected}, found {found}")]
    Value {
        /// Which.
        key: &'static str,
        /// What would be right.
        expected: &'static str,
        /// What is there.
        found: String,
    },
}

impl Config {
    /// Reads the file at `path`; what it does not name has its default.
    ///
    /// # Errors
    /// [`ConfigError`] naming the key.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        let config: Self =
            toml::from_str(&text).map_err(|source| ConfigError::Parse { path: path.to_owned(), source: Box::new(source) })?;
        config.check()?;
        Ok(config)
    }

    /// Whether every value is in its range.
    ///
    /// # Errors
    /// [`ConfigError::Value`] for the first that is not.
    pub fn check(&self) -> Result<(), ConfigError> {
        let value = |key, expected, found: String| Err(ConfigError::Value { key, expected, found });
        if self.network.name.is_empty() || self.network.name.len() > 64 {
            return value("network.name", "1 to 64 bytes", format!("{:?}", self.network.name));
        }
        if self.network.fee_bps > FEE_BPS_MAX {
            return value("network.fee_bps", "0 to 1500", self.network.fee_bps.to_string());
        }
        if self.limits.database_connections_max == 0 || self.limits.database_connections_max > 200 {
            return value("limits.database_connections_max", "1 to 200", self.limits.database_connections_max.to_string());
        }
        if self.limits.connections_max == 0 {
            return value("limits.connections_max", "at least 1", "0".to_owned());
        }
        if self.verification.allowance_permille > ALLOWANCE_PERMILLE_MAX {
            return value("verification.allowance_permille", "0 to 250", self.verification.allowance_permille.to_string());
        }
        if self.webhooks.tries_max == 0 || self.webhooks.tries_max > 100 {
            return value("webhooks.tries_max", "1 to 100", self.webhooks.tries_max.to_string());
        }
        if let Some(chain) = self.chains.iter().find(|chain| chain.carry_least <= Micros::ZERO) {
            return value("chains.carry_least", "more than nothing", chain.carry_least.to_string());
        }
        let homes = self.chains.iter().filter(|chain| chain.home).count();
        if !self.chains.is_empty() && homes != 1 {
            return value("chains.home", "true for exactly one chain", homes.to_string());
        }
        if let Some(url) = &self.public_url
            && !matches!(url.scheme(), "http" | "https")
        {
            return value("public_url", "an http or https address", url.to_string());
        }
        self.challenge.check()?;
        self.timers.check()
    }

    /// The rules every change of a job follows.
    #[must_use]
    pub fn rules(&self) -> Rules {
        let (verification, timers) = (self.verification, &self.timers);
        Rules {
            timers: timers.clone(),
            interruptions_max: self.limits.interruptions_max,
            network: self.network.name.clone(),
            verification: verify::Rules {
                checks: verification.checks,
                withhold: verification.withhold,
                give_up: timers.check_give_up,
                look: timers.check_look,
                terms: Terms {
                    probation: timers.probation,
                    unconfirmed_max: timers.unconfirmed_max,
                    allowance_permille: verification.allowance_permille,
                },
                fee_bps: self.network.fee_bps,
            },
        }
    }

    /// The database, with the default filled in. May hold a password: never log it.
    #[must_use]
    pub fn database_url(&self) -> String {
        self.database_url.clone().unwrap_or_else(|| format!("sqlite://{}", self.data_dir.join("coordinator.db").display()))
    }

    /// A configuration for tests and the testbed: a free loopback port, everything under `data_dir`, timers `divisor`
    /// times as fast.
    #[must_use]
    pub fn on_loopback(data_dir: &Path, divisor: u32) -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            data_dir: data_dir.to_owned(),
            timers: Timers::default().scaled(divisor),
            // Every rig of a test is new and comes from here.
            limits: Limits { newcomers_max: 1_000_000, ..Limits::default() },
            // And all of them are one owner's: none could check another.
            verification: VerificationConfig::OFF,
            ..Self::default()
        }
    }
}

/// Durations as whole milliseconds in the file; the keys end in `_ms`.
pub(crate) mod millis {
    use super::Duration;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_millis)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commented_file_is_the_defaults() {
        let read: Config = toml::from_str(DEFAULTS_TOML).expect("the file we ship parses");
        assert_eq!(read, Config::default());
    }

    #[test]
    fn an_unknown_key_is_named() {
        let refused = toml::from_str::<Config>("[timers]\nlease_tll_ms = 5").expect_err("a misspelt key").to_string();
        assert!(refused.contains("lease_tll_ms"), "{refused}");
    }

    #[test]
    fn a_lease_shorter_than_a_heartbeat_is_refused() {
        let config = Config { timers: Timers { lease_ttl: Duration::from_secs(1), ..Timers::default() }, ..Config::default() };
        let refused = config.check().expect_err("leases would lapse between heartbeats").to_string();
        assert!(refused.contains("timers.lease_ttl_ms"), "{refused}");
    }
}
