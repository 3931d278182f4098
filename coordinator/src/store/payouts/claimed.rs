//! What accounts have taken of what they may claim.

use std::collections::BTreeMap;

use alloy_primitives::{Address, U256};
use sqlx::AnyConnection;

use crate::store::{Doing as _, StoreError, as_i64, parsed};

/// What every account has taken of a token on a chain, in its units.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn claimed(connection: &mut AnyConnection, chain: u64, asset: Address) -> Result<BTreeMap<Address, U256>, StoreError> {
    let rows: Vec<(String, String)> = sqlx::query_as("SELECT account, units FROM claimed WHERE chain = $1 AND asset = $2")
        .bind(as_i64(chain))
        .bind(text(asset))
        .fetch_all(connection)
        .await
        .doing("list what was claimed")?;
    rows.into_iter().map(|(account, units)| Ok((parsed(&account, "address")?, parsed(&units, "token units")?))).collect()
}

/// An account has taken more.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn add_claimed(
    connection: &mut AnyConnection,
    chain: u64,
    (asset, account): (Address, Address),
    more: U256,
) -> Result<(), StoreError> {
    let row: Option<(String,)> = sqlx::query_as("SELECT units FROM claimed WHERE chain = $1 AND asset = $2 AND account = $3")
        .bind(as_i64(chain))
        .bind(text(asset))
        .bind(text(account))
        .fetch_optional(&mut *connection)
        .await
        .doing("read what was claimed")?;
    let before = row.map_or(Ok(U256::ZERO), |(units,)| parsed(&units, "token units"))?;
    sqlx::query(
        "INSERT INTO claimed (chain, asset, account, units) VALUES ($1, $2, $3, $4)
         ON CONFLICT (chain, asset, account) DO UPDATE SET units = excluded.units",
    )
    .bind(as_i64(chain))
    .bind(text(asset))
    .bind(text(account))
    .bind(before.saturating_add(more).to_string())
    .execute(connection)
    .await
    .map(drop)
    .doing("note what was claimed")
}

fn text(address: Address) -> String {
    format!("{address:#x}")
}
