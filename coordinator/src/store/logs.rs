//! How far attempts' logs reach and where their pieces begin. The bytes are in the artifact store.

use headframe_protocol::{
    AttemptId, CustomerId, JobId, TimestampMs,
    job::{AttemptState, JobState},
};
use sqlx::AnyConnection;

use super::{
    Doing as _, StoreError,
    blobs::{signed, unsigned},
    parsed,
};

/// One piece of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// The byte it begins at.
    pub offset: u64,
    /// How many bytes.
    pub bytes: u64,
}

/// How far one attempt's log reaches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach {
    /// The attempt.
    pub attempt: AttemptId,
    /// Where the attempt is.
    pub state: AttemptState,
    /// Bytes of log here.
    pub bytes: u64,
}

/// Adds a piece at the end of a log. False: the log does not end there (any more).
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn append(connection: &mut AnyConnection, attempt: AttemptId, piece: Piece) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "UPDATE attempt SET log_bytes = log_bytes + $1, log_pieces = log_pieces + 1 WHERE id = $2 AND log_bytes = $3",
    )
    .bind(signed(piece.bytes))
    .bind(attempt.to_string())
    .bind(signed(piece.offset))
    .execute(&mut *connection)
    .await
    .doing("prolong a log")?;
    if done.rows_affected() == 0 {
        return Ok(false);
    }
    sqlx::query("INSERT INTO log_piece (attempt_id, offset_bytes, bytes) VALUES ($1, $2, $3)")
        .bind(attempt.to_string())
        .bind(signed(piece.offset))
        .bind(signed(piece.bytes))
        .execute(connection)
        .await
        .doing("write down a piece of a log")?;
    Ok(true)
}

/// How many bytes of an attempt's log are here.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn bytes(connection: &mut AnyConnection, attempt: AttemptId) -> Result<u64, StoreError> {
    let row: Option<(i64,)> = sqlx::query_as("SELECT log_bytes FROM attempt WHERE id = $1")
        .bind(attempt.to_string())
        .fetch_optional(connection)
        .await
        .doing("read the length of a log")?;
    Ok(row.map_or(0, |(bytes,)| unsigned(bytes)))
}

/// In how many pieces an attempt's log has come.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn pieces(connection: &mut AnyConnection, attempt: AttemptId) -> Result<u64, StoreError> {
    let query = sqlx::query_as("SELECT log_pieces FROM attempt WHERE id = $1").bind(attempt.to_string());
    let row: Option<(i64,)> = query.fetch_optional(connection).await.doing("read the pieces of a log")?;
    Ok(row.map_or(0, |(pieces,)| unsigned(pieces)))
}

/// The pieces from the one that holds byte `offset`, in order, at most `limit`.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn pieces_from(
    connection: &mut AnyConnection,
    attempt: AttemptId,
    offset: u64,
    limit: i64,
) -> Result<Vec<Piece>, StoreError> {
    let rows: Vec<(i64, i64)> = sqlx::query_as(
        "SELECT offset_bytes, bytes FROM log_piece WHERE attempt_id = $1 AND offset_bytes >= COALESCE(
             (SELECT MAX(offset_bytes) FROM log_piece WHERE attempt_id = $2 AND offset_bytes <= $3), 0)
         ORDER BY offset_bytes LIMIT $4",
    )
    .bind(attempt.to_string())
    .bind(attempt.to_string())
    .bind(signed(offset))
    .bind(limit)
    .fetch_all(connection)
    .await
    .doing("find pieces of a log")?;
    let pieces = rows.into_iter().map(|(start, bytes)| Piece { offset: unsigned(start), bytes: unsigned(bytes) });
    Ok(pieces.filter(|piece| offset < piece.offset + piece.bytes).collect())
}

/// Whether a customer has this job.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn is_job_of(connection: &mut AnyConnection, customer: CustomerId, job: JobId) -> Result<bool, StoreError> {
    let row: Option<(String,)> = sqlx::query_as("SELECT id FROM job WHERE id = $1 AND customer_id = $2")
        .bind(job.to_string())
        .bind(customer.to_string())
        .fetch_optional(connection)
        .await
        .doing("look for a job")?;
    Ok(row.is_some())
}

/// The job's state; an attempt's id, its state and the length of its log, if the job has one.
type ReachRow = (String, Option<String>, Option<String>, Option<i64>);

/// The job's state and how far the logs of its attempts reach, in the order the attempts were made. Both from one
/// statement: a job seen as over has no attempt that was not seen.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn of_job(connection: &mut AnyConnection, job: JobId) -> Result<Option<(JobState, Vec<Reach>)>, StoreError> {
    let rows: Vec<ReachRow> = sqlx::query_as(
        "SELECT job.state, attempt.id, attempt.state, attempt.log_bytes
         FROM job LEFT JOIN attempt ON attempt.job_id = job.id WHERE job.id = $1 ORDER BY attempt.epoch",
    )
    .bind(job.to_string())
    .fetch_all(connection)
    .await
    .doing("read the logs of a job")?;
    let Some((state, ..)) = rows.first() else { return Ok(None) };
    let state = parsed(state, "state of a job")?;
    let reaches = rows.iter().filter_map(|(_, attempt, state, bytes)| match (attempt, state, bytes) {
        (Some(attempt), Some(state), Some(bytes)) => Some(reach(attempt, state, *bytes)),
        (None, _, _) | (_, None, _) | (_, _, None) => None,
    });
    Ok(Some((state, reaches.collect::<Result<_, _>>()?)))
}

fn reach(attempt: &str, state: &str, bytes: i64) -> Result<Reach, StoreError> {
    Ok(Reach { attempt: parsed(attempt, "attempt id")?, state: parsed(state, "state of an attempt")?, bytes: unsigned(bytes) })
}

/// When an attempt ended; `None` while it has not. One that is not in the books ended long ago.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn ended_ms(connection: &mut AnyConnection, attempt: AttemptId) -> Result<Option<TimestampMs>, StoreError> {
    let row: Option<(Option<i64>,)> = sqlx::query_as(
        "SELECT CASE WHEN EXISTS (SELECT 1 FROM trial_run JOIN trial ON trial.id = trial_run.trial_id
                 WHERE trial_run.attempt_id = attempt.id AND trial.state <> 'closed') THEN NULL ELSE ended_ms END
         FROM attempt WHERE id = $1",
    )
    .bind(attempt.to_string())
    .fetch_optional(connection)
    .await
    .doing("ask when an attempt ended")?;
    Ok(match row {
        Some((ended_ms,)) => ended_ms.map(TimestampMs::from_millis),
        None => Some(TimestampMs::from_millis(0)),
    })
}

/// Forgets an attempt's log, whose bytes are thrown away.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn forget(connection: &mut AnyConnection, attempt: AttemptId) -> Result<(), StoreError> {
    let done =
        sqlx::query("DELETE FROM log_piece WHERE attempt_id = $1").bind(attempt.to_string()).execute(&mut *connection).await;
    done.doing("forget a log")?;
    let done = sqlx::query("UPDATE attempt SET log_bytes = 0 WHERE id = $1").bind(attempt.to_string()).execute(connection).await;
    done.map(drop).doing("forget a log")
}
