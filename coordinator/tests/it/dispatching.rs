//! Who gets which job, and what happens to offers that come to nothing.

use std::time::Duration;

use headframe_protocol::{
    Micros,
    job::{AttemptState, JobState, Reason},
    session::{AgentMessage, Ended, Outcome},
};
use serde_json::json;

use crate::support::{FakeAgent, PATIENCE, TestApp, agent::Rig};

#[tokio::test]
async fn an_offer_without_an_answer_goes_to_the_next_rig() {
    let app = TestApp::start_with(|config| {
        // Long enough for a rig that answers on a busy machine; who has not answered is not asked again in this test.
        config.timers.offer_ack = Duration::from_secs(2);
        config.timers.rig_backoff = PATIENCE * 2;
        config.timers.rig_backoff_max = PATIENCE * 2;
    })
    .await;
    let customer = app.customer(10).await;
    let mut silent = FakeAgent::connect(&app).await;
    let submitted = customer.submit(json!({})).await;
    let first = silent.offer().await;
    let mut other = FakeAgent::connect(&app).await;
    let told = silent.withdrawn().await;
    assert_eq!((told.at, told.reason), (first.at, Reason::NoAnswer));
    let second = other.offer().await;
    assert_eq!((second.job, second.at.epoch), (submitted.id, 2));
    other.run(&second).await;
    assert_eq!(other.succeed(&second, 0).await.state, AttemptState::Succeeded);

    let done = customer.ended(submitted.id).await;
    assert_eq!(
        (done.state, done.interruptions, done.failures),
        (JobState::Succeeded, 0, 0),
        "nothing had begun, so nothing counts"
    );
    let attempts = customer.attempts(submitted.id).await;
    let states: Vec<_> = attempts.iter().map(|attempt| (attempt.state, attempt.reason)).collect();
    assert_eq!(states, [(AttemptState::Withdrawn, Some(Reason::NoAnswer)), (AttemptState::Succeeded, None)]);
    app.assert_books().await;
}

#[tokio::test]
async fn a_declined_offer_goes_back_to_the_queue() {
    let app = TestApp::start().await;
    let customer = app.customer(10).await;
    let mut rig = FakeAgent::connect(&app).await;
    let submitted = customer.submit(json!({})).await;
    let first = rig.offer().await;
    rig.say(AgentMessage::Decline(Ended { at: first.at, reason: Reason::Declined })).await;
    let second = rig.offer().await;
    assert_eq!((second.job, second.at.epoch), (submitted.id, 2), "after its pause the rig is asked again");
}

#[tokio::test]
async fn a_job_goes_only_to_a_rig_that_can_do_it_at_its_price() {
    let app = TestApp::start().await;
    let customer = app.customer(100).await;
    let mut rig = FakeAgent::connect(&app).await;
    customer.submit(json!({ "resources": { "gpu": { "count": 1 } } })).await;
    customer.submit(json!({ "max_price_per_hour": "999999" })).await;
    customer.submit(json!({ "resources": { "memory_gib": 64 } })).await;
    customer.submit(json!({ "placement": { "trust": "partner" } })).await;
    let fits = customer.submit(json!({ "max_price_per_hour": "1000000" })).await;
    let offer = rig.offer().await;
    assert_eq!(offer.job, fits.id, "a floor of $0.90 is $1.00 with the fee");
    assert_eq!(customer.attempts(fits.id).await[0].price_per_hour, Micros::new(1_000_000));
}

#[tokio::test]
async fn the_cheaper_rig_is_asked_first() {
    let app = TestApp::start().await;
    let customer = app.customer(10).await;
    let mut dear = Rig::new();
    dear.report.floor_per_hour = Micros::new(2_000_000);
    let _dear = dear.connect(&app.url()).await;
    let mut cheap = FakeAgent::connect(&app).await;
    cheap.beat(Vec::new()).await;
    let submitted = customer.submit(json!({})).await;
    assert_eq!(cheap.offer().await.job, submitted.id);
}

#[tokio::test]
async fn two_customers_take_turns() {
    let app = TestApp::start().await;
    let (many, few) = (app.customer(10).await, app.customer(10).await);
    for _ in 0..6 {
        many.submit(json!({})).await;
    }
    let late = few.submit(json!({})).await;
    let mut rig = FakeAgent::connect(&app).await;
    let mut order = Vec::new();
    for _ in 0..3 {
        let offer = rig.offer().await;
        order.push(offer.job);
        rig.run(&offer).await;
        rig.succeed(&offer, 0).await;
    }
    assert!(order.contains(&late.id), "one job does not wait behind six of somebody else");
}

#[tokio::test]
async fn a_rig_gets_no_more_than_its_slots() {
    let app = TestApp::start().await;
    let customer = app.customer(10).await;
    let mut wide = Rig::new();
    wide.report.slots = 2;
    let mut rig = wide.connect(&app.url()).await;
    for _ in 0..3 {
        customer.submit(json!({})).await;
    }
    let (first, second) = (rig.offer().await, rig.offer().await);
    rig.run(&first).await;
    rig.run(&second).await;
    let queued: headframe_protocol::api::JobList = customer.get("/v1/jobs?state=queued").await.json().await.expect("a page");
    assert_eq!(queued.jobs.len(), 1);
    rig.succeed(&first, 0).await;
    assert_eq!(rig.offer().await.job, queued.jobs[0].id, "the slot that became free is used at once");
}

#[tokio::test]
async fn a_job_that_fails_by_itself_is_tried_as_often_as_it_may() {
    let app = TestApp::start().await;
    let customer = app.customer(10).await;
    let mut rig = FakeAgent::connect(&app).await;
    let submitted = customer.submit(json!({ "max_failures": 2 })).await;
    for _ in 0..2 {
        let offer = rig.offer().await;
        rig.run(&offer).await;
        assert_eq!(rig.fail(&offer, Reason::ExitCode).await.state, AttemptState::Failed);
    }
    let done = customer.ended(submitted.id).await;
    assert_eq!((done.state, done.reason, done.failures), (JobState::Failed, Some(Reason::ExitCode), 2));
    assert_eq!(done.charged, Micros::ZERO, "failed work is not paid");
    assert_eq!(customer.balance().await.available, Micros::dollars(10));
    app.assert_books().await;
}

#[tokio::test]
async fn a_rigs_own_fault_is_an_interruption_and_no_failure() {
    let app = TestApp::start_with(|config| config.limits.interruptions_max = 2).await;
    let customer = app.customer(10).await;
    let mut rig = FakeAgent::connect(&app).await;
    let submitted = customer.submit(json!({ "max_failures": 1 })).await;
    for _ in 0..2 {
        let offer = rig.offer().await;
        rig.run(&offer).await;
        rig.fail(&offer, Reason::RigDiskFull).await;
    }
    let done = customer.ended(submitted.id).await;
    assert_eq!((done.state, done.reason), (JobState::Failed, Some(Reason::TooManyInterruptions)));
    assert_eq!((done.failures, done.interruptions), (0, 2));
    app.assert_books().await;
}

#[tokio::test]
async fn what_a_rig_says_is_kept_as_one_plain_line() {
    let app = TestApp::start().await;
    let customer = app.customer(10).await;
    let mut rig = FakeAgent::connect(&app).await;
    let submitted = customer.submit(json!({ "max_failures": 1 })).await;
    let offer = rig.offer().await;
    rig.run(&offer).await;
    let detail = Some(format!("a\u{0}b\u{1b}[31mc{}", "x".repeat(10_000)));
    rig.finish(&offer, Outcome::Failed { reason: Reason::ExitCode, exit_code: Some(1), detail }, None).await;
    assert_eq!(rig.settled().await.state, AttemptState::Failed, "both databases take it");
    let message = customer.ended(submitted.id).await.message.expect("a sentence");
    assert!(message.contains("a b [31mcxxx") && message.len() < 1_000, "{message}");
    assert_eq!(customer.attempts(submitted.id).await[0].message.as_deref(), Some(message.as_str()));
}

#[tokio::test]
async fn a_missing_output_is_not_a_success_whatever_the_rig_says() {
    let app = TestApp::start().await;
    let customer = app.customer(10).await;
    let mut rig = FakeAgent::connect(&app).await;
    let submitted = customer.submit(json!({ "outputs": ["result.bin"], "max_failures": 1 })).await;
    let offer = rig.offer().await;
    rig.run(&offer).await;
    rig.finish(&offer, Outcome::Succeeded { outputs: Vec::new() }, None).await;
    let settled = rig.settled().await;
    assert_eq!((settled.state, settled.reason), (AttemptState::Failed, Some(Reason::OutputMissing)));
    let done = customer.ended(submitted.id).await;
    assert!(done.message.expect("a sentence").contains("result.bin"), "the customer reads which one");
}

#[tokio::test]
async fn outputs_that_were_never_brought_are_the_rigs_fault() {
    let app = TestApp::start().await;
    let customer = app.customer(10).await;
    let mut rig = FakeAgent::connect(&app).await;
    let submitted = customer.submit(json!({ "outputs": ["a"] })).await;
    let offer = rig.offer().await;
    rig.run(&offer).await;
    let mut file = rig.bring(&offer, "a", b"bytes").await;
    file.sha256 = headframe_protocol::Sha256::of(b"others");
    rig.finish(&offer, Outcome::Succeeded { outputs: vec![file] }, None).await;
    assert_eq!(rig.settled().await.reason, Some(Reason::OutputMismatch));
    let waiting = customer.job(submitted.id).await;
    assert_eq!((waiting.failures, waiting.interruptions), (0, 1));
}

#[tokio::test]
async fn a_job_nobody_takes_is_given_up() {
    let app = TestApp::start_with(|config| config.timers.queue = std::time::Duration::from_millis(200)).await;
    let customer = app.customer(10).await;
    let submitted = customer.submit(json!({})).await;
    let done = customer.ended(submitted.id).await;
    assert_eq!((done.state, done.reason), (JobState::Failed, Some(Reason::NoRig)));
    assert_eq!(customer.balance().await.available, Micros::dollars(10));
    app.assert_books().await;
}
