//! Where rigs' earnings go, and the payouts that bring them there.

use std::time::Duration;

use alloy_primitives::{Address, B256};
use headframe_accounts::epoch::{MATURITY_MS, Maturity};
use headframe_protocol::{
    DeviceId, Micros, TimestampMs,
    payout::{PayoutStanding, PayoutTerms, SignedPayoutTerms, SignedSpendEarnings},
    receipt::SignedReceipt,
};
use sqlx::{AnyConnection, AssertSqlSafe};

use super::{
    Doing as _, StoreError, Tx,
    attempts::as_i64,
    document,
    ledger::{self, Coin},
    maturing::Maturing,
    parsed, written,
};

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

/// Where a payout is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PayoutState {
    /// Its file is written down.
    Built,
    /// The chain has its root; watchers may object.
    Proposed,
    /// It can be claimed.
    Active,
    /// A watcher has objected; a person has to look.
    Vetoed,
}

impl PayoutState {
    const ALL: [Self; 4] = [Self::Built, Self::Proposed, Self::Active, Self::Vetoed];

    /// Its text in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Built => "built",
            Self::Proposed => "proposed",
            Self::Active => "active",
            Self::Vetoed => "vetoed",
        }
    }
}

/// One payout of one chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payout {
    /// On which chain.
    pub chain: u64,
    /// Its number there, from 1.
    pub epoch: u64,
    /// Of what was earned from then.
    pub from: TimestampMs,
    /// To before then.
    pub to: TimestampMs,
    /// The public file, byte for byte.
    pub file: String,
    /// Its root.
    pub root: B256,
    /// The Keccak sum of the file.
    pub file_hash: B256,
    /// Where it is.
    pub state: PayoutState,
}

type PayoutRow = (i64, i64, i64, i64, String, String, String, String);

const COLUMNS: &str = "chain, epoch, from_ms, to_ms, file, root, file_hash, state";

fn payout(row: PayoutRow) -> Result<Payout, StoreError> {
    let (chain, epoch, from, to, file, root, file_hash, state) = row;
    let known = PayoutState::ALL.into_iter().find(|known| known.as_str() == state);
    Ok(Payout {
        chain: chain.unsigned_abs(),
        epoch: epoch.unsigned_abs(),
        from: TimestampMs::from_millis(from),
        to: TimestampMs::from_millis(to),
        file,
        root: parsed(&root, "root")?,
        file_hash: parsed(&file_hash, "file hash")?,
        state: known.ok_or(StoreError::Corrupt { what: "payout state", value: state })?,
    })
}

/// The newest payout of a chain.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn newest(connection: &mut AnyConnection, chain: u64) -> Result<Option<Payout>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM payout WHERE chain = $1 ORDER BY epoch DESC LIMIT 1");
    let row: Option<PayoutRow> =
        sqlx::query_as(AssertSqlSafe(sql)).bind(as_i64(chain)).fetch_optional(connection).await.doing("read a payout")?;
    row.map(payout).transpose()
}

/// The newest payout of a chain that can be claimed.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn newest_active(connection: &mut AnyConnection, chain: u64) -> Result<Option<Payout>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM payout WHERE chain = $1 AND state = 'active' ORDER BY epoch DESC LIMIT 1");
    let row: Option<PayoutRow> =
        sqlx::query_as(AssertSqlSafe(sql)).bind(as_i64(chain)).fetch_optional(connection).await.doing("read a payout")?;
    row.map(payout).transpose()
}

/// One payout.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn find(connection: &mut AnyConnection, chain: u64, epoch: u64) -> Result<Option<Payout>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM payout WHERE chain = $1 AND epoch = $2");
    let row: Option<PayoutRow> = sqlx::query_as(AssertSqlSafe(sql))
        .bind(as_i64(chain))
        .bind(as_i64(epoch))
        .fetch_optional(connection)
        .await
        .doing("read a payout")?;
    row.map(payout).transpose()
}

/// Writes a payout down.
///
/// # Errors
/// [`StoreError`] if the database refuses, also if another replica has built the same one.
pub async fn insert(tx: &mut Tx, payout: &Payout, now: TimestampMs) -> Result<(), StoreError> {
    let sql = format!("INSERT INTO payout ({COLUMNS}, changed_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)");
    sqlx::query(AssertSqlSafe(sql))
        .bind(as_i64(payout.chain))
        .bind(as_i64(payout.epoch))
        .bind(payout.from.as_millis())
        .bind(payout.to.as_millis())
        .bind(payout.file.clone())
        .bind(payout.root.to_string())
        .bind(payout.file_hash.to_string())
        .bind(payout.state.as_str())
        .bind(now.as_millis())
        .execute(&mut **tx)
        .await
        .doing("write a payout down")?;
    Ok(())
}

/// The chain has said where a payout is. It only ever moves on.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn advance(
    connection: &mut AnyConnection,
    (chain, epoch): (u64, u64),
    to: PayoutState,
    now: TimestampMs,
) -> Result<(), StoreError> {
    let from = match to {
        PayoutState::Built => return Ok(()),
        PayoutState::Proposed => "('built')",
        PayoutState::Active | PayoutState::Vetoed => "('built', 'proposed')",
    };
    let sql = format!("UPDATE payout SET state = $1, changed_ms = $2 WHERE chain = $3 AND epoch = $4 AND state IN {from}");
    sqlx::query(AssertSqlSafe(sql))
        .bind(to.as_str())
        .bind(now.as_millis())
        .bind(as_i64(chain))
        .bind(as_i64(epoch))
        .execute(connection)
        .await
        .doing("move a payout on")?;
    Ok(())
}

/// One change of a rig's earnings that is not yet part of a payout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unpaid {
    /// The transfer that changed them.
    pub transfer: String,
    /// Which entry of it.
    pub leg: i64,
    /// The rig.
    pub device: DeviceId,
    /// How much, in millionths; negative where earnings were spent.
    pub amount: Micros,
    /// Why.
    pub cause: UnpaidCause,
}

impl Unpaid {
    /// Whether what was earned by card would be refused by anybody who checks the payout's file: it asks for thirty days, however soon
    /// a network lets earnings go. A network for practice may let them go sooner, to be spent; it pays them out no sooner.
    pub(crate) fn is_too_young(&self, now: TimestampMs) -> bool {
        match &self.cause {
            UnpaidCause::Work(work) => work.maturity.as_ref().is_some_and(|since| since.earned_ms.after(MATURITY_LEAST) > now),
            UnpaidCause::Spent(_) | UnpaidCause::Other(_) => false,
        }
    }
}

/// Why a rig's earnings changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UnpaidCause {
    /// An attempt was charged.
    Work(Box<PaidWork>),
    /// The owner spent some.
    Spent(Box<SignedSpendEarnings>),
    /// Something else, in words.
    Other(String),
}

/// What an attempt was charged, with the rig's own word for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaidWork {
    /// The newest receipt.
    pub receipt: SignedReceipt,
    /// What the customer pays.
    pub price_per_hour: Micros,
    /// The platform's part.
    pub fee_bps: u16,
    /// The time that is paid.
    pub charged_ms: u64,
    /// What the customer paid.
    pub charged: Micros,
    /// What was used before of the tab it was charged to.
    pub used_before: Option<Micros>,
    /// Since when they have waited, and what was taken back meanwhile, if it was paid by card.
    pub maturity: Option<Maturity>,
}

/// The least time that earnings from a card's payment wait until they are part of a payout.
pub(crate) const MATURITY_LEAST: Duration = Duration::from_millis(MATURITY_MS.unsigned_abs());

/// What the memo of a transfer by which earnings matured is.
pub(crate) const MATURITY_MEMO: &str = "maturity";

/// What the public file is told of earnings that have waited.
pub(crate) fn maturity(earned: &Maturing) -> Maturity {
    Maturity {
        transfer: format!("{}:{}", ledger::Kind::Capture.as_str(), earned.attempt),
        earned_ms: earned.earned,
        reversed: (earned.reversed > Micros::ZERO).then_some(earned.reversed),
    }
}

#[derive(sqlx::FromRow)]
struct UnpaidRow {
    transfer_id: String,
    leg: i64,
    account: String,
    amount: i64,
    kind: String,
    memo: Option<String>,
    receipt: Option<String>,
    price_per_hour: Option<i64>,
    fee_bps: Option<i64>,
    charged_ms: Option<i64>,
    charged: Option<i64>,
    used_before: Option<i64>,
}

/// Changes of rigs' earnings in a coin that were booked before `before` and belong to no payout, in the order of their transfers.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn unpaid(connection: &mut AnyConnection, coin: Coin, before: TimestampMs) -> Result<Vec<Unpaid>, StoreError> {
    let rows: Vec<UnpaidRow> = sqlx::query_as(
        "SELECT entry.transfer_id, entry.leg, entry.account, entry.amount, transfer.kind, transfer.memo, attempt.receipt,
                attempt.price_per_hour, COALESCE(job.fee_bps, attempt.fee_bps) AS fee_bps, attempt.charged_ms, attempt.charged,
                attempt.used_before
         FROM entry JOIN transfer ON transfer.id = entry.transfer_id
         LEFT JOIN attempt ON attempt.id = transfer.attempt_id LEFT JOIN job ON job.id = attempt.job_id
         WHERE entry.asset = $1 AND entry.chain = $2 AND entry.payout_epoch IS NULL AND entry.account LIKE 'rig:%:credit'
           AND transfer.created_ms < $3 AND transfer.kind <> 'payout'
         ORDER BY entry.transfer_id, entry.leg",
    )
    .bind(coin.asset())
    .bind(coin.chain_column())
    .bind(before.as_millis())
    .fetch_all(connection)
    .await
    .doing("list earnings that are not paid out")?;
    rows.into_iter().map(unpaid_of).collect()
}

fn unpaid_of(row: UnpaidRow) -> Result<Unpaid, StoreError> {
    let UnpaidRow {
        transfer_id,
        leg,
        account,
        amount,
        kind,
        memo,
        receipt,
        price_per_hour,
        fee_bps,
        charged_ms,
        charged,
        used_before,
    } = row;
    let device = account.trim_start_matches("rig:").trim_end_matches(":credit");
    let matured = kind == ledger::Kind::Mature.as_str();
    let maturity = memo.as_deref().filter(|_| matured).map(|memo| document(memo, MATURITY_MEMO)).transpose()?;
    let cause = match (receipt, price_per_hour, fee_bps, charged_ms, charged) {
        (Some(receipt), Some(price), Some(fee_bps), Some(charged_ms), Some(charged)) => UnpaidCause::Work(Box::new(PaidWork {
            receipt: document(&receipt, "receipt")?,
            price_per_hour: Micros::new(price),
            fee_bps: u16::try_from(fee_bps).unwrap_or(u16::MAX),
            charged_ms: charged_ms.unsigned_abs(),
            charged: Micros::new(charged),
            used_before: used_before.map(Micros::new),
            maturity,
        })),
        _ if kind == ledger::Kind::Spend.as_str() => {
            UnpaidCause::Spent(Box::new(document(memo.as_deref().unwrap_or_default(), "signed act")?))
        }
        _ => UnpaidCause::Other(memo.unwrap_or(kind)),
    };
    Ok(Unpaid { transfer: transfer_id, leg, device: parsed(device, "device id")?, amount: Micros::new(amount), cause })
}

/// Makes entries part of a payout.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn mark_paid(tx: &mut Tx, entries: &[Unpaid], epoch: u64) -> Result<(), StoreError> {
    for Unpaid { transfer, leg, .. } in entries {
        sqlx::query("UPDATE entry SET payout_epoch = $1 WHERE transfer_id = $2 AND leg = $3 AND payout_epoch IS NULL")
            .bind(as_i64(epoch))
            .bind(transfer.clone())
            .bind(*leg)
            .execute(&mut **tx)
            .await
            .doing("make earnings part of a payout")?;
    }
    Ok(())
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
