//! Money back for what turned out to be worth nothing: a result that was accepted unchecked and found wrong afterwards, and time given
//! back of which nothing came.

use headframe_protocol::{AttemptId, job::JobState};
use sqlx::AnyConnection;

use super::{JobId, JobSpec, Micros, Nudge, Reason, StoreError, TimestampMs, Tx, document, end};
use crate::store::{
    Doing as _,
    grants::{self, Charged, Given},
    ledger::{self, Account, Coin},
    parsed,
    payouts::MATURITY_LEAST,
};

/// What the customer reads of it.
const SAID: &str = "Rigs of other owners agree on another result: this one is not to be trusted.";

/// Marks a job whose accepted result was outvoted, once, and gives back what it was charged: from where forfeited earnings go, as far as
/// that is the operator's to give.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub(super) async fn redress(tx: &mut Tx, (job, attempt): (JobId, AttemptId), now: TimestampMs) -> Result<Vec<Nudge>, StoreError> {
    let row: Option<(String,)> = sqlx::query_as(
        "UPDATE job SET outvoted_ms = $1, detail = COALESCE(detail, $2)
         WHERE id = $3 AND attempt_id = $4 AND state = 'succeeded' AND outvoted_ms IS NULL RETURNING spec",
    )
    .bind(now.as_millis())
    .bind(SAID)
    .bind(job.to_string())
    .bind(attempt.to_string())
    .fetch_optional(&mut **tx)
    .await
    .doing("mark a result that was outvoted")?;
    let Some((spec,)) = row else { return Ok(Vec::new()) };
    let back = give_back(tx, job, now).await?;
    sqlx::query("UPDATE job SET outvoted_back = $1 WHERE id = $2")
        .bind(back.get())
        .bind(job.to_string())
        .execute(&mut **tx)
        .await
        .doing("note what was given back")?;
    let spec: JobSpec = document(&spec, "job specification")?;
    let data = serde_json::json!({
        "job": job.to_string(), "name": spec.name, "state": JobState::Succeeded.as_str(),
        "reason": Reason::ResultMismatch.as_str(), "refunded": back,
    });
    let told = end::tell(tx, &spec, job, ("job.outvoted", data), now).await?;
    Ok([Nudge::Changed(job)].into_iter().chain(told.then_some(Nudge::Outbox)).collect())
}

/// Gives back all that is still to be given back of a job, or as much of it as there is. Returns how much.
async fn give_back(tx: &mut Tx, job: JobId, now: TimestampMs) -> Result<Micros, StoreError> {
    let Some(of) = grants::refundable(tx, job).await? else { return Ok(Micros::ZERO) };
    let due = of.charged.get() - of.back.get();
    give(tx, (job, &of), due, (&format!("{job}:outvoted"), SAID), now).await
}

async fn give(
    tx: &mut Tx,
    (job, of): (JobId, &Charged),
    due: i64,
    (key, said): (&str, &str),
    now: TimestampMs,
) -> Result<Micros, StoreError> {
    let amount = Micros::new(due.min(to_give(tx, of, now).await?.get()));
    if amount.get() < due {
        tracing::error!(job.id = %job, refund.key = key, refund.due = due, refund.given = amount.get(), "A customer did not get all of his money back");
    }
    if amount <= Micros::ZERO {
        return Ok(Micros::ZERO);
    }
    match grants::refund(tx, (job, of), amount, key, said, now).await? {
        Given::Now | Given::Before => Ok(amount),
        Given::Otherwise | Given::NotCovered => {
            Err(StoreError::Corrupt { what: "refund", value: format!("{key} was given otherwise, or is not covered") })
        }
    }
}

/// What the customer reads of time given back.
const NOTHING_CAME: &str = "A rig was given back to its owner, and nothing came of the time.";

/// Attempts whose rigs gave their owners the PC back, and whose pay has lapsed since: nothing came of them, and their customers have not
/// got back yet what they paid.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn lapsed(connection: &mut AnyConnection, limit: u32) -> Result<Vec<(JobId, AttemptId)>, StoreError> {
    let rows: Vec<(String, String)> =
        sqlx::query_as("SELECT job_id, attempt_id FROM earning_hold WHERE state = 'lapsed' ORDER BY ended_ms LIMIT $1")
            .bind(i64::from(limit))
            .fetch_all(connection)
            .await
            .doing("list time given back of which nothing came")?;
    rows.into_iter().map(|(job, attempt)| Ok((parsed(&job, "job id")?, parsed(&attempt, "attempt id")?))).collect()
}

/// Gives back what a customer paid for one of those, once. Not where he ended the job himself: he may have seen enough of it. Returns whether anything changed.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn give_back_lapsed(tx: &mut Tx, (job, attempt): (JobId, AttemptId), now: TimestampMs) -> Result<bool, StoreError> {
    let Some(of) = grants::refundable(tx, job).await? else { return Ok(false) };
    let done = sqlx::query("UPDATE earning_hold SET state = 'closed' WHERE attempt_id = $1 AND state = 'lapsed'")
        .bind(attempt.to_string())
        .execute(&mut **tx)
        .await
        .doing("close time given back")?;
    if done.rows_affected() != 1 {
        return Ok(false);
    }
    let row: Option<(i64,)> = sqlx::query_as("SELECT charged FROM attempt WHERE id = $1 AND state = 'yielded'")
        .bind(attempt.to_string())
        .fetch_optional(&mut **tx)
        .await
        .doing("read what an attempt was charged")?;
    if let Some((charged,)) = row {
        let due = charged.min(of.charged.get() - of.back.get());
        give(tx, (job, &of), due, (&format!("{attempt}:lapsed"), NOTHING_CAME), now).await?;
    }
    Ok(true)
}

/// What there is to give it back from. What came by card may still be taken back by its bank; given back here it could be spent twice.
async fn to_give(tx: &mut Tx, of: &Charged, now: TimestampMs) -> Result<Micros, StoreError> {
    if of.by_card.is_some_and(|earned| earned.after(MATURITY_LEAST) > now) {
        return Ok(Micros::ZERO);
    }
    match of.coin {
        Coin::PRACTICE => Ok(of.charged),
        coin => ledger::balance_to_use(tx, Account::Inventory, Coin::stable(coin.chain)).await,
    }
}
