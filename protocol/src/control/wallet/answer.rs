//! What the wallet answers: what there is, what would be signed, how far it is.

use serde::{Deserialize, Serialize};

use super::{ClaimProof, IntentFacts, Secret, Source, SpendView, Unpaid};
use crate::{Micros, TimestampMs};

/// The wallet's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub enum WalletAnswer {
    /// The wallet as it is now.
    Shown {
        /// It.
        wallet: WalletView,
    },
    /// A new wallet, and the only sight of its phrase.
    Created {
        /// It.
        wallet: WalletView,
        /// To be written down on paper.
        phrase: Secret,
    },
    /// Which words to enter, counted from 1.
    Quiz {
        /// In this order.
        positions: Vec<u8>,
    },
    /// What there is.
    Balances {
        /// One for each chain of the network.
        chains: Vec<ChainBalances>,
        /// All chains together: for each asset, by its symbol, what is in the wallet and what is ready to be taken, as far as it is
        /// known.
        #[serde(default)]
        totals: Vec<Coins>,
        /// What was earned and cannot be taken yet; absent if the coordinator did not tell.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "ts", ts(optional))]
        unpaid: Option<Unpaid>,
    },
    /// What would be signed.
    Prepared {
        /// To be shown.
        intent: IntentCard,
    },
    /// It is signed, written down, and on its way.
    Signed {
        /// The withdrawal, if it is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        withdrawal: Option<WithdrawalCard>,
    },
    /// A page of withdrawals.
    History {
        /// It.
        page: WithdrawalPage,
    },
    /// A page of receipts.
    Receipts {
        /// It.
        page: ReceiptPage,
    },
    /// The credit is there.
    Spent,
    /// It is written down, and the coordinator is told of it until it answers: asking again is not needed. [`WalletView::spend`] says
    /// how that goes.
    Spending,
    /// Money that the owner has not been told of, oldest first.
    News {
        /// It.
        news: Vec<MoneyNews>,
    },
    /// Not done.
    Refused {
        /// Why.
        refusal: WalletRefusal,
    },
}

/// Money that the owner has not been told of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct MoneyNews {
    /// Names it.
    pub id: String,
    /// What has happened.
    pub what: MoneyNewsKind,
    /// How much.
    pub amount: Coins,
    /// On which chain, as people call it.
    pub chain: String,
    /// Whose it is now.
    pub to: String,
}

/// What has happened to money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub enum MoneyNewsKind {
    /// A withdrawal is where it was sent, and nothing takes it back.
    Arrived,
    /// A payout was published; the wallet can take this much now.
    Claimable,
    /// The same, for an address whose key is elsewhere.
    Published,
}

/// Why the wallet did not do it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct WalletRefusal {
    /// What to branch on.
    pub code: WalletCode,
    /// One or two sentences for the owner.
    pub message: String,
    /// How long to wait before the next try, where waiting is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional, type = "number"))]
    pub wait_ms: Option<u64>,
}

/// Add a variant together with the branch that uses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub enum WalletCode {
    /// There is no wallet yet; a guest offers to make one.
    NoWallet,
    /// A wallet is there; a guest asks whether to replace it.
    Exists,
    /// The keyring does not have the password; a guest asks for it.
    PasswordNeeded,
    /// The password is wrong; a guest asks again after the wait.
    WrongPassword,
    /// The agent has forgotten the phrase; a guest asks for all of it.
    PhraseNeeded,
    /// The phrase has not been verified; a guest offers to do it.
    Unverified,
    /// Something must be confirmed first; a guest asks for it.
    Unconfirmed,
    /// The intent has expired or was signed; a guest prepares it again.
    IntentGone,
    /// Coordinator or chain do not answer; a guest offers to try again.
    Offline,
    /// The wallet cannot pay for gas; a guest offers to have it sent by a relayer, where one does, or shows where to send some.
    NoGas,
    /// The coordinator does not believe the time; a guest asks to set the clock of this PC.
    ClockWrong,
    /// Anything else; the message says what to do.
    Refused,
}

/// Something about an act that an owner may not have meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub enum Hazard {
    /// Nothing was ever sent there from here.
    FirstUse,
    /// The address was typed without its checksum: a slip of a finger shows nowhere.
    NoChecksum,
    /// A contract lives there, which may not be able to pass the money on.
    Contract,
    /// It is a token's own contract: what is sent there is lost.
    Token,
    /// The fee takes a large part of it.
    HighFee,
}

/// A hazard in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct Warning {
    /// Which.
    pub hazard: Hazard,
    /// One sentence.
    pub message: String,
    /// Whether it must be confirmed; otherwise it is enough to show it.
    pub confirm: bool,
}

/// An act that waits for the owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct IntentCard {
    /// Names it.
    pub id: String,
    /// What it does, one sentence each. Nothing else is signed.
    pub words: Vec<String>,
    /// What the owner may not have meant.
    pub warnings: Vec<Warning>,
    /// The same in figures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub facts: Option<IntentFacts>,
    /// When it is forgotten.
    pub expires_ms: TimestampMs,
    /// The wallet whose place is taken and who could agree to it with its password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub previous: Option<String>,
}

/// The wallet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct WalletView {
    /// What there is.
    pub state: WalletState,
    /// Where this rig's earnings go; absent if that was never said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub payout: Option<PayoutView>,
    /// The last earnings that were to become computing credit, while that is under way, and for a day if it was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub spend: Option<SpendView>,
}

/// What there is of a wallet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", rename_all_fields = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub enum WalletState {
    /// Nothing.
    None,
    /// An address whose key is elsewhere.
    Watching {
        /// With its checksum.
        address: String,
    },
    /// A key of its own, locked.
    Local {
        /// With its checksum.
        address: String,
        /// Whether the owner has shown that he has the phrase. Before that nothing is paid out.
        backup_verified: bool,
        /// Whether the keyring has the password.
        remembered: bool,
    },
}

/// Where a rig's earnings go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct PayoutView {
    /// Who is paid, with the checksum.
    pub account: String,
    /// On which chain.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub chain_id: u64,
    /// Whether in HFR where there is some.
    pub in_hfr: bool,
    /// Whether the coordinator knows.
    pub state: PayoutState,
    /// Why the operator pays nothing to the account for now, if he does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub held_because: Option<String>,
}

/// Whether the coordinator knows where earnings go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", rename_all_fields = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub enum PayoutState {
    /// It is being told.
    Sending,
    /// It counts.
    Accepted {
        /// Whether a wallet has confirmed it.
        confirmed: bool,
    },
    /// It will count.
    Pending {
        /// From then on.
        from_ms: TimestampMs,
    },
    /// The coordinator does not take it.
    Refused {
        /// Why.
        message: String,
    },
}

/// An amount of an asset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct Coins {
    /// As people write it, such as `12.50`.
    pub text: String,
    /// Of what.
    pub symbol: String,
    /// In the token's smallest unit.
    pub units: String,
}

/// What there is on one chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct ChainBalances {
    /// EIP-155 id.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub chain_id: u64,
    /// As people call it.
    pub name: String,
    /// One for each asset; empty if the chain does not answer.
    pub assets: Vec<AssetBalance>,
    /// Why there is nothing to show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub problem: Option<String>,
}

/// What there is of one asset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct AssetBalance {
    /// As it calls itself.
    pub symbol: String,
    /// Its contract, with the checksum.
    pub contract: String,
    /// In the wallet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub in_wallet: Option<Coins>,
    /// With the distributor, proven against the root on the chain. Absent if there is no proof.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub claimable: Option<Coins>,
    /// The proof of it; absent if there is nothing to take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub proof: Option<ClaimProof>,
    /// What is wrong with the asset or with the proof.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub problem: Option<String>,
}

/// How far a withdrawal is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", rename_all_fields = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub enum WithdrawalState {
    /// Written down, about to be signed.
    Prepared,
    /// Signed, about to be sent.
    Signed,
    /// Sent.
    Sent,
    /// In a block that nothing takes back.
    Final {
        /// Which.
        #[cfg_attr(feature = "ts", ts(type = "number"))]
        block: u64,
    },
    /// Nothing has moved.
    Refused {
        /// Why.
        message: String,
    },
}

/// One withdrawal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct WithdrawalCard {
    /// The intent it came from.
    pub id: String,
    /// On which chain.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub chain_id: u64,
    /// As people call it.
    pub chain: String,
    /// What leaves.
    pub amount: Coins,
    /// What sending takes, in words.
    pub fee: String,
    /// What arrives at least; absent where all of it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub arrives: Option<Coins>,
    /// Who gets it, with the checksum.
    pub to: String,
    /// Where it lay.
    pub from: Source,
    /// How far it is.
    pub state: WithdrawalState,
    /// Its transaction, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub transaction: Option<String>,
    /// Where to look it up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub explorer: Option<String>,
    /// When it was signed.
    pub created_ms: TimestampMs,
}

/// A page of withdrawals.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct WithdrawalPage {
    /// Newest first.
    pub withdrawals: Vec<WithdrawalCard>,
    /// What to send as `after` for the next page; absent at the end.
    pub next: Option<String>,
}

/// What one settled attempt has brought: customer paid → fee → share → transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct ReceiptCard {
    /// The attempt.
    pub attempt: String,
    /// What the job is called, where this rig still knows.
    pub title: String,
    /// When it was settled.
    pub settled_ms: TimestampMs,
    /// What the customer paid for it.
    pub paid: Micros,
    /// What the platform kept.
    pub fee: Micros,
    /// What is the owner's.
    pub share: Micros,
    /// Whether it is practice money, which is never paid out.
    #[serde(default)]
    pub practice: bool,
    /// When it may be paid out, if it is held until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub matures_ms: Option<TimestampMs>,
    /// Until when it waits at the latest, if the network is not sure of it yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub waits_until_ms: Option<TimestampMs>,
    /// Whether it lapses then, as time given back does that no result has spoken for.
    #[serde(default)]
    pub lapses: bool,
    /// The payout it is in, if it is in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional, type = "number"))]
    pub payout_epoch: Option<u64>,
    /// The transaction that made the payout claimable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub transaction: Option<String>,
    /// Where to look it up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub explorer: Option<String>,
}

/// A page of receipts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct ReceiptPage {
    /// Newest first.
    pub receipts: Vec<ReceiptCard>,
    /// What to send as `after` for the next page; absent at the end.
    pub next: Option<String>,
}
