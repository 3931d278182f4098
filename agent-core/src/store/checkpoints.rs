//! One row for each checkpoint that is still to be brought or decided about.

use std::time::Duration;

use headframe_protocol::{
    TimestampMs,
    session::{AttemptRef, Offer, OutputFile},
};
use sqlx::{Row as _, SqliteConnection, sqlite::SqliteRow};

use super::{
    Store, StoreError,
    attempts::{json, signed},
};

/// What was brought of a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Saved {
    /// The files; none if there is no checkpoint.
    pub files: Vec<OutputFile>,
    /// A line for the customer why there is none although something was there.
    pub problem: Option<String>,
}

/// A checkpoint an earlier life had not finished with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenCheckpoint {
    /// The offer whose attempt left it.
    pub offer: Offer,
    /// What was brought, if all was.
    pub saved: Option<Saved>,
    /// When it is given up.
    pub until_ms: TimestampMs,
}

impl Store {
    /// Every checkpoint that is not finished with, oldest first.
    ///
    /// # Errors
    /// [`StoreError::Read`], and [`StoreError::Damaged`] for a row this program did not write.
    pub async fn open_checkpoints(&self) -> Result<Vec<OpenCheckpoint>, StoreError> {
        let rows = sqlx::query("SELECT attempt, offer, files, problem, until_ms FROM checkpoint ORDER BY rowid")
            .fetch_all(&self.readers)
            .await
            .map_err(|source| StoreError::Read { what: "the checkpoints", source })?;
        rows.iter().map(open_checkpoint).collect()
    }
}

fn open_checkpoint(row: &SqliteRow) -> Result<OpenCheckpoint, StoreError> {
    let attempt: String = row.get("attempt");
    let damaged = |_| StoreError::Damaged { attempt: attempt.clone() };
    let files: Option<String> = row.get("files");
    let files = files.map(|text| serde_json::from_str(&text)).transpose().map_err(damaged)?;
    Ok(OpenCheckpoint {
        offer: serde_json::from_str(row.get("offer")).map_err(damaged)?,
        saved: files.map(|files| Saved { files, problem: row.get("problem") }),
        until_ms: TimestampMs::from_millis(row.get("until_ms")),
    })
}

/// The attempt has ended and left one, in the transaction that writes its end down. Its own row loses the offer sooner.
pub(super) async fn begin(
    connection: &mut SqliteConnection,
    at: AttemptRef,
    keep_for: Duration,
    now: TimestampMs,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO checkpoint (attempt, offer, until_ms)
         SELECT attempt, offer, $1 FROM attempt WHERE attempt = $2 AND epoch = $3 AND offer IS NOT NULL
         ON CONFLICT (attempt) DO NOTHING",
    )
    .bind(now.after(keep_for).as_millis())
    .bind(at.attempt.to_string())
    .bind(signed(at.epoch))
    .execute(connection)
    .await
    .map(drop)
}

/// All is brought.
pub(super) async fn saved(connection: &mut SqliteConnection, at: AttemptRef, saved: &Saved) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE checkpoint SET files = $1, problem = $2 WHERE attempt = $3")
        .bind(json(&saved.files)?)
        .bind(&saved.problem)
        .bind(at.attempt.to_string())
        .execute(connection)
        .await
        .map(drop)
}

/// Nothing more is done about it.
pub(super) async fn end(connection: &mut SqliteConnection, at: AttemptRef) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM checkpoint WHERE attempt = $1").bind(at.attempt.to_string()).execute(connection).await.map(drop)
}
