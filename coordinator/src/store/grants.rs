//! Money the operator gives or gives back.

use headframe_protocol::{CustomerId, JobId, Micros, TimestampMs};
use sqlx::AnyConnection;

use super::{
    Doing as _, StoreError, jobs,
    ledger::{self, Account, Coin, Kind, Posted, Transfer},
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
    /// The operator has not put that much into the Distributor; roll the transaction back.
    NotCovered,
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
    let transfer = Transfer::between(Kind::Grant, key, Account::Grant, Account::Available(customer), (Coin::PRACTICE, amount));
    give(connection, Account::Available(customer), Transfer { memo: Some(memo.to_owned()), ..transfer }, now).await
}

/// Gives `amount` of a job's charge back. What was granted comes from the platform's fees. Fees on real money have left the
/// books by then, so that is given as credit in dollars from the operator's own in the Distributor, whatever it was paid in.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn refund(
    connection: &mut AnyConnection,
    (job, charged): (JobId, &Charged),
    amount: Micros,
    key: &str,
    memo: &str,
    now: TimestampMs,
) -> Result<Given, StoreError> {
    let (from, to) = if charged.coin == Coin::PRACTICE {
        (Account::Fee, Account::Available(charged.customer))
    } else {
        (Account::Inventory, Account::Earned(charged.customer))
    };
    let dollars = Coin::stable(charged.coin.chain);
    let transfer = Transfer::between(Kind::Refund, key, from, to, (dollars, amount)).for_job(job);
    give(connection, to, Transfer { memo: Some(memo.to_owned()), ..transfer }, now).await
}

async fn give(connection: &mut AnyConnection, to: Account, transfer: Transfer, now: TimestampMs) -> Result<Given, StoreError> {
    let amount: Micros = transfer.legs.iter().filter(|leg| leg.account == to).map(|leg| leg.amount).sum();
    let before: Option<(i64,)> =
        sqlx::query_as("SELECT COALESCE((SELECT amount FROM entry WHERE transfer_id = transfer.id AND account = $1), 0) FROM transfer WHERE id = $2")
            .bind(to.to_string())
            .bind(transfer.id.clone())
            .fetch_optional(&mut *connection)
            .await
            .doing("look for an earlier gift")?;
    match before {
        Some((given,)) => Ok(if given == amount.get() { Given::Before } else { Given::Otherwise }),
        None => match ledger::post(connection, &[transfer], now).await? {
            Posted::Yes => Ok(Given::Now),
            Posted::NotCovered(_) => Ok(Given::NotCovered),
        },
    }
}

/// What a job was charged, and what of that was given back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charged {
    /// Whose job it is.
    pub customer: CustomerId,
    /// In what it was paid.
    pub coin: Coin,
    /// If it was paid by card, when the last of it was earned.
    pub by_card: Option<TimestampMs>,
    /// In all, in dollars.
    pub charged: Micros,
    /// Given back so far.
    pub back: Micros,
}

/// What a job was charged. Nobody else gives any of it back until the transaction ends.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn refundable(connection: &mut AnyConnection, job: JobId) -> Result<Option<Charged>, StoreError> {
    jobs::take_row(connection, job).await?;
    let row: Option<(String, String, i64, i64, i64, Option<i64>)> = sqlx::query_as(
        "SELECT job.customer_id, job.asset, job.chain, job.charged,
                (SELECT CAST(COALESCE(SUM(entry.amount), 0) AS BIGINT) FROM entry JOIN transfer ON transfer.id = entry.transfer_id
                 WHERE transfer.job_id = job.id AND transfer.kind = 'refund' AND entry.amount > 0),
                (SELECT MAX(earned_ms) FROM maturing WHERE maturing.job_id = job.id)
         FROM job WHERE job.id = $1",
    )
    .bind(job.to_string())
    .fetch_optional(connection)
    .await
    .doing("read what can be given back")?;
    row.map(|(customer, asset, chain, charged, back, by_card)| {
        Ok(Charged {
            customer: parsed(&customer, "customer id")?,
            coin: Coin::parse(&asset, chain)?,
            by_card: by_card.map(TimestampMs::from_millis),
            charged: Micros::new(charged),
            back: Micros::new(back),
        })
    })
    .transpose()
}
