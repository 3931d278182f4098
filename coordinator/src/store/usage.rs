//! What customers have used and been charged.

use headframe_protocol::{
    CustomerId, Micros, TimestampMs,
    api::{Balance, Usage},
};
use sqlx::AnyConnection;

use super::{
    Doing as _, StoreError,
    blobs::unsigned,
    ledger::{self, Account},
};

/// A customer's money.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn balance(connection: &mut AnyConnection, customer: CustomerId) -> Result<Balance, StoreError> {
    let available = ledger::balance(connection, Account::Available(customer)).await?;
    let held = ledger::balance(connection, Account::Held(customer)).await?;
    let (spent,): (i64,) = sqlx::query_as("SELECT CAST(COALESCE(SUM(charged), 0) AS BIGINT) FROM job WHERE customer_id = $1")
        .bind(customer.to_string())
        .fetch_one(connection)
        .await
        .doing("sum up charges")?;
    Ok(Balance { customer, available, held, spent: Micros::new(spent) })
}

/// What a customer used from one moment to before another.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn between(
    connection: &mut AnyConnection,
    customer: CustomerId,
    from_ms: TimestampMs,
    to_ms: TimestampMs,
) -> Result<Usage, StoreError> {
    let (jobs,): (i64,) = sqlx::query_as("SELECT COUNT(*) FROM job WHERE customer_id = $1 AND ended_ms >= $2 AND ended_ms < $3")
        .bind(customer.to_string())
        .bind(from_ms.as_millis())
        .bind(to_ms.as_millis())
        .fetch_one(&mut *connection)
        .await
        .doing("count ended jobs")?;
    let (charged_ms, charged): (i64, i64) = sqlx::query_as(
        "SELECT CAST(COALESCE(SUM(attempt.charged_ms), 0) AS BIGINT), CAST(COALESCE(SUM(attempt.charged), 0) AS BIGINT)
         FROM attempt JOIN job ON job.id = attempt.job_id
         WHERE job.customer_id = $1 AND attempt.ended_ms >= $2 AND attempt.ended_ms < $3",
    )
    .bind(customer.to_string())
    .bind(from_ms.as_millis())
    .bind(to_ms.as_millis())
    .fetch_one(connection)
    .await
    .doing("sum up use")?;
    Ok(Usage { from_ms, to_ms, jobs: unsigned(jobs), charged_ms: unsigned(charged_ms), charged: Micros::new(charged) })
}
