//! What customers' namespaces hold in the registry, as its notifications tell.

use headframe_protocol::{CustomerId, TimestampMs};
use sqlx::AnyConnection;

use super::{
    Doing as _, StoreError,
    blobs::{signed, unsigned},
    customers,
};
use crate::registry::events::{Change, Kind};

/// Writes down a change. Told twice, it counts once. What lies in nobody's namespace is not counted.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn apply(connection: &mut AnyConnection, change: &Change, now: TimestampMs) -> Result<(), StoreError> {
    match change {
        Change::Added { repository, digest, kind, bytes } => add(connection, repository, digest, (*kind, *bytes), now).await,
        Change::Removed { repository, digest } => remove(connection, repository, digest).await,
    }
}

async fn add(
    connection: &mut AnyConnection,
    repository: &str,
    digest: &str,
    (kind, bytes): (Kind, u64),
    now: TimestampMs,
) -> Result<(), StoreError> {
    let Some((namespace, customer)) = owner(connection, repository).await? else { return Ok(()) };
    let counted = is_held(connection, &namespace, digest).await?;
    let done = sqlx::query(
        "INSERT INTO registry_content (repository, digest, namespace, kind, bytes, pushed_ms) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (repository, digest) DO UPDATE SET pushed_ms = excluded.pushed_ms",
    )
    .bind(repository)
    .bind(digest)
    .bind(namespace)
    .bind(kind.as_str())
    .bind(signed(bytes))
    .bind(now.as_millis())
    .execute(&mut *connection)
    .await
    .doing("write down a push")?;
    if done.rows_affected() == 1 && !counted {
        customers::add_storage(connection, customer, bytes).await?;
    }
    Ok(())
}

async fn remove(connection: &mut AnyConnection, repository: &str, digest: &str) -> Result<(), StoreError> {
    let row: Option<(String, i64)> =
        sqlx::query_as("DELETE FROM registry_content WHERE repository = $1 AND digest = $2 RETURNING namespace, bytes")
            .bind(repository)
            .bind(digest)
            .fetch_optional(&mut *connection)
            .await
            .doing("write down a removal")?;
    let Some((namespace, bytes)) = row else { return Ok(()) };
    if is_held(connection, &namespace, digest).await? {
        return Ok(());
    }
    match owner(connection, repository).await? {
        Some((_, customer)) => customers::give_storage_back(connection, customer, unsigned(bytes)).await,
        None => Ok(()),
    }
}

/// The namespace a repository lies in, and whose it is.
async fn owner(connection: &mut AnyConnection, repository: &str) -> Result<Option<(String, CustomerId)>, StoreError> {
    let Some((namespace, _)) = repository.split_once('/') else { return Ok(None) };
    let customer = customers::by_namespace(connection, namespace).await?;
    Ok(customer.map(|customer| (namespace.to_owned(), customer.id)))
}

/// Layers are shared between the repositories of a namespace and count once.
async fn is_held(connection: &mut AnyConnection, namespace: &str, digest: &str) -> Result<bool, StoreError> {
    let row: Option<(String,)> =
        sqlx::query_as("SELECT repository FROM registry_content WHERE namespace = $1 AND digest = $2 LIMIT 1")
            .bind(namespace)
            .bind(digest)
            .fetch_optional(connection)
            .await
            .doing("look for registry content")?;
    Ok(row.is_some())
}

/// Repositories that hold anything.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn repositories(connection: &mut AnyConnection) -> Result<Vec<String>, StoreError> {
    let rows: Vec<(String,)> = sqlx::query_as("SELECT DISTINCT repository FROM registry_content ORDER BY repository")
        .fetch_all(connection)
        .await
        .doing("list repositories")?;
    Ok(rows.into_iter().map(|(repository,)| repository).collect())
}

/// Digests of one kind in a repository, pushed before `before`.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn digests(
    connection: &mut AnyConnection,
    repository: &str,
    kind: Kind,
    before: TimestampMs,
) -> Result<Vec<String>, StoreError> {
    let rows: Vec<(String,)> = sqlx::query_as(
        "SELECT digest FROM registry_content WHERE repository = $1 AND kind = $2 AND pushed_ms < $3 ORDER BY digest",
    )
    .bind(repository)
    .bind(kind.as_str())
    .bind(before.as_millis())
    .fetch_all(connection)
    .await
    .doing("list the content of a repository")?;
    Ok(rows.into_iter().map(|(digest,)| digest).collect())
}

/// Whether a job that is not over, or was submitted at or after `since`, names the image.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn is_used(connection: &mut AnyConnection, digest: &str, since: TimestampMs) -> Result<bool, StoreError> {
    let row: Option<(String,)> = sqlx::query_as(
        "SELECT id FROM job WHERE (created_ms >= $1 OR state NOT IN ('succeeded', 'failed', 'cancelled')) AND spec LIKE $2 LIMIT 1",
    )
    .bind(since.as_millis())
    .bind(format!("%@{digest}\"%"))
    .fetch_optional(connection)
    .await
    .doing("look for the use of an image")?;
    Ok(row.is_some())
}
