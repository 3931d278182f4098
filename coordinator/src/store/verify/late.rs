//! Results that were accepted, and are used once more: compared afterwards, or as work whose result is known.

use headframe_protocol::{
    AttemptId, CustomerId, DeviceId, JobId, Micros, TimestampMs,
    job::{Compare, JobSpec},
    session::{AttemptRef, OutputFile},
};
use sqlx::{AnyConnection, AssertSqlSafe};

use super::{Answer, Asked, Brought, checkable, class_of, document, parsed, recipe, reference};
use super::{StoreError, is_unreproducible};
use crate::{
    store::{Doing as _, artifacts, ledger::Coin},
    verify::hold::drawn_by_worth,
};

/// Results of one rig among which the lot is drawn.
const DRAWN_AMONG_MAX: i64 = 1_000;

/// An accepted result that can be compared.
#[derive(Debug, Clone)]
pub struct Accepted {
    /// The job.
    pub job: JobId,
    /// Whose.
    pub customer: CustomerId,
    /// What it asked for.
    pub spec: JobSpec,
    /// Position in an array.
    pub array_index: Option<u32>,
    /// In what it was paid.
    pub coin: Coin,
    /// What counts as the same.
    pub compare: Compare,
    /// What was brought, and by whom.
    pub brought: Brought,
}

impl Accepted {
    pub(crate) fn asked(&self) -> Asked<'_> {
        let Self { job, customer, spec, array_index, coin, compare, .. } = self;
        Asked { job: *job, customer: *customer, spec, compare: *compare, array_index: *array_index, coin: *coin }
    }

    pub(crate) fn answer(&self) -> Answer {
        let Brought { at, class, outputs, .. } = &self.brought;
        Answer { attempt: at.attempt, outputs: outputs.clone(), class: class.clone() }
    }
}

/// Earnings that a comparison of a result would speak for: the rig's own, or one that came of its checkpoint.
const UNCHECKED: &str = "earning_hold.state = 'waiting' AND earning_hold.confirmed = 0
           AND earning_hold.basis IN ('result', 'shared', 'doubted')";

/// Rigs with earnings that have waited for a check since before `before`, or since before `shared_before` where others had a part in the
/// result, and none of whose results is being compared.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn unchecked(
    connection: &mut AnyConnection,
    (before, shared_before): (TimestampMs, TimestampMs),
    limit: u32,
) -> Result<Vec<DeviceId>, StoreError> {
    let sql = format!(
        "SELECT DISTINCT earning_hold.device_id FROM earning_hold
         WHERE {UNCHECKED} AND earning_hold.earned_ms <= CASE WHEN earning_hold.basis = 'result' THEN $1 ELSE $2 END
           AND NOT EXISTS (SELECT 1 FROM trial_run JOIN trial ON trial.id = trial_run.trial_id
                           WHERE trial_run.device_id = earning_hold.device_id AND trial_run.state = 'brought' AND trial.state <> 'closed')
           AND NOT EXISTS (SELECT 1 FROM earning_hold AS other JOIN trial_run ON trial_run.attempt_id = other.result_attempt_id
                           JOIN trial ON trial.id = trial_run.trial_id WHERE other.device_id = earning_hold.device_id
                             AND other.state = 'waiting' AND trial_run.state = 'brought' AND trial.state <> 'closed')
         ORDER BY earning_hold.device_id LIMIT $3"
    );
    let rows: Vec<(String,)> = sqlx::query_as(AssertSqlSafe(sql))
        .bind(before.as_millis())
        .bind(shared_before.as_millis())
        .bind(i64::from(limit))
        .fetch_all(connection)
        .await
        .doing("list rigs that wait for a check")?;
    rows.into_iter().map(|(device,)| parsed(&device, "device id")).collect()
}

/// A result that some of a rig's earnings wait for, by `lot`, in proportion to what they are worth. Nothing if the one drawn cannot be compared any more.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn draw_unchecked(
    connection: &mut AnyConnection,
    device: DeviceId,
    lot: u64,
    now: TimestampMs,
) -> Result<Option<Accepted>, StoreError> {
    let sql = format!(
        "SELECT COALESCE(earning_hold.result_attempt_id, earning_hold.attempt_id), earning_hold.amount FROM earning_hold
         WHERE earning_hold.device_id = $1 AND {UNCHECKED} ORDER BY earning_hold.earned_ms DESC LIMIT $2"
    );
    let rows: Vec<(String, i64)> = sqlx::query_as(AssertSqlSafe(sql))
        .bind(device.to_string())
        .bind(DRAWN_AMONG_MAX)
        .fetch_all(&mut *connection)
        .await
        .doing("list results that wait for a check")?;
    let worth: Vec<Micros> = rows.iter().map(|(_, amount)| Micros::new(*amount)).collect();
    let Some((attempt, _)) = drawn_by_worth(&worth, lot).and_then(|drawn| rows.get(drawn)) else { return Ok(None) };
    accepted(connection, parsed(attempt, "attempt id")?, now).await
}

/// A result that was compared since `since` and found right, by `lot`: work whose result is known.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn draw_known(
    connection: &mut AnyConnection,
    since: TimestampMs,
    lot: u32,
    now: TimestampMs,
) -> Result<Option<Accepted>, StoreError> {
    let rows: Vec<(String,)> = sqlx::query_as(
        "SELECT job.attempt_id FROM trial JOIN job ON job.id = trial.job_id
         WHERE trial.closed_ms >= $1 AND trial.kind <> 'canary' AND trial.answer IS NOT NULL AND job.state = 'succeeded'
         ORDER BY trial.closed_ms DESC LIMIT $2",
    )
    .bind(since.as_millis())
    .bind(DRAWN_AMONG_MAX)
    .fetch_all(&mut *connection)
    .await
    .doing("list results that are known")?;
    let Some((attempt,)) = rows.get(lot as usize % rows.len().max(1)) else { return Ok(None) };
    accepted(connection, parsed(attempt, "attempt id")?, now).await
}

type Row = (String, String, String, String, Option<i64>, String, i64, i64);

async fn accepted(connection: &mut AnyConnection, attempt: AttemptId, now: TimestampMs) -> Result<Option<Accepted>, StoreError> {
    let row: Option<Row> = sqlx::query_as(
        "SELECT job.id, job.customer_id, job.spec, attempt.device_id, job.array_index, job.asset, job.chain, attempt.epoch
         FROM attempt JOIN job ON job.attempt_id = attempt.id WHERE attempt.id = $1 AND job.state = 'succeeded'",
    )
    .bind(attempt.to_string())
    .fetch_optional(&mut *connection)
    .await
    .doing("read an accepted result")?;
    let Some((job, customer, spec, device, array_index, asset, chain, epoch)) = row else { return Ok(None) };
    let (spec, job): (JobSpec, JobId) = (document(&spec, "job specification")?, parsed(&job, "job id")?);
    let outputs: Vec<OutputFile> = artifacts::of_job(connection, job).await?;
    let (device, customer): (DeviceId, CustomerId) = (parsed(&device, "device id")?, parsed(&customer, "customer id")?);
    let Some(compare) = checkable(&spec, &outputs) else { return Ok(None) };
    if is_unreproducible(connection, &recipe(&spec), now.before(super::UNREPRODUCIBLE_FOR)).await?
        || !super::is_checker_there(connection, (device, customer), (&spec, compare), now).await?
    {
        return Ok(None);
    }
    let class = class_of(connection, device, &spec).await?;
    let at: AttemptRef = reference(&attempt.to_string(), epoch)?;
    let array_index = array_index.and_then(|index| u32::try_from(index).ok());
    let coin = Coin::parse(&asset, chain)?;
    let brought = Brought { at, device, class, outputs };
    Ok(Some(Accepted { job, customer, spec, array_index, coin, compare, brought }))
}
