//! The queue in the database and what this replica knows of it.

use std::time::Duration;

use headframe_coordinator::{
    Config,
    admin::acts,
    store::{
        amount::Amount,
        jobs::{self, NewJob},
        lifecycle::{self, Ending},
        purses::Purse,
    },
};
use headframe_protocol::{
    ApiKeyId, JobId,
    job::{AttemptState, JobSpec, JobState, Reason},
};
use serde_json::json;

use crate::support::{Customer, FakeAgent, PATIENCE, TestApp, by, job};

fn often(config: &mut Config) {
    config.timers.queue_pass = Duration::from_millis(100);
}

/// Writes a job down as another replica does, queued `ago` before now, and tells nobody.
async fn elsewhere(app: &TestApp, customer: &Customer, changes: serde_json::Value, ago: Duration) -> JobId {
    let spec: JobSpec = serde_json::from_value(job(changes)).expect("a test's own job");
    let new = NewJob { id: JobId::generate(), spec: spec.into(), array_index: None, held: Amount::default() };
    let store = &app.app().store;
    let mut tx = store.begin().await.expect("a transaction");
    let (new, purse) = (std::slice::from_ref(&new), Purse::practice(1_000));
    jobs::insert(&mut tx, (customer.id, ApiKeyId::generate()), new, &purse, store.now().before(ago)).await.expect("written");
    tx.commit().await.expect("committed");
    new[0].id
}

/// Returns when `true`.
async fn until(wanted: &str, mut is: impl AsyncFnMut() -> bool) {
    let started = tokio::time::Instant::now();
    while !is().await {
        assert!(started.elapsed() < PATIENCE, "{wanted}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_job_that_was_committed_late_is_found() {
    let app = TestApp::start_with(often).await;
    let customer = app.customer(10).await;
    let mut rig = FakeAgent::connect(&app).await;
    // Later than any reader of the queue's end looks back.
    let late = elsewhere(&app, &customer, json!({}), Duration::from_secs(60)).await;
    assert_eq!(rig.offer().await.job, late);
}

#[tokio::test]
async fn a_job_another_replica_took_in_is_found() {
    let app = TestApp::start_with(|config| config.timers.queue_pass = PATIENCE * 2).await;
    let customer = app.customer(10).await;
    let mut rig = FakeAgent::connect(&app).await;
    let theirs = elsewhere(&app, &customer, json!({}), Duration::ZERO).await;
    assert_eq!(rig.offer().await.job, theirs);
}

#[tokio::test]
async fn a_job_that_no_longer_waits_is_forgotten() {
    let app = TestApp::start_with(often).await;
    let customer = app.customer(10).await;
    let gone = elsewhere(&app, &customer, json!({}), Duration::from_secs(60)).await;
    until("it is known", async || app.app().dispatch.waiting().await == 1).await;
    // As if another replica had given it out.
    let mut connection = app.app().store.begin().await.expect("a transaction");
    sqlx::query("UPDATE job SET state = 'succeeded' WHERE id = $1")
        .bind(gone.to_string())
        .execute(&mut *connection)
        .await
        .expect("changed");
    connection.commit().await.expect("committed");
    until("it is forgotten", async || app.app().dispatch.waiting().await == 0).await;
}

#[tokio::test]
async fn a_job_too_long_for_a_frame_fails_and_costs_no_rig_its_session() {
    let app = TestApp::start().await;
    let customer = app.customer(10).await;
    let mut rig = FakeAgent::connect(&app).await;
    let env = json!({ "BLOB": "x".repeat(300 * 1024) });
    let long = elsewhere(&app, &customer, json!({ "env": env }), Duration::ZERO).await;
    let failed = customer.ended(long).await;
    assert_eq!((failed.state, failed.reason, failed.epoch), (JobState::Failed, Some(Reason::NotRunnable), 1));
    let message = failed.message.expect("a sentence");
    assert!(message.contains("262144"), "{message}");
    let short = customer.submit(json!({})).await;
    assert_eq!(rig.offer().await.job, short.id, "the rig is still there and does not rest");
}

#[tokio::test]
async fn while_the_network_is_stopped_nobody_has_waited_too_long() {
    let app = TestApp::start_with(|config| config.timers.queue = Duration::from_millis(1_500)).await;
    let customer = app.customer(10).await;
    let waiting = customer.submit(json!({})).await;
    acts::stop_network(&app.app().store, &by()).await.expect("stopped");
    let deadline = app.app().store.now().after(app.config.timers.queue * 2);
    until("time passes", async || app.app().store.now() > deadline).await;
    let runs = || app.app().reconcilers.read()["queue"].runs;
    let before = runs();
    until("the reconciler runs", async || runs() > before + 2).await;
    assert_eq!(customer.job(waiting.id).await.state, JobState::Queued);
    acts::start_network(&app.app().store, &by()).await.expect("started");
    let failed = customer.ended(waiting.id).await;
    assert_eq!(failed.reason, Some(Reason::NoRig), "afterwards it waits as long as any other");
}

#[tokio::test]
async fn a_slot_is_free_again_although_nobody_heard_that_the_commit_was_done() {
    let app = TestApp::start().await;
    let customer = app.customer(10).await;
    let mut rig = FakeAgent::connect(&app).await;
    let first = customer.submit(json!({})).await;
    let offer = rig.offer().await;
    rig.run(&offer).await;
    customer.in_state(first.id, JobState::Running).await;
    let store = &app.app().store;
    let rules = app.config.rules();
    let mut tx = store.begin().await.expect("a transaction");
    let ending = Ending { by: Some(rig.rig.device()), ..Ending::default() };
    let ended = lifecycle::end(&mut tx, &rules, offer.at, AttemptState::Succeeded, ending, store.now()).await;
    assert!(ended.expect("ended").settled.is_some());
    tx.commit().await.expect("committed");
    let second = customer.submit(json!({})).await;
    assert_eq!(rig.succeed(&offer, 0).await.state, AttemptState::Succeeded, "the report is made again");
    assert_eq!(rig.offer().await.job, second.id);
}
