//! To which account a rig's earnings go, as its owner signed it, and which accounts the operator holds.

use alloy_primitives::Address;
use headframe_protocol::{
    DeviceId, TimestampMs,
    payout::{PayoutStanding, PayoutTerms, SignedPayoutTerms},
};
use sqlx::AnyConnection;

use crate::store::{Doing as _, StoreError, as_i64, document, parsed, written};

/// Terms as they are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptTerms {
    /// What was said.
    pub signed: SignedPayoutTerms,
    /// Whether a wallet has signed that the account is its own.
    pub confirmed: bool,
    /// From when on they count.
    pub effective: TimestampMs,
}

type TermsRow = (String, i64, i64);

fn kept((signed, confirmed, effective): TermsRow) -> Result<KeptTerms, StoreError> {
    Ok(KeptTerms {
        signed: document(&signed, "payout terms")?,
        confirmed: confirmed != 0,
        effective: TimestampMs::from_millis(effective),
    })
}

/// The terms of a rig that count at `now`.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn terms_at(
    connection: &mut AnyConnection,
    device: DeviceId,
    now: TimestampMs,
) -> Result<Option<KeptTerms>, StoreError> {
    let row: Option<TermsRow> = sqlx::query_as(
        "SELECT signed, confirmed, effective_ms FROM payout_terms WHERE device_id = $1 AND effective_ms <= $2
         ORDER BY issued_ms DESC LIMIT 1",
    )
    .bind(device.to_string())
    .bind(now.as_millis())
    .fetch_optional(connection)
    .await
    .doing("read payout terms")?;
    row.map(kept).transpose()
}

/// The newest terms of a rig, whether they count yet or not.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn newest_terms(connection: &mut AnyConnection, device: DeviceId) -> Result<Option<KeptTerms>, StoreError> {
    let row: Option<TermsRow> = sqlx::query_as(
        "SELECT signed, confirmed, effective_ms FROM payout_terms WHERE device_id = $1 ORDER BY issued_ms DESC LIMIT 1",
    )
    .bind(device.to_string())
    .fetch_optional(connection)
    .await
    .doing("read payout terms")?;
    row.map(kept).transpose()
}

/// What the owner is told of his rig's terms.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn standing(connection: &mut AnyConnection, device: DeviceId, now: TimestampMs) -> Result<PayoutStanding, StoreError> {
    let counts = terms_at(connection, device, now).await?;
    let newest = newest_terms(connection, device).await?;
    let pending = newest.filter(|newest| newest.effective > now);
    let held_because = match &counts {
        Some(counts) => hold(connection, counts.signed.terms.account).await?,
        None => None,
    };
    Ok(PayoutStanding {
        held_because,
        confirmed: counts.as_ref().is_some_and(|kept| kept.confirmed),
        terms: counts.map(|kept| kept.signed.terms),
        pending_from_ms: pending.as_ref().map(|kept| kept.effective),
        pending: pending.map(|kept| kept.signed.terms),
    })
}

/// Why an account is not paid now, if it is not.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn hold(connection: &mut AnyConnection, account: Address) -> Result<Option<String>, StoreError> {
    let row: Option<(String,)> = sqlx::query_as("SELECT reason FROM payout_hold WHERE account = $1")
        .bind(format!("{account:#x}"))
        .fetch_optional(connection)
        .await
        .doing("read whether a payout is held")?;
    Ok(row.map(|(reason,)| reason))
}

/// Pays an account nothing until it is released; with nothing for a reason, releases it.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn set_hold(
    connection: &mut AnyConnection,
    account: Address,
    reason: Option<&str>,
    now: TimestampMs,
) -> Result<(), StoreError> {
    let query = match reason {
        Some(reason) => sqlx::query(
            "INSERT INTO payout_hold (account, reason, since_ms) VALUES ($1, $2, $3)
             ON CONFLICT (account) DO UPDATE SET reason = excluded.reason",
        )
        .bind(format!("{account:#x}"))
        .bind(reason.to_owned())
        .bind(now.as_millis()),
        None => sqlx::query("DELETE FROM payout_hold WHERE account = $1").bind(format!("{account:#x}")),
    };
    query.execute(connection).await.map(drop).doing("hold a payout")
}

/// Keeps terms. The same ones again change nothing.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn keep_terms(connection: &mut AnyConnection, kept: &KeptTerms) -> Result<(), StoreError> {
    let PayoutTerms { device, account, chain_id, in_hfr, issued_ms, network: _ } = &kept.signed.terms;
    sqlx::query(
        "INSERT INTO payout_terms (device_id, issued_ms, account, chain, in_hfr, confirmed, effective_ms, signed)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (device_id, issued_ms) DO NOTHING",
    )
    .bind(device.to_string())
    .bind(issued_ms.as_millis())
    .bind(format!("{account:#x}"))
    .bind(as_i64(*chain_id))
    .bind(i64::from(*in_hfr))
    .bind(i64::from(kept.confirmed))
    .bind(kept.effective.as_millis())
    .bind(written(&kept.signed, "payout terms")?)
    .execute(connection)
    .await
    .doing("keep payout terms")?;
    Ok(())
}

/// Accounts that were named for some rig and that no wallet has ever confirmed: nobody signs a claim for them on a rig.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn outside(connection: &mut AnyConnection) -> Result<Vec<Address>, StoreError> {
    let rows: Vec<(String,)> =
        sqlx::query_as("SELECT account FROM payout_terms GROUP BY account HAVING MAX(confirmed) = 0 ORDER BY account")
            .fetch_all(connection)
            .await
            .doing("list outside accounts")?;
    rows.into_iter().map(|(account,)| parsed(&account, "address")).collect()
}

/// Accounts of rigs' terms, for those who want to know what an address is to us.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn devices_of(connection: &mut AnyConnection, account: Address) -> Result<Vec<DeviceId>, StoreError> {
    let rows: Vec<(String,)> =
        sqlx::query_as("SELECT DISTINCT device_id FROM payout_terms WHERE account = $1 ORDER BY device_id")
            .bind(format!("{account:#x}"))
            .fetch_all(connection)
            .await
            .doing("list the rigs of an account")?;
    rows.into_iter().map(|(device,)| parsed(&device, "device id")).collect()
}
