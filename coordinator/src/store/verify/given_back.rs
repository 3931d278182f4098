//! Time given back: which result speaks for it, what a comparison shows of it, and what is paid of the rest.

use headframe_protocol::{AttemptId, DeviceId, Micros, TimestampMs};
use sqlx::{AnyConnection, AssertSqlSafe};

use super::{
    Rules, StoreError, Tx, as_i64,
    holds::{Booked, COLUMNS, Row, Waiting, insert, lose, paid_from, release, waiting},
    pace, parsed,
};
use crate::{
    store::{
        Doing as _, Rows,
        ledger::{Account, Coin},
        maturing::Maturing,
        rigs,
    },
    verify::{
        Basis,
        hold::{ALLOWANCE_WINDOW, Budget, Claimed, Terms, share_of_last, share_shown},
    },
};

/// Attempts that one result may go back to. More than a job may be interrupted; a bound all the same.
const CHAIN_MAX: usize = 1_000;

/// Earnings of one rig looked at in one run.
const LOOKED_AT_MAX: i64 = 1_000;

/// An attempt whose checkpoint a later one began from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// Which.
    pub attempt: AttemptId,
    /// Whose.
    pub device: DeviceId,
    /// What it was paid for.
    pub ms: u64,
}

/// The attempts a result goes back to, from checkpoint to checkpoint, the newest first. Empty if it began from the beginning.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn chain(connection: &mut AnyConnection, result: AttemptId) -> Result<Vec<Link>, StoreError> {
    let (mut links, mut at) = (Vec::new(), result);
    while links.len() < CHAIN_MAX {
        let row: Option<(String, String, i64)> = sqlx::query_as(
            "SELECT earlier.id, earlier.device_id, earlier.charged_ms FROM attempt JOIN attempt AS earlier ON earlier.id = attempt.resumed_from
             WHERE attempt.id = $1 AND earlier.epoch < attempt.epoch",
        )
        .bind(at.to_string())
        .fetch_optional(&mut *connection)
        .await
        .doing("read what an attempt began from")?;
        let Some((attempt, device, ms)) = row else { break };
        at = parsed(&attempt, "attempt id")?;
        links.push(Link { attempt: at, device: parsed(&device, "device id")?, ms: ms.unsigned_abs() });
    }
    Ok(links)
}

/// Of those a result goes back to, the rigs of other owners than the one that brought it.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn other_makers(
    connection: &mut AnyConnection,
    links: &[Link],
    device: DeviceId,
    now: TimestampMs,
) -> Result<Vec<DeviceId>, StoreError> {
    let mut others = Vec::new();
    for link in links {
        if !others.contains(&link.device) && !super::are_one(connection, link.device, device, now).await? {
            others.push(link.device);
        }
    }
    Ok(others)
}

/// A result was accepted: it speaks for the time it goes back to. Where several had a part in that, only a comparison of this very result
/// does: or one who does nothing now and then would hide among those who work.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn speak_for(tx: &mut Tx, result: AttemptId, links: &[Link]) -> Result<(), StoreError> {
    if links.is_empty() {
        return Ok(());
    }
    let basis = if links.iter().all(|link| link.device == links[0].device) { Basis::Shared } else { Basis::Doubted };
    let sql = format!(
        "UPDATE earning_hold SET basis = '{}', result_attempt_id = $1
         WHERE state = 'waiting' AND basis = 'given_back' AND attempt_id IN ({})",
        basis.as_str(),
        Rows::list(2, links.len())
    );
    let query = sqlx::query(AssertSqlSafe(sql)).bind(result.to_string());
    let query = links.iter().fold(query, |query, link| query.bind(link.attempt.to_string()));
    query.execute(&mut **tx).await.map(drop).doing("let a result speak for time given back")
}

/// A result was compared and found right. `whole_ms` is how long the same work took others from its beginning.
///
/// What a comparison of one shows counts for all of its makers' that wait for one, as with results: so it does not matter how seldom
/// one is compared.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn shown(
    tx: &mut Tx,
    (result, device, rest_ms): (AttemptId, DeviceId, u64),
    whole_ms: u64,
    now: TimestampMs,
) -> Result<(), StoreError> {
    let links = chain(tx, result).await?;
    if links.is_empty() {
        return Ok(());
    }
    let all_ms: u64 = links.iter().map(|link| link.ms).sum();
    let own_ms: u64 = links.iter().filter(|link| link.device == device).map(|link| link.ms).sum();
    // Whoever made the checkpoint alone takes from himself what he takes too long for the rest.
    let is_alone = other_makers(tx, &links, device, now).await?.is_empty();
    match share_of_last(whole_ms, rest_ms, Claimed { all_ms, own_ms }) {
        share if share < 1_000 && !is_alone => slow_with_others(tx, (result, device), share, now).await?,
        _ => confirm_with_others(tx, result, device).await?,
    }
    let mut makers: Vec<DeviceId> = links.iter().map(|link| link.device).collect();
    makers.sort_unstable();
    makers.dedup();
    for maker in &makers {
        let own_ms = links.iter().filter(|link| link.device == *maker).map(|link| link.ms).sum();
        let share = share_shown(whole_ms, rest_ms, Claimed { all_ms, own_ms });
        note_share(tx, (result, *maker), (share, makers.len() == 1), now).await?;
    }
    Ok(())
}

/// A result was right, and took no longer than the work and the checkpoint it began from leave room for.
async fn confirm_with_others(tx: &mut Tx, result: AttemptId, device: DeviceId) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE earning_hold SET confirmed = 1
         WHERE device_id = $1 AND state = 'waiting' AND delivered = 1
           AND (attempt_id = $2 OR (basis = 'shared' AND amount <= (SELECT MAX(amount) FROM earning_hold AS it WHERE it.attempt_id = $3)))",
    )
    .bind(device.to_string())
    .bind(result.to_string())
    .bind(result.to_string())
    .execute(&mut **tx)
    .await
    .map(drop)
    .doing("confirm shared results")
}

/// A result was right, and took longer than that: it is worth what is left if those who made the checkpoint were worth all they claim.
/// Nobody can tell whether they were. So of the rig's other such results each must be compared itself.
async fn slow_with_others(
    tx: &mut Tx,
    (result, device): (AttemptId, DeviceId),
    share: u64,
    now: TimestampMs,
) -> Result<(), StoreError> {
    pace::one_worth_a_share(tx, result, share, now).await?;
    sqlx::query(
        "UPDATE earning_hold SET basis = 'doubted'
         WHERE device_id = $1 AND state = 'waiting' AND delivered = 1 AND confirmed = 0 AND basis = 'shared'",
    )
    .bind(device.to_string())
    .execute(&mut **tx)
    .await
    .map(drop)
    .doing("have each result compared itself")
}

/// What a comparison of a `result` has shown its maker's part of its checkpoint to be worth, in thousandths; `alone` if nobody else had one.
///
/// What was shown is an amount, not a part of each: earnings are let go whole, as their receipts are.
async fn note_share(
    tx: &mut Tx,
    (result, maker): (AttemptId, DeviceId),
    (share, alone): (u64, bool),
    now: TimestampMs,
) -> Result<(), StoreError> {
    let found = if share == 1_000 { "confirmed = 1" } else { "basis = 'given_back'" };
    // As with results, one speaks for those that are worth no more; one that was not worth its time is held against all.
    let others = match (alone, share == 1_000) {
        (true, true) => {
            "OR (basis = 'shared' AND amount <= (SELECT MAX(amount) FROM earning_hold AS it WHERE it.device_id = $3 AND it.result_attempt_id = $4))"
        }
        (true, false) => "OR basis = 'shared'",
        (false, _) => "",
    };
    let sql = format!(
        "UPDATE earning_hold SET {found}, shown = amount * $1 / 1000, shown_ms = $2
         WHERE device_id = $3 AND state = 'waiting' AND delivered = 0 AND confirmed = 0 AND basis IN ('shared', 'doubted')
           AND (result_attempt_id = $4 {others})"
    );
    let query = sqlx::query(AssertSqlSafe(sql)).bind(as_i64(share)).bind(now.as_millis()).bind(maker.to_string());
    query.bind(result.to_string()).execute(&mut **tx).await.map(drop).doing("note what checkpoints were worth")
}

/// A result that goes back to others' checkpoints was outvoted, and one of those who had a part in it was wrong. Nobody is blamed: but
/// nothing speaks any more for the time they gave back, and each result of such work must be compared itself.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn doubt(
    tx: &mut Tx,
    (trial, number, result): (&str, i64, AttemptId),
    involved: &[DeviceId],
    now: TimestampMs,
) -> Result<(), StoreError> {
    for device in involved {
        sqlx::query("INSERT INTO doubt (trial_id, number, device_id, at_ms) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING")
            .bind(trial.to_owned())
            .bind(number)
            .bind(device.to_string())
            .bind(now.as_millis())
            .execute(&mut **tx)
            .await
            .doing("note a doubt")?;
        sqlx::query(
            "UPDATE earning_hold SET basis = CASE WHEN delivered = 1 THEN 'doubted' ELSE 'given_back' END, result_attempt_id = NULL
             WHERE device_id = $1 AND state = 'waiting' AND confirmed = 0
               AND (basis = 'shared' OR (basis = 'doubted' AND delivered = 0 AND result_attempt_id = $2))",
        )
        .bind(device.to_string())
        .bind(result.to_string())
        .execute(&mut **tx)
        .await
        .doing("take evidence back")?;
    }
    Ok(())
}

/// What a rig's budget is made of, as sums over rows of `earning_hold` named `booked`, and which rows that needs.
struct Sums {
    delivered: String,
    shown: String,
    spent: String,
    rows: String,
}

fn sums(now: TimestampMs) -> Sums {
    let since = now.before(ALLOWANCE_WINDOW).as_millis();
    let sum = |of: &str, when: &str| format!("CAST(COALESCE(SUM(CASE WHEN {when} THEN booked.{of} ELSE 0 END), 0) AS BIGINT)");
    let let_go =
        |basis: &str| format!("booked.state = 'released' AND booked.ended_ms >= {since} AND booked.basis {basis} 'given_back'");
    Sums {
        delivered: sum("amount", &format!("booked.delivered = 1 AND {}", let_go("<>"))),
        shown: sum("shown", &format!("booked.basis = 'given_back' AND booked.shown_ms >= {since}")),
        spent: sum("amount", &let_go("=")),
        rows: format!("(booked.ended_ms >= {since} OR booked.shown_ms >= {since})"),
    }
}

/// What a rig may be paid of a coin for time that nothing speaks for.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn budget(
    connection: &mut AnyConnection,
    device: DeviceId,
    coin: Coin,
    now: TimestampMs,
) -> Result<Budget, StoreError> {
    let Sums { delivered, shown, spent, rows } = sums(now);
    let sql = format!(
        "SELECT {delivered}, {shown}, {spent} FROM earning_hold AS booked
         WHERE booked.device_id = $1 AND booked.asset = $2 AND booked.chain = $3 AND {rows}"
    );
    let (delivered, shown, spent): (i64, i64, i64) = sqlx::query_as(AssertSqlSafe(sql))
        .bind(device.to_string())
        .bind(coin.asset())
        .bind(coin.chain_column())
        .fetch_one(connection)
        .await
        .doing("read what a rig may be paid for time given back")?;
    Ok(Budget { delivered: Micros::new(delivered), shown: Micros::new(shown), spent: Micros::new(spent) })
}

/// Jobs that are over leave no more results that could speak for anything.
const JOB_IS_OVER: &str =
    "EXISTS (SELECT 1 FROM job WHERE job.id = earning_hold.job_id AND job.state IN ('succeeded', 'failed', 'cancelled'))";

/// Rigs of whose time given back something may be paid or has lapsed.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn due(
    connection: &mut AnyConnection,
    terms: &Terms,
    now: TimestampMs,
    limit: u32,
) -> Result<Vec<(DeviceId, Coin)>, StoreError> {
    let (permille, Sums { delivered, shown, spent, rows }) = (terms.allowance_permille, sums(now));
    let sql = format!(
        "SELECT waits.device_id, waits.asset, waits.chain FROM
           (SELECT earning_hold.device_id, earning_hold.asset, earning_hold.chain, MIN(earning_hold.earned_ms) AS oldest,
                   MIN(CASE WHEN earning_hold.basis = 'given_back' THEN earning_hold.amount END) AS least,
                   MIN(rig.first_seen_ms) AS first_seen_ms
            FROM earning_hold JOIN rig ON rig.device_id = earning_hold.device_id
            WHERE earning_hold.state = 'waiting' AND earning_hold.confirmed = 0
              AND earning_hold.basis IN ('given_back', 'doubted') AND rig.first_seen_ms <= $1 AND {JOB_IS_OVER}
            GROUP BY earning_hold.device_id, earning_hold.asset, earning_hold.chain) AS waits
         LEFT JOIN earning_hold AS booked
           ON booked.device_id = waits.device_id AND booked.asset = waits.asset AND booked.chain = waits.chain AND {rows}
         GROUP BY waits.device_id, waits.asset, waits.chain, waits.least, waits.oldest, waits.first_seen_ms
         HAVING waits.least <= {delivered} * {permille} / 1000 + {shown} - {spent}
             OR (waits.oldest <= $2 AND waits.first_seen_ms <= $3)
         ORDER BY waits.oldest LIMIT $4"
    );
    let settled = now.before(terms.unconfirmed_max);
    let rows: Vec<(String, String, i64)> = sqlx::query_as(AssertSqlSafe(sql))
        .bind(now.before(terms.probation).as_millis())
        .bind(settled.as_millis())
        .bind(settled.before(terms.probation).as_millis())
        .bind(i64::from(limit))
        .fetch_all(connection)
        .await
        .doing("list rigs to be paid for time given back")?;
    rows.into_iter().map(|(device, asset, chain)| Ok((parsed(&device, "device id")?, Coin::parse(&asset, chain)?))).collect()
}

/// Pays a rig's time that nothing speaks for, the oldest first, as far as its budget goes; what has waited too long lapses. Returns of how
/// many attempts.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn settle(tx: &mut Tx, terms: &Terms, (device, coin): (DeviceId, Coin), now: TimestampMs) -> Result<u64, StoreError> {
    // Two at once would both find the whole budget.
    rigs::take_row(tx, device).await?;
    let mut budget = budget(tx, device, coin, now).await?;
    let mut closed = 0;
    for earned in list(tx, device, coin).await? {
        if now < earned.earner.first_seen.after(terms.probation) {
            break;
        }
        if earned.hold.basis == Basis::GivenBack && earned.amount <= budget.left(terms) {
            if release(tx, &earned, now).await? {
                budget.spent = Micros::new(budget.spent.get().saturating_add(earned.amount.get()));
                closed += 1;
            }
        } else if earned.hold.lapses(&earned.earner, terms, now) {
            closed += u64::from(lose(tx, &earned, "lapsed", now).await?);
        }
    }
    Ok(closed)
}

async fn list(connection: &mut AnyConnection, device: DeviceId, coin: Coin) -> Result<Vec<Waiting>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM earning_hold JOIN rig ON rig.device_id = earning_hold.device_id
         WHERE earning_hold.state = 'waiting' AND earning_hold.confirmed = 0
           AND earning_hold.basis IN ('given_back', 'doubted') AND earning_hold.device_id = $1
           AND earning_hold.asset = $2 AND earning_hold.chain = $3 AND {JOB_IS_OVER}
         ORDER BY earning_hold.earned_ms, earning_hold.attempt_id LIMIT $4"
    );
    let rows: Vec<Row> = sqlx::query_as(AssertSqlSafe(sql))
        .bind(device.to_string())
        .bind(coin.asset())
        .bind(coin.chain_column())
        .bind(LOOKED_AT_MAX)
        .fetch_all(connection)
        .await
        .doing("list a rig's time given back")?;
    rows.into_iter().map(waiting).collect()
}

/// Where earnings from a card go that have waited their time: to the rig if they came of a result of its own, else to what waits for a
/// check, as what is not paid by card has done from the beginning.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub(crate) async fn after_maturity(
    tx: &mut Tx,
    rules: &Rules,
    earned: &Maturing,
    now: TimestampMs,
) -> Result<Account, StoreError> {
    let (device, credit) = (earned.device, Account::Credit(earned.device));
    if !rules.withhold {
        return Ok(credit);
    }
    let whose = (earned.attempt, earned.job, device);
    let left = (earned.coin, earned.left());
    let result = speaks_for(tx, earned.attempt).await?;
    if result.is_some_and(|result| result == earned.attempt) {
        let share = pace::share_since(tx, device, earned.earned).await?;
        // What was taken back in part is let go: it is no longer what the time was worth.
        if share == 1_000 || earned.reversed > Micros::ZERO {
            insert(tx, whose, left, (Booked::Released, false, true), now).await?;
            return Ok(credit);
        }
        insert(tx, whose, left, (Booked::Waiting(Basis::Result), false, true), now).await?;
        pace::one_worth_a_share(tx, earned.attempt, share, now).await?;
        return Ok(Account::Withheld(device));
    }
    if earned.reversed == Micros::ZERO {
        insert(tx, whose, left, (Booked::Waiting(Basis::GivenBack), false, false), now).await?;
        if let Some(result) = result {
            let links = chain(tx, result).await?;
            speak_for(tx, result, &links).await?;
        }
        return Ok(Account::Withheld(device));
    }
    // What was taken back in part can be paid only as what matured: so it is decided now.
    rigs::take_row(tx, device).await?;
    if earned.left() > budget(tx, device, earned.coin, now).await?.left(&rules.terms) {
        return Ok(paid_from(earned.coin));
    }
    insert(tx, whose, left, (Booked::Released, false, false), now).await?;
    Ok(credit)
}

/// The accepted result that goes back to an attempt, if there is one: it may be the attempt's own.
async fn speaks_for(connection: &mut AnyConnection, attempt: AttemptId) -> Result<Option<AttemptId>, StoreError> {
    let row: Option<(String,)> = sqlx::query_as(
        "SELECT job.attempt_id FROM attempt JOIN job ON job.id = attempt.job_id
         WHERE attempt.id = $1 AND job.state = 'succeeded' AND job.attempt_id IS NOT NULL",
    )
    .bind(attempt.to_string())
    .fetch_optional(&mut *connection)
    .await
    .doing("read the result of an attempt's job")?;
    let Some((result,)) = row else { return Ok(None) };
    let result = parsed(&result, "attempt id")?;
    let speaks = result == attempt || chain(connection, result).await?.iter().any(|link| link.attempt == attempt);
    Ok(speaks.then_some(result))
}

/// What of a rig's earnings waits, of one coin, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waits {
    /// In what.
    pub coin: Coin,
    /// All of it.
    pub amount: Micros,
    /// Of that, for time that nothing speaks for.
    pub given_back: Micros,
    /// Of that, what could be paid now.
    pub allowance: Micros,
}

/// What a rig has that waits, by chain.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn of_rig(
    connection: &mut AnyConnection,
    terms: &Terms,
    device: DeviceId,
    now: TimestampMs,
) -> Result<Vec<Waits>, StoreError> {
    let rows: Vec<(String, i64, i64, i64)> = sqlx::query_as(
        "SELECT account.asset, account.chain, account.balance,
                (SELECT CAST(COALESCE(SUM(earning_hold.amount), 0) AS BIGINT) FROM earning_hold
                 WHERE earning_hold.device_id = $1 AND earning_hold.asset = account.asset AND earning_hold.chain = account.chain
                   AND earning_hold.state = 'waiting' AND earning_hold.basis = 'given_back')
         FROM account WHERE account.account = $2 AND account.balance > 0 ORDER BY account.chain",
    )
    .bind(device.to_string())
    .bind(Account::Withheld(device).to_string())
    .fetch_all(&mut *connection)
    .await
    .doing("read what a rig has that waits")?;
    let mut waits = Vec::with_capacity(rows.len());
    for (asset, chain, amount, given_back) in rows {
        let coin = Coin::parse(&asset, chain)?;
        let allowance = budget(connection, device, coin, now).await?.left(terms);
        waits.push(Waits { coin, amount: Micros::new(amount), given_back: Micros::new(given_back), allowance });
    }
    Ok(waits)
}
