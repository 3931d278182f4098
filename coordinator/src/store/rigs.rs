//! Rigs: every device that ever signed in.

use headframe_protocol::{DeviceId, TimestampMs, job::Trust, rig::RigReport};
use sqlx::{AnyConnection, AssertSqlSafe};

use super::{Doing as _, Rows, StoreError, line, parsed, written};
use crate::market::Country;

/// What the operator has decided about a rig.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Who stands behind it.
    pub trust: Trust,
    /// Where it stands, if the operator has attested it.
    pub country: Option<Country>,
    /// Taken out of work.
    pub quarantined: bool,
}

/// The longest version of an agent that is kept. Ours have ten characters.
const AGENT_CHARS_MAX: usize = 40;

/// Rigs in one statement of [`heard`].
const HEARD_MAX: usize = 128;

/// Notes that a rig signed in with a program of which version, and says how it stands. New rigs are `community`.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn seen(
    connection: &mut AnyConnection,
    device: DeviceId,
    (report, agent): (&RigReport, &str),
    now: TimestampMs,
) -> Result<Standing, StoreError> {
    sqlx::query(
        "INSERT INTO rig (device_id, report, trust, first_seen_ms, last_seen_ms, heard_ms, agent) VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (device_id) DO UPDATE SET report = excluded.report, last_seen_ms = excluded.last_seen_ms,
             heard_ms = excluded.heard_ms, agent = excluded.agent",
    )
    .bind(device.to_string())
    .bind(written(report, "rig report")?)
    .bind(Trust::Community.to_string())
    .bind(now.as_millis())
    .bind(now.as_millis())
    .bind(now.as_millis())
    .bind(line(agent, AGENT_CHARS_MAX))
    .execute(&mut *connection)
    .await
    .doing("note a rig")?;
    let (trust, country, quarantined): (String, Option<String>, Option<i64>) =
        sqlx::query_as("SELECT trust, country, quarantined_ms FROM rig WHERE device_id = $1")
            .bind(device.to_string())
            .fetch_one(connection)
            .await
            .doing("read a rig")?;
    let country = country.map(|code| country_of(&code)).transpose()?;
    Ok(Standing { trust: trust_of(&trust)?, country, quarantined: quarantined.is_some() })
}

fn trust_of(text: &str) -> Result<Trust, StoreError> {
    [Trust::Community, Trust::Partner, Trust::Own]
        .into_iter()
        .find(|trust| trust.to_string() == text)
        .ok_or_else(|| StoreError::Corrupt { what: "trust", value: text.to_owned() })
}

fn country_of(code: &str) -> Result<Country, StoreError> {
    Country::parse(code).ok_or_else(|| StoreError::Corrupt { what: "country", value: code.to_owned() })
}

/// Writes down who stands behind a rig and where it stands; what is absent stays as it was. False if there is no such rig.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn attest(
    connection: &mut AnyConnection,
    device: DeviceId,
    trust: Option<Trust>,
    country: Option<Country>,
) -> Result<bool, StoreError> {
    let query = sqlx::query("UPDATE rig SET trust = COALESCE($1, trust), country = COALESCE($2, country) WHERE device_id = $3")
        .bind(trust.map(|trust| trust.to_string()))
        .bind(country.map(|country| country.to_string()))
        .bind(device.to_string());
    Ok(query.execute(connection).await.doing("attest a rig")?.rows_affected() == 1)
}

/// Who stands behind a rig, as the operator has attested; anybody, if it never signed in.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn attested(connection: &mut AnyConnection, device: DeviceId) -> Result<Trust, StoreError> {
    let row: Option<(String,)> = sqlx::query_as("SELECT trust FROM rig WHERE device_id = $1")
        .bind(device.to_string())
        .fetch_optional(connection)
        .await
        .doing("read who stands behind a rig")?;
    row.map_or(Ok(Trust::Community), |(trust,)| trust_of(&trust))
}

/// What a rig reported when it signed in last, and whether it is taken out of work; nothing if it never did.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn last_seen(connection: &mut AnyConnection, device: DeviceId) -> Result<Option<(RigReport, bool)>, StoreError> {
    let row: Option<(String, Option<i64>)> = sqlx::query_as("SELECT report, quarantined_ms FROM rig WHERE device_id = $1")
        .bind(device.to_string())
        .fetch_optional(connection)
        .await
        .doing("read what a rig reported")?;
    row.map(|(report, quarantined)| Ok((super::document(&report, "rig report")?, quarantined.is_some()))).transpose()
}

/// Notes that rigs are connected, and what the cards of each are believed to be worth.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn heard(connection: &mut AnyConnection, rigs: &[(DeviceId, u32)], now: TimestampMs) -> Result<(), StoreError> {
    for chunk in rigs.chunks(HEARD_MAX) {
        let first = 2 + 2 * chunk.len();
        let cases = (0..chunk.len()).map(|nth| format!("WHEN ${} THEN CAST(${} AS BIGINT)", 2 + 2 * nth, 3 + 2 * nth));
        let cases = cases.collect::<Vec<_>>().join(" ");
        let list = Rows::list(first, chunk.len());
        let sql = format!("UPDATE rig SET heard_ms = $1, fu = CASE device_id {cases} END WHERE device_id IN ({list})");
        let mut query = sqlx::query(AssertSqlSafe(sql)).bind(now.as_millis());
        for (device, fu) in chunk {
            query = query.bind(device.to_string()).bind(i64::from(*fu));
        }
        for (device, _) in chunk {
            query = query.bind(device.to_string());
        }
        query.execute(&mut *connection).await.doing("note which rigs are connected")?;
    }
    Ok(())
}

/// Notes when a rig's last session ended: not before it was last heard of, or it would look as if it had come back.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn left(connection: &mut AnyConnection, device: DeviceId, at: TimestampMs) -> Result<(), StoreError> {
    let sql = "UPDATE rig SET left_ms = CASE WHEN COALESCE(heard_ms, 0) > $1 THEN heard_ms ELSE $2 END WHERE device_id = $3";
    let query = sqlx::query(sql).bind(at.as_millis()).bind(at.as_millis()).bind(device.to_string());
    query.execute(connection).await.map(drop).doing("note that a rig has left")
}

/// Takes a rig's row: until the transaction ends nobody else changes what is kept of the rig. False if there is no such rig.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn take_row(connection: &mut AnyConnection, device: DeviceId) -> Result<bool, StoreError> {
    let query = sqlx::query("UPDATE rig SET device_id = device_id WHERE device_id = $1").bind(device.to_string());
    Ok(query.execute(connection).await.doing("take a rig's row")?.rows_affected() == 1)
}

/// Whether a device has signed in before.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn is_known(connection: &mut AnyConnection, device: DeviceId) -> Result<bool, StoreError> {
    let row: Option<(String,)> = sqlx::query_as("SELECT device_id FROM rig WHERE device_id = $1")
        .bind(device.to_string())
        .fetch_optional(connection)
        .await
        .doing("look for a rig")?;
    Ok(row.is_some())
}

/// Every rig that is taken out of work.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn quarantined(connection: &mut AnyConnection) -> Result<Vec<DeviceId>, StoreError> {
    let rows: Vec<(String,)> = sqlx::query_as("SELECT device_id FROM rig WHERE quarantined_ms IS NOT NULL")
        .fetch_all(connection)
        .await
        .doing("read quarantined rigs")?;
    rows.into_iter().map(|(device,)| parsed(&device, "device id")).collect()
}

/// Nothing a rig did before counts any more. False if there is no such rig.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn pardon(connection: &mut AnyConnection, device: DeviceId, now: TimestampMs) -> Result<bool, StoreError> {
    let query =
        sqlx::query("UPDATE rig SET pardoned_ms = $1 WHERE device_id = $2").bind(now.as_millis()).bind(device.to_string());
    Ok(query.execute(connection).await.doing("pardon a rig")?.rows_affected() == 1)
}

/// Takes a rig out of work or lets it work again. False if there is no such rig.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn set_quarantined(
    connection: &mut AnyConnection,
    device: DeviceId,
    since: Option<TimestampMs>,
) -> Result<bool, StoreError> {
    let done = sqlx::query("UPDATE rig SET quarantined_ms = $1 WHERE device_id = $2")
        .bind(since.map(TimestampMs::as_millis))
        .bind(device.to_string())
        .execute(connection)
        .await
        .doing("quarantine a rig")?;
    Ok(done.rows_affected() == 1)
}

/// A rig as the operator sees it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct RigRecord {
    /// Its device.
    pub device: DeviceId,
    /// What its owner calls it.
    pub name: String,
    /// Who stands behind it.
    pub trust: Trust,
    /// Where it stands, if the operator has attested it.
    pub country: Option<String>,
    /// Since when it is out of work.
    pub quarantined_ms: Option<TimestampMs>,
    /// When it first signed in.
    pub first_seen_ms: TimestampMs,
    /// When it last signed in.
    pub last_seen_ms: TimestampMs,
}

/// `device_id`, `report`, `trust`, `country`, `quarantined_ms`, `first_seen_ms`, `last_seen_ms`.
type RigRow = (String, String, String, Option<String>, Option<i64>, i64, i64);

/// Every rig that ever signed in, the newest sign-in first.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn list(connection: &mut AnyConnection) -> Result<Vec<RigRecord>, StoreError> {
    let rows: Vec<RigRow> = sqlx::query_as(
        "SELECT device_id, report, trust, country, quarantined_ms, first_seen_ms, last_seen_ms FROM rig ORDER BY last_seen_ms DESC, device_id",
    )
    .fetch_all(connection)
    .await
    .doing("list rigs")?;
    rows.into_iter()
        .map(|(device, report, trust, country, quarantined_ms, first_seen_ms, last_seen_ms)| {
            let report: RigReport = super::document(&report, "rig report")?;
            Ok(RigRecord {
                device: parsed(&device, "device id")?,
                name: report.name,
                trust: trust_of(&trust)?,
                country,
                quarantined_ms: quarantined_ms.map(TimestampMs::from_millis),
                first_seen_ms: TimestampMs::from_millis(first_seen_ms),
                last_seen_ms: TimestampMs::from_millis(last_seen_ms),
            })
        })
        .collect()
}
