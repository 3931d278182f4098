//! Which object of the artifact store holds which content, and what nobody refers to any more.

use std::collections::BTreeSet;

use headframe_protocol::{AttemptId, JobId, Sha256, TimestampMs, session::OutputFile};
use sqlx::AnyConnection;

use super::{Doing as _, Rows, StoreError};
use crate::blobs::ObjectName;

/// Rows per statement. Five placeholders each at most, well below what either database takes.
pub(super) const ROWS_MAX: usize = 500;

/// Content and the object it was written to.
#[derive(Debug, Clone)]
pub struct Content {
    /// What the bytes hash to.
    pub sha256: Sha256,
    /// Where they were written.
    pub object: ObjectName,
    /// How many.
    pub bytes: u64,
}

/// Makes content known, or known to be wanted again. Content that is known already stays where it is; the new object is
/// then one too many and goes with the next pruning.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn adopt(connection: &mut AnyConnection, contents: &[Content], now: TimestampMs) -> Result<(), StoreError> {
    // Sorted and without doubles: two transactions touch rows in the same order, and no statement touches one row twice.
    let mut sorted: Vec<&Content> = contents.iter().collect();
    sorted.sort_by_key(|content| content.sha256);
    sorted.dedup_by_key(|content| content.sha256);
    for chunk in sorted.chunks(ROWS_MAX) {
        let values = Rows { first: 1, rows: chunk.len(), columns: 4 };
        let text = format!(
            "INSERT INTO blob (sha256, object, bytes, touched_ms) VALUES {values}
             ON CONFLICT (sha256) DO UPDATE SET touched_ms = excluded.touched_ms"
        );
        let mut query = sqlx::query(sqlx::AssertSqlSafe(text));
        for Content { sha256, object, bytes } in chunk {
            query = query.bind(sha256.to_string()).bind(object.as_str().to_owned()).bind(signed(*bytes)).bind(now.as_millis());
        }
        query.execute(&mut *connection).await.doing("write down content")?;
    }
    Ok(())
}

/// What files that an attempt has brought are kept as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keeper {
    /// Its job's result.
    Result,
    /// Its checkpoint.
    Checkpoint,
}

impl Keeper {
    const fn table(self) -> &'static str {
        match self {
            Self::Result => "artifact",
            Self::Checkpoint => "checkpoint_file",
        }
    }
}

/// Writes down the files an attempt has brought, and that their content is here, in the transaction that accepts them.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub(super) async fn keep(
    connection: &mut AnyConnection,
    keeper: Keeper,
    (job, attempt): (JobId, AttemptId),
    files: &[OutputFile],
    now: TimestampMs,
) -> Result<(), StoreError> {
    let content =
        |file: &OutputFile| Content { sha256: file.sha256, object: ObjectName::staged(attempt, file.sha256), bytes: file.bytes };
    adopt(connection, &files.iter().map(content).collect::<Vec<_>>(), now).await?;
    for chunk in files.chunks(ROWS_MAX) {
        let values = Rows { first: 1, rows: chunk.len(), columns: 5 };
        let table = keeper.table();
        let text = format!("INSERT INTO {table} (job_id, attempt_id, path, sha256, bytes) VALUES {values}");
        let mut query = sqlx::query(sqlx::AssertSqlSafe(text));
        for OutputFile { path, sha256, bytes } in chunk {
            query = query.bind(job.to_string()).bind(attempt.to_string()).bind(path.clone());
            query = query.bind(sha256.to_string()).bind(signed(*bytes));
        }
        query.execute(&mut *connection).await.doing("write down the files an attempt has brought")?;
    }
    Ok(())
}

/// Where content is, or `None` if it is not here.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn find(connection: &mut AnyConnection, sha256: Sha256) -> Result<Option<ObjectName>, StoreError> {
    let row: Option<(String,)> = sqlx::query_as("SELECT object FROM blob WHERE sha256 = $1")
        .bind(sha256.to_string())
        .fetch_optional(connection)
        .await
        .doing("find content")?;
    Ok(row.map(|(object,)| ObjectName::stored(object)))
}

/// Forgets content that no upload, result or checkpoint refers to and nobody has wanted since `before`, at most `limit` of it.
/// What it returns can be deleted: content that comes again is written to a new object.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn forget_unreferenced(
    connection: &mut AnyConnection,
    before: TimestampMs,
    limit: i64,
) -> Result<Vec<ObjectName>, StoreError> {
    let rows: Vec<(String,)> = sqlx::query_as(
        "DELETE FROM blob WHERE touched_ms < $1 AND sha256 IN (
             SELECT sha256 FROM blob WHERE touched_ms < $2
             AND NOT EXISTS (SELECT 1 FROM artifact WHERE artifact.sha256 = blob.sha256)
             AND NOT EXISTS (SELECT 1 FROM checkpoint_file WHERE checkpoint_file.sha256 = blob.sha256)
             AND NOT EXISTS (SELECT 1 FROM upload WHERE upload.sha256 = blob.sha256)
             ORDER BY touched_ms LIMIT $3)
         RETURNING object",
    )
    .bind(before.as_millis())
    .bind(before.as_millis())
    .bind(limit)
    .fetch_all(connection)
    .await
    .doing("forget unreferenced content")?;
    Ok(rows.into_iter().map(|(object,)| ObjectName::stored(object)).collect())
}

/// Which of `names` hold known content.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn known(connection: &mut AnyConnection, names: &[ObjectName]) -> Result<BTreeSet<ObjectName>, StoreError> {
    let mut found = BTreeSet::new();
    for chunk in names.chunks(ROWS_MAX) {
        let text = format!("SELECT object FROM blob WHERE object IN ({})", Rows::list(1, chunk.len()));
        let mut query = sqlx::query_as(sqlx::AssertSqlSafe(text));
        for name in chunk {
            query = query.bind(name.as_str().to_owned());
        }
        let rows: Vec<(String,)> = query.fetch_all(&mut *connection).await.doing("look up objects")?;
        found.extend(rows.into_iter().map(|(object,)| ObjectName::stored(object)));
    }
    Ok(found)
}

/// Sizes as the database holds them.
pub(super) fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

/// Sizes as the program holds them.
pub(super) fn unsigned(bytes: i64) -> u64 {
    u64::try_from(bytes).unwrap_or(0)
}
