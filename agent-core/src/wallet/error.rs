//! Why the wallet did not do something, for the log with its causes and for the owner in sentences.

use std::time::Duration;

use headframe_protocol::control::{WalletCode, WalletRefusal};

use super::{
    amount::AmountError, chain::ChainError, destination::AddressError, payroll::PayrollError, phrase::PhraseError,
    vault::VaultError,
};
use crate::store::{Chain as Causes, StoreError};

/// Why the wallet did not do it.
#[derive(Debug, thiserror::Error)]
pub enum WalletError {
    /// There is none.
    #[error("there is no wallet yet")]
    NoWallet,
    /// There is one.
    #[error("there is a wallet already: {0}")]
    Exists(alloy::primitives::Address),
    /// Its key is elsewhere.
    #[error(
        "the key of {0} is not on this PC; use the wallet that has it. Earnings of a dollar and more are brought there without it"
    )]
    KeyElsewhere(alloy::primitives::Address),
    /// The owner has not shown that he has the phrase.
    #[error(
        "show first that you have written the phrase down, with `wallet verify`: without it the money would be lost with this PC"
    )]
    Unverified,
    /// There is nothing left to verify.
    #[error("this phrase is verified already")]
    AlreadyVerified,
    /// The agent does not remember the phrase any more.
    #[error("the agent has forgotten the phrase; enter all of it")]
    PhraseNeeded,
    /// The words are not those of the phrase.
    #[error("these are not the words of the phrase; look at the paper again")]
    WrongWords,
    /// Not a phrase.
    #[error("this is no phrase")]
    Phrase(#[source] PhraseError),
    /// Not locked or unlocked.
    #[error("the wallet stays locked")]
    Vault(#[source] VaultError),
    /// Not a destination.
    #[error("this is no destination")]
    Address(#[source] AddressError),
    /// Not an amount.
    #[error("this is no amount")]
    Amount(#[source] AmountError),
    /// The act is not possible; the sentence says why and what is.
    #[error("{0}")]
    Impossible(String),
    /// The wallet cannot pay for gas.
    #[error("the wallet cannot pay for gas on {chain}: it may take {most}, and {there} is there, of the chain's own coin")]
    NoGas {
        /// Where, as people call it.
        chain: String,
        /// What it may take, in whole coins.
        most: String,
        /// What is there, in whole coins.
        there: String,
    },
    /// Hazards were not confirmed.
    #[error("this must be confirmed first: {0}")]
    Unconfirmed(String),
    /// It was not prepared, was signed already, or too long ago.
    #[error("this was prepared too long ago; prepare it again")]
    IntentGone,
    /// The rig is not connected.
    #[error("the rig is not connected to its network")]
    NotConnected,
    /// The coordinator did not help.
    #[error("the coordinator did not help")]
    Payroll(#[source] PayrollError),
    /// The chain did not help.
    #[error("the chain did not help")]
    Chain(#[source] ChainError),
    /// The database did not help.
    #[error("the agent's database did not help")]
    Store(#[source] StoreError),
    /// The device key did not sign.
    #[error("the rig could not sign")]
    Device(#[source] crate::device_key::SignError),
}

impl From<StoreError> for WalletError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<PayrollError> for WalletError {
    fn from(error: PayrollError) -> Self {
        Self::Payroll(error)
    }
}

impl From<ChainError> for WalletError {
    fn from(error: ChainError) -> Self {
        Self::Chain(error)
    }
}

impl WalletError {
    /// With a sentence that says why, and what is possible.
    pub(super) fn impossible(text: impl Into<String>) -> Self {
        Self::Impossible(text.into())
    }

    /// For a guest.
    #[must_use]
    pub fn refusal(&self) -> WalletRefusal {
        let (code, wait) = self.code();
        let wait_ms = wait.map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
        WalletRefusal { code, message: sentence(&Causes(self).to_string()), wait_ms }
    }

    const fn code(&self) -> (WalletCode, Option<Duration>) {
        match self {
            Self::NoWallet => (WalletCode::NoWallet, None),
            Self::Exists(_) => (WalletCode::Exists, None),
            Self::Unverified => (WalletCode::Unverified, None),
            Self::PhraseNeeded => (WalletCode::PhraseNeeded, None),
            Self::Unconfirmed(_) => (WalletCode::Unconfirmed, None),
            Self::IntentGone => (WalletCode::IntentGone, None),
            Self::NoGas { .. } => (WalletCode::NoGas, None),
            Self::Payroll(PayrollError::ClockWrong) => (WalletCode::ClockWrong, None),
            Self::NotConnected
            | Self::Payroll(PayrollError::Offline(_) | PayrollError::Garbled)
            | Self::Chain(ChainError::Unreachable { .. } | ChainError::Call { .. } | ChainError::Garbled { .. }) => {
                (WalletCode::Offline, None)
            }
            Self::Vault(VaultError::PasswordNeeded) => (WalletCode::PasswordNeeded, None),
            Self::Vault(VaultError::WrongPassword { wait, .. } | VaultError::TooSoon { wait }) => {
                (WalletCode::WrongPassword, Some(*wait))
            }
            Self::Vault(
                VaultError::WeakPassword
                | VaultError::Keystore(_)
                | VaultError::Keyring(_)
                | VaultError::Signing(_)
                | VaultError::Died,
            )
            | Self::KeyElsewhere(_)
            | Self::AlreadyVerified
            | Self::WrongWords
            | Self::Phrase(_)
            | Self::Address(_)
            | Self::Amount(_)
            | Self::Impossible(_)
            | Self::Payroll(PayrollError::Refused(_))
            | Self::Store(_)
            | Self::Device(_) => (WalletCode::Refused, None),
        }
    }
}

/// With a capital and one full stop.
fn sentence(text: &str) -> String {
    let mut letters = text.trim_end_matches('.').chars();
    letters.next().map(|first| format!("{}{}.", first.to_uppercase(), letters.as_str())).unwrap_or_default()
}
