//! What attempts have brought their rigs, as their owners read it.

use std::time::Duration;

use headframe_protocol::{
    AttemptId, DeviceId, Micros, TimestampMs,
    payout::{Earning, EarningWaits},
};
use sqlx::{AnyConnection, AssertSqlSafe};

use super::{Doing as _, StoreError, parsed, payouts::MATURITY_LEAST};
use crate::verify::{
    Basis, Hold,
    hold::{Earner, Terms},
};

#[derive(sqlx::FromRow)]
struct EarningRow {
    id: String,
    ended_ms: i64,
    charged: i64,
    amount: i64,
    chain: i64,
    account: String,
    payout_epoch: Option<i64>,
    hash: Option<String>,
    reversed: i64,
    /// Absent where nothing waits.
    basis: Option<String>,
    earned_ms: i64,
    confirmed: i64,
    first_seen_ms: i64,
}

/// What attempts of a rig have brought it, newest first, after one of them. `maturity` is how long what came by card waits, `terms` how long
/// what no comparison has spoken for does.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn of_rig(
    connection: &mut AnyConnection,
    device: DeviceId,
    after: Option<AttemptId>,
    limit: u32,
    (maturity, terms): (Duration, &Terms),
) -> Result<Vec<Earning>, StoreError> {
    let from = if after.is_some() { "attempt.id < $3" } else { "attempt.id <> $3" };
    let sql = format!(
        "SELECT attempt.id, COALESCE(attempt.ended_ms, 0) AS ended_ms, attempt.charged, entry.amount, entry.chain, entry.account,
                COALESCE(entry.payout_epoch, matured.payout_epoch) AS payout_epoch, CASE WHEN payout.state = 'active' THEN payout.proposed_by END AS hash, COALESCE(maturing.reversed, CASE WHEN earning_hold.state IN ('forfeited', 'lapsed', 'closed') THEN earning_hold.amount END, 0) AS reversed,
                CASE WHEN earning_hold.state = 'waiting' THEN earning_hold.basis END AS basis, COALESCE(earning_hold.earned_ms, 0) AS earned_ms,
                COALESCE(earning_hold.confirmed, 0) AS confirmed, COALESCE(rig.first_seen_ms, 0) AS first_seen_ms
         FROM attempt JOIN transfer ON transfer.attempt_id = attempt.id AND transfer.kind = 'capture'
         JOIN entry ON entry.transfer_id = transfer.id AND entry.account LIKE 'rig:%'
         LEFT JOIN maturing ON maturing.attempt_id = attempt.id LEFT JOIN earning_hold ON earning_hold.attempt_id = attempt.id
         LEFT JOIN rig ON rig.device_id = attempt.device_id
         LEFT JOIN entry AS matured ON matured.transfer_id IN ('mature:' || attempt.id, 'confirm:' || attempt.id) AND matured.account LIKE 'rig:%:credit'
         LEFT JOIN payout ON payout.chain = entry.chain AND payout.epoch = COALESCE(entry.payout_epoch, matured.payout_epoch)
             AND payout.state <> 'undone'
         WHERE attempt.device_id = $1 AND attempt.charged > 0 AND {from} ORDER BY attempt.id DESC LIMIT $2"
    );
    let rows: Vec<EarningRow> = sqlx::query_as(AssertSqlSafe(sql))
        .bind(device.to_string())
        .bind(i64::from(limit))
        .bind(after.map_or_else(String::new, |after| after.to_string()))
        .fetch_all(connection)
        .await
        .doing("list a rig's earnings")?;
    rows.into_iter().map(|row| earning(row, maturity, terms)).collect()
}

fn earning(row: EarningRow, maturity: Duration, terms: &Terms) -> Result<Earning, StoreError> {
    let waits = waits(&row, terms)?;
    let EarningRow { id, ended_ms, charged, amount, chain, account, payout_epoch, hash, reversed, .. } = row;
    let settled_ms = TimestampMs::from_millis(ended_ms);
    Ok(Earning {
        attempt: parsed(&id, "attempt id")?,
        settled_ms,
        paid: Micros::new(charged),
        fee: Micros::new(charged - amount),
        // What a card's bank has taken back, or was lost by a wrong result, is nobody's share.
        share: Micros::new(amount - reversed),
        chain_id: chain.unsigned_abs(),
        matures_ms: account.ends_with(":maturing").then(|| settled_ms.after(maturity.max(MATURITY_LEAST))),
        waits,
        payout_epoch: payout_epoch.map(i64::unsigned_abs),
        // While watchers may still object, it is on its way and cannot be claimed.
        transaction: hash.map(|hash| parsed(&hash, "transaction hash")).transpose()?,
    })
}

fn waits(row: &EarningRow, terms: &Terms) -> Result<Option<EarningWaits>, StoreError> {
    let Some(basis) = &row.basis else { return Ok(None) };
    let basis = Basis::parse(basis).ok_or_else(|| StoreError::Corrupt { what: "basis of earnings", value: basis.clone() })?;
    let hold = Hold { earned: TimestampMs::from_millis(row.earned_ms), confirmed: row.confirmed == 1, basis };
    let earner = Earner { first_seen: TimestampMs::from_millis(row.first_seen_ms) };
    let (until_ms, lapses) = hold.ends(&earner, terms);
    Ok(Some(EarningWaits { until_ms, lapses }))
}
