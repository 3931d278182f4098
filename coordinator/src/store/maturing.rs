//! Earnings that a card payment may still take back: one row for each attempt that was paid by card, beside its entries in the ledger.

use headframe_protocol::{AttemptId, CustomerId, DeviceId, JobId, Micros, TimestampMs};
use sqlx::{AnyConnection, AssertSqlSafe};

use super::{Doing as _, StoreError, Tx, ledger::Coin, parsed};

/// Earnings that wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Maturing {
    /// For which attempt.
    pub attempt: AttemptId,
    /// Of which job.
    pub job: JobId,
    /// Who paid.
    pub customer: CustomerId,
    /// Whose they are.
    pub device: DeviceId,
    /// In what.
    pub coin: Coin,
    /// What the customer paid for the attempt.
    pub charged: Micros,
    /// Of that, the rig's.
    pub amount: Micros,
    /// Of what the customer paid, taken back.
    pub covered: Micros,
    /// Of the rig's, taken back.
    pub reversed: Micros,
    /// When they were earned.
    pub earned: TimestampMs,
}

impl Maturing {
    /// What is still the rig's.
    #[must_use]
    pub fn left(&self) -> Micros {
        Micros::new(self.amount.get() - self.reversed.get())
    }

    /// The rig's part of the first `covered` of what was charged. In proportion and counted from nothing each time, so that taking back
    /// in many steps takes no more than in one.
    #[must_use]
    pub fn part_of(&self, covered: Micros) -> Micros {
        if covered >= self.charged {
            return self.amount;
        }
        let part = i128::from(self.amount.get()) * i128::from(covered.get()) / i128::from(self.charged.get());
        Micros::new(i64::try_from(part).unwrap_or(i64::MAX))
    }
}

#[derive(sqlx::FromRow)]
struct MaturingRow {
    attempt_id: String,
    job_id: String,
    customer_id: String,
    device_id: String,
    asset: String,
    chain: i64,
    charged: i64,
    amount: i64,
    covered: i64,
    reversed: i64,
    earned_ms: i64,
}

const COLUMNS: &str = "attempt_id, job_id, customer_id, device_id, asset, chain, charged, amount, covered, reversed, earned_ms";

fn maturing(row: MaturingRow) -> Result<Maturing, StoreError> {
    let MaturingRow { attempt_id, job_id, customer_id, device_id, asset, chain, charged, amount, covered, reversed, earned_ms } =
        row;
    Ok(Maturing {
        attempt: parsed(&attempt_id, "attempt id")?,
        job: parsed(&job_id, "job id")?,
        customer: parsed(&customer_id, "customer id")?,
        device: parsed(&device_id, "device id")?,
        coin: Coin::parse(&asset, chain)?,
        charged: Micros::new(charged),
        amount: Micros::new(amount),
        covered: Micros::new(covered),
        reversed: Micros::new(reversed),
        earned: TimestampMs::from_millis(earned_ms),
    })
}

/// Earnings begin to wait.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn insert(tx: &mut Tx, earned: &Maturing) -> Result<(), StoreError> {
    let sql = format!("INSERT INTO maturing ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)");
    sqlx::query(AssertSqlSafe(sql))
        .bind(earned.attempt.to_string())
        .bind(earned.job.to_string())
        .bind(earned.customer.to_string())
        .bind(earned.device.to_string())
        .bind(earned.coin.asset())
        .bind(earned.coin.chain_column())
        .bind(earned.charged.get())
        .bind(earned.amount.get())
        .bind(earned.covered.get())
        .bind(earned.reversed.get())
        .bind(earned.earned.as_millis())
        .execute(&mut **tx)
        .await
        .map(drop)
        .doing("write earnings down that wait")
}

/// What waits of what a customer paid in a coin, the newest first.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn of_customer(connection: &mut AnyConnection, customer: CustomerId, coin: Coin) -> Result<Vec<Maturing>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM maturing WHERE customer_id = $1 AND asset = $2 AND chain = $3 AND ended_ms IS NULL AND covered < charged
         ORDER BY earned_ms DESC, attempt_id DESC LIMIT 10000"
    );
    let query = sqlx::query_as(AssertSqlSafe(sql)).bind(customer.to_string()).bind(coin.asset()).bind(coin.chain_column());
    let rows: Vec<MaturingRow> = query.fetch_all(connection).await.doing("list earnings that wait")?;
    rows.into_iter().map(maturing).collect()
}

/// What has waited since before `before`, the oldest first.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn earned_before(connection: &mut AnyConnection, before: TimestampMs, limit: u32) -> Result<Vec<Maturing>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM maturing WHERE ended_ms IS NULL AND earned_ms <= $1 ORDER BY earned_ms, attempt_id LIMIT $2"
    );
    let query = sqlx::query_as(AssertSqlSafe(sql)).bind(before.as_millis()).bind(i64::from(limit));
    let rows: Vec<MaturingRow> = query.fetch_all(connection).await.doing("list earnings that have waited")?;
    rows.into_iter().map(maturing).collect()
}

/// Notes what more was taken back of earnings. False if they are no longer as `was`: another has changed them, or they are safe.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn take_back(tx: &mut Tx, was: &Maturing, covered: Micros) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "UPDATE maturing SET covered = $1, reversed = $2 WHERE attempt_id = $3 AND covered = $4 AND ended_ms IS NULL",
    )
    .bind(covered.get())
    .bind(was.part_of(covered).get())
    .bind(was.attempt.to_string())
    .bind(was.covered.get())
    .execute(&mut **tx)
    .await
    .doing("take earnings back")?;
    Ok(done.rows_affected() == 1)
}

/// Earnings wait no longer. False if they are no longer as `was`.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn end(tx: &mut Tx, was: &Maturing, now: TimestampMs) -> Result<bool, StoreError> {
    let done = sqlx::query("UPDATE maturing SET ended_ms = $1 WHERE attempt_id = $2 AND covered = $3 AND ended_ms IS NULL")
        .bind(now.as_millis())
        .bind(was.attempt.to_string())
        .bind(was.covered.get())
        .execute(&mut **tx)
        .await
        .doing("let earnings go")?;
    Ok(done.rows_affected() == 1)
}
