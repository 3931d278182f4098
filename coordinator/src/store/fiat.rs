//! Payments by card, once for each reference of the processor, and what of them was taken back.

use alloy_primitives::{Address, B256};
use headframe_protocol::{CustomerId, Micros, TimestampMs};
use sqlx::{AnyConnection, AssertSqlSafe};

use super::{Doing as _, StoreError, Tx, as_i64, parsed};
use crate::fiat::{KeptPayment, PaymentState, Reversal, Way};

#[derive(sqlx::FromRow)]
struct PaymentRow {
    reference: String,
    customer_id: String,
    chain: i64,
    amount: i64,
    state: String,
    wallet: Option<String>,
    credited: i64,
    reversed: i64,
    recovered: i64,
    borne: i64,
    withdrawing: i64,
    withdrawn: i64,
    created_ms: i64,
}

const COLUMNS: &str = "reference, customer_id, chain, amount, state, wallet, credited, reversed, recovered, borne, withdrawing, \
     withdrawn, created_ms";

fn payment(row: PaymentRow) -> Result<KeptPayment, StoreError> {
    let PaymentRow {
        reference,
        customer_id,
        chain,
        amount,
        state,
        wallet,
        credited,
        reversed,
        recovered,
        borne,
        withdrawing,
        withdrawn,
        created_ms,
    } = row;
    Ok(KeptPayment {
        reference,
        customer: parsed(&customer_id, "customer id")?,
        chain: chain.unsigned_abs(),
        amount: Micros::new(amount),
        state: PaymentState::parse(&state).ok_or(StoreError::Corrupt { what: "payment state", value: state })?,
        wallet: wallet.map(|wallet| parsed(&wallet, "address")).transpose()?,
        credited: Micros::new(credited),
        reversed: Micros::new(reversed),
        recovered: Micros::new(recovered),
        borne: Micros::new(borne),
        withdrawing: Micros::new(withdrawing),
        withdrawn: Micros::new(withdrawn),
        created: TimestampMs::from_millis(created_ms),
    })
}

/// Writes a new payment down. False if its reference is known.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn insert(tx: &mut Tx, payment: &KeptPayment) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "INSERT INTO fiat_payment (reference, reference_hash, customer_id, chain, amount, state, created_ms, changed_ms)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (reference) DO NOTHING",
    )
    .bind(payment.reference.clone())
    .bind(payment.hash().to_string())
    .bind(payment.customer.to_string())
    .bind(as_i64(payment.chain))
    .bind(payment.amount.get())
    .bind(payment.state.as_str())
    .bind(payment.created.as_millis())
    .bind(payment.created.as_millis())
    .execute(&mut **tx)
    .await
    .doing("write a payment down")?;
    Ok(done.rows_affected() == 1)
}

/// One payment.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn find(connection: &mut AnyConnection, reference: &str) -> Result<Option<KeptPayment>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM fiat_payment WHERE reference = $1");
    let row: Option<PaymentRow> =
        sqlx::query_as(AssertSqlSafe(sql)).bind(reference).fetch_optional(connection).await.doing("read a payment")?;
    row.map(payment).transpose()
}

/// The same, to change it: until the transaction ends nobody else does.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn to_change(tx: &mut Tx, reference: &str) -> Result<Option<KeptPayment>, StoreError> {
    sqlx::query("UPDATE fiat_payment SET changed_ms = changed_ms WHERE reference = $1")
        .bind(reference)
        .execute(&mut **tx)
        .await
        .doing("take a payment's row")?;
    find(tx, reference).await
}

/// One payment by the name the contract has for it, to change it.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn by_hash(tx: &mut Tx, hash: B256) -> Result<Option<KeptPayment>, StoreError> {
    let row: Option<(String,)> = sqlx::query_as("SELECT reference FROM fiat_payment WHERE reference_hash = $1")
        .bind(hash.to_string())
        .fetch_optional(&mut **tx)
        .await
        .doing("find a payment")?;
    match row {
        Some((reference,)) => to_change(tx, &reference).await,
        None => Ok(None),
    }
}

/// Writes down where a payment is and what became of its money.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn update(tx: &mut Tx, payment: &KeptPayment, now: TimestampMs) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE fiat_payment SET state = $1, wallet = $2, credited = $3, reversed = $4, recovered = $5, borne = $6,
                withdrawing = $7, withdrawn = $8, changed_ms = $9 WHERE reference = $10",
    )
    .bind(payment.state.as_str())
    .bind(payment.wallet.map(|wallet| format!("{wallet:#x}")))
    .bind(payment.credited.get())
    .bind(payment.reversed.get())
    .bind(payment.recovered.get())
    .bind(payment.borne.get())
    .bind(payment.withdrawing.get())
    .bind(payment.withdrawn.get())
    .bind(now.as_millis())
    .bind(payment.reference.clone())
    .execute(&mut **tx)
    .await
    .map(drop)
    .doing("change a payment")
}

/// Payments the chain does not know of yet, or is asked for, oldest first.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn on_their_way(connection: &mut AnyConnection, chain: u64, limit: u32) -> Result<Vec<KeptPayment>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM fiat_payment WHERE chain = $1 AND state IN ('paid', 'crediting') ORDER BY created_ms, reference LIMIT $2"
    );
    let query = sqlx::query_as(AssertSqlSafe(sql)).bind(as_i64(chain)).bind(i64::from(limit));
    let rows: Vec<PaymentRow> = query.fetch_all(connection).await.doing("list payments")?;
    rows.into_iter().map(payment).collect()
}

/// Payments of which the chain has still to give something up, oldest first.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn leaving(connection: &mut AnyConnection, chain: u64) -> Result<Vec<KeptPayment>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM fiat_payment WHERE chain = $1 AND withdrawing > withdrawn ORDER BY created_ms, reference LIMIT 1000"
    );
    let query = sqlx::query_as(AssertSqlSafe(sql)).bind(as_i64(chain));
    let rows: Vec<PaymentRow> = query.fetch_all(connection).await.doing("list payments that are taken back")?;
    rows.into_iter().map(payment).collect()
}

/// Where a customer's credit lies on a chain, if any was asked for.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn wallet_of(connection: &mut AnyConnection, customer: CustomerId, chain: u64) -> Result<Option<Address>, StoreError> {
    let row: Option<(String,)> = sqlx::query_as(
        "SELECT wallet FROM fiat_payment WHERE customer_id = $1 AND chain = $2 AND wallet IS NOT NULL ORDER BY created_ms, reference",
    )
    .bind(customer.to_string())
    .bind(as_i64(chain))
    .fetch_optional(connection)
    .await
    .doing("read where a customer's credit lies")?;
    row.map(|(wallet,)| parsed(&wallet, "address")).transpose()
}

/// When a customer first paid by card, and what he has paid in all, refused payments aside.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn history(connection: &mut AnyConnection, customer: CustomerId) -> Result<Option<(TimestampMs, Micros)>, StoreError> {
    let (first, sum): (Option<i64>, i64) = sqlx::query_as(
        "SELECT MIN(created_ms), CAST(COALESCE(SUM(amount), 0) AS BIGINT) FROM fiat_payment WHERE customer_id = $1 AND state <> 'refused'",
    )
    .bind(customer.to_string())
    .fetch_one(connection)
    .await
    .doing("sum up a customer's payments")?;
    Ok(first.map(|first| (TimestampMs::from_millis(first), Micros::new(sum))))
}

/// Notes what of a charge was taken back, whether the charge is known or not. It only ever grows, so that hearing of it twice, or in
/// another order, changes nothing.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn note_reversal(tx: &mut Tx, reversal: &Reversal, now: TimestampMs) -> Result<(), StoreError> {
    let (refunded, disputed) = match reversal.way {
        Way::Refunded => (reversal.amount, Micros::ZERO),
        Way::Disputed => (Micros::ZERO, reversal.amount),
    };
    sqlx::query(
        "INSERT INTO fiat_reversal (reference, refunded, disputed, changed_ms) VALUES ($1, $2, $3, $4)
         ON CONFLICT (reference) DO UPDATE SET changed_ms = excluded.changed_ms,
            refunded = CASE WHEN excluded.refunded > fiat_reversal.refunded THEN excluded.refunded ELSE fiat_reversal.refunded END,
            disputed = CASE WHEN excluded.disputed > fiat_reversal.disputed THEN excluded.disputed ELSE fiat_reversal.disputed END",
    )
    .bind(reversal.reference.clone())
    .bind(refunded.get())
    .bind(disputed.get())
    .bind(now.as_millis())
    .execute(&mut **tx)
    .await
    .map(drop)
    .doing("note that a payment was taken back")
}

/// What of a payment was taken back, both ways together and never more than it is: also what is noted only, and never less than its own
/// row tells.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn reversed(connection: &mut AnyConnection, payment: &KeptPayment) -> Result<Micros, StoreError> {
    let row: Option<(i64, i64)> = sqlx::query_as("SELECT refunded, disputed FROM fiat_reversal WHERE reference = $1")
        .bind(payment.reference.clone())
        .fetch_optional(connection)
        .await
        .doing("read what of a payment was taken back")?;
    let noted = row.map_or(Micros::ZERO, |(refunded, disputed)| Micros::new(refunded.saturating_add(disputed)));
    Ok(noted.min(payment.amount).max(payment.reversed))
}

/// Payments whose reversal is not dealt with: not looked at yet, or not all taken back.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn to_recover(connection: &mut AnyConnection, limit: u32) -> Result<Vec<String>, StoreError> {
    const NEWS: &str = "SELECT fiat_payment.reference FROM fiat_reversal
         JOIN fiat_payment ON fiat_payment.reference = fiat_reversal.reference
         WHERE fiat_reversal.refunded + fiat_reversal.disputed > fiat_payment.reversed AND fiat_payment.reversed < fiat_payment.amount
         ORDER BY fiat_payment.reference LIMIT $1";
    const OWED: &str = "SELECT reference FROM fiat_payment WHERE reversed > recovered + borne AND state = 'credited'
         ORDER BY reference LIMIT $1";
    let mut found = Vec::new();
    for sql in [NEWS, OWED] {
        let query = sqlx::query_as(sql).bind(i64::from(limit));
        let rows: Vec<(String,)> = query.fetch_all(&mut *connection).await.doing("list payments to take back")?;
        found.extend(rows.into_iter().map(|(reference,)| reference));
    }
    Ok(found)
}

/// What a customer owes: taken back by his bank, and neither found nor given up.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn owed_by(connection: &mut AnyConnection, customer: CustomerId) -> Result<Micros, StoreError> {
    let (owed,): (i64,) = sqlx::query_as(
        "SELECT CAST(COALESCE(SUM(reversed - recovered - borne), 0) AS BIGINT) FROM fiat_payment
         WHERE customer_id = $1 AND reversed > recovered + borne AND state = 'credited'",
    )
    .bind(customer.to_string())
    .fetch_one(connection)
    .await
    .doing("sum up what a customer owes")?;
    Ok(Micros::new(owed))
}

/// What jobs paid by card have set aside of a customer's, on one chain.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn held_by_card(connection: &mut AnyConnection, customer: CustomerId, chain: u64) -> Result<Micros, StoreError> {
    let (held,): (i64,) = sqlx::query_as(
        "SELECT CAST(COALESCE(SUM(held), 0) AS BIGINT) FROM job WHERE customer_id = $1 AND pot = 'fiat' AND held <> 0 AND chain = $2",
    )
    .bind(customer.to_string())
    .bind(as_i64(chain))
    .fetch_one(connection)
    .await
    .doing("sum up what card jobs hold")?;
    Ok(Micros::new(held))
}
