//! Which images the operator has approved or revoked.

use headframe_protocol::{Sha256, TimestampMs};
use serde::Serialize;
use sqlx::AnyConnection;

use super::{Doing as _, StoreError, parsed};

/// What the operator has said about an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImageRecord {
    /// Of its manifest.
    pub digest: Sha256,
    /// Since when it may run.
    pub approved_ms: Option<TimestampMs>,
    /// Since when it must not.
    pub revoked_ms: Option<TimestampMs>,
    /// Why, in the operator's words.
    pub reason: String,
}

/// What an image may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// The operator has said nothing.
    Unknown,
    /// It may run.
    Approved,
    /// It must not run.
    Revoked,
}

/// Says that an image may run; lifts an earlier revocation.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn approve(connection: &mut AnyConnection, digest: Sha256, reason: &str, now: TimestampMs) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO image (digest, approved_ms, revoked_ms, reason) VALUES ($1, $2, NULL, $3)
         ON CONFLICT (digest) DO UPDATE SET approved_ms = excluded.approved_ms, revoked_ms = NULL, reason = excluded.reason",
    )
    .bind(digest.to_string())
    .bind(now.as_millis())
    .bind(reason)
    .execute(connection)
    .await
    .map(drop)
    .doing("approve an image")
}

/// Says that an image must not run any more.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn revoke(connection: &mut AnyConnection, digest: Sha256, reason: &str, now: TimestampMs) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO image (digest, approved_ms, revoked_ms, reason) VALUES ($1, NULL, $2, $3)
         ON CONFLICT (digest) DO UPDATE SET revoked_ms = excluded.revoked_ms, reason = excluded.reason",
    )
    .bind(digest.to_string())
    .bind(now.as_millis())
    .bind(reason)
    .execute(connection)
    .await
    .map(drop)
    .doing("revoke an image")
}

/// What an image may do.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn standing(connection: &mut AnyConnection, digest: Sha256) -> Result<Standing, StoreError> {
    let row: Option<(Option<i64>, Option<i64>)> = sqlx::query_as("SELECT approved_ms, revoked_ms FROM image WHERE digest = $1")
        .bind(digest.to_string())
        .fetch_optional(connection)
        .await
        .doing("look up an image")?;
    Ok(match row {
        Some((_, Some(_))) => Standing::Revoked,
        Some((Some(_), None)) => Standing::Approved,
        Some((None, None)) | None => Standing::Unknown,
    })
}

/// Images revoked at or after `since`.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn revoked_since(connection: &mut AnyConnection, since: TimestampMs) -> Result<Vec<Sha256>, StoreError> {
    let rows: Vec<(String,)> = sqlx::query_as("SELECT digest FROM image WHERE revoked_ms >= $1 ORDER BY revoked_ms")
        .bind(since.as_millis())
        .fetch_all(connection)
        .await
        .doing("look for revoked images")?;
    rows.iter().map(|(digest,)| parsed(digest, "image digest")).collect()
}

/// `digest`, `approved_ms`, `revoked_ms`, `reason`.
type ImageRow = (String, Option<i64>, Option<i64>, String);

/// Everything the operator has said about images.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn list(connection: &mut AnyConnection) -> Result<Vec<ImageRecord>, StoreError> {
    let rows: Vec<ImageRow> = sqlx::query_as("SELECT digest, approved_ms, revoked_ms, reason FROM image ORDER BY digest")
        .fetch_all(connection)
        .await
        .doing("list images")?;
    rows.into_iter()
        .map(|(digest, approved_ms, revoked_ms, reason)| {
            Ok(ImageRecord {
                digest: parsed(&digest, "image digest")?,
                approved_ms: approved_ms.map(TimestampMs::from_millis),
                revoked_ms: revoked_ms.map(TimestampMs::from_millis),
                reason,
            })
        })
        .collect()
}
