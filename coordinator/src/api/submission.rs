//! Taking jobs in: what is checked, what is set aside, and that nothing is done twice.

use std::{collections::BTreeSet, sync::Arc};

use axum::http::HeaderMap;
use headframe_protocol::{
    JobId, Sha256, TimestampMs, UploadId,
    api::{Pay, PayIn},
    error::FieldError,
    job::{Input, JobSpec, Verify, limits},
};

use crate::{
    App,
    auth::Customer,
    error::{ApiError, ApiResult},
    store::{
        Tx, commit, customers,
        idempotency::{self, Known},
        images::{self, Standing},
        jobs,
        ledger::Coin,
        switches::{self, Switch},
        until_uncrossed, uploads,
        verify::{self, Asked},
    },
};

mod hold;

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
    pay: Pay,
    key: Option<String>,
    /// Their [`fingerprint`].
    jobs: Sha256,
}

impl Submission {
    /// The same key with other jobs is refused.
    pub(super) fn new(specs: Vec<JobSpec>, pay: Pay, headers: &HeaderMap) -> ApiResult<Self> {
        let key = headers.get(IDEMPOTENCY_KEY).map(|value| {
            let text = value
                .to_str()
                .ok()
                .filter(|text| (1..=KEY_BYTES_MAX).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic()));
            text.map(str::to_owned).ok_or_else(|| ApiError::invalid_field(IDEMPOTENCY_KEY, "1 to 255 visible ASCII characters"))
        });
        let jobs = fingerprint(&specs, pay)?;
        Ok(Self { specs, pay, key: key.transpose()?, jobs })
    }
}

/// What two requests for the same work have in common. Whoever runs a script again uploads his files again; that they are the
/// same bytes their sums say. And whoever asks for a new quote before he sends the same again means the same work.
fn fingerprint(specs: &[JobSpec], pay: Pay) -> ApiResult<Sha256> {
    let mut specs = specs.to_vec();
    specs.iter_mut().flat_map(|spec| &mut spec.inputs).for_each(|input| input.upload = None);
    let text = match pay {
        Pay::Dollars => serde_json::to_vec(&specs),
        Pay::Hfr { .. } => serde_json::to_vec(&(&specs, PayIn::Hfr)),
    };
    text.map(|text| Sha256::of(&text)).map_err(|error| ApiError::internal().because(error))
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
    let jobs: Vec<Spread> = submission.specs.iter().flat_map(spread).flat_map(copied).collect();
    until_uncrossed(|| take_in(app, customer, &submission, &jobs, list)).await
}

/// All in one transaction. What it answers is known before it begins: the ids are ours to choose.
async fn take_in(app: &App, customer: &Customer, submission: &Submission, jobs: &[Spread], list: &str) -> ApiResult<Vec<JobId>> {
    let ids: Vec<JobId> = jobs.iter().filter(|job| job.copy_of.is_none()).map(|job| job.id).collect();
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
    let spread = jobs;
    let (purse, jobs) = hold::hold(app, customer, &mut tx, (jobs, submission.pay), now).await?;
    jobs::insert(&mut tx, (customer.id, customer.key), &jobs, &purse, now).await?;
    compare(app, customer, &mut tx, (spread, purse.coin), now).await?;
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
        let count = count.saturating_mul(usize::from(spec.verify.copies()));
        jobs = jobs.saturating_add(count);
        if jobs > limits::BATCH_MAX {
            return Err(ApiError::invalid_field(field, "at most 1000 jobs, arrays spread out and copies counted"));
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

/// One job of a submission, with no array left in its specification.
struct Spread {
    id: JobId,
    spec: Arc<JobSpec>,
    array_index: Option<u32>,
    /// The job whose work it repeats, for a customer who pays for several.
    copy_of: Option<JobId>,
}

/// One job, or one per index of an array.
fn spread(spec: &JobSpec) -> Vec<Spread> {
    let plain = Arc::new(JobSpec { array: None, ..spec.clone() });
    let job = |array_index| Spread { id: JobId::generate(), spec: Arc::clone(&plain), array_index, copy_of: None };
    match spec.array {
        None => vec![job(None)],
        Some(range) => (range.from..=range.to).map(|index| job(Some(index))).collect(),
    }
}

/// A job and the copies its customer pays for. Nobody is told when a copy ends.
fn copied(job: Spread) -> Vec<Spread> {
    let copies = job.spec.verify.copies();
    let silent = Arc::new(JobSpec { webhook: None, ..(*job.spec).clone() });
    let (whole, array_index) = (job.id, job.array_index);
    let copy = |_| Spread { id: JobId::generate(), spec: Arc::clone(&silent), array_index, copy_of: Some(whole) };
    std::iter::once(job).chain((1..copies).map(copy)).collect()
}

/// Has each job's copies compared with it.
async fn compare(
    app: &App,
    customer: &Customer,
    tx: &mut Tx,
    (jobs, coin): (&[Spread], Coin),
    now: TimestampMs,
) -> ApiResult<()> {
    let rules = app.config.rules().verification;
    for job in jobs.iter().filter(|job| job.copy_of.is_none()) {
        let Verify::Redundant { compare, .. } = job.spec.verify else { continue };
        let copies: Vec<JobId> = jobs.iter().filter(|copy| copy.copy_of == Some(job.id)).map(|copy| copy.id).collect();
        let asked = Asked { job: job.id, customer: customer.id, spec: &job.spec, compare, array_index: job.array_index, coin };
        verify::begin_redundant(tx, &rules, &asked, &copies, now).await?;
    }
    Ok(())
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
