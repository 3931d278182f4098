//! What API keys may spend, and what they have spent.

use headframe_protocol::{ApiKeyId, Micros, TimestampMs};
use sqlx::AnyConnection;

use super::{Doing as _, StoreError, Tx};

/// What a key may spend in 24 hours; nothing if it has no limit. If it has one, nobody else spends with the key until the transaction
/// ends.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn spend_max_to_use(tx: &mut Tx, key: ApiKeyId) -> Result<Option<Micros>, StoreError> {
    let limited = "UPDATE api_key SET spend_max = spend_max WHERE id = $1 AND spend_max IS NOT NULL RETURNING spend_max";
    let query = sqlx::query_as(limited).bind(key.to_string());
    let row: Option<(i64,)> = query.fetch_optional(&mut **tx).await.doing("read what a key may spend")?;
    Ok(row.map(|(limit,)| Micros::new(limit)))
}

/// Sets what a key may spend in 24 hours; `None` takes the limit away. False if there is no such key, or it is revoked.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn set_spend_max(connection: &mut AnyConnection, key: ApiKeyId, limit: Option<Micros>) -> Result<bool, StoreError> {
    let query = sqlx::query("UPDATE api_key SET spend_max = $1 WHERE id = $2 AND revoked_ms IS NULL");
    let done = query.bind(limit.map(Micros::get)).bind(key.to_string()).execute(connection).await.doing("limit an API key")?;
    Ok(done.rows_affected() == 1)
}

/// What jobs submitted with a key since a moment have cost and still hold, by when they were submitted, the oldest first.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn spent_since(
    connection: &mut AnyConnection,
    key: ApiKeyId,
    since: TimestampMs,
) -> Result<Vec<(TimestampMs, Micros)>, StoreError> {
    let rows: Vec<(i64, i64)> = sqlx::query_as(
        "SELECT created_ms, CAST(SUM(charged + held) AS BIGINT) FROM job WHERE api_key_id = $1 AND created_ms > $2 AND charged + held > 0
         GROUP BY created_ms ORDER BY created_ms",
    )
    .bind(key.to_string())
    .bind(since.as_millis())
    .fetch_all(connection)
    .await
    .doing("sum up what a key has spent")?;
    Ok(rows.into_iter().map(|(at, amount)| (TimestampMs::from_millis(at), Micros::new(amount))).collect())
}
