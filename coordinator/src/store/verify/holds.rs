//! Earnings that wait for a check: their owner's in the books, and not his to take yet.

use headframe_protocol::{AttemptId, DeviceId, JobId, Micros, TimestampMs};
use sqlx::AnyConnection;

use super::{Rules, StoreError, Tx, parsed};
use crate::{
    store::{
        Doing as _,
        ledger::{self, Account, Coin, Kind, Posted, Transfer},
    },
    verify::{
        Basis, Hold,
        hold::{Earner, SpeaksFor, Terms},
    },
};

/// Earnings of one attempt that wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Of which attempt.
    pub attempt: AttemptId,
    /// Of which job.
    pub job: JobId,
    /// Whose.
    pub device: DeviceId,
    /// In what.
    pub coin: Coin,
    /// How much.
    pub amount: Micros,
    /// Since when, and whether the result was compared.
    pub hold: Hold,
    /// What is known of the rig.
    pub earner: Earner,
}

pub(super) type Row = (String, String, String, String, i64, i64, i64, i64, String, i64);

pub(super) const COLUMNS: &str =
    "earning_hold.attempt_id, earning_hold.job_id, earning_hold.device_id, earning_hold.asset, earning_hold.chain,
    earning_hold.amount, earning_hold.earned_ms, earning_hold.confirmed, earning_hold.basis, rig.first_seen_ms";

pub(super) fn waiting(row: Row) -> Result<Waiting, StoreError> {
    let (attempt, job, device, asset, chain, amount, earned, confirmed, basis, first_seen) = row;
    let basis = Basis::parse(&basis).ok_or(StoreError::Corrupt { what: "basis of earnings", value: basis })?;
    Ok(Waiting {
        attempt: parsed(&attempt, "attempt id")?,
        job: parsed(&job, "job id")?,
        device: parsed(&device, "device id")?,
        coin: Coin::parse(&asset, chain)?,
        amount: Micros::new(amount),
        hold: Hold { earned: TimestampMs::from_millis(earned), confirmed: confirmed == 1, basis },
        earner: Earner { first_seen: TimestampMs::from_millis(first_seen) },
    })
}

/// Whether what a rig earns now waits.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn waits(
    connection: &mut AnyConnection,
    rules: &Rules,
    device: DeviceId,
    confirmed: bool,
    now: TimestampMs,
) -> Result<bool, StoreError> {
    if !rules.withhold {
        return Ok(false);
    }
    let row: Option<(i64,)> = sqlx::query_as("SELECT first_seen_ms FROM rig WHERE device_id = $1")
        .bind(device.to_string())
        .fetch_optional(connection)
        .await
        .doing("read when a rig first signed in")?;
    let earner = Earner { first_seen: row.map_or(now, |(first,)| TimestampMs::from_millis(first)) };
    Ok(Hold { earned: now, confirmed, basis: Basis::Result }.waits(&earner, &rules.terms, now))
}

/// What became of earnings when they were booked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Booked {
    /// They wait.
    Waiting(Basis),
    /// They are the owner's. Noted all the same: of what results have earned, some time given back is paid too.
    Released,
}

/// Notes earnings, in the transaction that books them.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn insert(
    tx: &mut Tx,
    (attempt, job, device): (AttemptId, JobId, DeviceId),
    (coin, amount): (Coin, Micros),
    (booked, confirmed, delivered): (Booked, bool, bool),
    now: TimestampMs,
) -> Result<(), StoreError> {
    let (basis, state, ended) = match booked {
        Booked::Waiting(basis) => (basis, "waiting", None),
        Booked::Released if delivered => (Basis::Result, "released", Some(now)),
        Booked::Released => (Basis::GivenBack, "released", Some(now)),
    };
    sqlx::query(
        "INSERT INTO earning_hold (attempt_id, job_id, device_id, asset, chain, amount, earned_ms, confirmed, delivered, basis, state, ended_ms)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
    )
    .bind(attempt.to_string())
    .bind(job.to_string())
    .bind(device.to_string())
    .bind(coin.asset())
    .bind(coin.chain_column())
    .bind(amount.get())
    .bind(now.as_millis())
    .bind(i64::from(confirmed))
    .bind(i64::from(delivered))
    .bind(basis.as_str())
    .bind(state)
    .bind(ended.map(TimestampMs::as_millis))
    .execute(&mut **tx)
    .await
    .map(drop)
    .doing("note earnings")
}

/// Earnings whose wait may be over, oldest first.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn over(
    connection: &mut AnyConnection,
    terms: &Terms,
    now: TimestampMs,
    limit: u32,
) -> Result<Vec<Waiting>, StoreError> {
    // The same conditions as the rule's, so that those still waiting do not hide those that need not; the rule decides.
    let sql = format!(
        "SELECT {COLUMNS} FROM earning_hold JOIN rig ON rig.device_id = earning_hold.device_id
         WHERE earning_hold.state = 'waiting' AND rig.first_seen_ms <= $1 AND earning_hold.basis <> 'given_back'
           AND (earning_hold.confirmed = 1 OR (earning_hold.basis <> 'doubted' AND earning_hold.earned_ms <= $2))
         ORDER BY earning_hold.earned_ms LIMIT $3"
    );
    let rows: Vec<Row> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(now.before(terms.probation).as_millis())
        .bind(now.before(terms.unconfirmed_max).as_millis())
        .bind(i64::from(limit))
        .fetch_all(connection)
        .await
        .doing("list earnings whose wait is over")?;
    let found = rows.into_iter().map(waiting).collect::<Result<Vec<_>, _>>()?;
    Ok(found.into_iter().filter(|waiting| waiting.hold.is_over(&waiting.earner, terms, now)).collect())
}

/// A result of a rig was compared and found right, and speaks for others of its own that wait.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn confirm(tx: &mut Tx, device: DeviceId, speaks_for: SpeaksFor) -> Result<(), StoreError> {
    let (until, worth) = speaks_for.bounds();
    sqlx::query(
        "UPDATE earning_hold SET confirmed = 1
         WHERE device_id = $1 AND state = 'waiting' AND basis = 'result' AND earned_ms <= $2 AND amount <= $3",
    )
    .bind(device.to_string())
    .bind(until.as_millis())
    .bind(worth.get())
    .execute(&mut **tx)
    .await
    .map(drop)
    .doing("let a right result speak for others")
}

/// Whether a result waits by itself: then a lot that fell on it was drawn among its rig's own.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn waits_by_itself(connection: &mut AnyConnection, attempt: AttemptId) -> Result<bool, StoreError> {
    let row: Option<(String,)> =
        sqlx::query_as("SELECT attempt_id FROM earning_hold WHERE attempt_id = $1 AND state = 'waiting' AND basis = 'result'")
            .bind(attempt.to_string())
            .fetch_optional(connection)
            .await
            .doing("look whether a result waits")?;
    Ok(row.is_some())
}

/// The owner may have them. False: somebody else has seen to it.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn release(tx: &mut Tx, waiting: &Waiting, now: TimestampMs) -> Result<bool, StoreError> {
    let to = Account::Credit(waiting.device);
    end(tx, waiting, ("released", Kind::Confirm, to), now).await
}

/// Whether a result of a rig was outvoted since `since`, and the operator has not pardoned it.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn was_wrong_since(connection: &mut AnyConnection, device: DeviceId, since: TimestampMs) -> Result<bool, StoreError> {
    let row: Option<(String,)> = sqlx::query_as(
        "SELECT trial_run.trial_id FROM trial_run JOIN rig ON rig.device_id = trial_run.device_id
         WHERE trial_run.device_id = $1 AND trial_run.state = 'wrong' AND trial_run.judged_ms >= $2
           AND (rig.pardoned_ms IS NULL OR rig.pardoned_ms < trial_run.judged_ms) LIMIT 1",
    )
    .bind(device.to_string())
    .bind(since.as_millis())
    .fetch_optional(connection)
    .await
    .doing("look whether a rig was wrong")?;
    Ok(row.is_some())
}

/// Everything of a rig that waits is lost: it was outvoted. Returns how much that was, in how many pieces.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn forfeit(tx: &mut Tx, device: DeviceId, now: TimestampMs) -> Result<u64, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM earning_hold JOIN rig ON rig.device_id = earning_hold.device_id
         WHERE earning_hold.state = 'waiting' AND earning_hold.device_id = $1 ORDER BY earning_hold.attempt_id"
    );
    let rows: Vec<Row> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(device.to_string())
        .fetch_all(&mut **tx)
        .await
        .doing("list earnings of a rig that wait")?;
    let mut lost = 0;
    for row in rows {
        let waiting = waiting(row)?;
        lost += u64::from(lose(tx, &waiting, "forfeited", now).await?);
    }
    Ok(lost)
}

/// What waits of one attempt is lost: its own result was outvoted. Returns whether anything did.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn forfeit_one(tx: &mut Tx, attempt: AttemptId, now: TimestampMs) -> Result<bool, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM earning_hold JOIN rig ON rig.device_id = earning_hold.device_id
         WHERE earning_hold.state = 'waiting' AND earning_hold.attempt_id = $1"
    );
    let row: Option<Row> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(attempt.to_string())
        .fetch_optional(&mut **tx)
        .await
        .doing("read what waits of an attempt")?;
    match row {
        Some(row) => lose(tx, &waiting(row)?, "forfeited", now).await,
        None => Ok(false),
    }
}

/// Earnings that wait go to what checks are paid from: they are spent on them, and nobody gains by finding a rig wrong.
pub(super) async fn lose(tx: &mut Tx, waiting: &Waiting, state: &'static str, now: TimestampMs) -> Result<bool, StoreError> {
    end(tx, waiting, (state, Kind::Forfeit, paid_from(waiting.coin)), now).await
}

/// What checks are paid from.
pub(super) const fn paid_from(coin: Coin) -> Account {
    match coin {
        Coin::PRACTICE => Account::Fee,
        _ => Account::Inventory,
    }
}

async fn end(
    tx: &mut Tx,
    waiting: &Waiting,
    (state, kind, to): (&'static str, Kind, Account),
    now: TimestampMs,
) -> Result<bool, StoreError> {
    let done = sqlx::query("UPDATE earning_hold SET state = $1, ended_ms = $2 WHERE attempt_id = $3 AND state = 'waiting'")
        .bind(state)
        .bind(now.as_millis())
        .bind(waiting.attempt.to_string())
        .execute(&mut **tx)
        .await
        .doing("end the wait of earnings")?;
    if done.rows_affected() != 1 {
        return Ok(false);
    }
    let from = Account::Withheld(waiting.device);
    let transfer = Transfer::between(kind, &waiting.attempt.to_string(), from, to, (waiting.coin, waiting.amount));
    // Named after the attempt, so that a payout's file finds the receipt behind what was earned.
    let transfer = Transfer { attempt: Some(waiting.attempt), ..transfer.for_job(waiting.job) };
    match ledger::post(tx, &[transfer], now).await? {
        Posted::Yes => Ok(true),
        Posted::NotCovered(account) => {
            let value = format!("{account} does not cover what {} waits for", waiting.attempt);
            Err(StoreError::Corrupt { what: "balance", value })
        }
    }
}
