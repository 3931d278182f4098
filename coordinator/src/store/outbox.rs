//! Messages for customers' webhooks: written in the transaction whose effect they tell, delivered later, at least once.

use headframe_protocol::{CustomerId, JobId, TimestampMs};
use sqlx::AnyConnection;

use super::{Doing as _, StoreError, parsed};

/// A message to be delivered.
#[derive(Debug, Clone)]
pub struct Message {
    /// Its id, `msg_<32 hex digits>`; the receiver tells repeats by it.
    pub id: String,
    /// The job it is about.
    pub job: JobId,
    /// Where to.
    pub url: String,
    /// What.
    pub body: String,
    /// How often it was tried.
    pub tries: u32,
}

/// A message whose time has come.
#[derive(Debug, Clone)]
pub struct Due {
    /// The message.
    pub message: Message,
    /// Whose job it is about.
    pub customer: CustomerId,
}

/// Writes a message down, due at once.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn add(connection: &mut AnyConnection, message: &Message, now: TimestampMs) -> Result<(), StoreError> {
    let Message { id, job, url, body, tries } = message;
    sqlx::query("INSERT INTO outbox (id, job_id, url, body, tries, next_try_ms) VALUES ($1, $2, $3, $4, $5, $6)")
        .bind(id)
        .bind(job.to_string())
        .bind(url)
        .bind(body)
        .bind(i64::from(*tries))
        .bind(now.as_millis())
        .execute(connection)
        .await
        .doing("write a webhook message down")?;
    Ok(())
}

/// Messages that are due.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn due(connection: &mut AnyConnection, now: TimestampMs, limit: u32) -> Result<Vec<Due>, StoreError> {
    let rows: Vec<(String, String, String, String, i64, String)> = sqlx::query_as(
        "SELECT outbox.id, outbox.job_id, outbox.url, outbox.body, outbox.tries, job.customer_id
         FROM outbox JOIN job ON job.id = outbox.job_id
         WHERE outbox.delivered_ms IS NULL AND outbox.abandoned_ms IS NULL AND outbox.next_try_ms <= $1
         ORDER BY outbox.next_try_ms LIMIT $2",
    )
    .bind(now.as_millis())
    .bind(i64::from(limit))
    .fetch_all(connection)
    .await
    .doing("read due webhook messages")?;
    rows.into_iter()
        .map(|(id, job, url, body, tries, customer)| {
            let message =
                Message { id, job: parsed(&job, "job id")?, url, body, tries: u32::try_from(tries).unwrap_or(u32::MAX) };
            Ok(Due { message, customer: parsed(&customer, "customer id")? })
        })
        .collect()
}

/// Takes a message before it is sent: it is not due again before `until`, so that two replicas do not send it at the same
/// moment, and it is due then, so that a crash between sending and noting sends it again. False if another replica was faster.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn take(connection: &mut AnyConnection, message: &Message, until: TimestampMs) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "UPDATE outbox SET tries = tries + 1, next_try_ms = $1
         WHERE id = $2 AND tries = $3 AND delivered_ms IS NULL AND abandoned_ms IS NULL",
    )
    .bind(until.as_millis())
    .bind(&message.id)
    .bind(i64::from(message.tries))
    .execute(connection)
    .await
    .doing("take a webhook message")?;
    Ok(done.rows_affected() == 1)
}

/// A try failed, the one that made it `tries`; the next is made at `next_try`. Nothing changes if somebody has taken the
/// message since.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn put_off(connection: &mut AnyConnection, id: &str, tries: u32, next_try: TimestampMs) -> Result<(), StoreError> {
    sqlx::query("UPDATE outbox SET next_try_ms = $1 WHERE id = $2 AND tries = $3")
        .bind(next_try.as_millis())
        .bind(id)
        .bind(i64::from(tries))
        .execute(connection)
        .await
        .doing("put a webhook message off")?;
    Ok(())
}

/// The receiver has it.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn delivered(connection: &mut AnyConnection, id: &str, now: TimestampMs) -> Result<(), StoreError> {
    sqlx::query("UPDATE outbox SET delivered_ms = $1 WHERE id = $2")
        .bind(now.as_millis())
        .bind(id)
        .execute(connection)
        .await
        .doing("note a delivered webhook message")?;
    Ok(())
}

/// It will not be tried again.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn abandoned(connection: &mut AnyConnection, id: &str, now: TimestampMs) -> Result<(), StoreError> {
    sqlx::query("UPDATE outbox SET abandoned_ms = $1 WHERE id = $2")
        .bind(now.as_millis())
        .bind(id)
        .execute(connection)
        .await
        .doing("give a webhook message up")?;
    Ok(())
}

/// Forgets messages that were delivered or given up before `before`, at most `limit` of each.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn prune(connection: &mut AnyConnection, before: TimestampMs, limit: i64) -> Result<u64, StoreError> {
    // One statement for each, so that each has an index to go by.
    const DELIVERED: &str =
        "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox WHERE delivered_ms < $1 ORDER BY delivered_ms LIMIT $2)";
    const ABANDONED: &str =
        "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox WHERE abandoned_ms < $1 ORDER BY abandoned_ms LIMIT $2)";
    let mut pruned = 0;
    for text in [DELIVERED, ABANDONED] {
        let query = sqlx::query(text).bind(before.as_millis()).bind(limit);
        pruned += query.execute(&mut *connection).await.doing("forget old webhook messages")?.rows_affected();
    }
    Ok(pruned)
}
