//! The coordinator's customer API, one method per request.
//!
//! What may be repeated without harm is repeated when the network or the coordinator is briefly away ([`Backoff`]): reading,
//! cancelling, uploading (files are stored by content), and submitting, because every submission carries an
//! Idempotency-Key of which the coordinator remembers the answer.

use std::time::Duration;

use headframe_protocol::{
    JobId, TimestampMs,
    api::{Account, AttemptList, Balance, Batch, BatchAccepted, Job, JobList, OfferList, Pay, Usage},
    error::Problem,
    job::{JobSpec, JobState},
};
use reqwest::{
    Method, RequestBuilder, Response, StatusCode,
    header::{ACCEPT, HeaderMap, RETRY_AFTER},
};
use serde::de::DeserializeOwned;
use url::Url;

use crate::{backoff::Backoff, error::ClientError};

mod files;
mod key;
mod money;

pub use key::ApiKey;

/// How long to wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the coordinator may be silent in the middle of an answer. Longer than its keep-alive, which is every 15 s.
const READ_TIMEOUT: Duration = Duration::from_secs(75);

/// The header by which a submission is known again.
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// One customer's connection to one coordinator. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    base: Url,
    key: Option<ApiKey>,
}

/// Which jobs to list.
#[derive(Debug, Clone, Default)]
pub struct JobFilter {
    /// Only those in this state.
    pub state: Option<JobState>,
    /// Only those after this place in the list.
    pub after: Option<String>,
    /// How many at most.
    pub limit: u32,
}

/// A way to pay as a submission's parameters.
fn query_of(pay: Pay) -> Vec<(&'static str, String)> {
    match pay {
        Pay::Dollars => vec![("pay_in", "usd".to_owned())],
        Pay::Hfr { quoted } => {
            let quoted = quoted.map(|picos| ("picos_per_hfr", picos.to_string()));
            [("pay_in", "hfr".to_owned())].into_iter().chain(quoted).collect()
        }
    }
}

impl Client {
    /// A client of the coordinator at `base`.
    ///
    /// # Errors
    /// [`ClientError::Setup`] if the platform gives us no TLS.
    pub fn new(base: Url, key: ApiKey) -> Result<Self, ClientError> {
        Self::of(base, Some(key))
    }

    /// A client of what is public at the coordinator at `base`.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn anonymous(base: Url) -> Result<Self, ClientError> {
        Self::of(base, None)
    }

    fn of(base: Url, key: Option<ApiKey>) -> Result<Self, ClientError> {
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            .user_agent(concat!("headframe/", env!("CARGO_PKG_VERSION")))
            // The key must not follow a redirection to somewhere else.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(ClientError::Setup)?;
        Ok(Self { http, base, key })
    }

    /// The coordinator's address.
    #[must_use]
    pub const fn base(&self) -> &Url {
        &self.base
    }

    /// Who the key belongs to.
    ///
    /// # Errors
    /// See [`ClientError`]; so do all that follow.
    pub async fn account(&self) -> Result<Account, ClientError> {
        self.get(&["account"], &[]).await
    }

    /// The account's money.
    #[allow(missing_docs, clippy::missing_errors_doc, reason = "said once at `account`")]
    pub async fn balance(&self) -> Result<Balance, ClientError> {
        self.get(&["balance"], &[]).await
    }

    /// What was used between two moments.
    #[allow(clippy::missing_errors_doc, reason = "said once at `account`")]
    pub async fn usage(&self, from: TimestampMs, to: TimestampMs) -> Result<Usage, ClientError> {
        let span = [("from_ms", from.as_millis().to_string()), ("to_ms", to.as_millis().to_string())];
        self.get(&["usage"], &span).await
    }

    /// What the network has now.
    #[allow(clippy::missing_errors_doc, reason = "said once at `account`")]
    pub async fn offers(&self) -> Result<OfferList, ClientError> {
        self.get(&["offers"], &[]).await
    }

    /// Submits one job. The same `key` with the same job is the same submission, however often it is sent.
    #[allow(clippy::missing_errors_doc, reason = "said once at `account`")]
    pub async fn submit(&self, spec: &JobSpec, pay: Pay, key: &str) -> Result<Job, ClientError> {
        let post = || self.request(Method::POST, &["jobs"]).query(&query_of(pay));
        let request = || post().header(IDEMPOTENCY_KEY, key).json(spec);
        self.document(self.send(&request).await?).await
    }

    /// Submits several jobs or an array: all are accepted, or none.
    #[allow(clippy::missing_errors_doc, reason = "said once at `account`")]
    pub async fn submit_batch(&self, batch: &Batch, pay: Pay, key: &str) -> Result<BatchAccepted, ClientError> {
        let post = || self.request(Method::POST, &["jobs:batch"]).query(&query_of(pay));
        let request = || post().header(IDEMPOTENCY_KEY, key).json(batch);
        self.document(self.send(&request).await?).await
    }

    /// One page of jobs, newest first.
    #[allow(clippy::missing_errors_doc, reason = "said once at `account`")]
    pub async fn jobs(&self, filter: &JobFilter) -> Result<JobList, ClientError> {
        let mut query = vec![("limit", filter.limit.to_string())];
        query.extend(filter.state.map(|state| ("state", state.to_string())));
        query.extend(filter.after.clone().map(|after| ("after", after)));
        self.get(&["jobs"], &query).await
    }

    /// One job as it is now.
    #[allow(clippy::missing_errors_doc, reason = "said once at `account`")]
    pub async fn job(&self, id: JobId) -> Result<Job, ClientError> {
        self.get(&["jobs", &id.to_string()], &[]).await
    }

    /// One job when it has ended, or as it is after `at_most`.
    #[allow(clippy::missing_errors_doc, reason = "said once at `account`")]
    pub async fn wait(&self, id: JobId, at_most: Duration) -> Result<Job, ClientError> {
        let wait = format!("{}s", at_most.as_secs().clamp(1, 60));
        self.get(&["jobs", &id.to_string()], &[("wait", wait)]).await
    }

    /// The same, asked once: who follows a job for hours keeps count of his own. A failure comes with how long the
    /// coordinator asks us to wait.
    pub(crate) async fn look(&self, id: JobId, at_most: Duration) -> Result<Job, (ClientError, Option<Duration>)> {
        let wait = format!("{}s", at_most.as_secs().clamp(1, 60));
        let request = self.request(Method::GET, &["jobs", &id.to_string()]).query(&[("wait", wait)]);
        let response = self.once_with_wish(request).await?;
        self.document(response).await.map_err(|error| (error, None))
    }

    /// The job when it has ended, however long that takes.
    #[allow(clippy::missing_errors_doc, reason = "said once at `account`")]
    pub async fn outcome(&self, id: JobId) -> Result<Job, ClientError> {
        loop {
            let job = self.wait(id, Duration::from_secs(30)).await?;
            if job.state.is_final() {
                return Ok(job);
            }
        }
    }

    /// Ends a job.
    #[allow(clippy::missing_errors_doc, reason = "said once at `account`")]
    pub async fn cancel(&self, id: JobId) -> Result<Job, ClientError> {
        let request = || self.request(Method::POST, &["jobs", &id.to_string(), "cancel"]);
        self.document(self.send(&request).await?).await
    }

    /// The tries of a job, oldest first.
    #[allow(clippy::missing_errors_doc, reason = "said once at `account`")]
    pub async fn attempts(&self, id: JobId) -> Result<AttemptList, ClientError> {
        self.get(&["jobs", &id.to_string(), "attempts"], &[]).await
    }

    /// Opens the stream of a job's log, from where `headers` say.
    pub(crate) async fn log_stream(&self, id: JobId, headers: HeaderMap) -> Result<Response, ClientError> {
        let request = self.request(Method::GET, &["jobs", &id.to_string(), "logs"]);
        self.once(request.header(ACCEPT, "text/event-stream").headers(headers)).await
    }

    async fn get<T: DeserializeOwned>(&self, segments: &[&str], query: &[(&str, String)]) -> Result<T, ClientError> {
        let request = || self.request(Method::GET, segments).query(query);
        self.document(self.send(&request).await?).await
    }

    fn request(&self, method: Method, segments: &[&str]) -> RequestBuilder {
        let mut url = self.base.clone();
        // A base that cannot have a path is refused where addresses are read; see `credentials`.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().push("v1").extend(segments);
        }
        let request = self.http.request(method, url);
        match &self.key {
            Some(key) => request.bearer_auth(key.expose()),
            None => request,
        }
    }

    /// Sends what `request` makes until it is answered, or was tried often enough.
    async fn send(&self, request: &(dyn Fn() -> RequestBuilder + Sync)) -> Result<Response, ClientError> {
        let mut backoff = Backoff::request();
        loop {
            let (error, asked) = match self.once_with_wish(request()).await {
                Ok(response) => return Ok(response),
                Err(failed) => failed,
            };
            if !error.may_pass() {
                return Err(error);
            }
            let Some(wait) = backoff.next(asked) else { return Err(error) };
            tokio::time::sleep(wait).await;
        }
    }

    async fn once(&self, request: RequestBuilder) -> Result<Response, ClientError> {
        self.once_with_wish(request).await.map_err(|(error, _)| error)
    }

    /// Sends once. A failure comes with how long the coordinator asks us to wait.
    async fn once_with_wish(&self, request: RequestBuilder) -> Result<Response, (ClientError, Option<Duration>)> {
        let response = request.send().await.map_err(|source| (self.unreachable(source), None))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let asked = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()).and_then(|text| text.parse().ok());
        let body = response.bytes().await.map_err(|source| (self.unreachable(source), None))?;
        let error = match serde_json::from_slice::<Problem>(&body) {
            Ok(problem) => ClientError::Refused(Box::new(problem)),
            Err(_) => ClientError::NotACoordinator { host: self.host(), status: status.as_u16() },
        };
        Err((error, asked.map(Duration::from_secs)))
    }

    async fn document<T: DeserializeOwned>(&self, response: Response) -> Result<T, ClientError> {
        let body = response.bytes().await.map_err(|source| self.unreachable(source))?;
        serde_json::from_slice(&body).map_err(|source| ClientError::Garbled { host: self.host(), source: Box::new(source) })
    }

    pub(crate) fn unreachable(&self, source: reqwest::Error) -> ClientError {
        // The address is said already, and may hold the path of a file the customer would rather not see in a log.
        ClientError::Unreachable { host: self.host(), source: source.without_url() }
    }

    pub(crate) fn host(&self) -> String {
        let host = self.base.host_str().unwrap_or("the coordinator");
        self.base.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }
}

impl ClientError {
    /// Whether the same request may succeed a little later.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable { source, .. } => !source.is_builder(),
            Self::Refused(problem) => is_passing(problem.status),
            Self::NotACoordinator { status, .. } => is_passing(*status),
            Self::Garbled { .. } | Self::LogBrokeOff { .. } | Self::Setup(_) => false,
        }
    }
}

/// Busy, restarting, or a proxy in front of something that restarts.
fn is_passing(status: u16) -> bool {
    [StatusCode::TOO_MANY_REQUESTS, StatusCode::BAD_GATEWAY, StatusCode::SERVICE_UNAVAILABLE, StatusCode::GATEWAY_TIMEOUT]
        .iter()
        .any(|passing| passing.as_u16() == status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_cannot_leave_its_place_in_an_address() {
        let client = Client::new("http://127.0.0.1:1/base/".parse().expect("an address"), ApiKey::parse("hfk_x").expect("a key"))
            .expect("a client");
        let request = client.request(Method::GET, &["jobs", "a b", "artifacts", "x?y", "ü#"]).build().expect("a request");
        assert_eq!(request.url().path(), "/base/v1/jobs/a%20b/artifacts/x%3Fy/%C3%BC%23");
    }
}
