//! What guests say about the wallet. Secrets travel here and nowhere else: in a type that prints nothing and wipes itself.
//!
//! Nothing is signed at the first word. A guest has an act prepared, shows its owner what it says in plain words, and has just that
//! signed. Amounts and addresses are text: what is shown is what is meant, and no reader of JSON rounds it.

use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

use crate::Micros;

mod answer;
mod figures;

pub use answer::{
    AssetBalance, ChainBalances, Coins, Hazard, IntentCard, MoneyNews, MoneyNewsKind, PayoutState, PayoutView, ReceiptCard,
    ReceiptPage, WalletAnswer, WalletCode, WalletRefusal, WalletState, WalletView, Warning, WithdrawalCard, WithdrawalPage,
    WithdrawalState,
};
pub use figures::{ClaimProof, Fee, IntentFacts, SpendState, SpendView, Unpaid, WithdrawFacts};

/// The longest secret. A phrase of 24 words has at most 215 letters.
pub const SECRET_BYTES_MAX: usize = 1_024;

/// A password or a phrase. Prints nothing, and its memory is overwritten when it goes.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export, type = "string"))]
pub struct Secret(String);

impl Secret {
    /// Takes the text in.
    #[must_use]
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// The text, for the one who needs it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// What a guest may ask of the wallet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub enum WalletRequest {
    /// Which wallet there is, and where earnings go.
    Show,
    /// Make a new wallet. Its phrase comes once, in the answer.
    Create(CreateArgs),
    /// Which words of the new phrase to enter.
    Quiz,
    /// Enter them, or the whole phrase.
    Verify(VerifyArgs),
    /// Take a phrase from elsewhere.
    Import(ImportArgs),
    /// Have earnings paid to an address whose key is elsewhere.
    Watch(WatchArgs),
    /// What there is on every chain.
    Balances,
    /// Say in words what an act would do.
    Prepare(PrepareArgs),
    /// Do it.
    Sign(SignArgs),
    /// Past and present withdrawals, newest first.
    History(HistoryArgs),
    /// What settled attempts have brought, newest first.
    Receipts(ReceiptsArgs),
    /// Turn earnings into computing credit.
    Spend(SpendArgs),
    /// Which money the owner has not been told of.
    News,
    /// He knows of it now.
    Told(ToldArgs),
}

/// For a new wallet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct CreateArgs {
    /// 12 or 24.
    pub words: u8,
    /// Locks its file.
    pub password: Secret,
    /// Whether the password is kept in the keyring of the desktop.
    #[serde(default)]
    pub remember: bool,
    /// Whether it may take the place of a wallet that is there. The old one's file stays.
    #[serde(default)]
    pub replace: bool,
}

/// Proof that the phrase was written down: one of the two.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub enum VerifyArgs {
    /// The words at the positions of the last [`WalletRequest::Quiz`], in its order.
    Words {
        /// As many as were asked for.
        words: Vec<Secret>,
    },
    /// All of it; the only way once the agent has forgotten it.
    Phrase {
        /// In order, with spaces between.
        phrase: Secret,
    },
}

/// A phrase from elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct ImportArgs {
    /// 12 or 24 words with spaces between.
    pub phrase: Secret,
    /// Locks its file here.
    pub password: Secret,
    /// Whether the password is kept in the keyring of the desktop.
    #[serde(default)]
    pub remember: bool,
    /// Whether it may take the place of a wallet that is there. The old one's file stays.
    #[serde(default)]
    pub replace: bool,
}

/// An address whose key is elsewhere: a hardware wallet, an exchange, somebody's safe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct WatchArgs {
    /// 0x and 40 digits, with its checksum.
    pub address: String,
    /// Whether it may take the place of a wallet that is there. The old one's file stays.
    #[serde(default)]
    pub replace: bool,
}

/// What is to be prepared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case", rename_all_fields = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub enum PrepareArgs {
    /// Have this rig's earnings go to the wallet.
    ConfirmPayout {
        /// The chain stablecoin is paid on; absent for the network's first.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "ts", ts(optional, type = "number"))]
        chain_id: Option<u64>,
        /// Whether to be paid in HFR where there is some.
        #[serde(default)]
        in_hfr: bool,
    },
    /// Take money.
    Withdraw {
        /// On which chain.
        #[cfg_attr(feature = "ts", ts(type = "number"))]
        chain_id: u64,
        /// The asset's symbol or contract.
        asset: String,
        /// What is taken.
        from: Source,
        /// Who gets it; absent for the wallet itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "ts", ts(optional))]
        to: Option<String>,
        /// In whole coins, such as `12.5`; absent for all of it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "ts", ts(optional))]
        amount: Option<String>,
        /// Whether the wallet pays for gas itself instead of having a relayer send it.
        #[serde(default)]
        own_gas: bool,
    },
}

/// Where withdrawn money lies now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub enum Source {
    /// With the distributor: earned and not yet taken.
    Earnings,
    /// In the wallet.
    Wallet,
}

/// Sign what was prepared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct SignArgs {
    /// From [`WalletAnswer::Prepared`].
    pub intent: String,
    /// Unlocks the wallet for this one act; absent to take it from the keyring.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub password: Option<Secret>,
    /// Unlocks the wallet whose place is taken, so that the change counts at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub previous_password: Option<Secret>,
    /// Every hazard of the intent that must be confirmed and is.
    #[serde(default)]
    pub confirmed: Vec<Hazard>,
}

/// Which page of withdrawals.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct HistoryArgs {
    /// The withdrawal after which the page begins; absent for the newest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub after: Option<String>,
    /// How many, at most 100.
    pub limit: u32,
}

/// Which page of receipts.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct ReceiptsArgs {
    /// The attempt after which the page begins; absent for the newest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub after: Option<String>,
    /// How many, at most 100.
    pub limit: u32,
}

/// How much computing for whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct SpendArgs {
    /// How much.
    pub amount: Micros,
    /// Whose account, as `cus_…`.
    pub customer: String,
}

/// Of what the owner was told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct ToldArgs {
    /// [`MoneyNews::id`] of each, at most 64.
    pub ids: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_never_printed() {
        let args = CreateArgs { words: 12, password: Secret::new("correct horse".to_owned()), remember: false, replace: false };
        let call = super::super::Call { id: 1, request: super::super::Request::Wallet { ask: WalletRequest::Create(args) } };
        assert!(!format!("{call:?}").contains("horse") && !format!("{call:#?}").contains("horse"));
        let text = serde_json::to_string(&call).expect("plain data");
        assert!(text.contains("correct horse"), "the socket carries it");
        assert_eq!(serde_json::from_str::<super::super::Call>(&text).expect("read back"), call);
    }
}
