//! What is kept of a rig's results, and how it stands by it.

use headframe_protocol::{
    DeviceId, TimestampMs,
    job::{Reason, Trust},
};
use sqlx::AnyConnection;

use super::{StoreError, Tx, parsed};
use crate::{
    store::{Doing as _, audit, rigs},
    verify::{
        Chance, Class, Record, Standing, Tier,
        standing::{Deed, Event, REMEMBERED, standing},
    },
};

/// Who acts where a rig's standing does.
pub const ACTOR: &str = "verification";

/// Attempts of one day count together.
const DAY_MS: i64 = 24 * 3_600 * 1_000;

/// How a rig stands, and of what.
#[derive(Debug, Clone, PartialEq)]
pub struct Account {
    /// What is concluded.
    pub standing: Standing,
    /// Of what.
    pub events: Vec<Event>,
    /// Results found right in a row, by class, and what the rig is behind there, in thousandths.
    pub records: Vec<(Class, Record, u64)>,
}

/// How likely a rig's next result of a class is checked.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn chance_of(
    connection: &mut AnyConnection,
    device: DeviceId,
    class: &Class,
    now: TimestampMs,
) -> Result<Chance, StoreError> {
    let record = record(connection, device, class).await?;
    let events = events(connection, device, now).await?;
    Ok(record.chance(standing(&events, now).tier))
}

/// How a rig stands, with everything that was looked at.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn account(connection: &mut AnyConnection, device: DeviceId, now: TimestampMs) -> Result<Account, StoreError> {
    let events = events(connection, device, now).await?;
    let rows: Vec<(String, i64, i64)> =
        sqlx::query_as("SELECT class, right_in_a_row, behind FROM rig_record WHERE device_id = $1 ORDER BY class")
            .bind(device.to_string())
            .fetch_all(&mut *connection)
            .await
            .doing("read a rig's records")?;
    let records =
        rows.into_iter().map(|(class, right, behind)| Ok((parsed(&class, "class")?, record_of(right), behind.unsigned_abs())));
    let records = records.collect::<Result<_, StoreError>>()?;
    Ok(Account { standing: standing(&events, now), events, records })
}

fn record_of(right: i64) -> Record {
    Record { right_in_a_row: u32::try_from(right).unwrap_or(u32::MAX) }
}

async fn record(connection: &mut AnyConnection, device: DeviceId, class: &Class) -> Result<Record, StoreError> {
    let row: Option<(i64,)> = sqlx::query_as("SELECT right_in_a_row FROM rig_record WHERE device_id = $1 AND class = $2")
        .bind(device.to_string())
        .bind(class.as_str().to_owned())
        .fetch_optional(connection)
        .await
        .doing("read a rig's record")?;
    Ok(row.map_or_else(Record::default, |(right,)| record_of(right)))
}

/// What the rig did, of its attempts and what was found about them: nothing else needs to be written down twice. Attempts given back, declined or cancelled are not among
/// them.
async fn events(connection: &mut AnyConnection, device: DeviceId, now: TimestampMs) -> Result<Vec<Event>, StoreError> {
    let row: Option<(Option<i64>,)> = sqlx::query_as("SELECT pardoned_ms FROM rig WHERE device_id = $1")
        .bind(device.to_string())
        .fetch_optional(&mut *connection)
        .await
        .doing("read a rig's pardon")?;
    let since = row.and_then(|(pardoned,)| pardoned).unwrap_or(i64::MIN).max(now.before(REMEMBERED).as_millis());
    let rows: Vec<(i64, String, Option<String>, i64)> = sqlx::query_as(
        "SELECT ended_ms / 86400000, state, reason, COUNT(*) FROM attempt
         WHERE device_id = $1 AND state IN ('succeeded', 'failed', 'lost') AND ended_ms > $2
         GROUP BY ended_ms / 86400000, state, reason ORDER BY 1, 2, 3",
    )
    .bind(device.to_string())
    .bind(since)
    .fetch_all(&mut *connection)
    .await
    .doing("read what a rig did")?;
    let mut events = Vec::with_capacity(rows.len());
    for (day, state, reason, times) in rows {
        let reason: Option<Reason> = reason.map(|reason| parsed(&reason, "reason")).transpose()?;
        let deed = match (state.as_str(), reason) {
            ("succeeded", _) => Deed::Kept,
            // Counted below, with those that were accepted before they were found out.
            (_, Some(Reason::ResultMismatch)) => continue,
            ("lost", _) => Deed::Lost,
            (_, Some(reason)) if reason.fault() == headframe_protocol::job::Fault::Rig => Deed::Failed,
            _ => continue,
        };
        let at = TimestampMs::from_millis(day * DAY_MS);
        events.push(Event { at, deed, times: u32::try_from(times).unwrap_or(u32::MAX) });
    }
    for (deed, sql) in FOUND {
        let query = sqlx::query_as(sql).bind(device.to_string()).bind(since);
        let rows: Vec<(i64,)> = query.fetch_all(&mut *connection).await.doing("read what was found of a rig")?;
        events.extend(rows.into_iter().map(|(at,)| Event { at: TimestampMs::from_millis(at), deed, times: 1 }));
    }
    Ok(events)
}

/// What comparisons and challenges have found of a rig since a time, each in its own row. Of a challenge that was failed for being late or
/// slow, nothing: only what was shown and is wrong is a lie.
const FOUND: [(Deed, &str); 3] = [
    (
        Deed::Wrong,
        "SELECT judged_ms FROM trial_run WHERE device_id = $1 AND state = 'wrong' AND judged_ms > $2 ORDER BY judged_ms",
    ),
    (Deed::Doubted, "SELECT at_ms FROM doubt WHERE device_id = $1 AND at_ms > $2 ORDER BY at_ms"),
    (
        Deed::Cheated,
        "SELECT ended_ms FROM challenge WHERE device_id = $1 AND outcome = 'failed' AND reason = 'refused' AND ended_ms > $2
         ORDER BY ended_ms",
    ),
];

/// As what a rig is given work whom the operator has attested to be `attested`: a partner whose standing is bad is anybody.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn trusted_as(
    connection: &mut AnyConnection,
    device: DeviceId,
    attested: Trust,
    now: TimestampMs,
) -> Result<Trust, StoreError> {
    Ok(match attested {
        Trust::Partner => standing(&events(connection, device, now).await?, now).tier.as_trusted(attested),
        Trust::Community | Trust::Own => attested,
    })
}

/// The same of a rig that has signed in before.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn trust_of(connection: &mut AnyConnection, device: DeviceId, now: TimestampMs) -> Result<Trust, StoreError> {
    let attested = rigs::attested(connection, device).await?;
    trusted_as(connection, device, attested, now).await
}

/// A rig that has broken too many promises gets no more work; the operator finds why in the audit trail, and can pardon it.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn exclude(tx: &mut Tx, device: DeviceId, now: TimestampMs) -> Result<(), StoreError> {
    let account = account(tx, device, now).await?;
    if account.standing.tier != Tier::Excluded {
        return Ok(());
    }
    if rigs::set_quarantined(tx, device, Some(now)).await? {
        let detail = format!("{:.2} wrong results, the older the less each counts", account.standing.dishonesty);
        let act = audit::Act {
            actor: ACTOR,
            act: "rig.quarantine",
            subject: &device.to_string(),
            reason: "it was outvoted or cheated in challenges again and again",
            detail: &detail,
        };
        audit::append(tx, &act, now).await?;
    }
    Ok(())
}

/// A result was compared and found right.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn note_right(tx: &mut Tx, device: DeviceId, class: &Class) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO rig_record (device_id, class, right_in_a_row) VALUES ($1, $2, 1)
         ON CONFLICT (device_id, class) DO UPDATE SET right_in_a_row = rig_record.right_in_a_row + 1",
    )
    .bind(device.to_string())
    .bind(class.as_str().to_owned())
    .execute(&mut **tx)
    .await
    .map(drop)
    .doing("note a right result")
}

/// A result was outvoted: the rig begins anew, on all of its hardware.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn note_wrong(tx: &mut Tx, device: DeviceId) -> Result<(), StoreError> {
    sqlx::query("UPDATE rig_record SET right_in_a_row = 0 WHERE device_id = $1")
        .bind(device.to_string())
        .execute(&mut **tx)
        .await
        .map(drop)
        .doing("note a wrong result")
}
