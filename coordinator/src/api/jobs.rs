//! Jobs: submit, look, wait, cancel.

use std::time::Duration;

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
};
use headframe_protocol::{
    JobId,
    api::{AttemptList, Batch, BatchAccepted, Job, JobList, PAGE_MAX, Pay, PayIn},
    error::Problem,
    job::{JobSpec, JobState, Reason},
};
use serde::Deserialize;
use tokio::time::Instant;

use super::submission::{self, Submission};
use crate::{
    App,
    auth::Customer,
    error::{ApiError, ApiResult},
    extract::{Json, JsonBody, Path, Query, json_from},
    journal::Report,
    market::Want,
    sessions::Changes,
    store::{StoreError, attempts, jobs},
};

/// How jobs are paid for.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SubmitQuery {
    /// `usd`, or `hfr` for a lower price. A quote says whether HFR is taken now.
    #[serde(default)]
    pub(crate) pay_in: PayIn,
    /// The price of HFR that a quote has named within the last minute: it counts, whatever HFR is worth now. Only for `hfr`; absent for
    /// the price of now.
    pub(crate) picos_per_hfr: Option<u64>,
}

impl SubmitQuery {
    fn pay(self) -> ApiResult<Pay> {
        match (self.pay_in, self.picos_per_hfr) {
            (PayIn::Usd, None) => Ok(Pay::Dollars),
            (PayIn::Hfr, quoted) => Ok(Pay::Hfr { quoted }),
            (PayIn::Usd, Some(_)) => Err(ApiError::invalid_field("picos_per_hfr", "absent unless `pay_in` is `hfr`")),
        }
    }
}

/// Submits a job. The most it can cost is set aside of the balance at once. Sent again with the same `Idempotency-Key`
/// and body, it answers as before and does nothing.
#[utoipa::path(
    post, path = "/v1/jobs", tag = "jobs", operation_id = "submitJob", request_body = JobSpec,
    params(SubmitQuery, ("idempotency-key" = Option<String>, Header, description = "Names this request, 1 to 255 visible characters")),
    responses(
        (status = 201, description = "Accepted", body = Job),
        (status = 402, description = "The balance does not cover it", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "The key was used for other jobs", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "The specification is not valid", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "No good key", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "The account is suspended", body = Problem, content_type = "application/problem+json"),
    ),
    security(("api_key" = [])),
)]
pub async fn submit(
    State(app): State<App>,
    customer: Customer,
    Query(query): Query<SubmitQuery>,
    headers: HeaderMap,
    JsonBody(body): JsonBody,
) -> ApiResult<(StatusCode, Json<Job>)> {
    let spec: JobSpec = json_from(&body)?;
    if spec.array.is_some() {
        return Err(ApiError::invalid_field("array", "accepted by POST /v1/jobs:batch only"));
    }
    let accepted = submission::accept(&app, &customer, Submission::new(vec![spec], query.pay()?, &headers)?, "").await?;
    let id = accepted.first().copied().ok_or_else(ApiError::internal)?;
    let job = read(&app, &customer, id).await?;
    Ok((StatusCode::CREATED, Json(with_unmet(&app, job).await)))
}

/// Submits several jobs, all or none. One with an `array` becomes one job per index.
#[utoipa::path(
    post, path = "/v1/jobs:batch", tag = "jobs", operation_id = "submitBatch", request_body = Batch,
    params(SubmitQuery, ("idempotency-key" = Option<String>, Header, description = "Names this request, 1 to 255 visible characters")),
    responses(
        (status = 201, description = "All accepted", body = BatchAccepted),
        (status = 402, description = "The balance does not cover them", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "The key was used for other jobs", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "A specification is not valid", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "No good key", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "The account is suspended", body = Problem, content_type = "application/problem+json"),
    ),
    security(("api_key" = [])),
)]
pub async fn submit_batch(
    State(app): State<App>,
    customer: Customer,
    Query(query): Query<SubmitQuery>,
    headers: HeaderMap,
    JsonBody(body): JsonBody,
) -> ApiResult<(StatusCode, Json<BatchAccepted>)> {
    let batch: Batch = json_from(&body)?;
    if batch.jobs.is_empty() {
        return Err(ApiError::invalid_field("jobs", "at least one"));
    }
    let jobs = submission::accept(&app, &customer, Submission::new(batch.jobs, query.pay()?, &headers)?, "jobs").await?;
    Ok((StatusCode::CREATED, Json(BatchAccepted { jobs })))
}

/// Which page of jobs.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// The job after which the page begins: `next` of the page before.
    after: Option<JobId>,
    /// How many, 1 to 100; 50 if absent.
    limit: Option<u32>,
    /// Only jobs in this state.
    state: Option<JobState>,
}

/// Lists jobs, newest first.
#[utoipa::path(
    get, path = "/v1/jobs", tag = "jobs", operation_id = "listJobs", params(ListQuery),
    responses(
        (status = 200, description = "A page", body = JobList),
        (status = 401, description = "No good key", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "The account is suspended", body = Problem, content_type = "application/problem+json"),
    ),
    security(("api_key" = [])),
)]
pub async fn list(State(app): State<App>, customer: Customer, Query(query): Query<ListQuery>) -> ApiResult<Json<JobList>> {
    let ListQuery { after, limit, state } = query;
    let limit = limit.unwrap_or(50);
    if !(1..=PAGE_MAX).contains(&limit) {
        return Err(ApiError::invalid_field("limit", "1 to 100"));
    }
    let mut connection = app.store.read().await?;
    // One more than asked for tells whether there is a next page.
    let mut jobs = jobs::list(&mut connection, customer.id, after, state, limit + 1).await?;
    let more = jobs.len() > limit as usize;
    jobs.truncate(limit as usize);
    let next = jobs.last().filter(|_| more).map(|job| job.id.to_string());
    Ok(Json(JobList { jobs, next }))
}

/// How long to wait.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct WaitQuery {
    /// Answer when the job is over, or after this at the latest: `30s` or `500ms`, a minute at most.
    wait: Option<String>,
}

/// Shows a job. With `wait`, answers when the job is over or the time is.
#[utoipa::path(
    get, path = "/v1/jobs/{id}", tag = "jobs", operation_id = "getJob",
    params(("id" = JobId, Path), WaitQuery),
    responses(
        (status = 200, description = "The job", body = Job),
        (status = 404, description = "No such job", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "No good key", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "The account is suspended", body = Problem, content_type = "application/problem+json"),
    ),
    security(("api_key" = [])),
)]
pub async fn get(
    State(app): State<App>,
    customer: Customer,
    Path(id): Path<JobId>,
    Query(query): Query<WaitQuery>,
) -> ApiResult<Json<Job>> {
    let wait = query.wait.as_deref().map(parse_wait).transpose()?.unwrap_or_default().min(app.config.timers.long_poll_max);
    let until = Instant::now() + wait;
    let stop = app.tasks.stopping();
    let mut listening = app.changes.listen();
    loop {
        let job = read(&app, &customer, id).await?;
        let left = until.saturating_duration_since(Instant::now());
        if job.state.is_final() || left.is_zero() || stop.is_cancelled() {
            return Ok(Json(with_unmet(&app, job).await));
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = Changes::wait(&mut listening, id, left.min(app.config.timers.job_look_again)) => {}
        }
    }
}

fn parse_wait(text: &str) -> ApiResult<Duration> {
    let (number, unit_ms) = match (text.strip_suffix("ms"), text.strip_suffix('s')) {
        (Some(number), _) => (number, 1),
        (None, Some(number)) => (number, 1_000),
        (None, None) => (text, 1_000),
    };
    let millis = number.parse::<u32>().ok().filter(|_| number.bytes().all(|b| b.is_ascii_digit()));
    millis
        .map(|number| Duration::from_millis(u64::from(number) * unit_ms))
        .ok_or_else(|| ApiError::invalid_field("wait", "a whole number of seconds or milliseconds, such as `30s` or `500ms`"))
}

/// Cancels a job. One that waits is over at once; one that runs is over when its rig has stopped it, within half a minute.
#[utoipa::path(
    post, path = "/v1/jobs/{id}/cancel", tag = "jobs", operation_id = "cancelJob", params(("id" = JobId, Path)),
    responses(
        (status = 200, description = "The job as it is now", body = Job),
        (status = 404, description = "No such job", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "The job is over already", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "No good key", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "The account is suspended", body = Problem, content_type = "application/problem+json"),
    ),
    security(("api_key" = [])),
)]
pub async fn cancel(State(app): State<App>, customer: Customer, Path(id): Path<JobId>) -> ApiResult<Json<Job>> {
    let job = read(&app, &customer, id).await?;
    if job.state == JobState::Cancelled {
        return Ok(Json(job));
    }
    if job.state.is_final() {
        return Err(ApiError::conflict(format!("The job has {} already.", job.state)));
    }
    let report = Report::RequestEnd { job: id, reason: Reason::CancelledByCustomer };
    app.journal
        .write(report)
        .await
        .map_err(|error| ApiError::unavailable("The job could not be cancelled now. Try again.").because(error))?;
    Ok(Json(read(&app, &customer, id).await?))
}

/// Lists the tries of a job, oldest first.
#[utoipa::path(
    get, path = "/v1/jobs/{id}/attempts", tag = "jobs", operation_id = "listAttempts", params(("id" = JobId, Path)),
    responses(
        (status = 200, description = "The attempts", body = AttemptList),
        (status = 404, description = "No such job", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "No good key", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "The account is suspended", body = Problem, content_type = "application/problem+json"),
    ),
    security(("api_key" = [])),
)]
pub async fn attempts(State(app): State<App>, customer: Customer, Path(id): Path<JobId>) -> ApiResult<Json<AttemptList>> {
    read(&app, &customer, id).await?;
    let mut connection = app.store.read().await?;
    Ok(Json(AttemptList { attempts: attempts::of_job(&mut connection, id).await? }))
}

/// The same with what no rig can give it, while it waits.
async fn with_unmet(app: &App, job: Job) -> Job {
    if job.state != JobState::Queued {
        return job;
    }
    let unmet = app.dispatch.fleet().await.unmet(&Want::of(&job.spec));
    Job { unmet, ..job }
}

async fn read(app: &App, customer: &Customer, id: JobId) -> ApiResult<Job> {
    let job = async {
        let mut connection = app.store.read().await?;
        jobs::get(&mut connection, customer.id, id).await
    };
    let job: Result<Option<Job>, StoreError> = job.await;
    job?.ok_or_else(|| ApiError::not_found("job"))
}
