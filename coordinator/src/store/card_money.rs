//! What customers have paid by card, put together from what the chain was told, what the books say, and what tabs have of it.

use headframe_protocol::{CustomerId, Micros, TimestampMs};
use sqlx::{AnyConnection, AssertSqlSafe};

use super::{Doing as _, StoreError, ledger::Coin, parsed, tabs::ROOM};

/// What a customer has paid by card, as the chain and the books have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardMoney {
    /// Whose.
    pub customer: CustomerId,
    /// Whose it is on the chain.
    pub wallet: String,
    /// On the chain, reserved in no tab.
    pub idle: Micros,
    /// Of what the chain has, what it has still to give up.
    pub leaving: Micros,
    /// In the books, to spend.
    pub unspent: Micros,
    /// What open tabs have room for.
    pub room: Micros,
    /// Tabs that are asked for and not there yet.
    pub opening: i64,
    /// Tabs that are open and have room.
    pub open: i64,
    /// Tabs there ever were.
    pub count: i64,
}

type CardRow = (String, String, i64, i64, i64, i64, i64, i64, i64);

/// Card money of every customer of whom there is something to do: who has some to spend, or of whom some is taken back. Looked at every
/// few seconds, so whoever has spent his long ago is not summed up again.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn of_all(connection: &mut AnyConnection, coin: Coin) -> Result<Vec<CardMoney>, StoreError> {
    let sql = format!(
        "WITH paid AS (
             SELECT customer_id, MIN(wallet) AS wallet, SUM(credited - withdrawn) AS credited, SUM(withdrawing - withdrawn) AS leaving
             FROM fiat_payment WHERE chain = $1 AND state = 'credited' AND customer_id IN (
                 SELECT customer_id FROM fiat_payment WHERE chain = $2 AND withdrawing > withdrawn
                 UNION SELECT SUBSTR(account, 10, 36) FROM account
                     WHERE account LIKE 'customer:%:fiat' AND asset = $3 AND chain = $4 AND balance > 0
             ) GROUP BY customer_id
         ), roomy AS (
             SELECT tab.customer_id, tab.state, tab.reserved, {ROOM} AS room FROM paid JOIN tab ON tab.customer_id = paid.customer_id
             WHERE tab.asset = $5 AND tab.chain = $6 AND tab.order_id IS NULL
         ), tabs AS (
             SELECT customer_id, SUM(reserved) AS reserved, COUNT(*) AS count,
                    SUM(CASE WHEN state = 'open' THEN room ELSE 0 END) AS room,
                    SUM(CASE WHEN state = 'opening' THEN 1 ELSE 0 END) AS opening,
                    SUM(CASE WHEN state = 'open' AND room > 0 THEN 1 ELSE 0 END) AS open
             FROM roomy GROUP BY customer_id
         )
         SELECT paid.customer_id, paid.wallet, CAST(paid.credited - COALESCE(tabs.reserved, 0) AS BIGINT), CAST(paid.leaving AS BIGINT),
                CAST(COALESCE((SELECT balance FROM account WHERE account.account = 'customer:' || paid.customer_id || ':fiat'
                    AND account.asset = $7 AND account.chain = $8), 0) AS BIGINT),
                CAST(COALESCE(tabs.room, 0) AS BIGINT), CAST(COALESCE(tabs.opening, 0) AS BIGINT),
                CAST(COALESCE(tabs.open, 0) AS BIGINT), CAST(COALESCE(tabs.count, 0) AS BIGINT)
         FROM paid LEFT JOIN tabs ON tabs.customer_id = paid.customer_id
         WHERE paid.credited <> COALESCE(tabs.reserved, 0) OR paid.leaving <> 0 ORDER BY paid.customer_id"
    );
    let (asset, chain) = (coin.asset(), coin.chain_column());
    let query = sqlx::query_as(AssertSqlSafe(sql)).bind(chain).bind(chain).bind(asset).bind(chain);
    let query = query.bind(asset).bind(chain).bind(asset).bind(chain);
    let rows: Vec<CardRow> = query.fetch_all(connection).await.doing("sum up what was paid by card")?;
    rows.into_iter()
        .map(|(customer, wallet, idle, leaving, unspent, room, opening, open, count)| {
            Ok(CardMoney {
                customer: parsed(&customer, "customer id")?,
                wallet,
                idle: Micros::new(idle),
                leaving: Micros::new(leaving),
                unspent: Micros::new(unspent),
                room: Micros::new(room),
                opening,
                open,
                count,
            })
        })
        .collect()
}

/// No new job is charged to any open tab a customer has from card money.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn wish_closed(
    connection: &mut AnyConnection,
    customer: CustomerId,
    coin: Coin,
    now: TimestampMs,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE tab SET state = 'closing', changed_ms = $1
         WHERE customer_id = $2 AND asset = $3 AND chain = $4 AND order_id IS NULL AND state = 'open'",
    )
    .bind(now.as_millis())
    .bind(customer.to_string())
    .bind(coin.asset())
    .bind(coin.chain_column())
    .execute(connection)
    .await
    .map(drop)
    .doing("close a customer's card tabs")
}
