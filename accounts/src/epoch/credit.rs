//! One change of what an account is owed, with what it follows from.

use alloy_primitives::Address;
use headframe_protocol::{Micros, TimestampMs, chain::AssetKind, payout::SignedSpendEarnings, receipt::SignedReceipt};
use serde::{Deserialize, Serialize};

use crate::price::UsdPerHfr;

/// One change of what an account is owed. Public for ever, so it names machines, attempts and wallets, and nothing of a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Credit {
    /// The transfer in the ledger. Never used twice, in no epoch.
    pub id: String,
    /// Whose.
    pub account: Address,
    /// In what.
    pub asset: Address,
    /// Micros of the asset. Negative where the account gives.
    pub amount: Micros,
    /// Why.
    #[serde(flatten)]
    pub cause: Cause,
}

/// Why what is owed changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Cause {
    /// A rig worked, and is paid in what the customer paid.
    Job {
        /// For what.
        work: Work,
    },
    /// A rig worked, and is paid in another asset or on another chain than the customer paid, from the operator's inventory.
    Conversion {
        /// From what, at which price.
        conversion: Conversion,
        /// For what.
        work: Work,
        /// If the job was paid from fiat credit.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        maturity: Option<Maturity>,
    },
    /// A rig worked for fiat credit, and nobody has taken the card's payment back in time.
    Matured {
        /// Since when.
        maturity: Maturity,
        /// For what.
        work: Work,
    },
    /// The owner turned earnings into computing credit. The only kind that always takes.
    Spent {
        /// His word for it.
        signed_spend: SignedSpendEarnings,
    },
    /// The operator mends a mistake, in either direction.
    Correction {
        /// In plain words, for whoever it concerns.
        reason: String,
    },
    /// The operator takes back inventory that lies in the Distributor.
    Inventory,
}

/// What a rig did for one attempt, and what that costs. Counted from the attempt's beginning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Work {
    /// What the rig says it did.
    pub signed_receipt: SignedReceipt,
    /// What the customer pays, in micros of the asset he pays in.
    pub price_per_hour: Micros,
    /// The platform's part, in hundredths of a percent.
    pub fee_bps: u16,
    /// The time that is paid; at most what the receipt says.
    pub charged_ms: u64,
    /// What the customer pays for it: price times time, rounded down, at most `capped_at`.
    pub charged: Micros,
    /// What the job still held, where that was less.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capped_at: Option<Micros>,
    /// What earlier credits have paid the supplier for this attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paid_before: Option<Micros>,
    /// What was used before of the session on the chain that this is charged to. The chain counts its fee on all of a session, so
    /// the fee on this is the difference it makes there; without a session it is counted from nothing. Which of the two moves the
    /// supplier's part by a micro at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used_before: Option<Micros>,
}

/// Earnings that waited because a card's payment can be taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Maturity {
    /// The ledger's transfer by which they were earned.
    pub transfer: String,
    /// When.
    pub earned_ms: TimestampMs,
    /// What was taken back while they waited, in micros of the asset the customer paid in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reversed: Option<Micros>,
}

/// What became what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Conversion {
    /// What the customer paid in.
    pub from: Source,
    /// The supplier's part of it, in micros of that asset.
    pub amount: Micros,
    /// At which rate, between HFR and dollars. Between two of a kind it is one to one, and none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
    /// When.
    pub at_ms: TimestampMs,
}

/// An asset, perhaps of another chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Source {
    /// EIP-155 id.
    pub chain_id: u64,
    /// Its contract.
    pub asset: Address,
    /// What it is to us.
    pub kind: AssetKind,
}

/// The agreed price of HFR, as it was used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rate {
    /// The price.
    pub usd_per_hfr: UsdPerHfr,
    /// When it was seen.
    pub seen_ms: TimestampMs,
}

impl Credit {
    /// What it pays a rig for, if it does.
    #[must_use]
    pub const fn work(&self) -> Option<&Work> {
        match &self.cause {
            Cause::Job { work } | Cause::Conversion { work, .. } | Cause::Matured { work, .. } => Some(work),
            Cause::Spent { .. } | Cause::Correction { .. } | Cause::Inventory => None,
        }
    }
}
