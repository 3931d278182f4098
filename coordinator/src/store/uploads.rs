//! Files customers have given us to use as inputs.

use std::collections::{BTreeMap, BTreeSet};

use headframe_protocol::{CustomerId, Sha256, TimestampMs, UploadId, api::Upload};
use sqlx::AnyConnection;

use super::{
    Doing as _, Rows, StoreError,
    blobs::{self, Content, ROWS_MAX, signed, unsigned},
    customers::{self, Room},
    parsed, reservations,
};
use crate::blobs::ObjectName;

/// Writes down an upload whose bytes have come to its object. Its room was reserved under its id; if that took so long that the
/// reservation is gone, there must be room anew.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn insert(
    connection: &mut AnyConnection,
    customer: CustomerId,
    upload: &Upload,
    now: TimestampMs,
) -> Result<Room, StoreError> {
    let Upload { id, sha256, bytes, expires_ms } = upload;
    let content = Content { sha256: *sha256, object: ObjectName::upload(*id), bytes: *bytes };
    blobs::adopt(connection, &[content], now).await?;
    sqlx::query("INSERT INTO upload (id, customer_id, sha256, bytes, created_ms, expires_ms) VALUES ($1, $2, $3, $4, $5, $6)")
        .bind(id.to_string())
        .bind(customer.to_string())
        .bind(sha256.to_string())
        .bind(signed(*bytes))
        .bind(now.as_millis())
        .bind(expires_ms.as_millis())
        .execute(&mut *connection)
        .await
        .doing("write down an upload")?;
    match reservations::take(connection, &id.to_string()).await? {
        Some(reserved) => {
            // A body is never longer than it was announced.
            customers::give_storage_back(connection, customer, reserved.saturating_sub(*bytes)).await?;
            Ok(Room::Enough)
        }
        None => customers::take_storage(connection, customer, *bytes).await,
    }
}

/// `id`, `sha256`, `bytes`, `expires_ms`.
type UploadRow = (String, String, i64, i64);

fn upload((id, sha256, bytes, expires_ms): UploadRow) -> Result<Upload, StoreError> {
    let sha256: Sha256 = parsed(&sha256, "sum of an upload")?;
    let expires_ms = TimestampMs::from_millis(expires_ms);
    Ok(Upload { id: parsed(&id, "upload id")?, sha256, bytes: unsigned(bytes), expires_ms })
}

/// One upload of a customer.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn find(connection: &mut AnyConnection, customer: CustomerId, id: UploadId) -> Result<Option<Upload>, StoreError> {
    let row: Option<UploadRow> =
        sqlx::query_as("SELECT id, sha256, bytes, expires_ms FROM upload WHERE id = $1 AND customer_id = $2")
            .bind(id.to_string())
            .bind(customer.to_string())
            .fetch_optional(connection)
            .await
            .doing("read an upload")?;
    row.map(upload).transpose()
}

/// What the customer's uploads among `ids` hash to. Asked for all inputs of a batch together.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn sums(
    connection: &mut AnyConnection,
    customer: CustomerId,
    ids: &BTreeSet<UploadId>,
) -> Result<BTreeMap<UploadId, Sha256>, StoreError> {
    let ids: Vec<String> = ids.iter().map(UploadId::to_string).collect();
    let mut found = BTreeMap::new();
    for chunk in ids.chunks(ROWS_MAX) {
        let list = Rows::list(2, chunk.len());
        let text = format!("SELECT id, sha256 FROM upload WHERE customer_id = $1 AND id IN ({list})");
        let mut query = sqlx::query_as::<_, (String, String)>(sqlx::AssertSqlSafe(text)).bind(customer.to_string());
        for id in chunk {
            query = query.bind(id.clone());
        }
        for (id, sum) in query.fetch_all(&mut *connection).await.doing("look for uploads")? {
            found.insert(parsed(&id, "upload id")?, parsed(&sum, "sum of an upload")?);
        }
    }
    Ok(found)
}

/// A page of a customer's uploads, newest first.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn list(
    connection: &mut AnyConnection,
    customer: CustomerId,
    after: Option<UploadId>,
    limit: u32,
) -> Result<Vec<Upload>, StoreError> {
    // As for jobs: no text is greater than every id in every language's order.
    let from = if after.is_some() { "id < $3" } else { "id <> $3" };
    let text =
        format!("SELECT id, sha256, bytes, expires_ms FROM upload WHERE customer_id = $1 AND {from} ORDER BY id DESC LIMIT $2");
    let rows: Vec<UploadRow> = sqlx::query_as(sqlx::AssertSqlSafe(text))
        .bind(customer.to_string())
        .bind(i64::from(limit))
        .bind(after.map_or_else(String::new, |id| id.to_string()))
        .fetch_all(connection)
        .await
        .doing("list uploads")?;
    rows.into_iter().map(upload).collect()
}

/// Whether a job that is not over names the upload.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn is_used(connection: &mut AnyConnection, customer: CustomerId, id: UploadId) -> Result<bool, StoreError> {
    // Ids are unlike anything else in a specification, so looking for the text finds the use and nothing else.
    let row: Option<(String,)> = sqlx::query_as(
        "SELECT id FROM job WHERE customer_id = $1 AND state NOT IN ('succeeded', 'failed', 'cancelled') AND spec LIKE $2 LIMIT 1",
    )
    .bind(customer.to_string())
    .bind(format!("%\"{id}\"%"))
    .fetch_optional(connection)
    .await
    .doing("look for the use of an upload")?;
    Ok(row.is_some())
}

/// Removes an upload and gives its room back. The bytes go when nothing refers to them. False: it was not there.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn delete(connection: &mut AnyConnection, customer: CustomerId, id: UploadId) -> Result<bool, StoreError> {
    let row: Option<(i64,)> = sqlx::query_as("DELETE FROM upload WHERE id = $1 AND customer_id = $2 RETURNING bytes")
        .bind(id.to_string())
        .bind(customer.to_string())
        .fetch_optional(&mut *connection)
        .await
        .doing("delete an upload")?;
    let Some((bytes,)) = row else { return Ok(false) };
    customers::give_storage_back(connection, customer, unsigned(bytes)).await?;
    Ok(true)
}

/// Uploads whose time is over, oldest first.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn expired(
    connection: &mut AnyConnection,
    now: TimestampMs,
    limit: i64,
) -> Result<Vec<(CustomerId, UploadId)>, StoreError> {
    let rows: Vec<(String, String)> =
        sqlx::query_as("SELECT customer_id, id FROM upload WHERE expires_ms <= $1 ORDER BY expires_ms LIMIT $2")
            .bind(now.as_millis())
            .bind(limit)
            .fetch_all(connection)
            .await
            .doing("look for uploads whose time is over")?;
    rows.iter().map(|(customer, id)| Ok((parsed(customer, "customer id")?, parsed(id, "upload id")?))).collect()
}

/// Keeps an upload longer, because an open job uses it.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn keep_until(connection: &mut AnyConnection, id: UploadId, expires_ms: TimestampMs) -> Result<(), StoreError> {
    let done = sqlx::query("UPDATE upload SET expires_ms = $1 WHERE id = $2 AND expires_ms < $3")
        .bind(expires_ms.as_millis())
        .bind(id.to_string())
        .bind(expires_ms.as_millis())
        .execute(connection)
        .await;
    done.map(drop).doing("keep an upload")
}
