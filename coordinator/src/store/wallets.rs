//! Customers' wallets, and the orders they have signed with them.

use alloy_primitives::{Address, U256};
use headframe_protocol::{
    CustomerId, Micros, TimestampMs,
    spending::Wallet,
    spending::{OrderView, SignedOrder},
};
use sqlx::{AnyConnection, AssertSqlSafe};

use super::{Doing as _, StoreError, Tx, document, ledger::Coin, parsed, written};

fn text(address: Address) -> String {
    format!("{address:#x}")
}

/// Whether a wallet was written down as a customer's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Added {
    /// It is his.
    Yes,
    /// It is somebody else's already.
    Taken,
}

/// A wallet is a customer's. The same again changes nothing.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn add(tx: &mut Tx, customer: CustomerId, wallet: Address, now: TimestampMs) -> Result<Added, StoreError> {
    sqlx::query("INSERT INTO wallet (address, customer_id, created_ms) VALUES ($1, $2, $3) ON CONFLICT (address) DO NOTHING")
        .bind(text(wallet))
        .bind(customer.to_string())
        .bind(now.as_millis())
        .execute(&mut **tx)
        .await
        .doing("write a wallet down")?;
    let owner = owner(tx, wallet).await?;
    Ok(if owner == Some(customer) { Added::Yes } else { Added::Taken })
}

/// Whose wallet it is.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn owner(connection: &mut AnyConnection, wallet: Address) -> Result<Option<CustomerId>, StoreError> {
    let row: Option<(String,)> = sqlx::query_as("SELECT customer_id FROM wallet WHERE address = $1")
        .bind(text(wallet))
        .fetch_optional(connection)
        .await
        .doing("read whose wallet it is")?;
    row.map(|(customer,)| parsed(&customer, "customer id")).transpose()
}

/// A customer's wallets, oldest first.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn of_customer(connection: &mut AnyConnection, customer: CustomerId) -> Result<Vec<Wallet>, StoreError> {
    let rows: Vec<(String, i64)> =
        sqlx::query_as("SELECT address, created_ms FROM wallet WHERE customer_id = $1 ORDER BY created_ms, address")
            .bind(customer.to_string())
            .fetch_all(connection)
            .await
            .doing("list wallets")?;
    rows.into_iter()
        .map(|(wallet, created)| {
            Ok(Wallet { wallet: parsed(&wallet, "address")?, created_ms: TimestampMs::from_millis(created) })
        })
        .collect()
}

/// What a wallet has in a chain's `Market` that is its alone, in token units.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn units(connection: &mut AnyConnection, wallet: Address, coin: Coin) -> Result<U256, StoreError> {
    let row: Option<(String,)> = sqlx::query_as("SELECT units FROM deposit WHERE wallet = $1 AND asset = $2 AND chain = $3")
        .bind(text(wallet))
        .bind(coin.asset())
        .bind(coin.chain_column())
        .fetch_optional(connection)
        .await
        .doing("read a deposit")?;
    row.map_or(Ok(U256::ZERO), |(units,)| parsed(&units, "token units"))
}

/// What every wallet has in a chain's `Market`, in token units.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn deposits(connection: &mut AnyConnection, chain: u64) -> Result<Vec<(Address, Coin, U256)>, StoreError> {
    let rows: Vec<(String, String, i64, String)> =
        sqlx::query_as("SELECT wallet, asset, chain, units FROM deposit WHERE chain = $1 ORDER BY wallet, asset")
            .bind(super::as_i64(chain))
            .fetch_all(connection)
            .await
            .doing("list deposits")?;
    rows.into_iter()
        .map(|(wallet, asset, chain, units)| {
            Ok((parsed(&wallet, "address")?, Coin::parse(&asset, chain)?, parsed(&units, "token units")?))
        })
        .collect()
}

/// Notes what a wallet has.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn set_units(connection: &mut AnyConnection, wallet: Address, coin: Coin, units: U256) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO deposit (wallet, asset, chain, units) VALUES ($1, $2, $3, $4)
         ON CONFLICT (wallet, asset, chain) DO UPDATE SET units = excluded.units",
    )
    .bind(text(wallet))
    .bind(coin.asset())
    .bind(coin.chain_column())
    .bind(units.to_string())
    .execute(connection)
    .await
    .map(drop)
    .doing("note a deposit")
}

/// An order as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptOrder {
    /// Whose.
    pub customer: CustomerId,
    /// In what.
    pub coin: Coin,
    /// The most that may be reserved under it.
    pub max_spend: Micros,
    /// When it ends.
    pub expires: TimestampMs,
    /// As the contract takes it.
    pub signed: SignedOrder,
}

type OrderRow = (String, String, i64, i64, i64, String);

const COLUMNS: &str = "customer_id, asset, chain, max_spend, expires_ms, signed";

fn order((customer, asset, chain, max_spend, expires, signed): OrderRow) -> Result<KeptOrder, StoreError> {
    Ok(KeptOrder {
        customer: parsed(&customer, "customer id")?,
        coin: Coin::parse(&asset, chain)?,
        max_spend: Micros::new(max_spend),
        expires: TimestampMs::from_millis(expires),
        signed: document(&signed, "order")?,
    })
}

/// Keeps an order. False: there is another one of that name.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn keep_order(tx: &mut Tx, kept: &KeptOrder, now: TimestampMs) -> Result<bool, StoreError> {
    let signed = written(&kept.signed, "order")?;
    sqlx::query(
        "INSERT INTO spend_order (id, customer_id, asset, chain, wallet, max_spend, max_fee_bps, expires_ms, signed, created_ms)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (id) DO NOTHING",
    )
    .bind(kept.signed.order_id.to_string())
    .bind(kept.customer.to_string())
    .bind(kept.coin.asset())
    .bind(kept.coin.chain_column())
    .bind(text(kept.signed.customer))
    .bind(kept.max_spend.get())
    .bind(i64::from(kept.signed.max_fee_bps))
    .bind(kept.expires.as_millis())
    .bind(signed.clone())
    .bind(now.as_millis())
    .execute(&mut **tx)
    .await
    .doing("keep an order")?;
    let row: Option<(String,)> = sqlx::query_as("SELECT signed FROM spend_order WHERE id = $1 AND customer_id = $2")
        .bind(kept.signed.order_id.to_string())
        .bind(kept.customer.to_string())
        .fetch_optional(&mut **tx)
        .await
        .doing("read an order")?;
    Ok(row.is_some_and(|(kept,)| kept == signed))
}

/// Orders of a chain that may still be used, oldest first.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn live_orders(connection: &mut AnyConnection, chain: u64, now: TimestampMs) -> Result<Vec<KeptOrder>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM spend_order WHERE chain = $1 AND expires_ms > $2 AND revoked_ms IS NULL ORDER BY created_ms, id"
    );
    let rows: Vec<OrderRow> = sqlx::query_as(AssertSqlSafe(sql))
        .bind(super::as_i64(chain))
        .bind(now.as_millis())
        .fetch_all(connection)
        .await
        .doing("list orders")?;
    rows.into_iter().map(order).collect()
}

/// A customer's orders, newest first; the last hundred.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn orders_of(connection: &mut AnyConnection, customer: CustomerId) -> Result<Vec<OrderView>, StoreError> {
    let rows: Vec<OrderViewRow> = sqlx::query_as(
        "SELECT id, asset, chain, wallet, max_spend, max_fee_bps, expires_ms, revoked_ms,
                (SELECT CAST(COALESCE(SUM(tab.reserved), 0) AS BIGINT) FROM tab WHERE tab.order_id = spend_order.id) AS reserved
         FROM spend_order WHERE customer_id = $1 ORDER BY created_ms DESC, id LIMIT 100",
    )
    .bind(customer.to_string())
    .fetch_all(connection)
    .await
    .doing("list orders")?;
    rows.into_iter().map(OrderViewRow::view).collect()
}

#[derive(sqlx::FromRow)]
struct OrderViewRow {
    id: String,
    asset: String,
    chain: i64,
    wallet: String,
    max_spend: i64,
    max_fee_bps: i64,
    expires_ms: i64,
    revoked_ms: Option<i64>,
    reserved: i64,
}

impl OrderViewRow {
    fn view(self) -> Result<OrderView, StoreError> {
        let Self { id, asset, chain, wallet, max_spend, max_fee_bps, expires_ms, revoked_ms, reserved } = self;
        let coin = Coin::parse(&asset, chain)?;
        Ok(OrderView {
            id,
            chain_id: coin.chain,
            kind: coin.kind,
            wallet,
            max_spend: Micros::new(max_spend),
            reserved: Micros::new(reserved),
            max_fee_bps: u16::try_from(max_fee_bps).unwrap_or(u16::MAX),
            expires_ms: TimestampMs::from_millis(expires_ms),
            revoked_ms: revoked_ms.map(TimestampMs::from_millis),
        })
    }
}

/// An order.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn find_order(connection: &mut AnyConnection, id: &str) -> Result<Option<KeptOrder>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM spend_order WHERE id = $1");
    let row: Option<OrderRow> =
        sqlx::query_as(AssertSqlSafe(sql)).bind(id).fetch_optional(connection).await.doing("read an order")?;
    row.map(order).transpose()
}

/// The customer has taken an order back on the chain.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn revoke_order(connection: &mut AnyConnection, id: &str, now: TimestampMs) -> Result<(), StoreError> {
    sqlx::query("UPDATE spend_order SET revoked_ms = $1 WHERE id = $2 AND revoked_ms IS NULL")
        .bind(now.as_millis())
        .bind(id)
        .execute(connection)
        .await
        .doing("revoke an order")?;
    Ok(())
}
