//! Endings somebody asks for: the customer, the operator, or a queue that came to nothing.

use sqlx::AssertSqlSafe;

use super::{
    Amount, AttemptRef, Case, DeviceId, JobId, JobSpec, JobState, Micros, Nudge, Reason, Rules, StoreError, TimestampMs, Tx,
    case, document,
    end::{book, tell_webhook},
    parsed, pay,
};
use crate::store::{
    Doing as _, checkpoints, jobs,
    purses::{PURSE_COLUMNS, Purse, PurseRow},
};

#[derive(sqlx::FromRow)]
struct EndRow {
    customer_id: String,
    state: String,
    spec: String,
    held: i64,
    held_hfr: Option<i64>,
    attempt_id: Option<String>,
    epoch: i64,
    end_reason: Option<String>,
    #[sqlx(flatten)]
    purse: PurseRow,
}

/// Somebody wants the job ended, for `reason`. One that waits ends at once; one that a rig has ends when the rig
/// has ended it, or after the grace. False if there is no such job or it is over.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn request_end(
    tx: &mut Tx,
    rules: &Rules,
    job: JobId,
    reason: Reason,
    now: TimestampMs,
) -> Result<(bool, Vec<Nudge>), StoreError> {
    // Taken before it is looked at: between a look and a change its attempt may end and put it back in the queue.
    jobs::take_row(tx, job).await?;
    let ended = end_waiting(tx, job, final_state(reason), reason, now).await?;
    if !ended.is_empty() {
        return Ok((true, ended));
    }
    let done = sqlx::query(
        "UPDATE job SET end_reason = $1, changed_ms = $2 WHERE id = $3 AND end_reason IS NULL AND state NOT IN ('succeeded', 'failed', 'cancelled')",
    )
    .bind(reason.as_str())
    .bind(now.as_millis())
    .bind(job.to_string())
    .execute(&mut **tx)
    .await
    .doing("ask for a job's end")?;
    let Some(row) = read_end_row(tx, job).await? else { return Ok((false, Vec::new())) };
    if parsed::<JobState>(&row.state, "job state")?.is_final() {
        return Ok((false, Vec::new()));
    }
    let Some(attempt) = row.attempt_id else { return Ok((true, Vec::new())) };
    let at = AttemptRef { attempt: parsed(&attempt, "attempt id")?, epoch: row.epoch.unsigned_abs() };
    // Asked again, the rig is told again, with the reason that came first.
    let reason = row.end_reason.as_deref().map_or(Ok(reason), |first| parsed(first, "reason"))?;
    let mut nudges = ask_to_end(tx, rules, at, reason, now).await?;
    if done.rows_affected() == 1 {
        nudges.push(Nudge::Changed(job));
    }
    Ok((true, nudges))
}

/// The rig is asked to end an attempt; if it does not within the grace, a reconciler ends it.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn ask_to_end(
    tx: &mut Tx,
    rules: &Rules,
    at: AttemptRef,
    reason: Reason,
    now: TimestampMs,
) -> Result<Vec<Nudge>, StoreError> {
    let Some(case) = case::to_change(tx, at).await?.filter(Case::is_live) else { return Ok(Vec::new()) };
    let deadline = case.deadline.min(now.after(rules.timers.end_grace));
    sqlx::query("UPDATE attempt SET end_reason = $1, deadline_ms = $2 WHERE id = $3 AND ended_ms IS NULL AND end_reason IS NULL")
        .bind(reason.as_str())
        .bind(deadline.as_millis())
        .bind(at.attempt.to_string())
        .execute(&mut **tx)
        .await
        .doing("ask a rig to end an attempt")?;
    let device: DeviceId = case.device;
    Ok(vec![Nudge::AskedToEnd { device, at, reason }])
}

/// A job that waited for a rig ends without one.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn fail_waiting(tx: &mut Tx, job: JobId, reason: Reason, now: TimestampMs) -> Result<Vec<Nudge>, StoreError> {
    end_waiting(tx, job, JobState::Failed, reason, now).await
}

/// Nothing if the job does not wait.
async fn end_waiting(tx: &mut Tx, job: JobId, to: JobState, reason: Reason, now: TimestampMs) -> Result<Vec<Nudge>, StoreError> {
    let done =
        sqlx::query("UPDATE job SET state = $1, reason = $2, changed_ms = $3, ended_ms = $4 WHERE id = $5 AND state = 'queued'")
            .bind(to.as_str())
            .bind(reason.as_str())
            .bind(now.as_millis())
            .bind(now.as_millis())
            .bind(job.to_string())
            .execute(&mut **tx)
            .await
            .doing("end a waiting job")?;
    if done.rows_affected() == 0 {
        return Ok(Vec::new());
    }
    let Some(row) = read_end_row(tx, job).await? else { return Ok(Vec::new()) };
    let purse = Purse::parse(row.purse)?;
    let held = Amount { dollars: Micros::new(row.held), hfr: row.held_hfr.map(Micros::new) };
    let released = pay::release(parsed(&row.customer_id, "customer id")?, job, &purse, held)?;
    book(tx, released.as_slice(), now).await?;
    sqlx::query("UPDATE job SET held = 0, held_hfr = held_hfr - held_hfr WHERE id = $1")
        .bind(job.to_string())
        .execute(&mut **tx)
        .await
        .doing("release a hold")?;
    let spec: JobSpec = document(&row.spec, "job specification")?;
    if spec.checkpoint.is_some() {
        checkpoints::delete_all(tx, parsed(&row.customer_id, "customer id")?, job).await?;
    }
    let mut nudges = vec![Nudge::Unqueued(job), Nudge::Changed(job)];
    if tell_webhook(tx, &spec, job, to, Some(reason), now).await? {
        nudges.push(Nudge::Outbox);
    }
    Ok(nudges)
}

async fn read_end_row(tx: &mut Tx, job: JobId) -> Result<Option<EndRow>, StoreError> {
    let sql = format!(
        "SELECT customer_id, state, spec, held, held_hfr, attempt_id, epoch, end_reason, {PURSE_COLUMNS} FROM job WHERE id = $1"
    );
    sqlx::query_as(AssertSqlSafe(sql)).bind(job.to_string()).fetch_optional(&mut **tx).await.doing("read a job")
}

/// How a job is written down that somebody wanted ended.
pub(super) const fn final_state(reason: Reason) -> JobState {
    match reason {
        Reason::CancelledByCustomer | Reason::KilledByOperator | Reason::AccountSuspended => JobState::Cancelled,
        Reason::ExitCode
        | Reason::OutOfMemory
        | Reason::TimedOut
        | Reason::ImageMissing
        | Reason::ImageRefused
        | Reason::ImageRevoked
        | Reason::PullFailed
        | Reason::FetchFailed
        | Reason::InputUnavailable
        | Reason::InputMismatch
        | Reason::OutputMissing
        | Reason::OutputRefused
        | Reason::UploadFailed
        | Reason::OutputMismatch
        | Reason::RigDiskFull
        | Reason::EngineFailed
        | Reason::AgentRestarted
        | Reason::OwnerReturned
        | Reason::RigPaused
        | Reason::LeaseLapsed
        | Reason::NoAnswer
        | Reason::Declined
        | Reason::EgressForbidden
        | Reason::Unwanted
        | Reason::NetworkStopped
        | Reason::TooManyFailures
        | Reason::TooManyInterruptions
        | Reason::NoRig
        | Reason::NotRunnable
        | Reason::ResultMismatch => JobState::Failed,
    }
}
