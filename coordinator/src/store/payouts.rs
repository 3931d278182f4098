//! Where rigs' earnings go, and the payouts that bring them there.

use alloy_primitives::B256;
use headframe_protocol::TimestampMs;
use sqlx::{AnyConnection, AssertSqlSafe};

use super::{
    Doing as _, StoreError, Tx, as_i64,
    ledger::{self, Posted},
    parsed,
};

mod claimed;
mod terms;
mod unpaid;

pub use claimed::{add_claimed, claimed};
pub use terms::{KeptTerms, devices_of, hold, keep_terms, newest_terms, outside, set_hold, standing, terms_at};
pub(crate) use unpaid::{MATURITY_LEAST, MATURITY_MEMO, maturity};
pub use unpaid::{PaidWork, Unpaid, UnpaidCause, mark_paid, unpaid};

/// Where a payout is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PayoutState {
    /// Its file is written down.
    Built,
    /// The chain has its root; watchers may object.
    Proposed,
    /// It can be claimed.
    Active,
    /// A watcher has objected; a person has to look.
    Vetoed,
    /// It was vetoed, and a person has taken it back: what it would have paid is owed as before, and it is made anew.
    Undone,
}

impl PayoutState {
    const ALL: [Self; 5] = [Self::Built, Self::Proposed, Self::Active, Self::Vetoed, Self::Undone];

    /// Its text in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Built => "built",
            Self::Proposed => "proposed",
            Self::Active => "active",
            Self::Vetoed => "vetoed",
            Self::Undone => "undone",
        }
    }
}

/// One payout of one chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payout {
    /// On which chain.
    pub chain: u64,
    /// Its number there, from 1.
    pub epoch: u64,
    /// 1, or one more for each time it was vetoed and made anew.
    pub take: u32,
    /// Of what was earned from then.
    pub from: TimestampMs,
    /// To before then.
    pub to: TimestampMs,
    /// The public file, byte for byte.
    pub file: String,
    /// Its root.
    pub root: B256,
    /// The Keccak sum of the file.
    pub file_hash: B256,
    /// Where it is.
    pub state: PayoutState,
}

impl Payout {
    /// Names it in the ids of its steps and transfers.
    #[must_use]
    pub fn key(&self) -> String {
        match self.take {
            0 | 1 => format!("{}:{}", self.chain, self.epoch),
            take => format!("{}:{}:{take}", self.chain, self.epoch),
        }
    }

    /// The id of the ledger's transfer that makes it.
    #[must_use]
    pub fn transfer(&self) -> String {
        format!("{}:{}", ledger::Kind::Payout.as_str(), self.key())
    }
}

type PayoutRow = (i64, i64, i64, i64, i64, String, String, String, String);

const COLUMNS: &str = "chain, epoch, take, from_ms, to_ms, file, root, file_hash, state";

fn payout(row: PayoutRow) -> Result<Payout, StoreError> {
    let (chain, epoch, take, from, to, file, root, file_hash, state) = row;
    let known = PayoutState::ALL.into_iter().find(|known| known.as_str() == state);
    Ok(Payout {
        chain: chain.unsigned_abs(),
        epoch: epoch.unsigned_abs(),
        take: u32::try_from(take).unwrap_or(u32::MAX),
        from: TimestampMs::from_millis(from),
        to: TimestampMs::from_millis(to),
        file,
        root: parsed(&root, "root")?,
        file_hash: parsed(&file_hash, "file hash")?,
        state: known.ok_or(StoreError::Corrupt { what: "payout state", value: state })?,
    })
}

/// The newest payout of a chain.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn newest(connection: &mut AnyConnection, chain: u64) -> Result<Option<Payout>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM payout WHERE chain = $1 ORDER BY epoch DESC, take DESC LIMIT 1");
    let row: Option<PayoutRow> =
        sqlx::query_as(AssertSqlSafe(sql)).bind(as_i64(chain)).fetch_optional(connection).await.doing("read a payout")?;
    row.map(payout).transpose()
}

/// The newest payout of a chain that can be claimed.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn newest_active(connection: &mut AnyConnection, chain: u64) -> Result<Option<Payout>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM payout WHERE chain = $1 AND state = 'active' ORDER BY epoch DESC LIMIT 1");
    let row: Option<PayoutRow> =
        sqlx::query_as(AssertSqlSafe(sql)).bind(as_i64(chain)).fetch_optional(connection).await.doing("read a payout")?;
    row.map(payout).transpose()
}

/// The hash of the newest payout's file that can be claimed: which one it is, without its file.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn newest_active_hash(connection: &mut AnyConnection, chain: u64) -> Result<Option<B256>, StoreError> {
    let sql = "SELECT file_hash FROM payout WHERE chain = $1 AND state = 'active' ORDER BY epoch DESC LIMIT 1";
    let row: Option<(String,)> =
        sqlx::query_as(sql).bind(as_i64(chain)).fetch_optional(connection).await.doing("read which payout can be claimed")?;
    row.map(|(hash,)| parsed(&hash, "file hash")).transpose()
}

/// One payout, its newest take.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn find(connection: &mut AnyConnection, chain: u64, epoch: u64) -> Result<Option<Payout>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM payout WHERE chain = $1 AND epoch = $2 ORDER BY take DESC LIMIT 1");
    let row: Option<PayoutRow> = sqlx::query_as(AssertSqlSafe(sql))
        .bind(as_i64(chain))
        .bind(as_i64(epoch))
        .fetch_optional(connection)
        .await
        .doing("read a payout")?;
    row.map(payout).transpose()
}

/// Writes a payout down.
///
/// # Errors
/// [`StoreError`] if the database refuses, also if another replica has built the same one.
pub async fn insert(tx: &mut Tx, payout: &Payout, now: TimestampMs) -> Result<(), StoreError> {
    let sql = format!("INSERT INTO payout ({COLUMNS}, changed_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)");
    sqlx::query(AssertSqlSafe(sql))
        .bind(as_i64(payout.chain))
        .bind(as_i64(payout.epoch))
        .bind(i64::from(payout.take))
        .bind(payout.from.as_millis())
        .bind(payout.to.as_millis())
        .bind(payout.file.clone())
        .bind(payout.root.to_string())
        .bind(payout.file_hash.to_string())
        .bind(payout.state.as_str())
        .bind(now.as_millis())
        .execute(&mut **tx)
        .await
        .doing("write a payout down")?;
    Ok(())
}

/// The chain has said where a payout is, in a transaction. It only ever moves on; the first such transaction is kept.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn advance(
    connection: &mut AnyConnection,
    (chain, epoch): (u64, u64),
    to: PayoutState,
    by: Option<B256>,
    now: TimestampMs,
) -> Result<(), StoreError> {
    let from = match to {
        PayoutState::Built => return Ok(()),
        PayoutState::Proposed => "('built')",
        PayoutState::Active | PayoutState::Vetoed => "('built', 'proposed')",
        PayoutState::Undone => "('vetoed')",
    };
    let sql = format!(
        "UPDATE payout SET state = $1, changed_ms = $2, proposed_by = COALESCE(proposed_by, $3)
         WHERE chain = $4 AND epoch = $5 AND state IN {from}"
    );
    sqlx::query(AssertSqlSafe(sql))
        .bind(to.as_str())
        .bind(now.as_millis())
        .bind(by.map(|transaction| transaction.to_string()))
        .bind(as_i64(chain))
        .bind(as_i64(epoch))
        .execute(connection)
        .await
        .doing("move a payout on")?;
    Ok(())
}

/// Takes a vetoed payout back: its transfer is reversed, and what it would have paid is owed as before. If an account has used meanwhile
/// what it would have to give back, nothing is done; roll the transaction back.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn undo(tx: &mut Tx, payout: &Payout, now: TimestampMs) -> Result<Posted, StoreError> {
    let posted = ledger::reverse(tx, &payout.transfer(), ledger::Kind::Payout, now).await?;
    if posted == Posted::Yes {
        unpaid::unmark_paid(tx, payout.chain, payout.epoch).await?;
        advance(tx, (payout.chain, payout.epoch), PayoutState::Undone, None, now).await?;
    }
    Ok(posted)
}
