//! Payments by card.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Payments by card. Without a secret there are none.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FiatConfig {
    /// A file, readable by its owner only, with the signing secret of Stripe's webhook: `whsec_…`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stripe_secret_file: Option<PathBuf>,
    /// The chain payments are credited on. Absent: the home chain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chain: Option<u64>,
    /// Proxies of ours that every call passes, each of which adds to `X-Forwarded-For`. A customer who pays by card is not given rigs
    /// of his own network, and behind a proxy all would seem to come from one.
    pub proxies: u8,
}
