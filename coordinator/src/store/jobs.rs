//! Jobs: what customers asked for, and where it is. States change only in [`super::lifecycle`].

use std::sync::Arc;

use headframe_protocol::{
    ApiKeyId, AttemptId, CustomerId, JobId, Micros, TimestampMs,
    api::{Job, JobCheckpoint, JobHfr, JobOutvoted, Pot},
    job::{JobSpec, JobState, Reason},
};
use sqlx::{AnyConnection, AssertSqlSafe};

use super::{
    Doing as _, Rows, StoreError,
    amount::Amount,
    document, parsed,
    purses::{Purse, pot_of, pot_text},
    written,
};
use crate::market::{QueuedJob, Want};

/// Rows in one INSERT: well under SQLite's limit of placeholders, large enough that a batch is a few statements.
const INSERT_ROWS_MAX: usize = 250;

const COLUMNS: &str = "id, state, epoch, spec, array_index, reason, detail, failures, interruptions, attempt_id, held, charged, \
     held_hfr, charged_hfr, hfr_picos, checkpoint_attempt_id, checkpoint_bytes, checkpoint_ms, outvoted_ms, outvoted_back, created_ms, \
     changed_ms, ended_ms";

#[derive(sqlx::FromRow)]
struct JobRow {
    id: String,
    state: String,
    epoch: i64,
    spec: String,
    array_index: Option<i64>,
    reason: Option<String>,
    detail: Option<String>,
    failures: i64,
    interruptions: i64,
    attempt_id: Option<String>,
    held: i64,
    charged: i64,
    held_hfr: Option<i64>,
    charged_hfr: Option<i64>,
    hfr_picos: Option<i64>,
    checkpoint_attempt_id: Option<String>,
    checkpoint_bytes: i64,
    checkpoint_ms: Option<i64>,
    outvoted_ms: Option<i64>,
    outvoted_back: i64,
    created_ms: i64,
    changed_ms: i64,
    ended_ms: Option<i64>,
}

impl TryFrom<JobRow> for Job {
    type Error = StoreError;

    fn try_from(row: JobRow) -> Result<Self, StoreError> {
        let JobRow {
            id,
            state,
            epoch,
            spec,
            array_index,
            reason,
            detail,
            failures,
            interruptions,
            attempt_id,
            held,
            charged,
            held_hfr,
            charged_hfr,
            hfr_picos,
            checkpoint_attempt_id,
            checkpoint_bytes,
            checkpoint_ms,
            outvoted_ms,
            outvoted_back,
            created_ms,
            changed_ms,
            ended_ms,
        } = row;
        let reason: Option<Reason> = reason.map(|text| parsed(&text, "reason")).transpose()?;
        let hfr = held_hfr.zip(charged_hfr).zip(hfr_picos).map(hfr);
        let checkpoint = match checkpoint_attempt_id.zip(checkpoint_ms) {
            Some((attempt, accepted_ms)) => Some(JobCheckpoint {
                attempt: parsed(&attempt, "attempt id")?,
                accepted_ms: TimestampMs::from_millis(accepted_ms),
                bytes: checkpoint_bytes.unsigned_abs(),
            }),
            None => None,
        };
        Ok(Self {
            id: parsed(&id, "job id")?,
            state: parsed(&state, "job state")?,
            message: message(reason, detail),
            reason,
            spec: document(&spec, "job specification")?,
            array_index: array_index.and_then(|index| u32::try_from(index).ok()),
            epoch: epoch.unsigned_abs(),
            failures: u32::try_from(failures).unwrap_or(u32::MAX),
            interruptions: u32::try_from(interruptions).unwrap_or(u32::MAX),
            attempt: attempt_id.map(|text| parsed(&text, "attempt id")).transpose()?,
            held: Micros::new(held),
            charged: Micros::new(charged),
            hfr,
            checkpoint,
            outvoted: outvoted_ms.map(|found| outvoted(found, outvoted_back)),
            unmet: Vec::new(),
            created_ms: TimestampMs::from_millis(created_ms),
            changed_ms: TimestampMs::from_millis(changed_ms),
            ended_ms: ended_ms.map(TimestampMs::from_millis),
        })
    }
}

fn hfr(((held, charged), picos): ((i64, i64), i64)) -> JobHfr {
    JobHfr { held: Micros::new(held), charged: Micros::new(charged), picos_per_hfr: picos.unsigned_abs() }
}

fn outvoted(found_ms: i64, back: i64) -> JobOutvoted {
    JobOutvoted { found_ms: TimestampMs::from_millis(found_ms), refunded: Micros::new(back) }
}

/// The reason's sentence and what is known beyond it.
pub(crate) fn message(reason: Option<Reason>, detail: Option<String>) -> Option<String> {
    match (reason, detail) {
        (Some(reason), Some(detail)) => Some(format!("{} {detail}", reason.sentence())),
        (Some(reason), None) => Some(reason.sentence().to_owned()),
        (None, detail) => detail,
    }
}

/// A job to be written down.
#[derive(Debug, Clone)]
pub struct NewJob {
    /// Its id.
    pub id: JobId,
    /// What is asked for, without `array`. Shared by all jobs of an array: there may be a thousand.
    pub spec: Arc<JobSpec>,
    /// Position in an array.
    pub array_index: Option<u32>,
    /// What is set aside for it.
    pub held: Amount,
}

impl NewJob {
    /// What the market needs to know of it.
    #[must_use]
    pub fn queued(&self, customer: CustomerId, pot: Pot, now: TimestampMs) -> QueuedJob {
        QueuedJob {
            id: self.id,
            epoch: 0,
            customer,
            want: Want::of(&self.spec).paid_from(pot),
            image: self.spec.image.digest(),
            queued_ms: now,
            not_before_ms: TimestampMs::default(),
        }
    }
}

/// Writes new jobs down, queued, with the customer and the key they came with.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn insert(
    connection: &mut AnyConnection,
    (customer, key): (CustomerId, ApiKeyId),
    jobs: &[NewJob],
    purse: &Purse,
    now: TimestampMs,
) -> Result<(), StoreError> {
    for chunk in jobs.chunks(INSERT_ROWS_MAX) {
        let documents = documents(chunk)?;
        let rows = Rows { first: 1, rows: chunk.len(), columns: 20 };
        let sql = format!(
            "INSERT INTO job (id, customer_id, state, spec, array_index, held, created_ms, changed_ms, queued_ms, waiting_ms,
                    pot, asset, chain, fee_bps, tab_id, api_key_id, hfr_picos, hfr_seen_ms, held_hfr, charged_hfr) VALUES {rows}"
        );
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for (job, document) in chunk.iter().zip(&documents) {
            query = query
                .bind(job.id.to_string())
                .bind(customer.to_string())
                .bind(JobState::Queued.as_str())
                .bind(document.to_string())
                .bind(job.array_index.map(i64::from))
                .bind(job.held.dollars.get())
                .bind(now.as_millis())
                .bind(now.as_millis())
                .bind(now.as_millis())
                .bind(now.as_millis())
                .bind(pot_text(purse.pot))
                .bind(purse.coin.asset())
                .bind(purse.coin.chain_column())
                .bind(purse.fee_bps.map(i64::from))
                .bind(purse.tab.clone())
                .bind(key.to_string())
                .bind(purse.rate.map(|rate| i64::try_from(rate.usd_per_hfr.picos()).unwrap_or(i64::MAX)))
                .bind(purse.rate.map(|rate| rate.seen_ms.as_millis()))
                .bind(job.held.hfr.map(Micros::get))
                .bind(purse.rate.map(|_| 0_i64));
        }
        query.execute(&mut *connection).await.doing("write jobs down")?;
    }
    Ok(())
}

/// The specifications as they are stored, each written once however many jobs share it.
fn documents(jobs: &[NewJob]) -> Result<Vec<Arc<str>>, StoreError> {
    let mut documents: Vec<Arc<str>> = Vec::with_capacity(jobs.len());
    for (at, job) in jobs.iter().enumerate() {
        let same = at.checked_sub(1).filter(|before| Arc::ptr_eq(&jobs[*before].spec, &job.spec));
        let document = match same {
            Some(before) => Arc::clone(&documents[before]),
            None => written(&*job.spec, "job specification")?.into(),
        };
        documents.push(document);
    }
    Ok(documents)
}

/// A customer's job.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn get(connection: &mut AnyConnection, customer: CustomerId, id: JobId) -> Result<Option<Job>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM job WHERE id = $1 AND customer_id = $2");
    let query = sqlx::query_as::<_, JobRow>(AssertSqlSafe(sql)).bind(id.to_string()).bind(customer.to_string());
    query.fetch_optional(connection).await.doing("read a job")?.map(Job::try_from).transpose()
}

/// A page of a customer's jobs, newest first.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn list(
    connection: &mut AnyConnection,
    customer: CustomerId,
    after: Option<JobId>,
    state: Option<JobState>,
    limit: u32,
) -> Result<Vec<Job>, StoreError> {
    // No text is greater than every id in every language's order, so the first page has a statement of its own. `%` matches
    // every state.
    let from = if after.is_some() { "id < $4" } else { "id <> $4" };
    let sql = format!(
        "SELECT {COLUMNS} FROM job WHERE customer_id = $1 AND copy_of IS NULL AND state LIKE $2 AND {from} ORDER BY id DESC LIMIT $3"
    );
    let rows = sqlx::query_as::<_, JobRow>(AssertSqlSafe(sql))
        .bind(customer.to_string())
        .bind(state.map_or("%", JobState::as_str))
        .bind(i64::from(limit))
        .bind(after.map_or_else(String::new, |id| id.to_string()))
        .fetch_all(connection)
        .await
        .doing("list jobs")?;
    rows.into_iter().map(Job::try_from).collect()
}

/// A job's place in its array, if it has one.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn array_index(connection: &mut AnyConnection, job: JobId) -> Result<Option<u32>, StoreError> {
    let row: Option<(Option<i64>,)> = sqlx::query_as("SELECT array_index FROM job WHERE id = $1")
        .bind(job.to_string())
        .fetch_optional(connection)
        .await
        .doing("read a job's place in its array")?;
    Ok(row.and_then(|(index,)| index).and_then(|index| u32::try_from(index).ok()))
}

/// Takes a job's row: until the transaction ends nobody else changes the job. What locks it is a change that changes nothing,
/// which both databases know.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn take_row(connection: &mut AnyConnection, job: JobId) -> Result<(), StoreError> {
    let query = sqlx::query("UPDATE job SET epoch = epoch WHERE id = $1").bind(job.to_string());
    query.execute(connection).await.map(drop).doing("take a job's row")
}

/// How many jobs of a customer are not final.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn count_open(connection: &mut AnyConnection, customer: CustomerId) -> Result<i64, StoreError> {
    let count: (i64,) = sqlx::query_as(
        "SELECT CAST(COUNT(*) AS BIGINT) FROM job WHERE customer_id = $1 AND state NOT IN ('succeeded', 'failed', 'cancelled')",
    )
    .bind(customer.to_string())
    .fetch_one(connection)
    .await
    .doing("count open jobs")?;
    Ok(count.0)
}

/// How many jobs still hold money of a tab.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn holding(connection: &mut AnyConnection, tab: &str) -> Result<i64, StoreError> {
    let (count,): (i64,) = sqlx::query_as("SELECT COUNT(*) FROM job WHERE tab_id = $1 AND (held <> 0 OR held_hfr <> 0)")
        .bind(tab)
        .fetch_one(connection)
        .await
        .doing("count the jobs of a tab")?;
    Ok(count)
}

/// Where a reader of the queue stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct QueueCursor {
    /// Jobs queued before this were seen.
    pub queued_ms: i64,
    /// Of those queued at that moment, the ids up to this one were seen.
    pub id: String,
}

#[derive(sqlx::FromRow)]
struct QueuedRow {
    id: String,
    epoch: i64,
    customer_id: String,
    spec: String,
    queued_ms: i64,
    not_before_ms: i64,
    pot: String,
}

/// Names a queued job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueuedId {
    /// Which.
    pub id: JobId,
    /// Its epoch now.
    pub epoch: u64,
}

/// Names of queued jobs after the cursor, in the order they entered the queue, and the cursor after them. Specifications are
/// long and nearly always known: [`queued_among`] reads those that are not.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn queued_after(
    connection: &mut AnyConnection,
    cursor: &QueueCursor,
    limit: u32,
) -> Result<(Vec<QueuedId>, QueueCursor), StoreError> {
    let rows: Vec<(String, i64, i64)> = sqlx::query_as(
        "SELECT id, epoch, queued_ms FROM job
         WHERE state = 'queued' AND (queued_ms > $1 OR (queued_ms = $2 AND id > $3)) ORDER BY queued_ms, id LIMIT $4",
    )
    .bind(cursor.queued_ms)
    .bind(cursor.queued_ms)
    .bind(&cursor.id)
    .bind(i64::from(limit))
    .fetch_all(connection)
    .await
    .doing("read the queue")?;
    let next =
        rows.last().map_or_else(|| cursor.clone(), |(id, _, queued_ms)| QueueCursor { queued_ms: *queued_ms, id: id.clone() });
    let named = rows.into_iter().map(|(id, epoch, _)| Ok(QueuedId { id: parsed(&id, "job id")?, epoch: epoch.unsigned_abs() }));
    Ok((named.collect::<Result<_, StoreError>>()?, next))
}

/// Of `ids`, the jobs that are queued.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn queued_among(connection: &mut AnyConnection, ids: &[JobId]) -> Result<Vec<QueuedJob>, StoreError> {
    let mut queued = Vec::with_capacity(ids.len());
    for chunk in ids.chunks(INSERT_ROWS_MAX) {
        let list = Rows::list(1, chunk.len());
        let sql = format!(
            "SELECT id, epoch, customer_id, spec, queued_ms, not_before_ms, pot FROM job WHERE id IN ({list}) AND state = 'queued'"
        );
        let mut query = sqlx::query_as::<_, QueuedRow>(AssertSqlSafe(sql));
        for id in chunk {
            query = query.bind(id.to_string());
        }
        for row in query.fetch_all(&mut *connection).await.doing("read queued jobs")? {
            queued.push(queued_job(row)?);
        }
    }
    Ok(queued)
}

fn queued_job(row: QueuedRow) -> Result<QueuedJob, StoreError> {
    let QueuedRow { id, epoch, customer_id, spec, queued_ms, not_before_ms, pot } = row;
    let spec: JobSpec = document(&spec, "job specification")?;
    Ok(QueuedJob {
        id: parsed(&id, "job id")?,
        epoch: epoch.unsigned_abs(),
        customer: parsed(&customer_id, "customer id")?,
        want: Want::of(&spec).paid_from(pot_of(&pot)?),
        image: spec.image.digest(),
        queued_ms: TimestampMs::from_millis(queued_ms),
        not_before_ms: TimestampMs::from_millis(not_before_ms),
    })
}

/// Queued jobs somebody should look at: those that waited since before `waiting_before`. Oldest first.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn waiting_since_before(
    connection: &mut AnyConnection,
    waiting_before: TimestampMs,
    limit: u32,
) -> Result<Vec<JobId>, StoreError> {
    let rows: Vec<(String,)> =
        sqlx::query_as("SELECT id FROM job WHERE state = 'queued' AND waiting_ms < $1 ORDER BY waiting_ms LIMIT $2")
            .bind(waiting_before.as_millis())
            .bind(i64::from(limit))
            .fetch_all(connection)
            .await
            .doing("find jobs that waited too long")?;
    rows.into_iter().map(|(id,)| parsed(&id, "job id")).collect()
}

/// The attempt that holds a job, or whose result was accepted.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn holding_attempt(connection: &mut AnyConnection, job: JobId) -> Result<Option<AttemptId>, StoreError> {
    let row: Option<(Option<String>,)> = sqlx::query_as("SELECT attempt_id FROM job WHERE id = $1")
        .bind(job.to_string())
        .fetch_optional(connection)
        .await
        .doing("read a job")?;
    row.and_then(|(attempt,)| attempt).map(|attempt| parsed(&attempt, "attempt id")).transpose()
}

/// Open jobs nobody has asked to end, that should end now: of suspended accounts, or with a revoked image.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn to_be_ended(connection: &mut AnyConnection, limit: u32) -> Result<Vec<(JobId, Reason)>, StoreError> {
    const SUSPENDED: &str = "SELECT job.id FROM job JOIN customer ON customer.id = job.customer_id
         WHERE customer.suspended_ms IS NOT NULL AND job.end_reason IS NULL AND job.state NOT IN ('succeeded', 'failed', 'cancelled') LIMIT $1";
    // A digest is unlike anything else in a specification; the quote after it ends the image's name.
    const REVOKED: &str = "SELECT job.id FROM image JOIN job ON job.spec LIKE '%@sha256:' || image.digest || '\"%'
         WHERE image.revoked_ms IS NOT NULL AND job.end_reason IS NULL AND job.state NOT IN ('succeeded', 'failed', 'cancelled') LIMIT $1";
    let mut found = Vec::new();
    for (sql, reason) in [(SUSPENDED, Reason::AccountSuspended), (REVOKED, Reason::ImageRevoked)] {
        let rows: Vec<(String,)> = sqlx::query_as(sql)
            .bind(i64::from(limit))
            .fetch_all(&mut *connection)
            .await
            .doing("find jobs the operator's acts end")?;
        for (id,) in rows {
            found.push((parsed(&id, "job id")?, reason));
        }
    }
    Ok(found)
}
