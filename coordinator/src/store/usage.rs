//! What customers have used and been charged.

use headframe_protocol::{
    CustomerId, Micros, TimestampMs,
    api::{Balance, Pot, Usage},
    chain::AssetKind,
};
use sqlx::AnyConnection;

use super::{
    Doing as _, StoreError,
    blobs::unsigned,
    customers,
    ledger::{self, Account},
    purses,
};

/// A customer's money.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn balance(connection: &mut AnyConnection, customer: CustomerId) -> Result<Balance, StoreError> {
    let pots = purses::filled(connection, customer).await?;
    let spendable = pots.iter().filter(|pot| pot.pot != Pot::Free && pot.kind == AssetKind::Stable);
    let available = spendable.map(|pot| pot.amount).sum();
    let held = ledger::dollars(connection, Account::Held(customer)).await?;
    let spent = customers::spent(connection, customer).await?;
    Ok(Balance { customer, available, held, spent, pots })
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
    // A job that was over before the span has no attempt that ended in it; said so, an index leaves all those aside.
    let (charged_ms, charged): (i64, i64) = sqlx::query_as(
        "SELECT CAST(COALESCE(SUM(attempt.charged_ms), 0) AS BIGINT), CAST(COALESCE(SUM(attempt.charged), 0) AS BIGINT)
         FROM attempt JOIN job ON job.id = attempt.job_id
         WHERE job.customer_id = $1 AND (job.ended_ms >= $2 OR job.ended_ms IS NULL) AND job.created_ms < $3
           AND attempt.ended_ms >= $4 AND attempt.ended_ms < $5",
    )
    .bind(customer.to_string())
    .bind(from_ms.as_millis())
    .bind(to_ms.as_millis())
    .bind(from_ms.as_millis())
    .bind(to_ms.as_millis())
    .fetch_one(connection)
    .await
    .doing("sum up use")?;
    Ok(Usage { from_ms, to_ms, jobs: unsigned(jobs), charged_ms: unsigned(charged_ms), charged: Micros::new(charged) })
}
