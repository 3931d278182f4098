//! Attempts: tries of jobs on rigs. One that is not final is a lease. How attempts begin ([`claim`]) and live is here;
//! how they move on and end, with all that hangs on it, is in [`super::lifecycle`].

use std::collections::HashSet;

use headframe_protocol::{
    AttemptId, CustomerId, DeviceId, JobId, Micros, TimestampMs,
    api::Attempt,
    job::{AttemptState, JobSpec, Reason},
    session::AttemptRef,
};
use sqlx::{AnyConnection, AssertSqlSafe};

use super::{Doing as _, Rows, StoreError, Tx, document, jobs::message, parsed};

mod claim;

pub use claim::{Claim, Claimed, Terms, claim};

/// Most ids in one statement: what a flush of leases or a batch of claims may hold.
pub const IDS_MAX: usize = 500;

const LIVE: &str = "state IN ('offered', 'accepted', 'preparing', 'running', 'uploading')";

const COLUMNS: &str = "id, job_id, epoch, device_id, state, reason, detail, exit_code, price_per_hour, charged_ms, charged, log_bytes, \
     charged_hfr, credit, fee_bps, created_ms, started_ms, ended_ms";

#[derive(sqlx::FromRow)]
struct AttemptRow {
    id: String,
    job_id: String,
    epoch: i64,
    device_id: String,
    state: String,
    reason: Option<String>,
    detail: Option<String>,
    exit_code: Option<i64>,
    price_per_hour: i64,
    charged_ms: i64,
    charged: i64,
    log_bytes: i64,
    charged_hfr: Option<i64>,
    credit: Option<i64>,
    fee_bps: i64,
    created_ms: i64,
    started_ms: Option<i64>,
    ended_ms: Option<i64>,
}

impl TryFrom<AttemptRow> for Attempt {
    type Error = StoreError;

    fn try_from(row: AttemptRow) -> Result<Self, StoreError> {
        let AttemptRow {
            id,
            job_id,
            epoch,
            device_id,
            state,
            reason,
            detail,
            exit_code,
            price_per_hour,
            charged_ms,
            charged,
            log_bytes,
            charged_hfr,
            credit,
            fee_bps,
            created_ms,
            started_ms,
            ended_ms,
        } = row;
        let reason: Option<Reason> = reason.map(|text| parsed(&text, "reason")).transpose()?;
        let charged = Micros::new(charged);
        // One from before the rig's part was written down is counted anew.
        let fee = credit.map_or_else(
            || charged.fee(u16::try_from(fee_bps).unwrap_or(u16::MAX)),
            |credit| Micros::new((charged.get() - credit).max(0)),
        );
        Ok(Self {
            id: parsed(&id, "attempt id")?,
            job: parsed(&job_id, "job id")?,
            epoch: epoch.unsigned_abs(),
            device: parsed(&device_id, "device id")?,
            state: parsed(&state, "attempt state")?,
            message: message(reason, detail),
            reason,
            exit_code,
            price_per_hour: Micros::new(price_per_hour),
            charged_ms: charged_ms.unsigned_abs(),
            charged,
            charged_hfr: charged_hfr.map(Micros::new),
            fee: Some(fee),
            log_bytes: log_bytes.unsigned_abs(),
            created_ms: TimestampMs::from_millis(created_ms),
            started_ms: started_ms.map(TimestampMs::from_millis),
            ended_ms: ended_ms.map(TimestampMs::from_millis),
        })
    }
}

/// The attempts of a job, oldest first.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn of_job(connection: &mut AnyConnection, job: JobId) -> Result<Vec<Attempt>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM attempt WHERE job_id = $1 ORDER BY epoch");
    let query = sqlx::query_as::<_, AttemptRow>(AssertSqlSafe(sql)).bind(job.to_string());
    query.fetch_all(connection).await.doing("read the attempts of a job")?.into_iter().map(Attempt::try_from).collect()
}

/// A rig that holds the attempt in the address, shown by the attempt's token. Refused as stale once the attempt is over.
#[derive(Debug, Clone)]
pub struct AttemptAuth {
    /// The attempt.
    pub attempt: AttemptId,
    /// Its job.
    pub job: JobId,
    /// Whose job.
    pub customer: CustomerId,
    /// The rig.
    pub device: DeviceId,
    /// The job's epoch it holds.
    pub epoch: u64,
    /// Where it is.
    pub state: AttemptState,
}

/// What shows that a caller holds an attempt.
#[derive(Debug, Clone)]
pub struct Holder {
    /// The sum of the attempt's token.
    pub token_sha256: String,
    /// Whether the attempt still holds its job.
    pub holds: bool,
    /// Who it is.
    pub auth: AttemptAuth,
}

/// Who may speak for an attempt.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn holder(connection: &mut AnyConnection, attempt: AttemptId) -> Result<Option<Holder>, StoreError> {
    type HolderRow = (String, String, i64, String, String, String, Option<String>);
    let row: Option<HolderRow> = sqlx::query_as(
        "SELECT attempt.job_id, attempt.device_id, attempt.epoch, attempt.state, attempt.token_sha256, job.customer_id, job.attempt_id
         FROM attempt JOIN job ON job.id = attempt.job_id WHERE attempt.id = $1",
    )
    .bind(attempt.to_string())
    .fetch_optional(connection)
    .await
    .doing("read who holds an attempt")?;
    row.map(|(job, device, epoch, state, token_sha256, customer, holding)| {
        let state: AttemptState = parsed(&state, "attempt state")?;
        let auth = AttemptAuth {
            attempt,
            job: parsed(&job, "job id")?,
            customer: parsed(&customer, "customer id")?,
            device: parsed(&device, "device id")?,
            epoch: epoch.unsigned_abs(),
            state,
        };
        Ok(Holder { token_sha256, holds: !state.is_final() && holding == Some(attempt.to_string()), auth })
    })
    .transpose()
}

/// Prolongs leases that were heard of. Returns those that are still live; the others are not theirs any more.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn prolong(tx: &mut Tx, attempts: &[AttemptId], until: TimestampMs) -> Result<HashSet<AttemptId>, StoreError> {
    let mut live = HashSet::new();
    for chunk in attempts.chunks(IDS_MAX) {
        let list = Rows::list(2, chunk.len());
        let sql = format!("UPDATE attempt SET lease_until_ms = $1 WHERE id IN ({list}) AND {LIVE} RETURNING id");
        let mut query = sqlx::query_as::<_, (String,)>(AssertSqlSafe(sql)).bind(until.as_millis());
        for attempt in chunk {
            query = query.bind(attempt.to_string());
        }
        for (id,) in query.fetch_all(&mut **tx).await.doing("prolong leases")? {
            live.insert(parsed(&id, "attempt id")?);
        }
    }
    Ok(live)
}

/// A live attempt, as far as its rig's session needs it.
#[derive(Debug, Clone)]
pub struct Lease {
    /// Which.
    pub at: AttemptRef,
    /// Where it is.
    pub state: AttemptState,
    /// How many of the rig's slots it takes.
    pub slots: u8,
    /// The rig was asked to end it, and why.
    pub end_reason: Option<Reason>,
}

/// Every live attempt of a rig.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn live_of(connection: &mut AnyConnection, device: DeviceId) -> Result<Vec<Lease>, StoreError> {
    let rows: Vec<(String, i64, String, String, Option<String>)> = sqlx::query_as(
        "SELECT attempt.id, attempt.epoch, attempt.state, job.spec, attempt.end_reason FROM attempt JOIN job ON job.id = attempt.job_id
         WHERE attempt.device_id = $1 AND attempt.ended_ms IS NULL",
    )
    .bind(device.to_string())
    .fetch_all(connection)
    .await
    .doing("read a rig's leases")?;
    rows.into_iter()
        .map(|(id, epoch, state, spec, end_reason)| {
            let spec: JobSpec = document(&spec, "job specification")?;
            Ok(Lease {
                at: AttemptRef { attempt: parsed(&id, "attempt id")?, epoch: epoch.unsigned_abs() },
                state: parsed(&state, "attempt state")?,
                slots: crate::market::Want::of(&spec).slots(),
                end_reason: end_reason.map(|text| parsed(&text, "reason")).transpose()?,
            })
        })
        .collect()
}

/// An attempt whose time is up.
#[derive(Debug, Clone, Copy)]
pub struct Due {
    /// Which.
    pub at: AttemptRef,
    /// Where it is.
    pub state: AttemptState,
}

fn due((id, epoch, state): (String, i64, String)) -> Result<Due, StoreError> {
    let at = AttemptRef { attempt: parsed(&id, "attempt id")?, epoch: epoch.unsigned_abs() };
    Ok(Due { at, state: parsed(&state, "attempt state")? })
}

/// Live attempts whose lease ended before `before`.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn lapsed(connection: &mut AnyConnection, before: TimestampMs, limit: u32) -> Result<Vec<Due>, StoreError> {
    let sql =
        format!("SELECT id, epoch, state FROM attempt WHERE {LIVE} AND lease_until_ms < $1 ORDER BY lease_until_ms LIMIT $2");
    let query = sqlx::query_as(AssertSqlSafe(sql)).bind(before.as_millis()).bind(i64::from(limit));
    query.fetch_all(connection).await.doing("find lapsed leases")?.into_iter().map(due).collect()
}

/// Live attempts that should have left their state before `before`, and have entered it since `moved_since`.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn overdue(
    connection: &mut AnyConnection,
    before: TimestampMs,
    moved_since: TimestampMs,
    limit: u32,
) -> Result<Vec<Due>, StoreError> {
    let sql = format!(
        "SELECT id, epoch, state FROM attempt WHERE {LIVE} AND deadline_ms < $1 AND changed_ms >= $2 ORDER BY deadline_ms LIMIT $3"
    );
    let query = sqlx::query_as(AssertSqlSafe(sql)).bind(before.as_millis()).bind(moved_since.as_millis()).bind(i64::from(limit));
    query.fetch_all(connection).await.doing("find attempts past their deadline")?.into_iter().map(due).collect()
}

/// Results of a rig that were outvoted since, latest first, at most so many.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn outvoted(
    connection: &mut AnyConnection,
    device: DeviceId,
    since: TimestampMs,
    limit: u32,
) -> Result<Vec<AttemptRef>, StoreError> {
    let rows: Vec<(String, i64)> = sqlx::query_as(
        "SELECT id, epoch FROM attempt WHERE device_id = $1 AND state = 'failed' AND reason = 'result_mismatch' AND ended_ms >= $2
         ORDER BY ended_ms DESC LIMIT $3",
    )
    .bind(device.to_string())
    .bind(since.as_millis())
    .bind(i64::from(limit))
    .fetch_all(connection)
    .await
    .doing("read outvoted results")?;
    rows.into_iter()
        .map(|(id, epoch)| Ok(AttemptRef { attempt: parsed(&id, "attempt id")?, epoch: epoch.unsigned_abs() }))
        .collect()
}

/// Live attempts whose rigs were asked to end them, with the rig and why.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn asked_to_end(connection: &mut AnyConnection, limit: u32) -> Result<Vec<(DeviceId, AttemptRef, Reason)>, StoreError> {
    let rows: Vec<(String, String, i64, String)> = sqlx::query_as(
        "SELECT device_id, id, epoch, end_reason FROM attempt WHERE end_reason IS NOT NULL AND ended_ms IS NULL LIMIT $1",
    )
    .bind(i64::from(limit))
    .fetch_all(connection)
    .await
    .doing("find attempts that were asked to end")?;
    rows.into_iter()
        .map(|(device, id, epoch, reason)| {
            let at = AttemptRef { attempt: parsed(&id, "attempt id")?, epoch: epoch.unsigned_abs() };
            Ok((parsed(&device, "device id")?, at, parsed(&reason, "reason")?))
        })
        .collect()
}

/// Why a rig was asked to end an attempt, if it was.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn end_reason(connection: &mut AnyConnection, at: AttemptRef) -> Result<Option<Reason>, StoreError> {
    let row: Option<(Option<String>,)> = sqlx::query_as("SELECT end_reason FROM attempt WHERE id = $1")
        .bind(at.attempt.to_string())
        .fetch_optional(connection)
        .await
        .doing("read whether an attempt should end")?;
    row.and_then(|(reason,)| reason).map(|text| parsed(&text, "reason")).transpose()
}

/// Live attempts nobody has asked to end yet: those of one stop of the network.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn not_asked_to_end(connection: &mut AnyConnection, limit: u32) -> Result<Vec<AttemptRef>, StoreError> {
    let sql = format!("SELECT id, epoch, state FROM attempt WHERE {LIVE} AND end_reason IS NULL LIMIT $1");
    let rows =
        sqlx::query_as(AssertSqlSafe(sql)).bind(i64::from(limit)).fetch_all(connection).await.doing("find live attempts")?;
    rows.into_iter().map(|row| due(row).map(|due| due.at)).collect()
}

/// Of `attempts`, those that are live.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn live_among(connection: &mut AnyConnection, attempts: &[AttemptId]) -> Result<HashSet<AttemptId>, StoreError> {
    let mut live = HashSet::new();
    for chunk in attempts.chunks(IDS_MAX) {
        let list = Rows::list(1, chunk.len());
        let sql = format!("SELECT id FROM attempt WHERE id IN ({list}) AND {LIVE}");
        let mut query = sqlx::query_as::<_, (String,)>(AssertSqlSafe(sql));
        for attempt in chunk {
            query = query.bind(attempt.to_string());
        }
        for (id,) in query.fetch_all(&mut *connection).await.doing("read which attempts are live")? {
            live.insert(parsed(&id, "attempt id")?);
        }
    }
    Ok(live)
}
