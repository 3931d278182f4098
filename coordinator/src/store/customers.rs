//! Customers, their keys and the room they have.

use headframe_protocol::{ApiKeyId, CustomerId, Micros, Sha256, TimestampMs};
use serde::Serialize;
use sqlx::AnyConnection;

use super::{
    Doing as _, StoreError,
    blobs::{signed, unsigned},
    parsed,
};

/// Whether something that needs room was written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    /// It was.
    Enough,
    /// The account's storage is used up.
    None,
}

/// A customer as the operator sees him.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CustomerRecord {
    /// The account.
    pub id: CustomerId,
    /// What it is called.
    pub name: String,
    /// Its part of the registry.
    pub namespace: String,
    /// Since when it is suspended.
    pub suspended_ms: Option<TimestampMs>,
    /// The most open jobs it may have.
    pub open_jobs_max: u64,
    /// Bytes of uploads, results and images it may keep.
    pub storage_bytes_max: u64,
    /// Bytes it keeps.
    pub storage_bytes_used: u64,
    /// When it was made.
    pub created_ms: TimestampMs,
}

/// An API key as the operator sees it; the key itself is nowhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeyRecord {
    /// Names the key.
    pub id: ApiKeyId,
    /// What it is for.
    pub label: String,
    /// When it was made.
    pub created_ms: TimestampMs,
    /// Since when it is no good.
    pub revoked_ms: Option<TimestampMs>,
    /// What it may spend in any 24 hours, if that is limited.
    pub spend_max: Option<Micros>,
}

/// The columns of a [`CustomerRecord`], in its order.
type CustomerRow = (String, String, String, Option<i64>, i64, i64, i64, i64);

const CUSTOMER_COLUMNS: &str =
    "id, name, namespace, suspended_ms, open_jobs_max, storage_bytes_max, storage_bytes_used, created_ms";

fn record(row: CustomerRow) -> Result<CustomerRecord, StoreError> {
    let (id, name, namespace, suspended_ms, open_jobs_max, storage_bytes_max, storage_bytes_used, created_ms) = row;
    Ok(CustomerRecord {
        id: parsed(&id, "customer id")?,
        name,
        namespace,
        suspended_ms: suspended_ms.map(TimestampMs::from_millis),
        open_jobs_max: unsigned(open_jobs_max),
        storage_bytes_max: unsigned(storage_bytes_max),
        storage_bytes_used: unsigned(storage_bytes_used),
        created_ms: TimestampMs::from_millis(created_ms),
    })
}

/// Writes down a new customer. False: the namespace is taken.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn insert(connection: &mut AnyConnection, customer: &CustomerRecord) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "INSERT INTO customer (id, name, namespace, open_jobs_max, storage_bytes_max, created_ms)
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (namespace) DO NOTHING",
    )
    .bind(customer.id.to_string())
    .bind(customer.name.clone())
    .bind(customer.namespace.clone())
    .bind(signed(customer.open_jobs_max))
    .bind(signed(customer.storage_bytes_max))
    .bind(customer.created_ms.as_millis())
    .execute(connection)
    .await
    .doing("write down a customer")?;
    Ok(done.rows_affected() == 1)
}

/// All customers, oldest first.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn list(connection: &mut AnyConnection) -> Result<Vec<CustomerRecord>, StoreError> {
    let text = format!("SELECT {CUSTOMER_COLUMNS} FROM customer ORDER BY id");
    let rows: Vec<CustomerRow> = sqlx::query_as(sqlx::AssertSqlSafe(text)).fetch_all(connection).await.doing("list customers")?;
    rows.into_iter().map(record).collect()
}

/// Takes a customer's row: until the transaction ends nobody else changes what is kept of him.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn take_row(connection: &mut AnyConnection, customer: CustomerId) -> Result<(), StoreError> {
    let query = sqlx::query("UPDATE customer SET charged = charged WHERE id = $1").bind(customer.to_string());
    query.execute(connection).await.map(drop).doing("take a customer's row")
}

/// One customer.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn find(connection: &mut AnyConnection, id: CustomerId) -> Result<Option<CustomerRecord>, StoreError> {
    let text = format!("SELECT {CUSTOMER_COLUMNS} FROM customer WHERE id = $1");
    let row: Option<CustomerRow> = sqlx::query_as(sqlx::AssertSqlSafe(text))
        .bind(id.to_string())
        .fetch_optional(connection)
        .await
        .doing("find a customer")?;
    row.map(record).transpose()
}

/// The customer a namespace of the registry belongs to.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn by_namespace(connection: &mut AnyConnection, namespace: &str) -> Result<Option<CustomerRecord>, StoreError> {
    let text = format!("SELECT {CUSTOMER_COLUMNS} FROM customer WHERE namespace = $1");
    let query = sqlx::query_as(sqlx::AssertSqlSafe(text)).bind(namespace);
    let row: Option<CustomerRow> = query.fetch_optional(connection).await.doing("find a customer by namespace")?;
    row.map(record).transpose()
}

/// Suspends an account since `since`, or with `None` lets it work again. False: it was so already, or does not exist.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn set_suspended(
    connection: &mut AnyConnection,
    id: CustomerId,
    since: Option<TimestampMs>,
) -> Result<bool, StoreError> {
    let text = match since {
        Some(_) => "UPDATE customer SET suspended_ms = $1 WHERE id = $2 AND suspended_ms IS NULL",
        None => "UPDATE customer SET suspended_ms = $1 WHERE id = $2 AND suspended_ms IS NOT NULL",
    };
    let query = sqlx::query(text).bind(since.map(TimestampMs::as_millis)).bind(id.to_string());
    let done = query.execute(connection).await.doing("suspend or resume an account")?;
    Ok(done.rows_affected() == 1)
}

/// Takes room for `bytes`, if there is as much.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn take_storage(connection: &mut AnyConnection, id: CustomerId, bytes: u64) -> Result<Room, StoreError> {
    let done = sqlx::query(
        "UPDATE customer SET storage_bytes_used = storage_bytes_used + $1
         WHERE id = $2 AND storage_bytes_used <= storage_bytes_max - $3",
    )
    .bind(signed(bytes))
    .bind(id.to_string())
    .bind(signed(bytes))
    .execute(connection)
    .await
    .doing("take storage")?;
    Ok(if done.rows_affected() == 1 { Room::Enough } else { Room::None })
}

/// What the end of an attempt does to its customer's storage.
#[derive(Debug, Clone, Copy)]
pub struct Storage {
    /// Bytes of the result.
    pub kept: u64,
    /// Bytes that were reserved while they came.
    pub reserved: u64,
}

/// Counts what an attempt cost and what it left. Never refused for want of room: the work is done and paid. Whoever is over
/// his quota gets no new uploads and results.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn settle(connection: &mut AnyConnection, id: CustomerId, charged: Micros, storage: Storage) -> Result<(), StoreError> {
    let more = signed(storage.kept) - signed(storage.reserved);
    if charged == Micros::ZERO && more == 0 {
        return Ok(());
    }
    sqlx::query("UPDATE customer SET charged = charged + $1, storage_bytes_used = storage_bytes_used + $2 WHERE id = $3")
        .bind(charged.get())
        .bind(more)
        .bind(id.to_string())
        .execute(connection)
        .await
        .map(drop)
        .doing("count what an attempt cost")
}

/// What a customer was charged in all.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn spent(connection: &mut AnyConnection, id: CustomerId) -> Result<Micros, StoreError> {
    let query = sqlx::query_as("SELECT charged FROM customer WHERE id = $1").bind(id.to_string());
    let row: Option<(i64,)> = query.fetch_optional(connection).await.doing("read what a customer has spent")?;
    Ok(row.map_or(Micros::ZERO, |(charged,)| Micros::new(charged)))
}

/// Counts `bytes` as used, whether there was room or not.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn add_storage(connection: &mut AnyConnection, id: CustomerId, bytes: u64) -> Result<(), StoreError> {
    change_storage(connection, id, signed(bytes)).await
}

/// Counts `bytes` as free again.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn give_storage_back(connection: &mut AnyConnection, id: CustomerId, bytes: u64) -> Result<(), StoreError> {
    change_storage(connection, id, -signed(bytes)).await
}

async fn change_storage(connection: &mut AnyConnection, id: CustomerId, bytes: i64) -> Result<(), StoreError> {
    let query = sqlx::query("UPDATE customer SET storage_bytes_used = storage_bytes_used + $1 WHERE id = $2");
    query.bind(bytes).bind(id.to_string()).execute(connection).await.map(drop).doing("count storage")
}

/// Writes down a key by the sum of its text.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn insert_key(
    connection: &mut AnyConnection,
    customer: CustomerId,
    key: &KeyRecord,
    secret_sha256: Sha256,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO api_key (id, customer_id, label, secret_sha256, created_ms, spend_max) VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(key.id.to_string())
    .bind(customer.to_string())
    .bind(key.label.clone())
    .bind(secret_sha256.to_string())
    .bind(key.created_ms.as_millis())
    .bind(key.spend_max.map(Micros::get))
    .execute(connection)
    .await
    .map(drop)
    .doing("write down an API key")
}

/// `id`, `label`, `created_ms`, `revoked_ms`, `spend_max`.
type KeyRow = (String, String, i64, Option<i64>, Option<i64>);

/// The keys of a customer, oldest first.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn keys(connection: &mut AnyConnection, customer: CustomerId) -> Result<Vec<KeyRecord>, StoreError> {
    let rows: Vec<KeyRow> =
        sqlx::query_as("SELECT id, label, created_ms, revoked_ms, spend_max FROM api_key WHERE customer_id = $1 ORDER BY id")
            .bind(customer.to_string())
            .fetch_all(connection)
            .await
            .doing("list API keys")?;
    rows.into_iter()
        .map(|(id, label, created_ms, revoked_ms, spend_max)| {
            Ok(KeyRecord {
                id: parsed(&id, "API key id")?,
                label,
                created_ms: TimestampMs::from_millis(created_ms),
                revoked_ms: revoked_ms.map(TimestampMs::from_millis),
                spend_max: spend_max.map(Micros::new),
            })
        })
        .collect()
}

/// Whether a key opens anything: it is not revoked, and its account not suspended.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn is_key_good(connection: &mut AnyConnection, id: ApiKeyId) -> Result<bool, StoreError> {
    let row: Option<(String,)> = sqlx::query_as(
        "SELECT api_key.id FROM api_key JOIN customer ON customer.id = api_key.customer_id
         WHERE api_key.id = $1 AND api_key.revoked_ms IS NULL AND customer.suspended_ms IS NULL",
    )
    .bind(id.to_string())
    .fetch_optional(connection)
    .await
    .doing("look at an API key")?;
    Ok(row.is_some())
}

/// Makes a key no good. False: it was so already, or does not exist.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn revoke_key(connection: &mut AnyConnection, id: ApiKeyId, now: TimestampMs) -> Result<bool, StoreError> {
    let query = sqlx::query("UPDATE api_key SET revoked_ms = $1 WHERE id = $2 AND revoked_ms IS NULL");
    let done = query.bind(now.as_millis()).bind(id.to_string()).execute(connection).await.doing("revoke an API key")?;
    Ok(done.rows_affected() == 1)
}

/// Counts again what every customer keeps: uploads, results, what is on its way, and what his namespace holds in the registry. Repairs
/// whatever a crash between two systems left uncounted.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn recount_storage(connection: &mut AnyConnection) -> Result<u64, StoreError> {
    const COUNTED: &str = "
        (SELECT CAST(COALESCE(SUM(upload.bytes), 0) AS BIGINT) FROM upload WHERE upload.customer_id = customer.id)
        + (SELECT CAST(COALESCE(SUM(artifact.bytes), 0) AS BIGINT) FROM artifact JOIN job ON job.id = artifact.job_id
           WHERE job.customer_id = customer.id)
        + (SELECT CAST(COALESCE(SUM(checkpoint_file.bytes), 0) AS BIGINT) FROM checkpoint_file JOIN job ON job.id = checkpoint_file.job_id
           WHERE job.customer_id = customer.id)
        + (SELECT CAST(COALESCE(SUM(reservation.bytes), 0) AS BIGINT) FROM reservation WHERE reservation.customer_id = customer.id)
        + (SELECT CAST(COALESCE(SUM(content.bytes), 0) AS BIGINT) FROM
           (SELECT DISTINCT namespace, digest, bytes FROM registry_content) AS content WHERE content.namespace = customer.namespace)";
    let text = format!("UPDATE customer SET storage_bytes_used = {COUNTED} WHERE storage_bytes_used <> {COUNTED}");
    let done = sqlx::query(sqlx::AssertSqlSafe(text)).execute(connection).await.doing("count storage again")?;
    Ok(done.rows_affected())
}
