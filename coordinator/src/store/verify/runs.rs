//! The runs of a trial: who does the work, and what he has brought.

use headframe_protocol::{
    AttemptId, DeviceId, JobId, Micros, TimestampMs,
    session::{AttemptRef, OutputFile},
};
use sqlx::AnyConnection;

use super::{StoreError, Tx, document, epoch_column, given_back, parsed, reference, written};
use crate::{
    store::Doing as _,
    verify::{Class, judge::Run},
};

/// One run.
#[derive(Debug, Clone)]
pub struct RunRow {
    /// Its number in the trial.
    pub number: i64,
    /// The job that is done.
    pub job: JobId,
    /// Where it stands; what was judged is `Gone` from judging.
    pub run: Run,
    /// What it has brought.
    pub brought: Option<Brought>,
    /// Whether its job is over without a result.
    pub job_is_over: bool,
    /// Whether somebody has asked for the job's end.
    pub is_unwanted: bool,
}

/// What a run has brought.
#[derive(Debug, Clone)]
pub struct Brought {
    /// By which attempt.
    pub at: AttemptRef,
    /// By which rig.
    pub device: DeviceId,
    /// Of which kind.
    pub class: Class,
    /// Which files.
    pub outputs: Vec<OutputFile>,
}

type Row =
    (i64, String, String, Option<String>, Option<i64>, Option<String>, Option<String>, Option<String>, String, Option<String>);

/// All runs of a trial that are not judged, in their order.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn runs_of(connection: &mut AnyConnection, trial: &str) -> Result<Vec<RunRow>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT trial_run.number, trial_run.job_id, trial_run.state, trial_run.attempt_id, trial_run.epoch, trial_run.device_id,
                trial_run.class, trial_run.outputs, job.state, job.end_reason
         FROM trial_run JOIN job ON job.id = trial_run.job_id
         WHERE trial_run.trial_id = $1 AND trial_run.state IN ('awaited', 'brought', 'gone') ORDER BY trial_run.number",
    )
    .bind(trial.to_owned())
    .fetch_all(connection)
    .await
    .doing("read the runs of a trial")?;
    rows.into_iter().map(run).collect()
}

fn run(row: Row) -> Result<RunRow, StoreError> {
    let (number, job, state, attempt, epoch, device, class, outputs, job_state, end_reason) = row;
    let run = match state.as_str() {
        "awaited" => Run::Awaited,
        "brought" => Run::Brought,
        "gone" => Run::Gone,
        _ => return Err(StoreError::Corrupt { what: "state of a run", value: state }),
    };
    let brought = match (run, attempt, epoch, device, class, outputs) {
        (Run::Brought, Some(attempt), Some(epoch), Some(device), Some(class), Some(outputs)) => Some(Brought {
            at: reference(&attempt, epoch)?,
            device: parsed(&device, "device id")?,
            class: parsed(&class, "class")?,
            outputs: document(&outputs, "manifest")?,
        }),
        _ => None,
    };
    let job_state: headframe_protocol::job::JobState = parsed(&job_state, "job state")?;
    Ok(RunRow {
        number,
        job: parsed(&job, "job id")?,
        run,
        brought,
        job_is_over: job_state.is_final(),
        is_unwanted: end_reason.is_some(),
    })
}

/// A run is awaited of a job.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn note_run(tx: &mut Tx, trial: &str, job: JobId) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO trial_run (trial_id, number, job_id, state)
         VALUES ($1, (SELECT COUNT(*) FROM trial_run WHERE trial_id = $2), $3, 'awaited')",
    )
    .bind(trial.to_owned())
    .bind(trial.to_owned())
    .bind(job.to_string())
    .execute(&mut **tx)
    .await
    .doing("await a run")?;
    sqlx::query("UPDATE job SET trial_id = $1 WHERE id = $2")
        .bind(trial.to_owned())
        .bind(job.to_string())
        .execute(&mut **tx)
        .await
        .map(drop)
        .doing("note the trial of a job")
}

/// An attempt of a job that is compared has brought its result. Whoever judges looks at it soon.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn bring(tx: &mut Tx, trial: &str, job: JobId, brought: &Brought, now: TimestampMs) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE trial_run SET state = 'brought', attempt_id = $1, epoch = $2, device_id = $3, class = $4, outputs = $5
         WHERE trial_id = $6 AND job_id = $7 AND state IN ('awaited', 'gone')",
    )
    .bind(brought.at.attempt.to_string())
    .bind(epoch_column(brought.at))
    .bind(brought.device.to_string())
    .bind(brought.class.as_str().to_owned())
    .bind(written(&brought.outputs, "manifest")?)
    .bind(trial.to_owned())
    .bind(job.to_string())
    .execute(&mut **tx)
    .await
    .doing("note the result of a run")?;
    sqlx::query("UPDATE trial SET looked = looked + 1, look_ms = $1 WHERE id = $2")
        .bind(now.as_millis())
        .bind(trial.to_owned())
        .execute(&mut **tx)
        .await
        .map(drop)
        .doing("have a trial looked at")
}

/// How many runs a trial has had.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn count(connection: &mut AnyConnection, trial: &str) -> Result<usize, StoreError> {
    let (runs,): (i64,) = sqlx::query_as("SELECT COUNT(*) FROM trial_run WHERE trial_id = $1")
        .bind(trial.to_owned())
        .fetch_one(connection)
        .await
        .doing("count the runs of a trial")?;
    Ok(usize::try_from(runs).unwrap_or(usize::MAX))
}

/// What became of a run.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn set_run(tx: &mut Tx, (trial, number): (&str, i64), state: &'static str, now: TimestampMs) -> Result<(), StoreError> {
    sqlx::query("UPDATE trial_run SET state = $1, judged_ms = $2 WHERE trial_id = $3 AND number = $4")
        .bind(state)
        .bind(now.as_millis())
        .bind(trial.to_owned())
        .bind(number)
        .execute(&mut **tx)
        .await
        .map(drop)
        .doing("note what became of a run")
}

/// For how long an attempt was, or is to be, paid.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn paid_ms(connection: &mut AnyConnection, attempt: AttemptId) -> Result<u64, StoreError> {
    let row: Option<(i64,)> = sqlx::query_as("SELECT charged_ms FROM attempt WHERE id = $1")
        .bind(attempt.to_string())
        .fetch_optional(connection)
        .await
        .doing("read how long an attempt was")?;
    Ok(row.map_or(0, |(ms,)| ms.unsigned_abs()))
}

/// What an attempt has earned, and when it was over.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn worth(connection: &mut AnyConnection, attempt: AttemptId) -> Result<Option<(Micros, TimestampMs)>, StoreError> {
    let row: Option<(i64, Option<i64>)> = sqlx::query_as("SELECT credit, ended_ms FROM attempt WHERE id = $1")
        .bind(attempt.to_string())
        .fetch_optional(connection)
        .await
        .doing("read what an attempt has earned")?;
    Ok(row.and_then(|(credit, ended)| Some((Micros::new(credit), TimestampMs::from_millis(ended?)))))
}

/// How long the same work took the quickest of the others in a trial whose result was right, from its beginning on. Nothing if there is no
/// other.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn whole_of_others(connection: &mut AnyConnection, trial: &str, of: AttemptId) -> Result<Option<u64>, StoreError> {
    let rows: Vec<(String,)> = sqlx::query_as(
        "SELECT attempt_id FROM trial_run WHERE trial_id = $1 AND state = 'right' AND attempt_id <> $2
         UNION SELECT answer_attempt FROM trial WHERE id = $3 AND answer_attempt <> $4",
    )
    .bind(trial.to_owned())
    .bind(of.to_string())
    .bind(trial.to_owned())
    .bind(of.to_string())
    .fetch_all(&mut *connection)
    .await
    .doing("list the right runs of a trial")?;
    let mut least: Option<u64> = None;
    for (attempt,) in rows {
        let attempt = parsed(&attempt, "attempt id")?;
        let earlier: u64 = given_back::chain(connection, attempt).await?.iter().map(|link| link.ms).sum();
        let whole = paid_ms(connection, attempt).await?.saturating_add(earlier);
        least = Some(least.map_or(whole, |least| least.min(whole)));
    }
    Ok(least)
}
