//! The files of accepted results.

use headframe_protocol::{
    AttemptId, CustomerId, JobId, Sha256, TimestampMs, api::Provenance, job::JobSpec, receipt::SignedReceipt, session::OutputFile,
};
use sqlx::AnyConnection;

use super::{
    Doing as _, StoreError,
    blobs::{self, Keeper, unsigned},
    customers, document, parsed,
};
use crate::blobs::ObjectName;

/// Writes down the files of a result in the transaction that accepts it: from then on they are the customer's. The
/// attempt has brought every one of them ([`crate::blobs::Blobs::contains_for_attempt`]). Their room is counted by
/// [`customers::settle`].
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn accept(
    connection: &mut AnyConnection,
    (job, attempt): (JobId, AttemptId),
    files: &[OutputFile],
    now: TimestampMs,
) -> Result<(), StoreError> {
    blobs::keep(connection, Keeper::Result, (job, attempt), files, now).await
}

/// The attempt whose result a customer's job has accepted; `None` if there is no such job or no result.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn accepted(connection: &mut AnyConnection, customer: CustomerId, job: JobId) -> Result<Option<AttemptId>, StoreError> {
    let row: Option<(Option<String>,)> =
        sqlx::query_as("SELECT attempt_id FROM job WHERE id = $1 AND customer_id = $2 AND state = 'succeeded'")
            .bind(job.to_string())
            .bind(customer.to_string())
            .fetch_optional(connection)
            .await
            .doing("look for a result")?;
    row.and_then(|(attempt,)| attempt).map(|attempt| parsed(&attempt, "attempt id")).transpose()
}

/// The files of a job's accepted result, by path.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn of_job(connection: &mut AnyConnection, job: JobId) -> Result<Vec<OutputFile>, StoreError> {
    let rows: Vec<(String, String, i64)> =
        sqlx::query_as("SELECT path, sha256, bytes FROM artifact WHERE job_id = $1 ORDER BY path")
            .bind(job.to_string())
            .fetch_all(connection)
            .await
            .doing("read the files of a result")?;
    rows.into_iter().map(|(path, sha256, bytes)| file(path, &sha256, bytes)).collect()
}

fn file(path: String, sha256: &str, bytes: i64) -> Result<OutputFile, StoreError> {
    let sha256: Sha256 = parsed(sha256, "sum of an artifact")?;
    Ok(OutputFile { path, sha256, bytes: unsigned(bytes) })
}

/// How a job's accepted result came to be; `None` if there is no such job or no result.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn provenance(
    connection: &mut AnyConnection,
    customer: CustomerId,
    job: JobId,
) -> Result<Option<Provenance>, StoreError> {
    let row: Option<(String, String, String, Option<String>)> = sqlx::query_as(
        "SELECT attempt.id, attempt.device_id, job.spec, attempt.receipt
         FROM job JOIN attempt ON attempt.id = job.attempt_id WHERE job.id = $1 AND job.customer_id = $2 AND job.state = 'succeeded'",
    )
    .bind(job.to_string())
    .bind(customer.to_string())
    .fetch_optional(&mut *connection)
    .await
    .doing("read how a result came to be")?;
    let Some((attempt, device, spec, receipt)) = row else { return Ok(None) };
    let spec: JobSpec = document(&spec, "job specification")?;
    let receipt: Option<SignedReceipt> = receipt.map(|receipt| document(&receipt, "receipt")).transpose()?;
    Ok(Some(Provenance {
        job,
        attempt: parsed(&attempt, "attempt id")?,
        device: parsed(&device, "device id")?,
        image: spec.image,
        fu: 0,
        verification: spec.verify.name().to_owned(),
        outputs: of_job(connection, job).await?,
        receipt_signature: receipt.as_ref().map(|signed| signed.signature.into()),
        receipt: receipt.map(|signed| signed.receipt),
    }))
}

/// One file of a customer's job, with where its bytes are.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn find(
    connection: &mut AnyConnection,
    customer: CustomerId,
    job: JobId,
    path: &str,
) -> Result<Option<(OutputFile, ObjectName)>, StoreError> {
    let row: Option<(String, String, i64, String)> = sqlx::query_as(
        "SELECT artifact.path, artifact.sha256, artifact.bytes, blob.object
         FROM artifact JOIN job ON job.id = artifact.job_id JOIN blob ON blob.sha256 = artifact.sha256
         WHERE artifact.job_id = $1 AND artifact.path = $2 AND job.customer_id = $3",
    )
    .bind(job.to_string())
    .bind(path)
    .bind(customer.to_string())
    .fetch_optional(connection)
    .await
    .doing("find a file of a result")?;
    row.map(|(path, sha256, bytes, object)| Ok((file(path, &sha256, bytes)?, ObjectName::stored(object)))).transpose()
}

/// Removes the files of a customer's job that is over and gives their room back. Says how many they were.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn delete(connection: &mut AnyConnection, customer: CustomerId, job: JobId) -> Result<u64, StoreError> {
    let (job, customer_id) = (job.to_string(), customer.to_string());
    let rows: Vec<(i64,)> = sqlx::query_as(
        "DELETE FROM artifact WHERE job_id = (SELECT id FROM job WHERE id = $1 AND customer_id = $2 AND ended_ms IS NOT NULL)
         RETURNING bytes",
    )
    .bind(job)
    .bind(customer_id)
    .fetch_all(&mut *connection)
    .await
    .doing("delete a result")?;
    let bytes = rows.iter().map(|(bytes,)| unsigned(*bytes)).sum();
    if bytes > 0 {
        customers::give_storage_back(connection, customer, bytes).await?;
    }
    Ok(rows.len() as u64)
}

/// Removes the files of jobs that ended before `before`, of at most `limit` jobs, and gives their room back.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn delete_ended_before(connection: &mut AnyConnection, before: TimestampMs, limit: i64) -> Result<u64, StoreError> {
    let jobs: Vec<(String, String)> = sqlx::query_as(
        "SELECT id, customer_id FROM job WHERE ended_ms < $1 AND EXISTS (SELECT 1 FROM artifact WHERE artifact.job_id = job.id)
         ORDER BY ended_ms LIMIT $2",
    )
    .bind(before.as_millis())
    .bind(limit)
    .fetch_all(&mut *connection)
    .await
    .doing("look for results whose time is over")?;
    for (job, customer) in &jobs {
        let rows: Vec<(i64,)> = sqlx::query_as("DELETE FROM artifact WHERE job_id = $1 RETURNING bytes")
            .bind(job)
            .fetch_all(&mut *connection)
            .await
            .doing("delete a result")?;
        let bytes = rows.iter().map(|(bytes,)| unsigned(*bytes)).sum();
        customers::give_storage_back(connection, parsed(customer, "customer id")?, bytes).await?;
    }
    Ok(jobs.len() as u64)
}
