//! What happens when nothing goes wrong.

use std::time::Duration;

use headframe_coordinator::store::ledger::Account;
use headframe_protocol::{
    Micros,
    api::{ArtifactList, BatchAccepted, JobList},
    job::{AttemptState, JobState},
    session::Outcome,
};
use serde_json::json;

use crate::support::{FakeAgent, PATIENCE, TestApp, job};

#[tokio::test]
async fn a_job_travels_to_a_rig_and_back_and_everybody_is_paid() {
    let app = TestApp::start().await;
    let customer = app.customer(10).await;
    let mut rig = FakeAgent::connect(&app).await;
    let submitted = customer.submit(json!({ "outputs": ["out"], "name": "first" })).await;
    assert_eq!(submitted.held, Micros::new(60_000), "a minute at $3.60 an hour is held");

    let offer = rig.offer().await;
    assert_eq!((offer.job, offer.at.epoch), (submitted.id, 1));
    assert_eq!(offer.earns_per_hour, Micros::new(900_000), "the owner gets his floor");
    rig.run(&offer).await;
    customer.in_state(submitted.id, JobState::Running).await;
    tokio::time::sleep(Duration::from_millis(120)).await;
    rig.progress(offer.at, AttemptState::Uploading).await;
    let file = rig.bring(&offer, "out/result.txt", b"42").await;
    let receipt = rig.receipt(&offer, 1, 100);
    rig.finish(&offer, Outcome::Succeeded { outputs: vec![file.clone()] }, Some(receipt)).await;
    let settled = rig.settled().await;
    // $1.00 an hour for 100 ms is 27 micros, of which the platform keeps a tenth, rounded down.
    assert_eq!((settled.state, settled.paid_ms, settled.credit), (AttemptState::Succeeded, 100, Micros::new(25)));

    let done = customer.ended(submitted.id).await;
    assert_eq!((done.state, done.held, done.charged), (JobState::Succeeded, Micros::ZERO, Micros::new(27)));
    let artifacts: ArtifactList = customer.get(&format!("/v1/jobs/{}/artifacts", done.id)).await.json().await.expect("artifacts");
    assert_eq!(artifacts.files, [file]);
    let bytes = customer.get(&format!("/v1/jobs/{}/artifacts/out/result.txt", done.id)).await.bytes().await.expect("bytes");
    assert_eq!(&bytes[..], b"42");

    let balance = customer.balance().await;
    assert_eq!((balance.available, balance.held, balance.spent), (Micros::new(9_999_973), Micros::ZERO, Micros::new(27)));
    assert_eq!(app.balance_of(Account::Credit(rig.rig.device())).await, Micros::new(25));
    assert_eq!(app.balance_of(Account::Fee).await, Micros::new(2));
    app.assert_books().await;
}

#[tokio::test]
async fn a_batch_is_spread_and_its_jobs_are_done_one_after_the_other() {
    let app = TestApp::start().await;
    let customer = app.customer(10).await;
    let body = json!({ "jobs": [job(json!({})), job(json!({ "array": { "from": 3, "to": 5 } }))] });
    let accepted: BatchAccepted = customer.post("/v1/jobs:batch", &body).await.json().await.expect("a batch");
    assert_eq!(accepted.jobs.len(), 4);
    let mut rig = FakeAgent::connect(&app).await;
    let mut indices = Vec::new();
    for _ in 0..4 {
        let offer = rig.offer().await;
        indices.push(offer.array_index);
        rig.run(&offer).await;
        assert_eq!(rig.succeed(&offer, 0).await.state, AttemptState::Succeeded);
    }
    assert_eq!(indices, [None, Some(3), Some(4), Some(5)], "oldest first, arrays in order");
    for id in accepted.jobs {
        assert_eq!(customer.ended(id).await.state, JobState::Succeeded);
    }
    app.assert_books().await;
}

#[tokio::test]
async fn a_list_is_read_page_by_page() {
    let app = TestApp::start().await;
    let customer = app.customer(10).await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(customer.submit(json!({})).await.id);
    }
    ids.reverse();
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let page: JobList = customer.get(&format!("/v1/jobs?limit=2{after}")).await.json().await.expect("a page");
        seen.extend(page.jobs.iter().map(|job| job.id));
        match page.next {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    assert_eq!(seen, ids, "newest first, each once");
    let none: JobList = customer.get("/v1/jobs?state=succeeded").await.json().await.expect("a page");
    assert!(none.jobs.is_empty());
    let stranger = app.customer(0).await;
    let nothing: JobList = stranger.get("/v1/jobs").await.json().await.expect("a page");
    assert!(nothing.jobs.is_empty(), "jobs are their customer's alone");
    assert_eq!(stranger.get(&format!("/v1/jobs/{}", ids[0])).await.status(), 404);
}

#[tokio::test]
async fn a_waiting_call_answers_as_soon_as_the_job_is_over() {
    // Whoever waited for a timer would wait longer than the test does.
    let app = TestApp::start_with(|config| {
        config.timers.job_look_again = PATIENCE * 2;
        config.timers.long_poll_max = PATIENCE * 2;
    })
    .await;
    let customer = app.customer(10).await;
    let mut rig = FakeAgent::connect(&app).await;
    let submitted = customer.submit(json!({})).await;
    let path = format!("/v1/jobs/{}?wait={}s", submitted.id, PATIENCE.as_secs() * 2);
    let waiting = tokio::time::timeout(PATIENCE, customer.get(&path));
    let (answer, ()) = tokio::join!(waiting, async {
        let offer = rig.offer().await;
        rig.run(&offer).await;
        rig.succeed(&offer, 0).await;
    });
    let job: headframe_protocol::api::Job = answer.expect("woken by the end itself").json().await.expect("a job");
    assert_eq!(job.state, JobState::Succeeded);
}
