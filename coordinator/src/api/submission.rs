//! Taking jobs in: what is checked, what is set aside, and that nothing is done twice.

use std::{collections::BTreeSet, sync::Arc};

use axum::http::HeaderMap;
use headframe_protocol::{
    JobId, Micros, Sha256, TimestampMs, UploadId,
    api::{Pot, PotBalance},
    chain::AssetKind,
    error::FieldError,
    job::{Input, JobSpec, limits},
};

use crate::{
    App,
    auth::Customer,
    error::{ApiError, ApiResult},
    store::{
        Tx, commit, customers, fiat,
        idempotency::{self, Known},
        images::{self, Standing},
        jobs::{self, NewJob},
        ledger::{self, Account, Coin, Kind, Transfer},
        purses::{self, Purse},
        switches::{self, Switch},
        tabs::{self, Source},
        until_uncrossed, uploads,
    },
};

/// The header that names a request.
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// The longest key: a UUID is 36; what others use is shorter than this.
const KEY_BYTES_MAX: usize = 255;

/// Errors named in one answer; a batch of a thousand wrong jobs does not need a megabyte of them.
const ERRORS_MAX: usize = 100;

/// Jobs to be taken in, and the name of the request.
#[derive(Debug)]
pub(super) struct Submission {
    specs: Vec<JobSpec>,
    key: Option<String>,
    /// Their [`fingerprint`].
    jobs: Sha256,
}

impl Submission {
    /// The same key with other jobs is refused.
    pub(super) fn new(specs: Vec<JobSpec>, headers: &HeaderMap) -> ApiResult<Self> {
        let key = headers.get(IDEMPOTENCY_KEY).map(|value| {
            let text = value
                .to_str()
                .ok()
                .filter(|text| (1..=KEY_BYTES_MAX).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic()));
            text.map(str::to_owned).ok_or_else(|| ApiError::invalid_field(IDEMPOTENCY_KEY, "1 to 255 visible ASCII characters"))
        });
        let jobs = fingerprint(&specs)?;
        Ok(Self { specs, key: key.transpose()?, jobs })
    }
}

/// What two requests for the same work have in common. Whoever runs a script again uploads his files again; that they are the
/// same bytes their sums say.
fn fingerprint(specs: &[JobSpec]) -> ApiResult<Sha256> {
    let mut specs = specs.to_vec();
    specs.iter_mut().flat_map(|spec| &mut spec.inputs).for_each(|input| input.upload = None);
    serde_json::to_vec(&specs).map(|text| Sha256::of(&text)).map_err(|error| ApiError::internal().because(error))
}

/// Takes the jobs in, all or none, and returns their ids in order. `list` is the field the specifications stand in, empty if
/// the body is the only one.
pub(super) async fn accept(app: &App, customer: &Customer, submission: Submission, list: &str) -> ApiResult<Vec<JobId>> {
    if let Some(answered) = answered_before(app, customer, &submission).await? {
        return Ok(answered);
    }
    // Counted before anything is spread: the sum of ranges may be larger than any memory.
    check_size(&submission.specs, list)?;
    check(&submission.specs, list)?;
    let jobs: Vec<NewJob> = submission.specs.iter().flat_map(spread).collect();
    until_uncrossed(|| take_in(app, customer, &submission, &jobs, list)).await
}

/// All in one transaction. What it answers is known before it begins: the ids are ours to choose.
async fn take_in(app: &App, customer: &Customer, submission: &Submission, jobs: &[NewJob], list: &str) -> ApiResult<Vec<JobId>> {
    let ids: Vec<JobId> = jobs.iter().map(|job| job.id).collect();
    let mut tx = app.store.begin().await?;
    let now = app.store.now();
    if let Some(key) = &submission.key {
        let response = serde_json::to_string(&ids).map_err(|error| ApiError::internal().because(error))?;
        // First of all: whoever sends the same again waits here for what becomes of the first, and is not refused for what
        // the first has used up.
        if !idempotency::keep(&mut tx, customer.id, key, submission.jobs, &response, now).await? {
            tx.rollback().await.map_err(|error| ApiError::internal().because(error))?;
            return answered_before(app, customer, submission).await?.ok_or_else(ApiError::internal);
        }
    }
    admit(app, customer, &mut tx, &submission.specs, jobs.len(), list).await?;
    let purse = hold(app, customer, &mut tx, jobs, now).await?;
    jobs::insert(&mut tx, (customer.id, customer.key), jobs, &purse, now).await?;
    commit(tx, "take jobs in").await?;
    app.dispatch.queued(jobs.iter().map(|job| job.queued(customer.id, purse.pot, now)).collect()).await;
    metrics::counter!("headframe_jobs_submitted_total").increment(ids.len() as u64);
    Ok(ids)
}

async fn answered_before(app: &App, customer: &Customer, submission: &Submission) -> ApiResult<Option<Vec<JobId>>> {
    let Some(key) = &submission.key else { return Ok(None) };
    let mut connection = app.store.read().await?;
    match idempotency::find(&mut connection, customer.id, key, submission.jobs).await? {
        None => Ok(None),
        Some(Known::OtherRequest) => Err(ApiError::idempotency_mismatch()),
        Some(Known::Answered(response)) => {
            serde_json::from_str(&response).map(Some).map_err(|error| ApiError::internal().because(error))
        }
    }
}

/// Looks at how many jobs the specifications make and how many bytes those are, without making any.
fn check_size(specs: &[JobSpec], list: &str) -> ApiResult<()> {
    let field = if list.is_empty() { "body" } else { list };
    let (mut jobs, mut bytes) = (0_usize, 0_usize);
    for spec in specs {
        let count = spec.array.map_or(1, |range| (range.to.saturating_sub(range.from) as usize).saturating_add(1));
        jobs = jobs.saturating_add(count);
        if jobs > limits::BATCH_MAX {
            return Err(ApiError::invalid_field(field, "at most 1000 jobs, arrays spread out"));
        }
        bytes = bytes.saturating_add(count.saturating_mul(spec.bytes()));
        if bytes > limits::BATCH_BYTES_MAX {
            return Err(ApiError::invalid_field(
                field,
                "at most 32 MiB of specifications, arrays spread out; send fewer at once",
            ));
        }
    }
    Ok(())
}

fn check(specs: &[JobSpec], list: &str) -> ApiResult<()> {
    let problems = specs.iter().enumerate().flat_map(|(at, spec)| {
        spec.problems()
            .into_iter()
            .map(move |FieldError { field, message }| FieldError { field: placed(list, at, &field), message })
    });
    let problems: Vec<FieldError> = problems.take(ERRORS_MAX).collect();
    if problems.is_empty() { Ok(()) } else { Err(ApiError::invalid(problems)) }
}

/// `timeout_s`, or `jobs[3].timeout_s` in a list.
fn placed(list: &str, at: usize, field: &str) -> String {
    if list.is_empty() { field.to_owned() } else { format!("{list}[{at}].{field}") }
}

/// One job, or one per index of an array.
fn spread(spec: &JobSpec) -> Vec<NewJob> {
    // A free job is no job: what is held is at least the smallest amount.
    let held = spec.hold().max(Micros::new(1));
    let plain = Arc::new(JobSpec { array: None, ..spec.clone() });
    let job = |array_index| NewJob { id: JobId::generate(), spec: Arc::clone(&plain), array_index, held };
    match spec.array {
        None => vec![job(None)],
        Some(range) => (range.from..=range.to).map(|index| job(Some(index))).collect(),
    }
}

/// Everything that depends on what is in the database.
async fn admit(app: &App, customer: &Customer, tx: &mut Tx, specs: &[JobSpec], count: usize, list: &str) -> ApiResult<()> {
    if switches::is_on(tx, Switch::NetworkStopped).await? {
        return Err(ApiError::unavailable("The operator has stopped the network. Nothing is lost; try again later."));
    }
    let open = jobs::count_open(tx, customer.id).await?;
    if open.saturating_add(i64::try_from(count).unwrap_or(i64::MAX)) > customer.open_jobs_max {
        return Err(ApiError::rate_limited(format!("{open} jobs are open; this account may have {}.", customer.open_jobs_max)));
    }
    let (mut images_seen, mut namespaces_seen) = (BTreeSet::new(), BTreeSet::new());
    for (at, spec) in specs.iter().enumerate() {
        if images_seen.insert(spec.image.digest()) {
            let standing = images::standing(tx, spec.image.digest()).await?;
            let field = placed(list, at, "image");
            match standing {
                Standing::Revoked => return Err(ApiError::image_not_approved(&field, "this image was revoked")),
                Standing::Unknown if app.config.images.require_approval => {
                    return Err(ApiError::image_not_approved(&field, "this image is not approved yet"));
                }
                Standing::Unknown | Standing::Approved => {}
            }
        }
        if namespaces_seen.insert((spec.image.registry(), spec.image.repository().split('/').next())) {
            namespace(app, customer, tx, spec, &placed(list, at, "image")).await?;
        }
    }
    inputs(customer, tx, specs, list).await
}

/// What another customer pushed to our registry is his alone, whoever learns its digest.
async fn namespace(app: &App, customer: &Customer, tx: &mut Tx, spec: &JobSpec, field: &str) -> ApiResult<()> {
    let ours = app.registry.as_ref().is_some_and(|registry| registry.host() == spec.image.registry());
    let part = spec.image.repository().split('/').next().unwrap_or_default();
    if ours && part != customer.namespace && customers::by_namespace(tx, part).await?.is_some() {
        return Err(ApiError::image_not_approved(field, "is in another customer's part of the registry"));
    }
    Ok(())
}

/// Uploads must be there, be the customer's, and have the bytes the job names.
async fn inputs(customer: &Customer, tx: &mut Tx, specs: &[JobSpec], list: &str) -> ApiResult<()> {
    let wanted: BTreeSet<UploadId> = specs.iter().flat_map(|spec| &spec.inputs).filter_map(|input| input.upload).collect();
    let sums = uploads::sums(tx, customer.id, &wanted).await?;
    for (at, spec) in specs.iter().enumerate() {
        for (index, Input { upload, sha256, .. }) in spec.inputs.iter().enumerate() {
            let Some(id) = upload else { continue };
            let field = |part: &str| placed(list, at, &format!("inputs[{index}].{part}"));
            match sums.get(id) {
                None => return Err(ApiError::invalid_field(&field("upload"), "there is no such upload")),
                Some(sum) if sum != sha256 => {
                    return Err(ApiError::invalid_field(&field("sha256"), &format!("the upload's is {sum}")));
                }
                Some(_) => {}
            }
        }
    }
    Ok(())
}

/// Sets the most the jobs can cost aside, all from one pot: the first that covers it.
async fn hold(app: &App, customer: &Customer, tx: &mut Tx, jobs: &[NewJob], now: TimestampMs) -> ApiResult<Purse> {
    let needed = jobs.iter().fold(0_i64, |sum, job| sum.saturating_add(job.held.get()));
    let needed = Micros::new(needed);
    super::key_limits::check(tx, customer.key, needed, now).await?;
    let pots = purses::filled(tx, customer.id).await?;
    for pot in pots.iter().filter(|pot| pot.pot != Pot::Free && pot.kind == AssetKind::Stable && pot.amount >= needed) {
        let Some(purse) = purse_of(app, customer, tx, pot, needed).await? else { continue };
        let (from, held) = (purse.account(customer.id), Account::Held(customer.id));
        let hold = |job: &NewJob| Transfer::between(Kind::Hold, &job.id.to_string(), from, held, (purse.coin, job.held));
        let transfers: Vec<Transfer> = jobs.iter().map(|job| hold(job).for_job(job.id)).collect();
        // What was read may have been spent since; then the next pot is tried.
        if ledger::post(tx, &transfers, now).await? == ledger::Posted::Yes {
            return Ok(purse);
        }
    }
    Err(not_covered(needed, &pots))
}

/// How `needed` is paid from a pot; nothing if there is no tab with as much room to charge it to.
async fn purse_of(app: &App, customer: &Customer, tx: &mut Tx, filled: &PotBalance, needed: Micros) -> ApiResult<Option<Purse>> {
    let PotBalance { pot, chain_id, kind, amount: _ } = *filled;
    let coin = Coin { chain: chain_id, kind };
    let source = match pot {
        // What his bank has taken back is taken of what he has left, and not spent in the meantime.
        Pot::Fiat if fiat::owed_by(tx, customer.id).await? > Micros::ZERO => return Ok(None),
        Pot::Fiat => Source::Card,
        Pot::Available => Source::Order,
        Pot::Earned | Pot::Free => return Ok(Some(Purse { pot, coin, fee_bps: Some(app.config.network.fee_bps), tab: None })),
    };
    if coin == Coin::PRACTICE {
        return Ok(Some(Purse::practice(app.config.network.fee_bps)));
    }
    let open = tabs::with_room(tx, customer.id, coin, source, needed).await?;
    Ok(open.map(|tab| Purse { pot, coin, fee_bps: Some(tab.fee_bps), tab: Some(tab.id) }))
}

fn not_covered(needed: Micros, pots: &[PotBalance]) -> ApiError {
    let dollars = |spendable: bool| {
        let of = pots.iter().filter(move |pot| (pot.pot != Pot::Free) == spendable && pot.kind == AssetKind::Stable);
        of.map(|pot| pot.amount)
    };
    let most = dollars(true).max().unwrap_or(Micros::ZERO);
    let missing = Micros::new(needed.get() - most.get());
    let mut said = format!("{needed} is needed to set aside, {most} is available: {missing} is missing.");
    let several = dollars(true).filter(|amount| *amount > Micros::ZERO).count() > 1;
    if several {
        said.push_str(" A job is paid from one pot; `pots` of the balance lists them.");
    }
    if missing <= Micros::ZERO {
        // There is enough, but no tab on a chain it could be charged to: not yet, in several, or not while a card's bank wants it back.
        said = format!(
            "{needed} is needed to set aside; as much is not reserved for jobs in one piece on a chain. `/v1/tabs` lists what is."
        );
    }
    let free: Micros = dollars(false).sum();
    if free >= missing && missing > Micros::ZERO {
        said.push_str(" You have enough on the chain: sign an order to spend it.");
    }
    ApiError::insufficient_balance(said)
}
