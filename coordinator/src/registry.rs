//! The network's own image registry, as far as the coordinator has a say in it.
//!
//! The bytes are kept by a stock distribution registry. The coordinator is its token server: it decides who may push
//! and pull what ([`access`]), signs that decision ([`keys`], [`token`]), writes the registry's configuration
//! ([`settings`]), hears of every push ([`events`]) and throws away what nobody uses ([`prune`]).

use std::path::{Path, PathBuf};

use headframe_protocol::{ImageRef, JobId, TimestampMs, session::RegistryLogin};
use url::Url;

use crate::config::RegistryConfig;

pub mod access;
pub mod events;
pub mod keys;
pub mod prune;
pub mod settings;
pub mod token;

pub use settings::write_config;

/// The `service` of a registry whose configuration does not name another.
const SERVICE: &str = "headframe";

/// The user name under which a rig pulls for one attempt.
pub const ATTEMPT_USER: &str = "attempt";

/// Our side of the registry.
#[derive(Debug, Clone)]
pub struct Registry {
    host: String,
    api_url: Url,
    service: String,
    keys: keys::TokenKeys,
}

/// Why our side of the registry cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// A file of ours cannot be read or written.
    #[error("could not use {path}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// No key or certificate could be made.
    #[error("could not make the registry's signing key")]
    Generate(#[source] rcgen::Error),
    /// The key on disk is not a key.
    #[error("{path} does not hold a key of ours; remove it to have a new one made")]
    Key {
        /// Which.
        path: PathBuf,
    },
    /// A token could not be signed.
    #[error("could not sign a token")]
    Sign(#[source] jsonwebtoken::errors::Error),
    /// `registry.api_url` is not an address.
    #[error("`registry.api_url` is not an http or https address: {0}")]
    ApiUrl(String),
}

impl Registry {
    /// Our side of the registry at `config.host`, or `None` if the network has none. The signing key, its certificate
    /// and the secret of notifications are made in `data_dir` the first time.
    ///
    /// # Errors
    /// [`RegistryError`] if they cannot be read or made.
    pub fn open(data_dir: &Path, config: &RegistryConfig) -> Result<Option<Self>, RegistryError> {
        if config.host.is_empty() {
            return Ok(None);
        }
        let keys = keys::TokenKeys::open(&keys::folder(data_dir))?;
        Ok(Some(Self { host: config.host.clone(), api_url: api_url(config)?, service: service(config), keys }))
    }

    /// Host and port, as image names begin.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Where the registry's API is.
    #[must_use]
    pub const fn api_url(&self) -> &Url {
        &self.api_url
    }

    /// What tokens must be for.
    #[must_use]
    pub fn service(&self) -> &str {
        &self.service
    }

    /// Whether `secret` is the one our registry sends with its notifications.
    #[must_use]
    pub fn is_our_registry(&self, secret: &str) -> bool {
        use subtle::ConstantTimeEq as _;
        self.keys.events_secret().as_bytes().ct_eq(secret.as_bytes()).into()
    }

    /// User and password with which a rig pulls exactly this image's repository for `job`, or `None` if the image is in
    /// another registry.
    ///
    /// # Errors
    /// [`RegistryError::Sign`] if the credential cannot be signed.
    pub fn pull_login(&self, image: &ImageRef, job: JobId, now: TimestampMs) -> Result<Option<RegistryLogin>, RegistryError> {
        if image.registry() != self.host {
            return Ok(None);
        }
        let password = token::pull_credential(&self.keys, image.repository(), job, now)?;
        Ok(Some(RegistryLogin { user: ATTEMPT_USER.to_owned(), password }))
    }

    /// The repository a rig may pull with `password`, if it is a credential of ours that has not run out.
    #[must_use]
    pub fn repository_of(&self, password: &str, now: TimestampMs) -> Option<String> {
        token::repository_of(&self.keys, password, now)
    }

    /// A token the registry takes, for exactly `granted`.
    ///
    /// # Errors
    /// [`RegistryError::Sign`] if it cannot be signed.
    pub fn token(&self, subject: &str, granted: &[access::Scope], now: TimestampMs) -> Result<token::Token, RegistryError> {
        token::issue(&self.keys, &self.service, subject, granted, now)
    }
}

fn service(config: &RegistryConfig) -> String {
    if config.service.is_empty() { SERVICE.to_owned() } else { config.service.clone() }
}

fn api_url(config: &RegistryConfig) -> Result<Url, RegistryError> {
    let text = if config.api_url.is_empty() { format!("https://{}", config.host) } else { config.api_url.clone() };
    let url = Url::parse(&text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    url.ok_or(RegistryError::ApiUrl(text))
}

#[cfg(test)]
mod tests;
