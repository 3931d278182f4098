//! What we want done on chains, one row for each effect, and every transaction that was ever signed for it.

use alloy_primitives::{Address, B256, Bytes};
use headframe_protocol::TimestampMs;
use sqlx::{AnyConnection, AssertSqlSafe};

use super::{Doing as _, StoreError, Tx, as_i64, parsed};
use crate::chain::Role;

/// Where a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepState {
    /// It shall be done.
    Recorded,
    /// A transaction is signed and written down; it may have been sent.
    Signed,
    /// The chain has taken a transaction; it may still be dropped or replaced.
    Sent,
    /// It is in a block that nothing takes back.
    Final,
    /// The chain refuses it; nothing has moved.
    Refused,
}

impl StepState {
    const ALL: [Self; 5] = [Self::Recorded, Self::Signed, Self::Sent, Self::Final, Self::Refused];

    /// Its text in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Recorded => "recorded",
            Self::Signed => "signed",
            Self::Sent => "sent",
            Self::Final => "final",
            Self::Refused => "refused",
        }
    }
}

/// One effect on a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The idempotency key of the effect.
    pub id: String,
    /// On which chain.
    pub chain: u64,
    /// Whose key signs it.
    pub role: Role,
    /// Which contract is called.
    pub to: Address,
    /// With what.
    pub data: Bytes,
    /// Where it is.
    pub state: StepState,
    /// The sender's number of the transaction, once there is one.
    pub nonce: Option<u64>,
    /// The newest transaction signed for it.
    pub hash: Option<B256>,
    /// In which block it is final.
    pub block: Option<u64>,
    /// Why it was refused.
    pub reason: Option<String>,
    /// When it last changed.
    pub changed: TimestampMs,
}

/// A transaction that was signed for a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// Its hash.
    pub hash: B256,
    /// Its bytes.
    pub raw: Bytes,
    /// What it pays at most for a unit of gas, in wei.
    pub max_fee_per_gas: u128,
    /// When it was signed.
    pub created: TimestampMs,
}

type StepRow = (String, i64, String, String, String, String, Option<i64>, Option<String>, Option<i64>, Option<String>, i64);

const COLUMNS: &str = "id, chain, role, call_to, call_data, state, nonce, hash, block, reason, changed_ms";

fn step(row: StepRow) -> Result<Step, StoreError> {
    let (id, chain, role, to, data, state, nonce, hash, block, reason, changed) = row;
    let known = StepState::ALL.into_iter().find(|known| known.as_str() == state);
    Ok(Step {
        id,
        chain: chain.unsigned_abs(),
        role: Role::parse(&role).ok_or(StoreError::Corrupt { what: "role", value: role })?,
        to: parsed(&to, "address")?,
        data: parsed(&data, "call")?,
        state: known.ok_or(StoreError::Corrupt { what: "step state", value: state })?,
        nonce: nonce.map(i64::unsigned_abs),
        hash: hash.map(|hash| parsed(&hash, "transaction hash")).transpose()?,
        block: block.map(i64::unsigned_abs),
        reason,
        changed: TimestampMs::from_millis(changed),
    })
}

/// What is to be done.
#[derive(Debug, Clone)]
pub struct NewStep {
    /// The idempotency key of the effect.
    pub id: String,
    /// On which chain.
    pub chain: u64,
    /// Whose key signs it.
    pub role: Role,
    /// Which contract is called.
    pub to: Address,
    /// With what.
    pub data: Bytes,
}

/// Records a step, unless its effect was recorded before. True if it is new.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn record(connection: &mut AnyConnection, step: &NewStep, now: TimestampMs) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "INSERT INTO step (id, chain, role, call_to, call_data, state, created_ms, changed_ms)
         VALUES ($1, $2, $3, $4, $5, 'recorded', $6, $7) ON CONFLICT (id) DO NOTHING",
    )
    .bind(step.id.clone())
    .bind(as_i64(step.chain))
    .bind(step.role.as_str())
    .bind(format!("{:#x}", step.to))
    .bind(step.data.to_string())
    .bind(now.as_millis())
    .bind(now.as_millis())
    .execute(connection)
    .await
    .doing("record a step")?;
    Ok(done.rows_affected() == 1)
}

/// One step.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn find(connection: &mut AnyConnection, id: &str) -> Result<Option<Step>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM step WHERE id = $1");
    let row: Option<StepRow> =
        sqlx::query_as(AssertSqlSafe(sql)).bind(id).fetch_optional(connection).await.doing("read a step")?;
    row.map(step).transpose()
}

/// Steps of a chain that are under way, in the order they were recorded.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn open(connection: &mut AnyConnection, chain: u64, limit: u32) -> Result<Vec<Step>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM step WHERE chain = $1 AND state NOT IN ('final', 'refused') ORDER BY created_ms, id LIMIT $2"
    );
    let rows: Vec<StepRow> = sqlx::query_as(AssertSqlSafe(sql))
        .bind(as_i64(chain))
        .bind(i64::from(limit))
        .fetch_all(connection)
        .await
        .doing("list steps")?;
    rows.into_iter().map(step).collect()
}

/// The number a role's next transaction has, if any of its transactions has one.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn next_nonce(connection: &mut AnyConnection, chain: u64, role: Role) -> Result<Option<u64>, StoreError> {
    let (newest,): (Option<i64>,) = sqlx::query_as("SELECT MAX(nonce) FROM step WHERE chain = $1 AND role = $2")
        .bind(as_i64(chain))
        .bind(role.as_str())
        .fetch_one(connection)
        .await
        .doing("read the newest nonce")?;
    Ok(newest.map(|newest| newest.unsigned_abs() + 1))
}

/// Writes a signed transaction down before it is sent: the first of a step that is still recorded, or a replacement with a higher
/// fee. False if the step is not in the state `step` has: somebody else has signed for it.
///
/// # Errors
/// [`StoreError`] if the database refuses, also if the nonce was given to another step meanwhile.
pub async fn sign(tx: &mut Tx, step: &Step, nonce: u64, signed: &Signed, now: TimestampMs) -> Result<bool, StoreError> {
    let hash_was = step.hash.map_or_else(String::new, |hash| hash.to_string());
    let done = sqlx::query(
        "UPDATE step SET state = 'signed', nonce = $1, hash = $2, changed_ms = $3
         WHERE id = $4 AND state = $5 AND COALESCE(hash, '') = $6",
    )
    .bind(as_i64(nonce))
    .bind(signed.hash.to_string())
    .bind(now.as_millis())
    .bind(step.id.clone())
    .bind(step.state.as_str())
    .bind(hash_was)
    .execute(&mut **tx)
    .await
    .doing("write down that a step is signed")?;
    if done.rows_affected() == 0 {
        return Ok(false);
    }
    sqlx::query("INSERT INTO signed_transaction (hash, step_id, raw, max_fee_per_gas, created_ms) VALUES ($1, $2, $3, $4, $5)")
        .bind(signed.hash.to_string())
        .bind(step.id.clone())
        .bind(signed.raw.to_string())
        .bind(signed.max_fee_per_gas.to_string())
        .bind(now.as_millis())
        .execute(&mut **tx)
        .await
        .doing("write a signed transaction down")?;
    Ok(true)
}

/// Every transaction signed for a step, newest first.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn signed(connection: &mut AnyConnection, id: &str) -> Result<Vec<Signed>, StoreError> {
    let rows: Vec<(String, String, String, i64)> = sqlx::query_as(
        "SELECT hash, raw, max_fee_per_gas, created_ms FROM signed_transaction WHERE step_id = $1 ORDER BY created_ms DESC, hash",
    )
    .bind(id)
    .fetch_all(connection)
    .await
    .doing("list signed transactions")?;
    rows.into_iter()
        .map(|(hash, raw, fee, created)| {
            Ok(Signed {
                hash: parsed(&hash, "transaction hash")?,
                raw: parsed(&raw, "transaction")?,
                max_fee_per_gas: parsed(&fee, "gas price")?,
                created: TimestampMs::from_millis(created),
            })
        })
        .collect()
}

/// What the chain made of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It has taken a transaction.
    Sent,
    /// The transaction is in a block that nothing takes back.
    Final {
        /// Which.
        hash: B256,
        /// In which block.
        block: u64,
    },
    /// It will not be done.
    Refused {
        /// Why.
        reason: String,
        /// In which block, if it got that far.
        block: Option<u64>,
    },
}

/// Writes down what the chain made of a step. A step that is over stays as it is.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn note(connection: &mut AnyConnection, id: &str, outcome: &Outcome, now: TimestampMs) -> Result<(), StoreError> {
    let (state, hash, block, reason) = match outcome {
        Outcome::Sent => (StepState::Sent, None, None, None),
        Outcome::Final { hash, block } => (StepState::Final, Some(hash.to_string()), Some(*block), None),
        Outcome::Refused { reason, block } => (StepState::Refused, None, *block, Some(reason.clone())),
    };
    sqlx::query(
        "UPDATE step SET state = $1, hash = COALESCE($2, hash), block = $3, reason = $4, changed_ms = $5
         WHERE id = $6 AND state NOT IN ('final', 'refused')",
    )
    .bind(state.as_str())
    .bind(hash)
    .bind(block.map(as_i64))
    .bind(reason)
    .bind(now.as_millis())
    .bind(id)
    .execute(connection)
    .await
    .doing("note what became of a step")?;
    Ok(())
}
