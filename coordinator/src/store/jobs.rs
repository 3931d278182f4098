//! Jobs: what customers asked for, and where it is. States change only in [`super::lifecycle`].

use headframe_protocol::{
    AttemptId, CustomerId, JobId, Micros, TimestampMs,
    api::Job,
    job::{JobSpec, JobState, Reason},
};
use sqlx::{AnyConnection, AssertSqlSafe};

use super::{Doing as _, Rows, StoreError, document, parsed, written};
use crate::market::{QueuedJob, Want};

/// Rows in one INSERT: well under SQLite's limit of placeholders, large enough that a batch is a few statements.
const INSERT_ROWS_MAX: usize = 250;

const COLUMNS: &str = "id, state, epoch, spec, array_index, reason, detail, failures, interruptions, attempt_id, held, charged, \
     created_ms, changed_ms, ended_ms";

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
            created_ms,
            changed_ms,
            ended_ms,
        } = row;
        let reason: Option<Reason> = reason.map(|text| parsed(&text, "reason")).transpose()?;
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
            created_ms: TimestampMs::from_millis(created_ms),
            changed_ms: TimestampMs::from_millis(changed_ms),
            ended_ms: ended_ms.map(TimestampMs::from_millis),
        })
    }
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
    /// What is asked for, without `array`.
    pub spec: JobSpec,
    /// Position in an array.
    pub array_index: Option<u32>,
    /// What is set aside for it.
    pub held: Micros,
}

impl NewJob {
    /// What the market needs to know of it.
    #[must_use]
    pub fn queued(&self, customer: CustomerId, now: TimestampMs) -> QueuedJob {
        QueuedJob {
            id: self.id,
            epoch: 0,
            customer,
            want: Want::of(&self.spec),
            image: self.spec.image.digest(),
            queued_ms: now,
            not_before_ms: TimestampMs::default(),
        }
    }
}

/// Writes new jobs down, queued.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn insert(
    connection: &mut AnyConnection,
    customer: CustomerId,
    jobs: &[NewJob],
    now: TimestampMs,
) -> Result<(), StoreError> {
    for chunk in jobs.chunks(INSERT_ROWS_MAX) {
        let rows = Rows { first: 1, rows: chunk.len(), columns: 10 };
        let sql = format!(
            "INSERT INTO job (id, customer_id, state, spec, array_index, held, created_ms, changed_ms, queued_ms, waiting_ms) VALUES {rows}"
        );
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for job in chunk {
            query = query
                .bind(job.id.to_string())
                .bind(customer.to_string())
                .bind(JobState::Queued.as_str())
                .bind(written(&job.spec, "job specification")?)
                .bind(job.array_index.map(i64::from))
                .bind(job.held.get())
                .bind(now.as_millis())
                .bind(now.as_millis())
                .bind(now.as_millis())
                .bind(now.as_millis());
        }
        query.execute(&mut *connection).await.doing("write jobs down")?;
    }
    Ok(())
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
    // `~` sorts after every id, so that no `after` begins at the newest; `%` matches every state.
    let sql = format!("SELECT {COLUMNS} FROM job WHERE customer_id = $1 AND id < $2 AND state LIKE $3 ORDER BY id DESC LIMIT $4");
    let rows = sqlx::query_as::<_, JobRow>(AssertSqlSafe(sql))
        .bind(customer.to_string())
        .bind(after.map_or_else(|| "~".to_owned(), |id| id.to_string()))
        .bind(state.map_or("%", JobState::as_str))
        .bind(i64::from(limit))
        .fetch_all(connection)
        .await
        .doing("list jobs")?;
    rows.into_iter().map(Job::try_from).collect()
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
}

/// Queued jobs after the cursor, in the order they entered the queue, and the cursor after them.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn queued_after(
    connection: &mut AnyConnection,
    cursor: &QueueCursor,
    limit: u32,
) -> Result<(Vec<QueuedJob>, QueueCursor), StoreError> {
    let rows: Vec<QueuedRow> = sqlx::query_as(
        "SELECT id, epoch, customer_id, spec, queued_ms, not_before_ms FROM job
         WHERE state = 'queued' AND (queued_ms > $1 OR (queued_ms = $2 AND id > $3)) ORDER BY queued_ms, id LIMIT $4",
    )
    .bind(cursor.queued_ms)
    .bind(cursor.queued_ms)
    .bind(&cursor.id)
    .bind(i64::from(limit))
    .fetch_all(connection)
    .await
    .doing("read the queue")?;
    let next = rows.last().map_or_else(|| cursor.clone(), |row| QueueCursor { queued_ms: row.queued_ms, id: row.id.clone() });
    let jobs: Result<Vec<_>, _> = rows.into_iter().map(queued_job).collect();
    Ok((jobs?, next))
}

fn queued_job(row: QueuedRow) -> Result<QueuedJob, StoreError> {
    let QueuedRow { id, epoch, customer_id, spec, queued_ms, not_before_ms } = row;
    let spec: JobSpec = document(&spec, "job specification")?;
    Ok(QueuedJob {
        id: parsed(&id, "job id")?,
        epoch: epoch.unsigned_abs(),
        customer: parsed(&customer_id, "customer id")?,
        want: Want::of(&spec),
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
