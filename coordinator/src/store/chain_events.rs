//! What happened on chains, each event once, and how far they were read.

use alloy_primitives::B256;
use sqlx::AnyConnection;

use super::{Doing as _, StoreError, as_i64};

/// Where an event stands on its chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Which chain.
    pub chain: u64,
    /// In which block.
    pub block: u64,
    /// Which log of it.
    pub log: u64,
    /// By which transaction.
    pub transaction: B256,
}

/// Writes an event down. False if it is there already, and then it was booked, too.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn add(connection: &mut AnyConnection, place: Place, name: &str, body: &str) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "INSERT INTO chain_event (chain, block, log_index, transaction_hash, name, body) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (chain, block, log_index) DO NOTHING",
    )
    .bind(as_i64(place.chain))
    .bind(as_i64(place.block))
    .bind(as_i64(place.log))
    .bind(place.transaction.to_string())
    .bind(name)
    .bind(body)
    .execute(connection)
    .await
    .doing("write an event of a chain down")?;
    Ok(done.rows_affected() == 1)
}

/// The last block whose events are written down.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn cursor(connection: &mut AnyConnection, chain: u64) -> Result<Option<u64>, StoreError> {
    let row: Option<(i64,)> = sqlx::query_as("SELECT block FROM chain_cursor WHERE chain = $1")
        .bind(as_i64(chain))
        .fetch_optional(connection)
        .await
        .doing("read how far a chain was read")?;
    Ok(row.map(|(block,)| block.unsigned_abs()))
}

/// Moves the cursor on; it never goes back.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn move_cursor(connection: &mut AnyConnection, chain: u64, block: u64) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO chain_cursor (chain, block) VALUES ($1, $2)
         ON CONFLICT (chain) DO UPDATE SET block = excluded.block WHERE chain_cursor.block < excluded.block",
    )
    .bind(as_i64(chain))
    .bind(as_i64(block))
    .execute(connection)
    .await
    .map(drop)
    .doing("note how far a chain was read")
}

impl Place {
    /// The idempotency key of whatever it moves.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{}:{}:{}", self.chain, self.block, self.log)
    }
}
