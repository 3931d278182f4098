//! How work comes to be done more than once, and who pays for it.
//!
//! A check is a job of the *house*: a customer of the network's own, through whom it passes the same queue, offers, receipts and
//! captures as everybody's. The house is paid from the platform's fees where money is for practice, and from the operator's stock
//! on a chain, where a rig's earnings must lie to be paid out; the fee of its own jobs comes back to the same place.

use std::sync::Arc;

use headframe_protocol::{
    ApiKeyId, CustomerId, JobId, Micros, TimestampMs,
    api::Pot,
    job::{Compare, JobSpec},
};

use super::{Answer, Kind, Rules, StoreError, Trial, Tx, note_run, written};
use crate::{
    market::QueuedJob,
    store::{
        Doing as _,
        amount::Amount,
        as_i64,
        jobs::{self, NewJob},
        ledger::{self, Account, Coin, Kind as Transfers, Posted, Transfer},
        lifecycle::most,
        parsed,
        purses::Purse,
    },
};

/// The house's id; no clock gives it.
const HOUSE: &str = "cus_00000000000070008000000000000000";
/// Its key's id; there is no such key.
const HOUSE_KEY: &str = "key_00000000000070008000000000000000";
/// No customer's namespace begins so.
const HOUSE_NAMESPACE: &str = "_house";

/// What is to be compared.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    /// The customer's job.
    pub(crate) job: JobId,
    /// Whose it is.
    pub(crate) customer: CustomerId,
    /// What it asks for.
    pub(crate) spec: &'a JobSpec,
    /// What counts as the same.
    pub(crate) compare: Compare,
    /// Position in an array.
    pub(crate) array_index: Option<u32>,
    /// In what its customer pays.
    pub(crate) coin: Coin,
}

fn house() -> Result<CustomerId, StoreError> {
    parsed(HOUSE, "customer id")
}

/// Whether a job is the house's.
pub(crate) fn is_house(customer: CustomerId) -> bool {
    house().is_ok_and(|house| house == customer)
}

/// Begins a trial of a result that was brought, with one more run. Nothing if the house cannot pay for it.
pub(crate) async fn begin(
    tx: &mut Tx,
    rules: &Rules,
    asked: &Asked<'_>,
    now: TimestampMs,
) -> Result<Option<(String, QueuedJob)>, StoreError> {
    let trial = insert(tx, rules, Kind::Adaptive, (asked, 2), now).await?;
    let Some(copy) = house_run(tx, rules, &trial, asked, now).await? else {
        super::close(tx, &trial, now).await?;
        return Ok(None);
    };
    note_run(tx, &trial, asked.job).await?;
    Ok(Some((trial, copy)))
}

/// Begins a trial of jobs that a customer pays for: the first is the one he asked for, the others repeat it.
pub(crate) async fn begin_redundant(
    tx: &mut Tx,
    rules: &Rules,
    asked: &Asked<'_>,
    copies: &[JobId],
    now: TimestampMs,
) -> Result<(), StoreError> {
    let trial = insert(tx, rules, Kind::Redundant, (asked, copies.len() + 1), now).await?;
    note_run(tx, &trial, asked.job).await?;
    for copy in copies {
        note_copy(tx, *copy, asked.job).await?;
        note_run(tx, &trial, *copy).await?;
    }
    Ok(())
}

/// Begins a trial of work whose result is known, for whatever rig takes it. Nothing if the house cannot pay for it.
pub(crate) async fn begin_canary(
    tx: &mut Tx,
    rules: &Rules,
    (asked, known): (&Asked<'_>, &Answer),
    now: TimestampMs,
) -> Result<Option<QueuedJob>, StoreError> {
    let trial = insert(tx, rules, Kind::Canary, (asked, 1), now).await?;
    super::answer(tx, &trial, known).await?;
    let copy = house_run(tx, rules, &trial, asked, now).await?;
    if copy.is_none() {
        super::close(tx, &trial, now).await?;
    }
    Ok(copy)
}

/// One more run of a trial. Nothing if the house cannot pay for it.
pub(crate) async fn ask_more(
    tx: &mut Tx,
    rules: &Rules,
    trial: &Trial,
    now: TimestampMs,
) -> Result<Option<QueuedJob>, StoreError> {
    let row: Option<(String, Option<i64>, String, i64)> =
        sqlx::query_as("SELECT spec, array_index, asset, chain FROM job WHERE id = $1")
            .bind(trial.job.to_string())
            .fetch_optional(&mut **tx)
            .await
            .doing("read a job to repeat it")?;
    let Some((spec, array_index, asset, chain)) = row else { return Ok(None) };
    let spec: JobSpec = super::document(&spec, "job specification")?;
    let asked = Asked {
        job: trial.job,
        customer: trial.customer,
        spec: &spec,
        compare: trial.compare,
        array_index: array_index.and_then(|index| u32::try_from(index).ok()),
        coin: Coin::parse(&asset, chain)?,
    };
    house_run(tx, rules, &trial.id, &asked, now).await
}

async fn insert(
    tx: &mut Tx,
    rules: &Rules,
    kind: Kind,
    (asked, runs): (&Asked<'_>, usize),
    now: TimestampMs,
) -> Result<String, StoreError> {
    let id = format!("tri_{}", uuid::Uuid::now_v7().simple());
    sqlx::query(
        "INSERT INTO trial (id, kind, state, job_id, customer_id, asked, comparison, look_ms, give_up_ms, created_ms)
         VALUES ($1, $2, 'open', $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(id.clone())
    .bind(kind.as_str())
    .bind(asked.job.to_string())
    .bind(asked.customer.to_string())
    .bind(as_i64(runs as u64))
    .bind(written(&asked.compare, "comparison")?)
    .bind(now.as_millis())
    .bind(now.after(rules.give_up).as_millis())
    .bind(now.as_millis())
    .execute(&mut **tx)
    .await
    .doing("begin a trial")?;
    Ok(id)
}

/// A job of the house that repeats the work.
async fn house_run(
    tx: &mut Tx,
    rules: &Rules,
    trial: &str,
    asked: &Asked<'_>,
    now: TimestampMs,
) -> Result<Option<QueuedJob>, StoreError> {
    let house = house()?;
    let purse = purse(rules, asked.coin);
    // All that a rig sees of it stays, its name too, or a check could be told from other work.
    let spec = JobSpec { webhook: None, ..asked.spec.clone() };
    let held = most(&spec, rules.fee_bps, &purse)?;
    let job = NewJob { id: JobId::generate(), spec: Arc::new(spec), array_index: asked.array_index, held };
    ensure_house(tx, house).await?;
    if !set_aside(tx, house, (job.id, held), &purse, now).await? {
        metrics::counter!("headframe_checks_unpaid_total").increment(1);
        return Ok(None);
    }
    let key: ApiKeyId = parsed(HOUSE_KEY, "key id")?;
    jobs::insert(tx, (house, key), std::slice::from_ref(&job), &purse, now).await?;
    note_copy(tx, job.id, asked.job).await?;
    note_run(tx, trial, job.id).await?;
    Ok(Some(job.queued(house, purse.pot, now)))
}

/// From where the house pays rigs in a coin: where their other earnings lie too.
fn purse(rules: &Rules, paid_in: Coin) -> Purse {
    let coin = Coin::stable(paid_in.chain);
    if coin == Coin::PRACTICE {
        return Purse::practice(rules.fee_bps);
    }
    Purse { pot: Pot::Earned, coin, fee_bps: Some(rules.fee_bps), tab: None, rate: None }
}

async fn ensure_house(tx: &mut Tx, house: CustomerId) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO customer (id, name, namespace, open_jobs_max, storage_bytes_max, created_ms) VALUES ($1, $2, $3, 0, $4, 0)
         ON CONFLICT (id) DO NOTHING",
    )
    .bind(house.to_string())
    .bind("The network's own checks")
    .bind(HOUSE_NAMESPACE)
    .bind(i64::MAX / 4)
    .execute(&mut **tx)
    .await
    .map(drop)
    .doing("write the house down")
}

/// What a run may cost is set aside, of what came back from earlier ones first. False: there is not enough.
async fn set_aside(
    tx: &mut Tx,
    house: CustomerId,
    (job, held): (JobId, Amount),
    purse: &Purse,
    now: TimestampMs,
) -> Result<bool, StoreError> {
    let (own, coin) = (purse.account(house), purse.coin);
    let left = ledger::balance_to_use(tx, own, coin).await?;
    let missing = Micros::new((held.dollars.get() - left.get()).max(0));
    let mut transfers = Vec::new();
    if missing > Micros::ZERO {
        let from = if coin == Coin::PRACTICE { Account::Fee } else { Account::Inventory };
        if from == Account::Inventory && ledger::balance_to_use(tx, from, coin).await? < missing {
            return Ok(false);
        }
        transfers.push(Transfer::between(Transfers::Check, &job.to_string(), from, own, (coin, missing)).for_job(job));
    }
    let hold = Transfer::between(Transfers::Hold, &job.to_string(), own, Account::Held(house), (coin, held.dollars));
    transfers.push(hold.for_job(job));
    Ok(ledger::post(tx, &transfers, now).await? == Posted::Yes)
}

async fn note_copy(tx: &mut Tx, copy: JobId, of: JobId) -> Result<(), StoreError> {
    sqlx::query("UPDATE job SET copy_of = $1 WHERE id = $2")
        .bind(of.to_string())
        .bind(copy.to_string())
        .execute(&mut **tx)
        .await
        .map(drop)
        .doing("note whose work a job repeats")
}
