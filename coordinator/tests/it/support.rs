//! What tests are written with: a whole coordinator, customers, rigs.

use std::time::Duration;

use headframe_coordinator::{
    App, Config, Coordinator,
    admin::{By, acts},
    store::ledger,
};
use headframe_protocol::{
    CustomerId, JobId, Micros,
    api::{Attempt, AttemptList, Balance, Job},
    error::Problem,
    job::JobState,
};
use serde_json::{Value, json};
use sqlx::Connection as _;

pub(crate) mod agent;
pub(crate) mod cards;
pub(crate) mod chain;
pub(crate) mod hfr;

pub(crate) use agent::FakeAgent;

/// No test waits longer for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// The divisor of all timers.
const SPEED: u32 = 20;

/// A digest nobody has the image of.
pub(crate) const DIGEST: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// A coordinator with a database of its own. The folder is deleted with it.
pub(crate) struct TestApp {
    pub(crate) config: Config,
    coordinator: Option<Coordinator>,
    _folder: tempfile::TempDir,
}

impl TestApp {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// Starts with a changed configuration.
    pub(crate) async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let mut config = Config::on_loopback(folder.path(), SPEED);
        config.network.name = "test".to_owned();
        config.images.require_approval = false;
        // Fake rigs are silent while their test does something else, and machines that run tests are busy. What a test is
        // about it sets itself.
        config.timers.offer_ack = PATIENCE;
        config.timers.lease_ttl = PATIENCE * 2;
        config.database_url = database(folder.path()).await;
        change(&mut config);
        let coordinator = Coordinator::bind(config.clone()).await.expect("the coordinator starts");
        Self { config, coordinator: Some(coordinator), _folder: folder }
    }

    fn coordinator(&self) -> &Coordinator {
        self.coordinator.as_ref().expect("the coordinator runs")
    }

    pub(crate) fn app(&self) -> &App {
        self.coordinator().app()
    }

    /// Without a slash at the end.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.coordinator().local_addr())
    }

    /// Stops it in order and starts it again on the same address and database.
    pub(crate) async fn restart(&mut self) {
        let address = self.coordinator().local_addr();
        if let Some(coordinator) = self.coordinator.take() {
            coordinator.shutdown().await;
        }
        let config = Config { listen: address, ..self.config.clone() };
        self.coordinator = Some(Coordinator::bind(config).await.expect("the coordinator starts again"));
    }

    /// A customer with money.
    pub(crate) async fn customer(&self, dollars: i32) -> Customer {
        let store = &self.app().store;
        let name = format!("c{}", CustomerId::generate().to_string().replace("cus_", ""));
        let account = acts::create_customer(store, &self.config.limits, &by(), &name, None).await.expect("an account");
        let key = acts::create_key(store, &by(), account.id, "test").await.expect("a key");
        if dollars > 0 {
            acts::grant(store, &by(), account.id, Micros::dollars(dollars), "start").await.expect("a grant");
        }
        Customer { url: self.url(), id: account.id, key: key.key, http: reqwest::Client::new() }
    }

    /// The books are in order.
    pub(crate) async fn assert_books(&self) {
        let mut connection = self.app().store.read().await.expect("a connection");
        let audit = ledger::audit(&mut connection).await.expect("an audit");
        assert!(audit.is_clean(), "the ledger adds up: {audit:?}");
    }

    pub(crate) async fn balance_of(&self, account: ledger::Account) -> Micros {
        let mut connection = self.app().store.read().await.expect("a connection");
        ledger::balance(&mut connection, account, ledger::Coin::PRACTICE).await.expect("a balance")
    }
}

/// Leases as short as the other timers, for tests about their end.
pub(crate) fn short_leases(config: &mut Config) {
    config.timers.lease_ttl = headframe_coordinator::Timers::default().scaled(SPEED).lease_ttl;
}

/// Who acts for the operator in tests.
pub(crate) fn by() -> By {
    By::new("test", "a test needs it").expect("a reason")
}

/// A database of its own on the server named by the environment, or nothing for the default file.
pub(crate) async fn database(_folder: &std::path::Path) -> Option<String> {
    let server = std::env::var("HEADFRAME_TEST_POSTGRES").ok()?;
    sqlx::any::install_default_drivers();
    let name = format!("test_{}", JobId::generate().to_string().replace("job_", ""));
    let mut connection = sqlx::AnyConnection::connect(&server).await.expect("the PostgreSQL server answers");
    sqlx::raw_sql(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&mut connection).await.expect("a database");
    let mut url = url::Url::parse(&server).expect("an address");
    url.set_path(&name);
    Some(url.to_string())
}

/// A customer and his client.
pub(crate) struct Customer {
    pub(crate) url: String,
    pub(crate) id: CustomerId,
    pub(crate) key: String,
    pub(crate) http: reqwest::Client,
}

impl Customer {
    pub(crate) async fn get(&self, path: &str) -> reqwest::Response {
        self.http.get(format!("{}{path}", self.url)).bearer_auth(&self.key).send().await.expect("an answer")
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> reqwest::Response {
        self.http.post(format!("{}{path}", self.url)).bearer_auth(&self.key).json(body).send().await.expect("an answer")
    }

    pub(crate) async fn post_with_key(&self, path: &str, body: &Value, key: &str) -> reqwest::Response {
        let request = self.http.post(format!("{}{path}", self.url)).bearer_auth(&self.key).header("idempotency-key", key);
        request.json(body).send().await.expect("an answer")
    }

    /// Submits the least job with `changes`.
    pub(crate) async fn submit(&self, changes: Value) -> Job {
        let response = self.post("/v1/jobs", &job(changes)).await;
        let status = response.status();
        let text = response.text().await.expect("a body");
        assert_eq!(status, 201, "{text}");
        serde_json::from_str(&text).expect("a job")
    }

    pub(crate) async fn job(&self, id: JobId) -> Job {
        self.get(&format!("/v1/jobs/{id}")).await.json().await.expect("a job")
    }

    /// The job when it is over.
    pub(crate) async fn ended(&self, id: JobId) -> Job {
        self.until(id, |job| job.state.is_final()).await
    }

    /// The job as soon as it is in `state`.
    pub(crate) async fn in_state(&self, id: JobId, state: JobState) -> Job {
        self.until(id, |job| job.state == state).await
    }

    pub(crate) async fn until(&self, id: JobId, wanted: impl Fn(&Job) -> bool) -> Job {
        let started = tokio::time::Instant::now();
        loop {
            let job: Job = self.get(&format!("/v1/jobs/{id}?wait=50ms")).await.json().await.expect("a job");
            if wanted(&job) {
                return job;
            }
            assert!(started.elapsed() < PATIENCE, "the job came to nothing: {job:?}");
        }
    }

    pub(crate) async fn attempts(&self, id: JobId) -> Vec<Attempt> {
        let list: AttemptList = self.get(&format!("/v1/jobs/{id}/attempts")).await.json().await.expect("attempts");
        list.attempts
    }

    pub(crate) async fn cancel(&self, id: JobId) -> reqwest::Response {
        self.post(&format!("/v1/jobs/{id}/cancel"), &json!({})).await
    }

    pub(crate) async fn balance(&self) -> Balance {
        self.get("/v1/balance").await.json().await.expect("a balance")
    }
}

/// The least job with `changes`.
pub(crate) fn job(changes: Value) -> Value {
    let mut job = json!({
        "image": format!("127.0.0.1:5000/test/tool@sha256:{DIGEST}"),
        "max_price_per_hour": "3600000",
        "timeout_s": 60,
    });
    for (key, value) in changes.as_object().expect("changes are an object") {
        job[key] = value.clone();
    }
    job
}

/// The problem in an answer, which must have the right type and status.
pub(crate) async fn problem(response: reqwest::Response) -> Problem {
    let status = response.status();
    let kind = response.headers().get("content-type").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let text = response.text().await.expect("a body");
    assert_eq!(kind.as_deref(), Some("application/problem+json"), "{status} {text}");
    let problem: Problem = serde_json::from_str(&text).expect("a problem document");
    assert_eq!(problem.status, status.as_u16());
    assert!(problem.request_id.is_some(), "the answer can be found in the log");
    problem
}
