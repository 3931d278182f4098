//! Withdrawals, step by step: what was shown, what is sent, how far it is. A step is never taken back, and what is sent is written
//! once: whatever happens in between, the same bytes are sent again.

use alloy::primitives::{Address, B256, Bytes, U128, U256};
use headframe_protocol::{Micros, TimestampMs, chain::AssetKind, payout::RelayedClaim};
use serde::{Deserialize, Serialize};
use sqlx::{Row as _, sqlite::SqliteRow};
use url::Url;

use super::{
    Store, StoreError,
    attempts::unsigned,
    wallet::{damaged, json, parse, read},
};

/// What a withdrawal does: shown before, signed, and kept for the history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// On which chain.
    pub chain_id: u64,
    /// As people call it.
    pub chain: String,
    /// Blocks after which nothing is taken back there.
    pub finality_blocks: u64,
    /// Where people look transactions up.
    pub explorer: Option<Url>,
    /// The token's contract.
    pub asset: Address,
    /// As it calls itself.
    pub symbol: String,
    /// Digits after the point.
    pub decimals: u8,
    /// What it is to us.
    pub kind: AssetKind,
    /// Whose money.
    pub account: Address,
    /// Who gets it.
    pub to: Address,
    /// Token units that leave, the relayer's fee among them.
    pub amount: U256,
    /// How.
    pub how: How,
}

impl Plan {
    /// Token units that arrive at least: what leaves, less the most a relayer may keep.
    #[must_use]
    pub fn arrives(&self) -> U256 {
        match &self.how {
            How::Relayed { claim, .. } => self.amount.saturating_sub(U256::from(claim.max_fee)),
            How::OwnClaim { .. } | How::Transfer { .. } => self.amount,
        }
    }
}

/// How it is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum How {
    /// A relayer sends the claim and keeps a fee.
    Relayed {
        /// What is claimed.
        claim: ClaimPlan,
        /// The most he keeps, in money.
        worth: Micros,
    },
    /// The wallet sends the claim and pays for gas.
    OwnClaim {
        /// What is claimed.
        claim: ClaimPlan,
        /// Around it.
        gas: GasPlan,
    },
    /// The wallet sends tokens it has and pays for gas.
    Transfer {
        /// Around it.
        gas: GasPlan,
    },
}

/// What is claimed from the distributor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimPlan {
    /// The contract.
    pub distributor: Address,
    /// Token units owed since ever.
    pub cumulative: U128,
    /// From the leaf to the root.
    pub proof: Vec<B256>,
    /// The most a relayer may keep, in token units.
    pub max_fee: U128,
    /// The account's number of signed claims: one signature is one claim.
    pub nonce: u64,
    /// Seconds since 1970 after which the chain refuses it.
    pub deadline: u64,
}

/// What surrounds a transaction of the wallet's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct GasPlan {
    /// The account's next number.
    pub nonce: u64,
    /// The most gas it uses.
    pub limit: u64,
    /// The most a unit of gas costs, in the coin's smallest unit.
    pub max_fee_per_gas: u64,
    /// Of that, the most for the block's maker.
    pub max_priority_fee_per_gas: u64,
    /// The most its bytes cost beside the gas, on a rollup.
    pub data_fee: u64,
}

/// What is sent. Signed, meant to be seen by everybody, and the same however often.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Act {
    /// To the relayer.
    Relay {
        /// The signed claim.
        claim: RelayedClaim,
    },
    /// To the chain.
    Raw {
        /// The signed transaction.
        raw: Bytes,
        /// Its name.
        hash: B256,
    },
}

/// How far a withdrawal is, as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepName {
    /// Not signed yet.
    Prepared,
    /// Signed, not known to be sent.
    Signed,
    /// Sent.
    Sent,
    /// Done.
    Final,
    /// Nothing has moved.
    Refused,
}

impl StepName {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Prepared => "prepared",
            Self::Signed => "signed",
            Self::Sent => "sent",
            Self::Final => "final",
            Self::Refused => "refused",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Prepared, Self::Signed, Self::Sent, Self::Final, Self::Refused].into_iter().find(|step| step.as_str() == text)
    }
}

/// A withdrawal as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are the columns, explained in the migration")]
pub struct WithdrawalRow {
    pub id: String,
    pub step: StepName,
    pub plan: Plan,
    pub act: Option<Act>,
    pub relay: Option<String>,
    pub tx_hash: Option<B256>,
    pub block: Option<u64>,
    pub reason: Option<String>,
    pub created_ms: TimestampMs,
}

impl Store {
    /// Writes a new withdrawal down, or how far one is. An `id` is written down once; a step is never taken back.
    ///
    /// # Errors
    /// [`StoreError::WriteWallet`].
    pub async fn set_withdrawal(&self, row: &WithdrawalRow, now: TimestampMs) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO withdrawal (id, step, chain_id, asset, account, destination, plan, act, relay, tx_hash, block, reason,
             created_ms, changed_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
             ON CONFLICT (id) DO UPDATE SET step = excluded.step, act = COALESCE(withdrawal.act, excluded.act),
             relay = excluded.relay, tx_hash = excluded.tx_hash, block = excluded.block, reason = excluded.reason,
             changed_ms = excluded.changed_ms WHERE withdrawal.step NOT IN ('final', 'refused')",
        )
        .bind(&row.id)
        .bind(row.step.as_str())
        .bind(i64::try_from(row.plan.chain_id).unwrap_or(i64::MAX))
        .bind(row.plan.asset.to_string())
        .bind(row.plan.account.to_string())
        .bind(row.plan.to.to_string())
        .bind(json(&row.plan))
        .bind(row.act.as_ref().map(json))
        .bind(&row.relay)
        .bind(row.tx_hash.map(|hash| hash.to_string()))
        .bind(row.block.and_then(|block| i64::try_from(block).ok()))
        .bind(&row.reason)
        .bind(row.created_ms.as_millis())
        .bind(now.as_millis())
        .execute(&self.writer)
        .await
        .map(drop)
        .map_err(StoreError::WriteWallet)
    }

    /// One withdrawal.
    ///
    /// # Errors
    /// [`StoreError::Read`].
    pub async fn withdrawal(&self, id: &str) -> Result<Option<WithdrawalRow>, StoreError> {
        let query = sqlx::query("SELECT * FROM withdrawal WHERE id = $1").bind(id);
        let row = query.fetch_optional(&self.readers).await.map_err(read("a withdrawal"))?;
        row.map(|row| withdrawal_row(&row)).transpose()
    }

    /// Withdrawals that are on their way, oldest first.
    ///
    /// # Errors
    /// [`StoreError::Read`].
    pub async fn open_withdrawals(&self) -> Result<Vec<WithdrawalRow>, StoreError> {
        let query = sqlx::query("SELECT * FROM withdrawal WHERE step IN ('prepared', 'signed', 'sent') ORDER BY ordinal");
        let rows = query.fetch_all(&self.readers).await.map_err(read("open withdrawals"))?;
        rows.iter().map(withdrawal_row).collect()
    }

    /// Up to `limit` withdrawals older than `after`, or the newest; and whether there are more.
    ///
    /// # Errors
    /// [`StoreError::Read`].
    pub async fn withdrawals_before(&self, after: Option<&str>, limit: u32) -> Result<(Vec<WithdrawalRow>, bool), StoreError> {
        let query = sqlx::query(
            "SELECT * FROM withdrawal WHERE $1 IS NULL OR ordinal < (SELECT ordinal FROM withdrawal WHERE id = $1)
             ORDER BY ordinal DESC LIMIT $2",
        );
        let rows = query.bind(after).bind(i64::from(limit) + 1).fetch_all(&self.readers).await.map_err(read("withdrawals"))?;
        let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
        let page = rows.iter().take(wanted).map(withdrawal_row).collect::<Result<_, _>>()?;
        Ok((page, rows.len() > wanted))
    }

    /// Whether something was ever sent from here to `destination`.
    ///
    /// # Errors
    /// [`StoreError::Read`].
    pub async fn has_withdrawn_to(&self, destination: Address) -> Result<bool, StoreError> {
        let query = sqlx::query("SELECT 1 FROM withdrawal WHERE destination = $1 AND step IN ('sent', 'final') LIMIT 1");
        let row = query.bind(destination.to_string()).fetch_optional(&self.readers).await.map_err(read("destinations"))?;
        Ok(row.is_some())
    }
}

pub(super) fn withdrawal_row(row: &SqliteRow) -> Result<WithdrawalRow, StoreError> {
    let id: String = row.get("id");
    let act: Option<&str> = row.get("act");
    let act = match act {
        Some(text) => Some(parse(text).ok_or_else(|| damaged(&id))?),
        None => None,
    };
    let tx_hash: Option<&str> = row.get("tx_hash");
    Ok(WithdrawalRow {
        step: StepName::parse(row.get("step")).ok_or_else(|| damaged(&id))?,
        plan: parse(row.get("plan")).ok_or_else(|| damaged(&id))?,
        act,
        relay: row.get("relay"),
        tx_hash: tx_hash.map(str::parse).transpose().map_err(|_| damaged(&id))?,
        block: row.get::<Option<i64>, _>("block").map(unsigned),
        reason: row.get("reason"),
        created_ms: TimestampMs::from_millis(row.get("created_ms")),
        id,
    })
}
