//! Room of a customer's storage taken for bytes that are on their way, so that two senders at once cannot both have the last
//! of it. It counts as used from the first byte on; what came of the bytes replaces it.

use headframe_protocol::{AttemptId, CustomerId, TimestampMs};
use sqlx::AnyConnection;

use super::{
    Doing as _, StoreError,
    blobs::{signed, unsigned},
    customers::{self, Room},
    parsed,
};

/// Bytes on their way.
#[derive(Debug, Clone)]
pub struct Reservation {
    /// Its name.
    pub id: String,
    /// Whose room.
    pub customer: CustomerId,
    /// The attempt that stages them, if it is one: they are reserved until it ends.
    pub attempt: Option<AttemptId>,
    /// How many.
    pub bytes: u64,
}

/// Takes the room, if there is as much.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn add(connection: &mut AnyConnection, reservation: &Reservation, expires_ms: TimestampMs) -> Result<Room, StoreError> {
    let Reservation { id, customer, attempt, bytes } = reservation;
    if customers::take_storage(connection, *customer, *bytes).await? == Room::None {
        return Ok(Room::None);
    }
    sqlx::query("INSERT INTO reservation (id, customer_id, attempt_id, bytes, expires_ms) VALUES ($1, $2, $3, $4, $5)")
        .bind(id)
        .bind(customer.to_string())
        .bind(attempt.map(|attempt| attempt.to_string()))
        .bind(signed(*bytes))
        .bind(expires_ms.as_millis())
        .execute(connection)
        .await
        .doing("reserve storage")?;
    Ok(Room::Enough)
}

/// Forgets a reservation and says how much it was; the caller counts what came of it. `None`: it had expired.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn take(connection: &mut AnyConnection, id: &str) -> Result<Option<u64>, StoreError> {
    let query = sqlx::query_as("DELETE FROM reservation WHERE id = $1 RETURNING bytes").bind(id);
    let row: Option<(i64,)> = query.fetch_optional(connection).await.doing("end a reservation")?;
    Ok(row.map(|(bytes,)| unsigned(bytes)))
}

/// Gives the room back: the bytes did not come.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn give_back(connection: &mut AnyConnection, id: &str, customer: CustomerId) -> Result<(), StoreError> {
    match take(connection, id).await? {
        Some(bytes) => customers::give_storage_back(connection, customer, bytes).await,
        None => Ok(()),
    }
}

/// Forgets what an attempt had reserved and says how much it was; the caller counts it as free.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn drop_of_attempt(connection: &mut AnyConnection, attempt: AttemptId) -> Result<u64, StoreError> {
    let rows: Vec<(i64,)> = sqlx::query_as("DELETE FROM reservation WHERE attempt_id = $1 RETURNING bytes")
        .bind(attempt.to_string())
        .fetch_all(connection)
        .await
        .doing("end the reservations of an attempt")?;
    Ok(rows.into_iter().map(|(bytes,)| unsigned(bytes)).sum())
}

/// Gives back what nobody brings any more, at most `limit` of it: a crash came in between.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn expire(connection: &mut AnyConnection, now: TimestampMs, limit: i64) -> Result<u64, StoreError> {
    let rows: Vec<(String, i64)> = sqlx::query_as(
        "DELETE FROM reservation WHERE id IN (SELECT id FROM reservation WHERE expires_ms <= $1 ORDER BY expires_ms LIMIT $2)
         RETURNING customer_id, bytes",
    )
    .bind(now.as_millis())
    .bind(limit)
    .fetch_all(&mut *connection)
    .await
    .doing("end old reservations")?;
    for (customer, bytes) in &rows {
        customers::give_storage_back(connection, parsed(customer, "customer id")?, unsigned(*bytes)).await?;
    }
    Ok(rows.len() as u64)
}
