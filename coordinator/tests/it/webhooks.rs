//! Telling customers that their jobs ended: a real receiver, real signatures.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use headframe_coordinator::{Config, Timers, metrics, sweep};
use headframe_protocol::{api::Job, job::JobState};
use serde_json::{Value, json};

use crate::support::{Customer, FakeAgent, PATIENCE, TestApp};

/// One message as it came.
#[derive(Clone)]
struct Received {
    headers: HeaderMap,
    body: Bytes,
}

impl Received {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("`{name}` is there")).to_str().expect("text")
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }
}

#[derive(Clone, Default)]
struct Inbox {
    /// What to answer, one after the other; then 204.
    answers: Arc<Mutex<VecDeque<u16>>>,
    received: Arc<Mutex<Vec<Received>>>,
}

/// A customer's own server.
struct Receiver {
    inbox: Inbox,
    url: String,
    serving: tokio::task::JoinHandle<std::io::Result<()>>,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Receiver {
    async fn start(answers: impl IntoIterator<Item = u16>) -> Self {
        let inbox = Inbox { answers: Arc::new(Mutex::new(answers.into_iter().collect())), ..Inbox::default() };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/hooks?token=quiet", listener.local_addr().expect("an address"));
        let router = Router::new().route("/hooks", post(take)).route("/elsewhere", post(take)).with_state(inbox.clone());
        #[expect(clippy::disallowed_methods, reason = "the test owns it and ends it")]
        let serving = tokio::spawn(async move { axum::serve(listener, router).await });
        Self { inbox, url, serving }
    }

    fn received(&self) -> Vec<Received> {
        self.inbox.received.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn has(&self, count: usize) -> Vec<Received> {
        let started = tokio::time::Instant::now();
        loop {
            let received = self.received();
            if received.len() >= count {
                return received;
            }
            assert!(started.elapsed() < PATIENCE, "{} of {count} came", received.len());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

async fn take(State(inbox): State<Inbox>, headers: HeaderMap, body: Bytes) -> Response {
    inbox.received.lock().unwrap_or_else(PoisonError::into_inner).push(Received { headers, body });
    let answer = inbox.answers.lock().unwrap_or_else(PoisonError::into_inner).pop_front().unwrap_or(204);
    (StatusCode::from_u16(answer).expect("a status"), [(header::LOCATION, "/elsewhere")]).into_response()
}

/// The receiver is on loopback, and machines that run tests are busy.
fn local(config: &mut Config) {
    config.webhooks.allow_private_addresses = true;
    config.timers.webhook_timeout = PATIENCE;
    config.timers.webhook_backoff = Duration::from_millis(20);
}

/// A job with a webhook at `url` runs and succeeds.
async fn one_job(rig: &mut FakeAgent, customer: &Customer, url: &str) -> Job {
    let submitted = customer.submit(json!({ "webhook": url, "name": "told" })).await;
    let offer = rig.offer().await;
    rig.run(&offer).await;
    rig.succeed(&offer, 0).await;
    customer.ended(submitted.id).await
}

/// How many messages are in this standing, as the operator's figures say it.
async fn standing(app: &TestApp, wanted: &str) -> u64 {
    let text = metrics::render(app.app()).await.expect("figures");
    let line = format!("headframe_outbox_messages{{standing=\"{wanted}\"}} ");
    text.lines().find_map(|found| found.strip_prefix(&line)).map_or(0, |count| count.parse().expect("a number"))
}

async fn until_standing(app: &TestApp, wanted: &str, count: u64) {
    let started = tokio::time::Instant::now();
    while standing(app, wanted).await != count {
        assert!(started.elapsed() < PATIENCE, "never {count} {wanted}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Long enough for the reconciler to have run many times.
async fn some_runs(app: &TestApp) {
    let runs = || app.app().reconcilers.read().get("webhooks").map_or(0, |status| status.runs);
    let (before, started) = (runs(), tokio::time::Instant::now());
    while runs() < before + 5 {
        assert!(started.elapsed() < PATIENCE, "the reconciler runs");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Checks a signature as a receiver would: with the secret from the API and nothing of ours.
fn is_signed(message: &Received, secret: &str) -> bool {
    let key = STANDARD.decode(secret.strip_prefix("whsec_").expect("a secret")).expect("base64");
    let mut signed = format!("{}.{}.", message.header("webhook-id"), message.header("webhook-timestamp")).into_bytes();
    signed.extend_from_slice(&message.body);
    let tag = STANDARD.decode(message.header("webhook-signature").strip_prefix("v1,").expect("version 1")).expect("base64");
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &key);
    aws_lc_rs::hmac::verify(&key, &signed, &tag).is_ok()
}

async fn secret_of(customer: &Customer) -> String {
    let answer = customer.get("/v1/webhooks/secret").await;
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let answer: Value = answer.json().await.expect("JSON");
    answer["secret"].as_str().expect("a secret").to_owned()
}

#[tokio::test]
async fn an_ended_job_is_told_once_with_a_signature_that_verifies() {
    let mut app = TestApp::start_with(local).await;
    let (customer, stranger) = (app.customer(10).await, app.customer(0).await);
    let receiver = Receiver::start([]).await;
    let mut rig = FakeAgent::connect(&app).await;
    let job = one_job(&mut rig, &customer, &receiver.url).await;
    let message = receiver.has(1).await.remove(0);
    let told = message.json();
    assert_eq!((told["type"].as_str(), told["data"]["state"].as_str()), (Some("job.succeeded"), Some("succeeded")));
    assert_eq!((told["data"]["job"].as_str(), told["data"]["name"].as_str()), (Some(job.id.to_string().as_str()), Some("told")));
    assert!(message.header("webhook-id").starts_with("msg_"));
    assert_eq!(message.header("content-type"), "application/json");
    let seconds: i64 = message.header("webhook-timestamp").parse().expect("a number");
    assert!((app.app().store.now().as_millis() / 1_000 - seconds).abs() <= 60, "the time of sending, in seconds");

    let secret = secret_of(&customer).await;
    assert!(is_signed(&message, &secret));
    assert!(!is_signed(&message, &secret_of(&stranger).await), "each customer has his own secret");
    let changed = Received { body: Bytes::from(told.to_string().replace("succeeded", "failed")), ..message };
    assert!(!is_signed(&changed, &secret));

    until_standing(&app, "waiting", 0).await;
    app.restart().await;
    some_runs(&app).await;
    assert_eq!(receiver.received().len(), 1, "what was delivered is not sent again");
    assert_eq!(secret_of(&customer).await, secret, "the secret outlives the process");
}

#[tokio::test]
async fn a_receiver_with_trouble_is_told_again_with_the_same_id() {
    let app = TestApp::start_with(local).await;
    let customer = app.customer(10).await;
    // A redirect is trouble too: following it could lead into a private network.
    let receiver = Receiver::start([500, 307]).await;
    let mut rig = FakeAgent::connect(&app).await;
    one_job(&mut rig, &customer, &receiver.url).await;
    let received = receiver.has(3).await;
    let ids: Vec<&str> = received.iter().map(|message| message.header("webhook-id")).collect();
    assert_eq!(ids, [ids[0]; 3], "a receiver can tell repeats by the id");
    let secret = secret_of(&customer).await;
    assert!(received.iter().all(|message| is_signed(message, &secret)));
    until_standing(&app, "waiting", 0).await;
    assert_eq!((standing(&app, "abandoned").await, receiver.received().len()), (0, 3));
}

#[tokio::test]
async fn a_message_is_given_up_after_its_last_try_or_when_the_receiver_is_gone() {
    let app = TestApp::start_with(|config| {
        local(config);
        config.webhooks.tries_max = 3;
    })
    .await;
    let customer = app.customer(10).await;
    let (broken, gone) = (Receiver::start([500; 10]).await, Receiver::start([410; 10]).await);
    let mut rig = FakeAgent::connect(&app).await;
    one_job(&mut rig, &customer, &broken.url).await;
    one_job(&mut rig, &customer, &gone.url).await;
    until_standing(&app, "abandoned", 2).await;
    some_runs(&app).await;
    assert_eq!((broken.received().len(), gone.received().len()), (3, 1));
}

#[tokio::test]
async fn messages_that_were_told_are_forgotten_after_a_time_and_others_are_not() {
    let app = TestApp::start_with(|config| {
        local(config);
        config.timers.sweep = PATIENCE * 2;
    })
    .await;
    let customer = app.customer(10).await;
    let (heard, gone) = (Receiver::start([]).await, Receiver::start([410; 10]).await);
    let mut rig = FakeAgent::connect(&app).await;
    one_job(&mut rig, &customer, &heard.url).await;
    one_job(&mut rig, &customer, &gone.url).await;
    until_standing(&app, "abandoned", 1).await;
    until_standing(&app, "waiting", 0).await;
    let parts = app.app();
    let sweep = async |keep| {
        let timers = Timers { outbox_keep: keep, ..parts.config.timers.clone() };
        sweep::sweep(&parts.store, &parts.blobs, &timers).await.expect("swept").messages
    };
    assert_eq!(sweep(PATIENCE * 2).await, 0, "their time is not over");
    let started = tokio::time::Instant::now();
    let mut forgotten = 0;
    while forgotten < 2 {
        assert!(started.elapsed() < PATIENCE, "{forgotten} of two are forgotten");
        forgotten += sweep(Duration::ZERO).await;
    }
}

#[tokio::test]
async fn nothing_is_sent_into_a_private_network_unless_the_operator_allows_it() {
    let app = TestApp::start().await;
    let customer = app.customer(10).await;
    let receiver = Receiver::start([]).await;
    let mut rig = FakeAgent::connect(&app).await;
    one_job(&mut rig, &customer, &receiver.url).await;
    let by_name = receiver.url.replace("127.0.0.1", "localhost");
    one_job(&mut rig, &customer, &by_name).await;
    until_standing(&app, "abandoned", 2).await;
    assert!(receiver.received().is_empty(), "neither as a number nor by a name");
}

#[tokio::test]
async fn two_replicas_tell_a_job_once() {
    let app = TestApp::start_with(local).await;
    let customer = app.customer(10).await;
    let config = Config { listen: std::net::SocketAddr::from(([127, 0, 0, 1], 0)), ..app.config.clone() };
    let second = headframe_coordinator::Coordinator::bind(config).await.expect("a second replica");
    let receiver = Receiver::start([]).await;
    let mut rig = FakeAgent::connect(&app).await;
    for _ in 0..5 {
        assert_eq!(one_job(&mut rig, &customer, &receiver.url).await.state, JobState::Succeeded);
    }
    receiver.has(5).await;
    until_standing(&app, "waiting", 0).await;
    some_runs(&app).await;
    let ids: std::collections::BTreeSet<String> =
        receiver.received().iter().map(|message| message.header("webhook-id").to_owned()).collect();
    assert_eq!((ids.len(), receiver.received().len()), (5, 5));
    second.shutdown().await;
}
