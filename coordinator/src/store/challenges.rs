//! Challenges of graphics cards: what was asked, and how it ended.

use headframe_proof::{band::Pass, standing::Outcome};
use headframe_protocol::{DeviceId, TimestampMs, challenge::Digest};
use serde::Serialize;
use sqlx::AnyConnection;

use super::{Doing as _, StoreError, as_i64, line, parsed};
use crate::verify::standing::REMEMBERED;

/// The newest passes of a model from which its band is learned.
const PASSES_MAX: i64 = 4_096;

/// The newest challenges of a device that say something of its cards: sixteen cards for three months at three a day.
const HISTORY_MAX: i64 = 4_096;

/// The longest words of a reason.
const DETAIL_CHARS_MAX: usize = 300;

/// A challenge as it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begun {
    /// Its name.
    pub seed: Digest,
    /// The rig.
    pub device: DeviceId,
    /// The card, by the driver's UUID.
    pub gpu: String,
    /// Its tier: its model, and its power limit if that is known.
    pub model: String,
    /// The account its earnings go to, or the device.
    pub owner: String,
    /// Rows of each matrix.
    pub size: u32,
    /// Products of the chain.
    pub products: u32,
    /// How many of them stay in memory.
    pub resident: u32,
    /// What was claimed, in operations a microsecond.
    pub claimed_ops_per_us: u64,
    /// The line's delay that was allowed for, in microseconds.
    pub rtt_us: u64,
    /// When nothing can be heard of it any more.
    pub ends_by: TimestampMs,
}

/// How a challenge ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// `passed`, `failed` or `void`.
    pub outcome: &'static str,
    /// Why.
    pub reason: &'static str,
    /// In words; may be empty.
    pub detail: String,
    /// Whether the rig had been told what it must show.
    pub questioned: bool,
    /// Until the commitment, in microseconds.
    pub proving_us: Option<u64>,
    /// Until the answer about memory, in microseconds.
    pub reading_us: Option<u64>,
    /// Operations a microsecond.
    pub ops_per_us: Option<u64>,
}

/// A challenge that is over, as far as it says something of its card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The card.
    pub gpu: String,
    /// When it ended.
    pub at: TimestampMs,
    /// How.
    pub outcome: Outcome,
    /// Whether the rig had been told what it must show.
    pub questioned: bool,
    /// Operations a microsecond, if it got so far.
    pub ops_per_us: Option<u64>,
}

/// A challenge as the operator sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChallengeRecord {
    /// The rig.
    pub device: DeviceId,
    /// The card.
    pub gpu: String,
    /// Its tier: its model, and its power limit if that is known.
    pub model: String,
    /// Rows of each matrix.
    pub size: u32,
    /// Products of the chain.
    pub products: u32,
    /// When it was asked.
    pub asked_ms: TimestampMs,
    /// `passed`, `failed`, `void`; absent while it is under way.
    pub outcome: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// In words.
    pub detail: Option<String>,
    /// Until the commitment, in microseconds.
    pub proving_us: Option<u64>,
    /// Until the answer about memory, in microseconds.
    pub reading_us: Option<u64>,
    /// Operations a microsecond.
    pub ops_per_us: Option<u64>,
}

/// Notes that a challenge begins.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn begin(connection: &mut AnyConnection, begun: &Begun, now: TimestampMs) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO challenge (seed, device_id, gpu, model, owner, size, products, resident, claimed_ops_per_us, rtt_us, asked_ms, ends_by_ms)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
    )
    .bind(begun.seed.to_string())
    .bind(begun.device.to_string())
    .bind(&begun.gpu)
    .bind(&begun.model)
    .bind(&begun.owner)
    .bind(i64::from(begun.size))
    .bind(i64::from(begun.products))
    .bind(i64::from(begun.resident))
    .bind(as_i64(begun.claimed_ops_per_us))
    .bind(as_i64(begun.rtt_us))
    .bind(now.as_millis())
    .bind(begun.ends_by.as_millis())
    .execute(connection)
    .await
    .map(drop)
    .doing("note that a challenge begins")
}

/// Notes how a challenge ended. False if it had ended before.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn end(connection: &mut AnyConnection, seed: Digest, ended: &Ended, now: TimestampMs) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "UPDATE challenge SET ended_ms = $1, outcome = $2, reason = $3, detail = $4, questioned = $5, proving_us = $6, reading_us = $7, ops_per_us = $8
         WHERE seed = $9 AND outcome IS NULL",
    )
    .bind(now.as_millis())
    .bind(ended.outcome)
    .bind(ended.reason)
    .bind(line(&ended.detail, DETAIL_CHARS_MAX))
    .bind(i64::from(ended.questioned))
    .bind(ended.proving_us.map(as_i64))
    .bind(ended.reading_us.map(as_i64))
    .bind(ended.ops_per_us.map(as_i64))
    .bind(seed.to_string())
    .execute(connection)
    .await
    .doing("note how a challenge ended")?;
    Ok(done.rows_affected() == 1)
}

/// Writes down what was under way when a coordinator ended: it came to nothing.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn close_abandoned(connection: &mut AnyConnection, now: TimestampMs) -> Result<u64, StoreError> {
    let done = sqlx::query(
        "UPDATE challenge SET ended_ms = $1, outcome = 'void', reason = 'restarted', detail = '' WHERE outcome IS NULL AND ends_by_ms < $2",
    )
    .bind(now.as_millis())
    .bind(now.as_millis())
    .execute(connection)
    .await
    .doing("close abandoned challenges")?;
    Ok(done.rows_affected())
}

/// Forgets what was asked before `before`, but for challenges cheated in that still count.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn prune(connection: &mut AnyConnection, before: TimestampMs, now: TimestampMs) -> Result<u64, StoreError> {
    // What counts against a rig is kept as long as it counts.
    let remembered = before.min(now.before(REMEMBERED));
    let done = sqlx::query(
        "DELETE FROM challenge WHERE outcome IS NOT NULL AND asked_ms < CASE WHEN reason = 'refused' THEN $1 ELSE $2 END",
    )
    .bind(remembered.as_millis())
    .bind(before.as_millis())
    .execute(connection)
    .await
    .doing("forget old challenges")?;
    Ok(done.rows_affected())
}

/// What is known of a rig's cards, in order.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn history(connection: &mut AnyConnection, device: DeviceId) -> Result<Vec<Record>, StoreError> {
    let rows: Vec<(String, i64, String, String, i64, Option<i64>)> = sqlx::query_as(
        "SELECT gpu, ended_ms, outcome, reason, questioned, ops_per_us FROM challenge
         WHERE device_id = $1 AND outcome IS NOT NULL ORDER BY asked_ms DESC LIMIT $2",
    )
    .bind(device.to_string())
    .bind(HISTORY_MAX)
    .fetch_all(connection)
    .await
    .doing("read what a rig's cards have proved")?;
    let record = |(gpu, ended_ms, outcome, reason, questioned, ops_per_us): (String, i64, String, String, i64, Option<i64>)| {
        Ok(Record {
            gpu,
            at: TimestampMs::from_millis(ended_ms),
            outcome: outcome_of(&outcome, &reason)?,
            questioned: questioned != 0,
            ops_per_us: ops_per_us.map(unsigned),
        })
    };
    rows.into_iter().rev().map(record).collect()
}

/// Honest passes of a model, in order.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn passes(connection: &mut AnyConnection, model: &str) -> Result<Vec<Pass<String>>, StoreError> {
    let rows: Vec<(String, i64)> = sqlx::query_as(
        "SELECT owner, ops_per_us FROM challenge WHERE model = $1 AND outcome = 'passed' AND ops_per_us IS NOT NULL
         ORDER BY ended_ms DESC LIMIT $2",
    )
    .bind(model)
    .bind(PASSES_MAX)
    .fetch_all(connection)
    .await
    .doing("read how fast cards of a model are")?;
    Ok(rows.into_iter().rev().map(|(owner, rate)| Pass { owner, ops_per_us: unsigned(rate) }).collect())
}

/// The operator wants a rig challenged. False if there is no such rig.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn want(connection: &mut AnyConnection, device: DeviceId, now: TimestampMs) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "INSERT INTO challenge_wanted (device_id, wanted_ms) SELECT device_id, $1 FROM rig WHERE device_id = $2
         ON CONFLICT (device_id) DO UPDATE SET wanted_ms = excluded.wanted_ms",
    )
    .bind(now.as_millis())
    .bind(device.to_string())
    .execute(connection)
    .await
    .doing("note that a challenge is wanted")?;
    Ok(done.rows_affected() == 1)
}

/// The rigs the operator wants challenged.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn wanted(connection: &mut AnyConnection) -> Result<Vec<DeviceId>, StoreError> {
    let rows: Vec<(String,)> = sqlx::query_as("SELECT device_id FROM challenge_wanted ORDER BY wanted_ms LIMIT 1000")
        .fetch_all(connection)
        .await
        .doing("read which challenges are wanted")?;
    rows.into_iter().map(|(device,)| parsed(&device, "device id")).collect()
}

/// What the operator wanted is under way.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn unwant(connection: &mut AnyConnection, device: DeviceId) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM challenge_wanted WHERE device_id = $1")
        .bind(device.to_string())
        .execute(connection)
        .await
        .map(drop)
        .doing("note that a wanted challenge is under way")
}

/// `device_id`, `gpu`, `model`, `size`, `products`, `asked_ms`, `outcome`, `reason`, `detail`, `proving_us`, `reading_us`, `ops_per_us`.
type ShownRow = (
    String,
    String,
    String,
    i64,
    i64,
    i64,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<i64>,
    Option<i64>,
    Option<i64>,
);

/// The newest challenges, of one rig or of all, the newest first.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn list(
    connection: &mut AnyConnection,
    device: Option<DeviceId>,
    limit: u32,
) -> Result<Vec<ChallengeRecord>, StoreError> {
    let rows: Vec<ShownRow> = sqlx::query_as(
        "SELECT device_id, gpu, model, size, products, asked_ms, outcome, reason, detail, proving_us, reading_us, ops_per_us
         FROM challenge WHERE device_id = $1 OR $2 = '' ORDER BY asked_ms DESC, seed LIMIT $3",
    )
    .bind(device.map(|device| device.to_string()).unwrap_or_default())
    .bind(device.map(|device| device.to_string()).unwrap_or_default())
    .bind(i64::from(limit))
    .fetch_all(connection)
    .await
    .doing("list challenges")?;
    rows.into_iter().map(shown).collect()
}

fn shown(row: ShownRow) -> Result<ChallengeRecord, StoreError> {
    let (device, gpu, model, size, products, asked_ms, outcome, reason, detail, proving_us, reading_us, ops_per_us) = row;
    Ok(ChallengeRecord {
        device: parsed(&device, "device id")?,
        gpu,
        model,
        size: u32::try_from(size).unwrap_or(u32::MAX),
        products: u32::try_from(products).unwrap_or(u32::MAX),
        asked_ms: TimestampMs::from_millis(asked_ms),
        outcome,
        reason,
        detail,
        proving_us: proving_us.map(unsigned),
        reading_us: reading_us.map(unsigned),
        ops_per_us: ops_per_us.map(unsigned),
    })
}

/// What an outcome says of the card.
fn outcome_of(outcome: &str, reason: &str) -> Result<Outcome, StoreError> {
    match (outcome, reason) {
        ("passed", _) => Ok(Outcome::Passed),
        ("failed", "refused") => Ok(Outcome::Refused),
        ("failed", _) => Ok(Outcome::OutOfTime),
        ("void", _) => Ok(Outcome::Unanswered),
        (other, _) => Err(StoreError::Corrupt { what: "outcome of a challenge", value: other.to_owned() }),
    }
}

fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}
