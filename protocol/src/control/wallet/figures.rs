//! The figures behind what the wallet says: what an act comes to, what a claim is proven by, what is earned and not in a payout yet. The
//! wallet's own sentences are English; a guest that speaks another language says these in its own words.

use serde::{Deserialize, Serialize};

use super::{Coins, Source};
use crate::{Micros, TimestampMs};

/// What an act comes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case", rename_all_fields = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub enum IntentFacts {
    /// Earnings are to go to an account.
    Payout {
        /// Whose, with the checksum.
        account: String,
        /// On which chain, as people call it.
        chain: String,
        /// Whether in HFR where there is some.
        in_hfr: bool,
        /// Whether the wallet on this PC has its key.
        by_wallet: bool,
    },
    /// Money is taken.
    Withdraw(Box<WithdrawFacts>),
}

/// What a withdrawal comes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct WithdrawFacts {
    /// On which chain, as people call it.
    pub chain: String,
    /// Where it lies now.
    pub from: Source,
    /// What leaves there.
    pub amount: Coins,
    /// Who gets it, with the checksum.
    pub to: String,
    /// Whether that is the wallet itself.
    pub own: bool,
    /// What sending takes.
    pub fee: Fee,
    /// What arrives at least.
    pub arrives: Coins,
    /// What stays where it lies now.
    pub remains: Coins,
}

/// What sending takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub enum Fee {
    /// A relayer sends it and keeps a part.
    Relayer {
        /// At most this.
        most: Coins,
        /// The same in money.
        worth: Micros,
    },
    /// The wallet pays for gas.
    Gas {
        /// At most this, of the chain's own coin. Its symbol is empty where nobody here knows it.
        most: Coins,
    },
}

/// What a claim is proven by. The agent has compared it with the root that it read from the chain itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct ClaimProof {
    /// The payout in whose root it is.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub epoch: u64,
    /// The contract that has the root and pays.
    pub distributor: String,
    /// As the chain has it.
    pub root: String,
    /// The hash of what is owed to this account since ever.
    pub leaf: String,
    /// From the leaf to the root, in pairs that are sorted before they are hashed: the leaf has no number.
    pub path: Vec<String>,
    /// Owed since ever, taken or not.
    pub owed: Coins,
    /// Taken since ever.
    pub taken: Coins,
}

/// What was earned and cannot be taken yet.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct Unpaid {
    /// Credited, and part of the next payout.
    pub credited: Micros,
    /// In a payout whose root is not on the chain yet.
    pub on_its_way: Micros,
    /// Credited, and held because a card payment could still take it back.
    pub held: Micros,
    /// When the first of what is held is free.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub held_until_ms: Option<TimestampMs>,
    /// Earned, and waiting until the network is sure of this rig: of a result that nobody has compared yet, or in the rig's first weeks.
    #[serde(default)]
    pub withheld: Micros,
    /// When the first of what is withheld is free at the latest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub withheld_until_ms: Option<TimestampMs>,
    /// For time given back: paid once a result speaks for it, else the customer has it back.
    #[serde(default)]
    pub given_back: Micros,
    /// Practice money, which is never paid out.
    pub practice: Micros,
    /// Whether older attempts were not looked at: there may be more.
    pub more: bool,
}

/// Earnings that are to become computing credit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct SpendView {
    /// How much.
    pub amount: Micros,
    /// Whose account, as `cus_…`.
    pub customer: String,
    /// When the owner said so.
    pub said_ms: TimestampMs,
    /// How far it is.
    pub state: SpendState,
}

/// How far that is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub enum SpendState {
    /// The coordinator is being told.
    Sending,
    /// The coordinator does not do it.
    Refused {
        /// Why, in its words.
        message: String,
    },
}
