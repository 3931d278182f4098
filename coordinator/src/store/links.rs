//! Who may be one and the same person: customers and rigs that share a wallet, a payout account, a network, or money.
//!
//! A thief who pays with somebody else's card wants to be paid for it, so a job paid by card is never given to a rig its customer
//! is linked to. The market is told of all links there are; whether a pair is linked is asked once more when a claim is written.

use std::time::Duration;

use headframe_protocol::{CustomerId, DeviceId, TimestampMs};
use sqlx::{AnyConnection, AssertSqlSafe};

use super::{Doing as _, StoreError, parsed};
use crate::networks::Party;

/// How long having come from the same network counts: as long as a card's payment is easily taken back.
const SEEN_FOR: Duration = Duration::from_hours(30 * 24);

/// The most pairs told to the market. Far more than customers who pay by card have rigs; the claim is asked in any case.
const LINKS_MAX: i64 = 1_000_000;

/// Notes from which network somebody came.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn note(connection: &mut AnyConnection, party: Party, network: &str, now: TimestampMs) -> Result<(), StoreError> {
    let (kind, party) = match party {
        Party::Customer(customer) => ("customer", customer.to_string()),
        Party::Rig(device) => ("rig", device.to_string()),
    };
    sqlx::query(
        "INSERT INTO seen_at (network, kind, party, seen_ms) VALUES ($1, $2, $3, $4)
         ON CONFLICT (network, kind, party) DO UPDATE SET seen_ms = excluded.seen_ms",
    )
    .bind(network)
    .bind(kind)
    .bind(party)
    .bind(now.as_millis())
    .execute(connection)
    .await
    .map(drop)
    .doing("note from where somebody came")
}

/// Forgets who came from where so long ago that it counts for nothing.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn prune(connection: &mut AnyConnection, now: TimestampMs) -> Result<u64, StoreError> {
    let query = sqlx::query("DELETE FROM seen_at WHERE seen_ms < $1").bind(now.before(SEEN_FOR).as_millis());
    Ok(query.execute(connection).await.doing("forget from where somebody came")?.rows_affected())
}

/// A rig's owner has given a customer of his earnings.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn note_spending(connection: &mut AnyConnection, customer: CustomerId, device: DeviceId) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO spent_for (customer_id, device_id) VALUES ($1, $2) ON CONFLICT (customer_id, device_id) DO NOTHING")
        .bind(customer.to_string())
        .bind(device.to_string())
        .execute(connection)
        .await
        .map(drop)
        .doing("note whom earnings were given to")
}

/// Every link of the customers `whose`, a condition on the column that is put in for each of `$3`, `$4` and `$5`.
///
/// Linked at once: his wallet is a rig's payout account; a rig's owner gave him of his earnings; both came from one network. And by one
/// step more: rigs that are paid to the same account have the same owner.
fn linked(whose: [&str; 3]) -> String {
    let [by_wallet, by_spending, by_network] = whose;
    format!(
        "WITH direct (customer_id, device_id) AS (
             SELECT wallet.customer_id, payout_terms.device_id FROM wallet
                 JOIN payout_terms ON payout_terms.account = wallet.address WHERE wallet.customer_id {by_wallet}
             UNION SELECT customer_id, device_id FROM spent_for WHERE customer_id {by_spending}
             UNION SELECT theirs.party, its.party FROM seen_at theirs JOIN seen_at its ON its.network = theirs.network AND its.kind = 'rig'
                 WHERE theirs.kind = 'customer' AND theirs.seen_ms > $1 AND its.seen_ms > $2 AND theirs.party {by_network}
         ), linked (customer_id, device_id) AS (
             SELECT customer_id, device_id FROM direct
             UNION SELECT direct.customer_id, other.device_id FROM direct
                 JOIN payout_terms own ON own.device_id = direct.device_id JOIN payout_terms other ON other.account = own.account
         ) SELECT customer_id, device_id FROM linked"
    )
}

/// Every link of customers who have ever paid by card.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn of_card_payers(connection: &mut AnyConnection, now: TimestampMs) -> Result<Vec<(CustomerId, DeviceId)>, StoreError> {
    const PAYERS: &str = "IN (SELECT customer_id FROM fiat_payment)";
    let sql = format!("{} LIMIT $3", linked([PAYERS; 3]));
    let since = now.before(SEEN_FOR).as_millis();
    let query = sqlx::query_as(AssertSqlSafe(sql)).bind(since).bind(since).bind(LINKS_MAX);
    let rows: Vec<(String, String)> = query.fetch_all(connection).await.doing("list who is linked to which rig")?;
    rows.into_iter().map(|(customer, device)| Ok((parsed(&customer, "customer id")?, parsed(&device, "device id")?))).collect()
}

/// Whether a customer is linked to a rig.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn are_linked(
    connection: &mut AnyConnection,
    customer: CustomerId,
    device: DeviceId,
    now: TimestampMs,
) -> Result<bool, StoreError> {
    let sql = format!("{} WHERE device_id = $6", linked(["= $3", "= $4", "= $5"]));
    let since = now.before(SEEN_FOR).as_millis();
    let customer = customer.to_string();
    let query = sqlx::query_as(AssertSqlSafe(sql)).bind(since).bind(since).bind(customer.clone()).bind(customer.clone());
    let query = query.bind(customer).bind(device.to_string());
    let row: Option<(String, String)> =
        query.fetch_optional(connection).await.doing("look whether a customer is linked to a rig")?;
    Ok(row.is_some())
}
