//! Answers kept, so that a request sent again is answered again and not done again.

use headframe_protocol::{CustomerId, Sha256, TimestampMs};
use sqlx::AnyConnection;

use super::{Doing as _, StoreError};

/// What is known of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// The same request was answered with this.
    Answered(String),
    /// The key was used for another request.
    OtherRequest,
}

/// What is known of `key`, if it was used.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn find(
    connection: &mut AnyConnection,
    customer: CustomerId,
    key: &str,
    request: Sha256,
) -> Result<Option<Known>, StoreError> {
    let row: Option<(String, String)> =
        sqlx::query_as("SELECT request_sha256, response FROM idempotency WHERE customer_id = $1 AND idempotency_key = $2")
            .bind(customer.to_string())
            .bind(key)
            .fetch_optional(connection)
            .await
            .doing("look up an idempotency key")?;
    Ok(row.map(|(sum, response)| if sum == request.to_string() { Known::Answered(response) } else { Known::OtherRequest }))
}

/// Claims a key and keeps the answer that is about to become true, as the first act of the transaction that makes it so: while
/// it is open, others with the same key wait here. False if another was faster: roll back and [`find`] again.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn keep(
    connection: &mut AnyConnection,
    customer: CustomerId,
    key: &str,
    request: Sha256,
    response: &str,
    now: TimestampMs,
) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "INSERT INTO idempotency (customer_id, idempotency_key, request_sha256, response, created_ms) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (customer_id, idempotency_key) DO NOTHING",
    )
    .bind(customer.to_string())
    .bind(key)
    .bind(request.to_string())
    .bind(response)
    .bind(now.as_millis())
    .execute(connection)
    .await
    .doing("keep an answer")?;
    Ok(done.rows_affected() == 1)
}

/// Forgets answers older than `before`.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn prune(connection: &mut AnyConnection, before: TimestampMs) -> Result<u64, StoreError> {
    let done = sqlx::query("DELETE FROM idempotency WHERE created_ms < $1")
        .bind(before.as_millis())
        .execute(connection)
        .await
        .doing("forget old answers")?;
    Ok(done.rows_affected())
}
