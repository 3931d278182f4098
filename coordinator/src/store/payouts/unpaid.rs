//! What rigs have earned and no payout has given them.

use std::time::Duration;

use headframe_accounts::epoch::{MATURITY_MS, Maturity, Rate};
use headframe_protocol::{DeviceId, Micros, TimestampMs, payout::SignedSpendEarnings, receipt::SignedReceipt};
use sqlx::AnyConnection;

use crate::store::{
    Doing as _, StoreError, Tx, as_i64, document,
    ledger::{self, Coin},
    maturing::Maturing,
    parsed,
    purses::rate_of,
};

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
    /// In what the customer paid.
    pub paid_in: Coin,
    /// What HFR was worth when the job was submitted, and when that was, if it was paid in HFR.
    pub rate: Option<(Rate, TimestampMs)>,
    /// When the attempt ended.
    pub ended: TimestampMs,
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
    #[sqlx(flatten)]
    work: WorkRow,
}

/// The attempt an entry pays for; nothing of it is there for any other.
#[derive(sqlx::FromRow)]
struct WorkRow {
    receipt: Option<String>,
    price_per_hour: Option<i64>,
    fee_bps: Option<i64>,
    charged_ms: Option<i64>,
    charged: Option<i64>,
    used_before: Option<i64>,
    ended_ms: Option<i64>,
    paid_asset: Option<String>,
    paid_chain: Option<i64>,
    hfr_picos: Option<i64>,
    hfr_seen_ms: Option<i64>,
    job_created_ms: Option<i64>,
}

impl WorkRow {
    fn work(self, maturity: Option<Maturity>) -> Result<Option<PaidWork>, StoreError> {
        let Self { receipt, price_per_hour, fee_bps, charged_ms, charged, used_before, ended_ms, paid_asset, paid_chain, .. } =
            self;
        let known = receipt.zip(price_per_hour).zip(fee_bps).zip(charged_ms).zip(charged).zip(paid_asset.zip(paid_chain));
        let Some((((((receipt, price), fee_bps), charged_ms), charged), (asset, chain))) = known else { return Ok(None) };
        let submitted = TimestampMs::from_millis(self.job_created_ms.unwrap_or_default());
        Ok(Some(PaidWork {
            receipt: document(&receipt, "receipt")?,
            paid_in: Coin::parse(&asset, chain)?,
            rate: rate_of(self.hfr_picos, self.hfr_seen_ms)?.map(|rate| (rate, submitted)),
            ended: TimestampMs::from_millis(ended_ms.unwrap_or_default()),
            price_per_hour: Micros::new(price),
            fee_bps: u16::try_from(fee_bps).unwrap_or(u16::MAX),
            charged_ms: charged_ms.unsigned_abs(),
            charged: Micros::new(charged),
            used_before: used_before.map(Micros::new),
            maturity,
        }))
    }
}

/// Changes of rigs' earnings in a coin that were booked before `before` and belong to no payout, in the order of their transfers.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn unpaid(connection: &mut AnyConnection, coin: Coin, before: TimestampMs) -> Result<Vec<Unpaid>, StoreError> {
    let rows: Vec<UnpaidRow> = sqlx::query_as(
        "SELECT entry.transfer_id, entry.leg, entry.account, entry.amount, transfer.kind, transfer.memo, attempt.receipt,
                COALESCE(attempt.hfr_per_hour, attempt.price_per_hour) AS price_per_hour, COALESCE(job.fee_bps, attempt.fee_bps) AS fee_bps,
                attempt.charged_ms, COALESCE(attempt.charged_hfr, attempt.charged) AS charged, attempt.used_before, attempt.ended_ms,
                job.asset AS paid_asset, job.chain AS paid_chain, job.hfr_picos, job.hfr_seen_ms, job.created_ms AS job_created_ms
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
    let UnpaidRow { transfer_id, leg, account, amount, kind, memo, work } = row;
    let device = account.trim_start_matches("rig:").trim_end_matches(":credit");
    let matured = kind == ledger::Kind::Mature.as_str();
    let maturity = memo.as_deref().filter(|_| matured).map(|memo| document(memo, MATURITY_MEMO)).transpose()?;
    let cause = match work.work(maturity)? {
        Some(work) => UnpaidCause::Work(Box::new(work)),
        None if kind == ledger::Kind::Spend.as_str() => {
            UnpaidCause::Spent(Box::new(document(memo.as_deref().unwrap_or_default(), "signed act")?))
        }
        None => UnpaidCause::Other(memo.unwrap_or(kind)),
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

pub(super) async fn unmark_paid(tx: &mut Tx, chain: u64, epoch: u64) -> Result<(), StoreError> {
    sqlx::query("UPDATE entry SET payout_epoch = NULL WHERE chain = $1 AND payout_epoch = $2")
        .bind(as_i64(chain))
        .bind(as_i64(epoch))
        .execute(&mut **tx)
        .await
        .map(drop)
        .doing("take entries out of a payout")
}
