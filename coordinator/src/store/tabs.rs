//! Tabs: money of customers that is reserved for us on a chain, charged cumulatively.
//!
//! A tab is opened under the customer's signed order (or from money paid by card), may be topped up, is charged by every
//! attempt that ends, and is told to the contract at every payout: how much of it was used since it was opened.

use headframe_protocol::{CustomerId, Micros, TimestampMs};
use sqlx::{AnyConnection, AssertSqlSafe};

use super::{Doing as _, StoreError, Tx, ledger::Coin, parsed};

/// Where a tab is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TabState {
    /// We have asked the chain for it.
    Opening,
    /// Jobs may be charged to it.
    Open,
    /// No new job is; those under way still are.
    Closing,
    /// Over: what was not used is the customer's again.
    Closed,
}

impl TabState {
    const ALL: [Self; 4] = [Self::Opening, Self::Open, Self::Closing, Self::Closed];

    /// Its text in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Opening => "opening",
            Self::Open => "open",
            Self::Closing => "closing",
            Self::Closed => "closed",
        }
    }
}

/// A tab.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tab {
    /// The contract's name of it: 32 bytes, hex.
    pub id: String,
    /// Whose.
    pub customer: CustomerId,
    /// In what.
    pub coin: Coin,
    /// Whose money it is on the chain.
    pub wallet: String,
    /// Under which order; absent for money paid by card.
    pub order: Option<String>,
    /// The platform's part, frozen when it was opened.
    pub fee_bps: u16,
    /// How much is reserved.
    pub reserved: Micros,
    /// How much attempts were charged.
    pub used: Micros,
    /// How much of that is final on the chain.
    pub settled: Micros,
    /// After this anybody may close it.
    pub settle_by: TimestampMs,
    /// Where it is.
    pub state: TabState,
}

type TabRow = (String, String, String, i64, String, Option<String>, i64, i64, i64, i64, i64, String);

const COLUMNS: &str = "id, customer_id, asset, chain, wallet, order_id, fee_bps, reserved, used, settled, settle_by_ms, state";

fn tab(row: TabRow) -> Result<Tab, StoreError> {
    let (id, customer, asset, chain, wallet, order, fee_bps, reserved, used, settled, settle_by, state) = row;
    let known = TabState::ALL.into_iter().find(|known| known.as_str() == state);
    Ok(Tab {
        id,
        customer: parsed(&customer, "customer id")?,
        coin: Coin::parse(&asset, chain)?,
        wallet,
        order,
        fee_bps: u16::try_from(fee_bps).unwrap_or(u16::MAX),
        reserved: Micros::new(reserved),
        used: Micros::new(used),
        settled: Micros::new(settled),
        settle_by: TimestampMs::from_millis(settle_by),
        state: known.ok_or(StoreError::Corrupt { what: "tab state", value: state })?,
    })
}

/// Writes a tab down that the chain is asked for. False if it is there already.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn insert(connection: &mut AnyConnection, tab: &Tab, now: TimestampMs) -> Result<bool, StoreError> {
    let sql = format!(
        "INSERT INTO tab ({COLUMNS}, created_ms, changed_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
         ON CONFLICT (id) DO NOTHING"
    );
    let done = sqlx::query(AssertSqlSafe(sql))
        .bind(tab.id.clone())
        .bind(tab.customer.to_string())
        .bind(tab.coin.asset())
        .bind(tab.coin.chain_column())
        .bind(tab.wallet.clone())
        .bind(tab.order.clone())
        .bind(i64::from(tab.fee_bps))
        .bind(tab.reserved.get())
        .bind(tab.used.get())
        .bind(tab.settled.get())
        .bind(tab.settle_by.as_millis())
        .bind(tab.state.as_str())
        .bind(now.as_millis())
        .bind(now.as_millis())
        .execute(connection)
        .await
        .doing("write a tab down")?;
    Ok(done.rows_affected() == 1)
}

/// Every tab of a chain that is not closed, oldest first.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn live(connection: &mut AnyConnection, chain: u64) -> Result<Vec<Tab>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM tab WHERE chain = $1 AND state <> 'closed' ORDER BY created_ms, id");
    let rows: Vec<TabRow> =
        sqlx::query_as(AssertSqlSafe(sql)).bind(super::as_i64(chain)).fetch_all(connection).await.doing("list tabs")?;
    rows.into_iter().map(tab).collect()
}

/// A customer's tabs, newest first; the last hundred.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn of_customer(connection: &mut AnyConnection, customer: CustomerId) -> Result<Vec<Tab>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM tab WHERE customer_id = $1 ORDER BY created_ms DESC, id LIMIT 100");
    let rows: Vec<TabRow> =
        sqlx::query_as(AssertSqlSafe(sql)).bind(customer.to_string()).fetch_all(connection).await.doing("list tabs")?;
    rows.into_iter().map(tab).collect()
}

/// How many tabs were ever opened under an order, and how much is reserved under it and not given back.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn under_order(connection: &mut AnyConnection, order: &str) -> Result<(i64, Micros), StoreError> {
    let (count, reserved): (i64, i64) =
        sqlx::query_as("SELECT COUNT(*), CAST(COALESCE(SUM(reserved), 0) AS BIGINT) FROM tab WHERE order_id = $1")
            .bind(order)
            .fetch_one(connection)
            .await
            .doing("sum up an order's tabs")?;
    Ok((count, Micros::new(reserved)))
}

/// No new job is charged to a tab that is open.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn wish_closed(connection: &mut AnyConnection, id: &str, now: TimestampMs) -> Result<(), StoreError> {
    sqlx::query("UPDATE tab SET state = 'closing', changed_ms = $1 WHERE id = $2 AND state = 'open'")
        .bind(now.as_millis())
        .bind(id)
        .execute(connection)
        .await
        .doing("close a tab")?;
    Ok(())
}

/// One tab.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn find(connection: &mut AnyConnection, id: &str) -> Result<Option<Tab>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM tab WHERE id = $1");
    let row: Option<TabRow> = sqlx::query_as(AssertSqlSafe(sql)).bind(id).fetch_optional(connection).await.doing("read a tab")?;
    row.map(tab).transpose()
}

/// Where the money in a tab comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Under an order the customer has signed.
    Order,
    /// From credit that was paid by card.
    Card,
}

impl Source {
    /// A condition on the columns.
    const fn condition(self) -> &'static str {
        match self {
            Self::Order => "order_id IS NOT NULL",
            Self::Card => "order_id IS NULL",
        }
    }
}

/// What is neither used of a tab nor set aside by jobs.
pub(super) const ROOM: &str =
    "reserved - used - (SELECT CAST(COALESCE(SUM(COALESCE(job.held_hfr, job.held)), 0) AS BIGINT) FROM job WHERE job.tab_id = tab.id
     AND (job.held <> 0 OR job.held_hfr <> 0))";

/// A customer's open tabs in a coin, the oldest first: what is in it is the first to be given back.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn open(tx: &mut Tx, customer: CustomerId, coin: Coin, source: Source) -> Result<Vec<Tab>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM tab WHERE customer_id = $1 AND asset = $2 AND chain = $3 AND state = 'open' AND {}
         ORDER BY created_ms, id",
        source.condition()
    );
    let query = sqlx::query_as(AssertSqlSafe(sql)).bind(customer.to_string()).bind(coin.asset()).bind(coin.chain_column());
    let rows: Vec<TabRow> = query.fetch_all(&mut **tx).await.doing("list open tabs")?;
    rows.into_iter().map(tab).collect()
}

/// Whether a tab is open and has room for `needed`. Until the transaction ends nobody else sets anything aside of it.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn has_room(tx: &mut Tx, id: &str, needed: Micros) -> Result<bool, StoreError> {
    // Looked at only when it is ours: two jobs at the same moment would both find room for one.
    take_row(tx, id).await?;
    let roomy = format!("SELECT id FROM tab WHERE id = $1 AND state = 'open' AND {ROOM} >= $2");
    let query = sqlx::query_as(AssertSqlSafe(roomy)).bind(id.to_owned()).bind(needed.get());
    let row: Option<(String,)> = query.fetch_optional(&mut **tx).await.doing("look for room in a tab")?;
    Ok(row.is_some())
}

async fn take_row(tx: &mut Tx, id: &str) -> Result<(), StoreError> {
    let query = sqlx::query("UPDATE tab SET changed_ms = changed_ms WHERE id = $1").bind(id);
    query.execute(&mut **tx).await.map(drop).doing("take a tab's row")
}

/// Charges a tab. Returns what was used of it before.
///
/// # Errors
/// [`StoreError`] if the database refuses, or if there is no such tab.
pub async fn charge(tx: &mut Tx, id: &str, amount: Micros, now: TimestampMs) -> Result<Micros, StoreError> {
    let row: Option<(i64,)> = sqlx::query_as("UPDATE tab SET used = used + $1, changed_ms = $2 WHERE id = $3 RETURNING used")
        .bind(amount.get())
        .bind(now.as_millis())
        .bind(id)
        .fetch_optional(&mut **tx)
        .await
        .doing("charge a tab")?;
    let (used,) = row.ok_or_else(|| StoreError::Corrupt { what: "tab", value: id.to_owned() })?;
    Ok(Micros::new(used - amount.get()))
}

/// Of what was used of a tab, so much is not paid: an arbiter has said so.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn refuse(tx: &mut Tx, id: &str, amount: Micros, now: TimestampMs) -> Result<(), StoreError> {
    sqlx::query("UPDATE tab SET used = used - $1, changed_ms = $2 WHERE id = $3")
        .bind(amount.get())
        .bind(now.as_millis())
        .bind(id)
        .execute(&mut **tx)
        .await
        .map(drop)
        .doing("lower what a tab is charged")
}

/// Changes what the chain has said of a tab: its state, what is reserved in it and what of it is settled. Only a tab that is still as
/// `was` is changed; false if it is not.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn change(tx: &mut Tx, was: &Tab, is: &Tab, now: TimestampMs) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "UPDATE tab SET state = $1, reserved = $2, settled = $3, changed_ms = $4
         WHERE id = $5 AND state = $6 AND reserved = $7 AND settled = $8",
    )
    .bind(is.state.as_str())
    .bind(is.reserved.get())
    .bind(is.settled.get())
    .bind(now.as_millis())
    .bind(was.id.clone())
    .bind(was.state.as_str())
    .bind(was.reserved.get())
    .bind(was.settled.get())
    .execute(&mut **tx)
    .await
    .doing("change a tab")?;
    Ok(done.rows_affected() == 1)
}
