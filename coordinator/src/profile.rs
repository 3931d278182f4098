//! The network profile: what the operator says of his network to those who may join it, signed with his own key.
//!
//! The key is of no use anywhere else: it moves no money and opens no session. Owners know the operator by it, so it is kept in the data
//! directory from the first profile on, and replicas share it.

use std::{path::Path, time::Duration};

use alloy::signers::{SignerSync as _, local::PrivateKeySigner};
use headframe_protocol::{
    DeviceId, TimestampMs,
    auth::DeviceSignature,
    profile::{NetworkProfile, PROFILE_VERSION, ProfileError, SignedProfile},
};
use url::Url;
use zeroize::Zeroizing;

use crate::{chain::check_private, config::NetworkConfig, webhooks::key};

/// The file in the data directory with the operator's key.
const KEY_FILE: &str = "operator.key";

/// How long a profile is good for that an agent has fetched: long enough to be read and thought about.
pub(crate) const FETCHED_LIFE: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Why there is no profile.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// The operator has not said who he is.
    #[error("the configuration does not say who runs this network; set `network.operator`")]
    NoOperator,
    /// The key cannot be read or made.
    #[error("could not use the operator's key")]
    File(#[source] std::io::Error),
    /// Others on this machine could read the key, or it is none.
    #[error("{0}")]
    Key(String),
    /// What the configuration says makes no profile.
    #[error("this makes no profile")]
    Profile(#[source] ProfileError),
    /// The key does not sign.
    #[error("the operator's key could not sign")]
    Sign(#[source] alloy::signers::Error),
}

/// The operator's key. Prints nothing of itself.
pub struct OperatorKey(PrivateKeySigner);

impl std::fmt::Debug for OperatorKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("OperatorKey").field(&self.0.address()).finish()
    }
}

impl OperatorKey {
    /// Reads the key from `data_dir`, or makes one there that only its owner can read. An operator who has not said who he is has none.
    ///
    /// # Errors
    /// [`IssueError`] if it cannot be used.
    pub fn open(data_dir: &Path, network: &NetworkConfig) -> Result<Self, IssueError> {
        if network.operator.trim().is_empty() {
            return Err(IssueError::NoOperator);
        }
        let path = data_dir.join(KEY_FILE);
        if !path.exists() {
            key::make(&path).map_err(IssueError::File)?;
        }
        check_private(&path).map_err(|problem| IssueError::Key(format!("{}: {problem}", path.display())))?;
        let text = Zeroizing::new(std::fs::read_to_string(&path).map_err(IssueError::File)?);
        // What the parser says could quote the key.
        let wrong = |_| IssueError::Key(format!("{} does not hold a key of 64 hex digits", path.display()));
        text.trim().parse().map(Self).map_err(wrong)
    }

    /// Signs what the configuration says of the network that is dialled at `coordinator`, good from `now` for `life`.
    ///
    /// # Errors
    /// [`IssueError::Profile`] names what cannot be.
    pub fn issue(
        &self,
        network: &NetworkConfig,
        coordinator: &Url,
        (now, life): (TimestampMs, Duration),
    ) -> Result<SignedProfile, IssueError> {
        let NetworkConfig { name, fee_bps, support, operator, content_policy, website } = network;
        let profile = NetworkProfile {
            version: PROFILE_VERSION,
            name: name.clone(),
            coordinator: coordinator.clone(),
            operator: operator.clone(),
            key: DeviceId(self.0.address()),
            fee_bps: *fee_bps,
            support: support.clone(),
            content_policy: content_policy.clone(),
            website: website.clone(),
            issued_ms: now,
            expires_ms: now.after(life),
        };
        profile.check().map_err(IssueError::Profile)?;
        let signature = self.0.sign_hash_sync(&profile.signing_hash()).map_err(IssueError::Sign)?;
        Ok(SignedProfile { profile, signature: DeviceSignature(signature) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network() -> NetworkConfig {
        NetworkConfig {
            name: "attic".to_owned(),
            operator: "Ada Example GmbH".to_owned(),
            support: "help@attic.example".to_owned(),
            content_policy: "No mining, no scanning of others.".to_owned(),
            ..NetworkConfig::default()
        }
    }

    #[test]
    fn what_is_issued_is_believed_and_has_the_same_key_each_time() {
        let folder = tempfile::tempdir().expect("a folder");
        let now = TimestampMs::from_millis(1_764_000_000_000);
        let url: Url = "https://attic.example".parse().expect("an address");
        let issue = || OperatorKey::open(folder.path(), &network()).expect("a key").issue(&network(), &url, (now, FETCHED_LIFE));
        let (first, second) = (issue().expect("signed"), issue().expect("signed"));
        assert_eq!(first, second);
        assert_eq!(SignedProfile::read(&first.link(), now), Ok(first.clone()));
        assert_eq!(SignedProfile::read(&first.text(), now.after(FETCHED_LIFE)), Err(ProfileError::Expired));
    }

    #[test]
    fn an_operator_nobody_knows_has_no_profile() {
        let folder = tempfile::tempdir().expect("a folder");
        let refused = OperatorKey::open(folder.path(), &NetworkConfig::default());
        assert!(matches!(refused, Err(IssueError::NoOperator)), "{refused:?}");
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0, "and no key is made for him");
        let key = OperatorKey::open(folder.path(), &network()).expect("a key");
        let silent = NetworkConfig { support: String::new(), ..network() };
        let url: Url = "https://attic.example".parse().expect("an address");
        let refused = key.issue(&silent, &url, (TimestampMs::from_millis(0), FETCHED_LIFE)).expect_err("nobody to ask");
        let IssueError::Profile(ProfileError::Field(field)) = refused else { panic!("{refused:?}") };
        assert_eq!(field.field, "support");
    }
}
