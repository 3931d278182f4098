//! The files of jobs' checkpoints. When one is accepted is decided in [`super::lifecycle`].

use headframe_protocol::{AttemptId, CustomerId, JobId, Sha256, TimestampMs, session::OutputFile};
use sqlx::AnyConnection;

use super::{
    Doing as _, StoreError,
    blobs::{self, Keeper, unsigned},
    customers, parsed,
};
use crate::blobs::ObjectName;

/// Gives a job's last accepted checkpoint to its new attempt, and says which files that is.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn give(connection: &mut AnyConnection, job: JobId, attempt: AttemptId) -> Result<Vec<OutputFile>, StoreError> {
    sqlx::query("UPDATE attempt SET resumed_from = (SELECT checkpoint_attempt_id FROM job WHERE id = $1) WHERE id = $2")
        .bind(job.to_string())
        .bind(attempt.to_string())
        .execute(&mut *connection)
        .await
        .doing("give a checkpoint to an attempt")?;
    let rows: Vec<(String, String, i64)> = sqlx::query_as(
        "SELECT checkpoint_file.path, checkpoint_file.sha256, checkpoint_file.bytes
         FROM attempt JOIN checkpoint_file ON checkpoint_file.attempt_id = attempt.resumed_from
         WHERE attempt.id = $1 ORDER BY checkpoint_file.path",
    )
    .bind(attempt.to_string())
    .fetch_all(connection)
    .await
    .doing("read the files of a checkpoint")?;
    rows.into_iter()
        .map(|(path, sha256, bytes)| Ok(OutputFile { path, sha256: parsed(&sha256, "sum of a file")?, bytes: unsigned(bytes) }))
        .collect()
}

/// Where the bytes of one file are of the checkpoint an attempt was given, and how many.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn find(
    connection: &mut AnyConnection,
    attempt: AttemptId,
    sha256: Sha256,
) -> Result<Option<(ObjectName, u64)>, StoreError> {
    let row: Option<(String, i64)> = sqlx::query_as(
        "SELECT blob.object, blob.bytes FROM attempt
         JOIN checkpoint_file ON checkpoint_file.attempt_id = attempt.resumed_from
         JOIN blob ON blob.sha256 = checkpoint_file.sha256
         WHERE attempt.id = $1 AND checkpoint_file.sha256 = $2 LIMIT 1",
    )
    .bind(attempt.to_string())
    .bind(sha256.to_string())
    .fetch_optional(connection)
    .await
    .doing("find a file of a checkpoint")?;
    Ok(row.map(|(object, bytes)| (ObjectName::stored(object), unsigned(bytes))))
}

/// Writes down the files an attempt has brought, in the transaction that accepts them.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub(super) async fn keep(
    connection: &mut AnyConnection,
    (job, attempt): (JobId, AttemptId),
    files: &[OutputFile],
    now: TimestampMs,
) -> Result<(), StoreError> {
    blobs::keep(connection, Keeper::Checkpoint, (job, attempt), files, now).await
}

/// Removes a job's earlier checkpoints and gives their room back, but for `newest` and the one an attempt still fetches.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub(super) async fn delete_older(
    connection: &mut AnyConnection,
    (customer, job): (CustomerId, JobId),
    newest: AttemptId,
) -> Result<(), StoreError> {
    let rows: Vec<(i64,)> = sqlx::query_as(
        "DELETE FROM checkpoint_file WHERE job_id = $1 AND attempt_id <> $2 AND NOT EXISTS
             (SELECT 1 FROM attempt WHERE attempt.job_id = $3 AND attempt.ended_ms IS NULL
              AND attempt.resumed_from = checkpoint_file.attempt_id)
         RETURNING bytes",
    )
    .bind(job.to_string())
    .bind(newest.to_string())
    .bind(job.to_string())
    .fetch_all(&mut *connection)
    .await
    .doing("delete older checkpoints")?;
    give_room_back(connection, customer, &rows).await
}

/// Forgets a job's checkpoint that led to a wrong result: it begins anew from its beginning, or the next rig would be wrong too.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub(super) async fn begin_anew(connection: &mut AnyConnection, customer: CustomerId, job: JobId) -> Result<(), StoreError> {
    sqlx::query("UPDATE job SET checkpoint_attempt_id = NULL, checkpoint_bytes = 0, checkpoint_ms = NULL WHERE id = $1")
        .bind(job.to_string())
        .execute(&mut *connection)
        .await
        .doing("forget a job's checkpoint")?;
    delete_all(connection, customer, job).await
}

/// Removes all checkpoints of a job that has ended, and gives their room back.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub(super) async fn delete_all(connection: &mut AnyConnection, customer: CustomerId, job: JobId) -> Result<(), StoreError> {
    let rows: Vec<(i64,)> = sqlx::query_as("DELETE FROM checkpoint_file WHERE job_id = $1 RETURNING bytes")
        .bind(job.to_string())
        .fetch_all(&mut *connection)
        .await
        .doing("delete the checkpoints of a job")?;
    give_room_back(connection, customer, &rows).await
}

async fn give_room_back(connection: &mut AnyConnection, customer: CustomerId, rows: &[(i64,)]) -> Result<(), StoreError> {
    let bytes = rows.iter().map(|(bytes,)| unsigned(*bytes)).sum();
    if bytes == 0 { Ok(()) } else { customers::give_storage_back(connection, customer, bytes).await }
}
