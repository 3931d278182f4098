//! Taking jobs in: what is checked, what is set aside, and that nothing is done twice.

use std::collections::BTreeSet;

use axum::http::HeaderMap;
use headframe_protocol::{
    JobId, Micros, Sha256, UploadId,
    error::FieldError,
    job::{Input, JobSpec, limits},
};

use crate::{
    App,
    auth::Customer,
    error::{ApiError, ApiResult},
    store::{
        StoreError, Tx, commit, customers,
        idempotency::{self, Known},
        images::{self, Standing},
        jobs::{self, NewJob},
        ledger::{self, Account, Kind, Transfer},
        switches::{self, Switch},
        uploads,
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
    body: Sha256,
}

impl Submission {
    /// `body` is what the customer sent; the same key with another body is refused.
    pub(super) fn new(specs: Vec<JobSpec>, headers: &HeaderMap, body: &[u8]) -> ApiResult<Self> {
        let key = headers.get(IDEMPOTENCY_KEY).map(|value| {
            let text = value
                .to_str()
                .ok()
                .filter(|text| (1..=KEY_BYTES_MAX).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic()));
            text.map(str::to_owned).ok_or_else(|| ApiError::invalid_field(IDEMPOTENCY_KEY, "1 to 255 visible ASCII characters"))
        });
        Ok(Self { specs, key: key.transpose()?, body: Sha256::of(body) })
    }
}

/// Takes the jobs in, all or none, and returns their ids in order. `list` is the field the specifications stand in, empty if
/// the body is the only one.
pub(super) async fn accept(app: &App, customer: &Customer, submission: Submission, list: &str) -> ApiResult<Vec<JobId>> {
    if let Some(answered) = answered_before(app, customer, &submission).await? {
        return Ok(answered);
    }
    check(&submission.specs, list)?;
    let jobs: Vec<NewJob> = submission.specs.iter().flat_map(spread).collect();
    if jobs.len() > limits::BATCH_MAX {
        return Err(ApiError::invalid_field(list, "at most 1000 jobs, arrays spread out"));
    }
    let ids: Vec<JobId> = jobs.iter().map(|job| job.id).collect();
    let mut tx = app.store.begin().await?;
    let now = app.store.now();
    admit(app, customer, &mut tx, &submission.specs, jobs.len(), list).await?;
    hold(customer, &mut tx, &jobs, now).await?;
    jobs::insert(&mut tx, customer.id, &jobs, now).await?;
    if let Some(key) = &submission.key {
        let response = serde_json::to_string(&ids).map_err(|error| ApiError::internal().because(error))?;
        if !idempotency::keep(&mut tx, customer.id, key, submission.body, &response, now).await? {
            // The same request at the same moment was faster; its answer is ours.
            tx.rollback().await.map_err(|error| ApiError::internal().because(error))?;
            return answered_before(app, customer, &submission).await?.ok_or_else(ApiError::internal);
        }
    }
    commit(tx, "take jobs in").await?;
    app.dispatch.queued(jobs.iter().map(|job| job.queued(customer.id, now)).collect()).await;
    metrics::counter!("headframe_jobs_submitted_total").increment(ids.len() as u64);
    Ok(ids)
}

async fn answered_before(app: &App, customer: &Customer, submission: &Submission) -> ApiResult<Option<Vec<JobId>>> {
    let Some(key) = &submission.key else { return Ok(None) };
    let mut connection = app.store.read().await?;
    match idempotency::find(&mut connection, customer.id, key, submission.body).await? {
        None => Ok(None),
        Some(Known::OtherRequest) => Err(ApiError::idempotency_mismatch()),
        Some(Known::Answered(response)) => {
            serde_json::from_str(&response).map(Some).map_err(|error| ApiError::internal().because(error))
        }
    }
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
    let plain = JobSpec { array: None, ..spec.clone() };
    let job = |array_index| NewJob { id: JobId::generate(), spec: plain.clone(), array_index, held };
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
    let mut images_seen = BTreeSet::new();
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
        namespace(app, customer, tx, spec, &placed(list, at, "image")).await?;
        inputs(customer, tx, spec, at, list).await?;
    }
    Ok(())
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
async fn inputs(customer: &Customer, tx: &mut Tx, spec: &JobSpec, at: usize, list: &str) -> ApiResult<()> {
    for (index, Input { upload, sha256, .. }) in spec.inputs.iter().enumerate() {
        let Some(id) = upload else { continue };
        let id: UploadId = *id;
        let field = |part: &str| placed(list, at, &format!("inputs[{index}].{part}"));
        match uploads::find(tx, customer.id, id).await? {
            None => return Err(ApiError::invalid_field(&field("upload"), "there is no such upload")),
            Some(upload) if upload.sha256 != *sha256 => {
                return Err(ApiError::invalid_field(&field("sha256"), &format!("the upload's is {}", upload.sha256)));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// Sets the most the jobs can cost aside.
async fn hold(customer: &Customer, tx: &mut Tx, jobs: &[NewJob], now: headframe_protocol::TimestampMs) -> ApiResult<()> {
    let (available, held) = (Account::Available(customer.id), Account::Held(customer.id));
    let transfers: Vec<Transfer> = jobs
        .iter()
        .map(|job| Transfer::between(Kind::Hold, &job.id.to_string(), available, held, job.held).for_job(job.id))
        .collect();
    match ledger::post(tx, &transfers, now).await? {
        ledger::Posted::Yes => Ok(()),
        ledger::Posted::NotCovered(_) => Err(not_covered(customer, tx, jobs).await?),
    }
}

async fn not_covered(customer: &Customer, tx: &mut Tx, jobs: &[NewJob]) -> Result<ApiError, StoreError> {
    let free = ledger::balance(tx, Account::Available(customer.id)).await?;
    let needed: i64 = jobs.iter().fold(0, |sum, job| sum.saturating_add(job.held.get()));
    Ok(ApiError::insufficient_balance(format!("{} is needed to set aside, {free} is available.", Micros::new(needed))))
}
