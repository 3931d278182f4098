//! Which rigs are one owner's, and what they have earned.
//!
//! A rig is its payout account's only if that account's wallet has signed for it. Anybody may name any account.

use alloy_primitives::Address;
use headframe_protocol::{DeviceId, Micros, TimestampMs, rig::RigReport};
use sqlx::{AnyConnection, AssertSqlSafe};

use super::{Doing as _, StoreError, document, parsed};

/// Of which rigs, since when, and from when on a rig counts as connected.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// Whose.
    pub whose: Whose,
    /// Terms count that hold now.
    pub now: TimestampMs,
    /// A rig that was heard of since is connected, unless it has left.
    pub heard_since: TimestampMs,
    /// Where today begins.
    pub today_from: TimestampMs,
    /// Where the last days begin.
    pub days_from: TimestampMs,
}

/// Which rigs are meant.
#[derive(Debug, Clone, Copy)]
pub enum Whose {
    /// Those that a wallet has signed for and that are paid to it.
    Wallet(Address),
    /// This one.
    Alone(DeviceId),
}

/// One rig as the database has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rig {
    /// Its device.
    pub device: DeviceId,
    /// What it reported when it signed in.
    pub report: RigReport,
    /// The version of its program.
    pub agent: Option<String>,
    /// Whether a replica has it connected.
    pub connected: bool,
    /// When it was last heard of.
    pub seen: TimestampMs,
    /// Frame Units that were believed then.
    pub fu: u32,
    /// Whether the operator has taken it out of work.
    pub quarantined: bool,
    /// Attempts it has.
    pub attempts: u32,
    /// Earned today.
    pub today: Micros,
    /// Earned in the last days.
    pub days: Micros,
}

/// What rigs come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Total {
    /// How many.
    pub rigs: u32,
    /// How many are connected.
    pub connected: u32,
    /// Frame Units of those.
    pub fu: u32,
    /// Earned today.
    pub today: Micros,
    /// Earned in the last days.
    pub days: Micros,
}

#[derive(sqlx::FromRow)]
struct RigRow {
    device_id: String,
    report: String,
    agent: Option<String>,
    connected: i64,
    seen_ms: i64,
    fu: i64,
    quarantined_ms: Option<i64>,
    attempts: i64,
    today: i64,
    days: i64,
}

/// The devices that are meant, of `$1` an account or a device, at `$2`.
fn own(whose: Whose) -> (&'static str, String) {
    match whose {
        Whose::Wallet(account) => (
            "SELECT terms.device_id FROM payout_terms terms WHERE terms.account = $1 AND terms.confirmed = 1 AND terms.effective_ms <= $2
                 AND NOT EXISTS (SELECT 1 FROM payout_terms newer WHERE newer.device_id = terms.device_id
                     AND newer.issued_ms > terms.issued_ms AND newer.effective_ms <= $3)",
            format!("{account:#x}"),
        ),
        Whose::Alone(device) => ("SELECT CAST($1 AS TEXT) WHERE CAST($2 AS BIGINT) <= CAST($3 AS BIGINT)", device.to_string()),
    }
}

/// Whether a replica has it connected, and when it was heard of; since `$4`.
const CONNECTED: &str =
    "CASE WHEN COALESCE(rig.heard_ms, 0) > $4 AND COALESCE(rig.heard_ms, 0) > COALESCE(rig.left_ms, 0) THEN 1 ELSE 0 END";

/// What attempts that have ended since a time have brought, without what was taken back since.
fn earned(since: &str) -> String {
    format!(
        "COALESCE((SELECT SUM(COALESCE(attempt.credit, 0) - COALESCE(maturing.reversed,
                 CASE WHEN earning_hold.state IN ('forfeited', 'lapsed', 'closed') THEN earning_hold.amount END, 0))
             FROM attempt LEFT JOIN maturing ON maturing.attempt_id = attempt.id
                 LEFT JOIN earning_hold ON earning_hold.attempt_id = attempt.id
             WHERE attempt.device_id = rig.device_id AND attempt.charged > 0 AND attempt.ended_ms >= {since}), 0)"
    )
}

/// A page of rigs in the order in which they first signed in, after one of them.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn page(
    connection: &mut AnyConnection,
    wanted: &Wanted,
    after: Option<DeviceId>,
    limit: u32,
) -> Result<Vec<Rig>, StoreError> {
    let (own, whose) = own(wanted.whose);
    let (today, days) = (earned("$5"), earned("$6"));
    let sql = format!(
        "SELECT rig.device_id, rig.report, rig.agent, CAST({CONNECTED} AS BIGINT) AS connected, rig.quarantined_ms,
             CAST(COALESCE(rig.fu, 0) AS BIGINT) AS fu,
             CAST(CASE WHEN COALESCE(rig.heard_ms, 0) > rig.last_seen_ms THEN rig.heard_ms ELSE rig.last_seen_ms END AS BIGINT) AS seen_ms,
             CAST((SELECT COUNT(*) FROM attempt WHERE attempt.device_id = rig.device_id AND attempt.ended_ms IS NULL) AS BIGINT) AS attempts,
             CAST({today} AS BIGINT) AS today, CAST({days} AS BIGINT) AS days
         FROM rig WHERE rig.device_id IN ({own})
             AND ($7 = '' OR EXISTS (SELECT 1 FROM rig last WHERE last.device_id = $8 AND (rig.first_seen_ms > last.first_seen_ms
                 OR (rig.first_seen_ms = last.first_seen_ms AND rig.device_id > last.device_id))))
         ORDER BY rig.first_seen_ms, rig.device_id LIMIT $9"
    );
    let after = after.map_or_else(String::new, |after| after.to_string());
    let rows: Vec<RigRow> = sqlx::query_as(AssertSqlSafe(sql))
        .bind(whose)
        .bind(wanted.now.as_millis())
        .bind(wanted.now.as_millis())
        .bind(wanted.heard_since.as_millis())
        .bind(wanted.today_from.as_millis())
        .bind(wanted.days_from.as_millis())
        .bind(after.clone())
        .bind(after)
        .bind(i64::from(limit))
        .fetch_all(connection)
        .await
        .doing("list an owner's rigs")?;
    rows.into_iter().map(rig).collect()
}

fn rig(row: RigRow) -> Result<Rig, StoreError> {
    let RigRow { device_id, report, agent, connected, seen_ms, fu, quarantined_ms, attempts, today, days } = row;
    Ok(Rig {
        device: parsed(&device_id, "device id")?,
        report: document(&report, "rig report")?,
        agent,
        connected: connected != 0,
        seen: TimestampMs::from_millis(seen_ms),
        fu: count(fu),
        quarantined: quarantined_ms.is_some(),
        attempts: count(attempts),
        today: Micros::new(today),
        days: Micros::new(days),
    })
}

/// What all of the rigs come to.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn total(connection: &mut AnyConnection, wanted: &Wanted) -> Result<Total, StoreError> {
    let (own, whose) = own(wanted.whose);
    let (today, days) = (earned("$5"), earned("$6"));
    let sql = format!(
        "SELECT COUNT(*), CAST(COALESCE(SUM(connected), 0) AS BIGINT), CAST(COALESCE(SUM(connected * fu), 0) AS BIGINT),
             CAST(COALESCE(SUM(today), 0) AS BIGINT), CAST(COALESCE(SUM(days), 0) AS BIGINT)
         FROM (SELECT {CONNECTED} AS connected, COALESCE(rig.fu, 0) AS fu, {today} AS today, {days} AS days
             FROM rig WHERE rig.device_id IN ({own})) AS own_rig"
    );
    let (rigs, connected, fu, today, days): (i64, i64, i64, i64, i64) = sqlx::query_as(AssertSqlSafe(sql))
        .bind(whose)
        .bind(wanted.now.as_millis())
        .bind(wanted.now.as_millis())
        .bind(wanted.heard_since.as_millis())
        .bind(wanted.today_from.as_millis())
        .bind(wanted.days_from.as_millis())
        .fetch_one(connection)
        .await
        .doing("add up an owner's rigs")?;
    Ok(Total {
        rigs: count(rigs),
        connected: count(connected),
        fu: count(fu),
        today: Micros::new(today),
        days: Micros::new(days),
    })
}

fn count(number: i64) -> u32 {
    u32::try_from(number.max(0)).unwrap_or(u32::MAX)
}
