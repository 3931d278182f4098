//! Money the operator gives or gives back.

use headframe_protocol::{CustomerId, JobId, Micros, TimestampMs};
use sqlx::AnyConnection;

use super::{
    Doing as _, StoreError, jobs,
    ledger::{self, Account, Kind, Posted, Transfer},
    parsed,
};

/// What came of giving.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Given {
    /// It is in the books.
    Now,
    /// The same was given before under this key; nothing changed.
    Before,
    /// Something else was given before under this key; nothing changed.
    Otherwise,
}

/// Gives `amount` to a customer. `key` is the idempotency key.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn grant(
    connection: &mut AnyConnection,
    customer: CustomerId,
    amount: Micros,
    key: &str,
    memo: &str,
    now: TimestampMs,
) -> Result<Given, StoreError> {
    let transfer = Transfer::between(Kind::Grant, key, Account::Grant, Account::Available(customer), amount);
    give(connection, customer, amount, Transfer { memo: Some(memo.to_owned()), ..transfer }, now).await
}

/// Gives `amount` of a job's charge back from the platform's fees.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn refund(
    connection: &mut AnyConnection,
    (customer, job): (CustomerId, JobId),
    amount: Micros,
    key: &str,
    memo: &str,
    now: TimestampMs,
) -> Result<Given, StoreError> {
    let transfer = Transfer::between(Kind::Refund, key, Account::Fee, Account::Available(customer), amount).for_job(job);
    give(connection, customer, amount, Transfer { memo: Some(memo.to_owned()), ..transfer }, now).await
}

async fn give(
    connection: &mut AnyConnection,
    customer: CustomerId,
    amount: Micros,
    transfer: Transfer,
    now: TimestampMs,
) -> Result<Given, StoreError> {
    let before: Option<(i64,)> =
        sqlx::query_as("SELECT COALESCE((SELECT amount FROM entry WHERE transfer_id = transfer.id AND account = $1), 0) FROM transfer WHERE id = $2")
            .bind(Account::Available(customer).to_string())
            .bind(transfer.id.clone())
            .fetch_optional(&mut *connection)
            .await
            .doing("look for an earlier gift")?;
    match before {
        Some((given,)) => Ok(if given == amount.get() { Given::Before } else { Given::Otherwise }),
        None => match ledger::post(connection, &[transfer], now).await? {
            Posted::Yes => Ok(Given::Now),
            Posted::NotCovered(account) => Err(StoreError::Corrupt { what: "giving account", value: account.to_string() }),
        },
    }
}

/// Whose job it is, what it was charged, and what of that was given back. Nobody else gives any of it back until the
/// transaction ends.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn refundable(connection: &mut AnyConnection, job: JobId) -> Result<Option<(CustomerId, Micros, Micros)>, StoreError> {
    jobs::take_row(connection, job).await?;
    let row: Option<(String, i64, i64)> = sqlx::query_as(
        "SELECT job.customer_id, job.charged, (SELECT CAST(COALESCE(SUM(entry.amount), 0) AS BIGINT) FROM entry
             JOIN transfer ON transfer.id = entry.transfer_id
             WHERE transfer.job_id = job.id AND transfer.kind = 'refund' AND entry.amount > 0)
         FROM job WHERE job.id = $1",
    )
    .bind(job.to_string())
    .fetch_optional(connection)
    .await
    .doing("read what can be given back")?;
    row.map(|(customer, charged, back)| Ok((parsed(&customer, "customer id")?, Micros::new(charged), Micros::new(back))))
        .transpose()
}
