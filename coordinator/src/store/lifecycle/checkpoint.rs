//! Checkpoints that come after their attempt has yielded: accepted or not, and the job that waits for one goes on.

use std::time::Duration;

use sqlx::AnyConnection;

use super::{
    AttemptId, AttemptRef, AttemptState, DeviceId, JobId, JobSpec, Micros, Nudge, OutputFile, Rules, StoreError, TimestampMs, Tx,
    as_i64, case, document, spec_of,
};
use crate::store::{
    Doing as _, checkpoints,
    customers::{self, Storage},
    jobs, line, reservations,
};

/// The most of a rig's own words that is kept.
const PROBLEM_CHARS_MAX: usize = headframe_protocol::session::checkpoint::CHECKPOINT_PROBLEM_CHARS_MAX;

/// What a rig has brought.
#[derive(Debug, Clone, Default)]
pub struct Brought {
    /// The files; none if there is no checkpoint. Every one of them is there and hashes to what it says.
    pub files: Vec<OutputFile>,
    /// Why there is none although something was there.
    pub problem: Option<String>,
}

/// Where a job's checkpoint is, read for the check of one that was brought; nothing if there is no such attempt, or its job
/// makes none.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn checkpoint_path(connection: &mut AnyConnection, at: AttemptRef) -> Result<Option<String>, StoreError> {
    let spec = spec_of(connection, at, "read where a job leaves its checkpoint").await?;
    Ok(spec.and_then(|spec| spec.checkpoint).map(|checkpoint| checkpoint.path))
}

/// Whether the attempt's checkpoint could still be accepted: it yielded not longer than `within` ago, its job goes on, and no
/// later attempt has begun to run.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn is_awaited(
    connection: &mut AnyConnection,
    attempt: AttemptId,
    within: Duration,
    now: TimestampMs,
) -> Result<bool, StoreError> {
    let row: Option<(String,)> = sqlx::query_as(
        "SELECT job.spec FROM attempt JOIN job ON job.id = attempt.job_id
         WHERE attempt.id = $1 AND attempt.state = 'yielded' AND attempt.ended_ms > $2
           AND job.state NOT IN ('succeeded', 'failed', 'cancelled') AND job.checkpoint_epoch <= attempt.epoch
           AND NOT EXISTS (SELECT 1 FROM attempt AS later WHERE later.job_id = attempt.job_id AND later.epoch > attempt.epoch
                           AND later.started_ms IS NOT NULL)",
    )
    .bind(attempt.to_string())
    .bind(now.before(within).as_millis())
    .fetch_optional(connection)
    .await
    .doing("ask whether a checkpoint is awaited")?;
    let spec: Option<JobSpec> = row.map(|(spec,)| document(&spec, "job specification")).transpose()?;
    Ok(spec.is_some_and(|spec| spec.checkpoint.is_some()))
}

/// Takes a checkpoint, or the word that there is none. Says whether the next attempt begins with it. Done twice, the second
/// time changes nothing and answers the same.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn take_checkpoint(
    tx: &mut Tx,
    rules: &Rules,
    device: DeviceId,
    at: AttemptRef,
    brought: &Brought,
    now: TimestampMs,
) -> Result<(bool, Vec<Nudge>), StoreError> {
    let Some(case) = case::to_change(tx, at).await?.filter(|case| case.device == device) else {
        return Ok((false, Vec::new()));
    };
    if case.state != AttemptState::Yielded || case.job_state.is_final() {
        return Ok((false, Vec::new()));
    }
    if already_taken(tx, case.job, at).await? {
        return Ok((true, Vec::new()));
    }
    let awaited = is_awaited(tx, at.attempt, rules.timers.checkpoint_upload, now).await?;
    let accepted = awaited && !brought.files.is_empty();
    let reserved = reservations::drop_of_attempt(tx, at.attempt).await?;
    let kept = if accepted { brought.files.iter().map(|file| file.bytes).sum() } else { 0 };
    customers::settle(tx, case.customer, Micros::ZERO, Storage { kept, reserved }).await?;
    if accepted {
        checkpoints::keep(tx, (case.job, at.attempt), &brought.files, now).await?;
        point_to(tx, case.job, at, kept, now).await?;
        checkpoints::delete_older(tx, (case.customer, case.job), at.attempt).await?;
        crate::fail::point("checkpoint");
    } else if let Some(problem) = &brought.problem {
        explain(tx, at, problem).await?;
    }
    let mut nudges = vec![Nudge::Changed(case.job)];
    nudges.extend(wait_no_longer(tx, case.job, at, now).await?);
    Ok((accepted, nudges))
}

async fn already_taken(tx: &mut Tx, job: JobId, at: AttemptRef) -> Result<bool, StoreError> {
    let row: Option<(String,)> = sqlx::query_as("SELECT id FROM job WHERE id = $1 AND checkpoint_attempt_id = $2")
        .bind(job.to_string())
        .bind(at.attempt.to_string())
        .fetch_optional(&mut **tx)
        .await
        .doing("read a job's checkpoint")?;
    Ok(row.is_some())
}

async fn point_to(tx: &mut Tx, job: JobId, at: AttemptRef, bytes: u64, now: TimestampMs) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE job SET checkpoint_attempt_id = $1, checkpoint_epoch = $2, checkpoint_bytes = $3, checkpoint_ms = $4 WHERE id = $5",
    )
    .bind(at.attempt.to_string())
    .bind(as_i64(at.epoch))
    .bind(as_i64(bytes))
    .bind(now.as_millis())
    .bind(job.to_string())
    .execute(&mut **tx)
    .await
    .map(drop)
    .doing("accept a checkpoint")
}

/// The customer reads with the attempt why it left no checkpoint.
async fn explain(tx: &mut Tx, at: AttemptRef, problem: &str) -> Result<(), StoreError> {
    sqlx::query("UPDATE attempt SET detail = $1 WHERE id = $2 AND detail IS NULL")
        .bind(format!("It left no checkpoint: {}", line(problem, PROBLEM_CHARS_MAX)))
        .bind(at.attempt.to_string())
        .execute(&mut **tx)
        .await
        .map(drop)
        .doing("explain why there is no checkpoint")
}

/// The job may be given to a rig from now on. The index knows it in this epoch already, so it must first forget it.
async fn wait_no_longer(tx: &mut Tx, job: JobId, at: AttemptRef, now: TimestampMs) -> Result<Vec<Nudge>, StoreError> {
    let done = sqlx::query(
        "UPDATE job SET not_before_ms = $1 WHERE id = $2 AND state = 'queued' AND epoch = $3 AND end_reason IS NULL
           AND not_before_ms > $4",
    )
    .bind(now.as_millis())
    .bind(job.to_string())
    .bind(as_i64(at.epoch))
    .bind(now.as_millis())
    .execute(&mut **tx)
    .await
    .doing("let a job wait no longer for its checkpoint")?;
    if done.rows_affected() == 0 {
        return Ok(Vec::new());
    }
    let queued = jobs::queued_among(tx, &[job]).await?;
    Ok([Nudge::Unqueued(job)].into_iter().chain(queued.into_iter().map(|job| Nudge::Queued(Box::new(job)))).collect())
}
