//! Who pays what: holds, captures, releases, receipts.

use std::time::Duration;

use headframe_coordinator::{
    admin::acts,
    store::{
        ledger::{self, Account},
        lifecycle,
    },
};
use headframe_protocol::{
    Micros,
    api::BatchAccepted,
    error::Code,
    job::{AttemptState, JobState, Reason},
    session::{AgentMessage, CoordinatorMessage, Ended, Offer, Outcome},
};
use serde_json::json;

use crate::support::{FakeAgent, TestApp, by, job, problem};

#[tokio::test]
async fn a_customer_with_no_balance_is_told_what_is_needed() {
    let app = TestApp::start().await;
    let customer = app.customer(0).await;
    let refused = problem(customer.post("/v1/jobs", &job(json!({}))).await).await;
    assert_eq!((refused.status, refused.code), (402, Code::InsufficientBalance));
    assert!(refused.detail.contains("$0.06"), "{}", refused.detail);
    let none: headframe_protocol::api::JobList = customer.get("/v1/jobs").await.json().await.expect("a page");
    assert!(none.jobs.is_empty());
    app.assert_books().await;
}

#[tokio::test]
async fn a_batch_that_is_not_covered_leaves_nothing_behind() {
    let app = TestApp::start().await;
    let customer = app.customer(1).await;
    let body = json!({ "jobs": [job(json!({ "array": { "from": 1, "to": 17 } }))] });
    let refused = problem(customer.post("/v1/jobs:batch", &body).await).await;
    assert_eq!(refused.code, Code::InsufficientBalance, "17 times 6 cents is more than a dollar");
    assert_eq!(customer.balance().await.available, Micros::dollars(1));
    let body = json!({ "jobs": [job(json!({ "array": { "from": 1, "to": 16 } }))] });
    let accepted: BatchAccepted = customer.post("/v1/jobs:batch", &body).await.json().await.expect("a batch");
    assert_eq!(accepted.jobs.len(), 16);
    assert_eq!(customer.balance().await.held, Micros::new(960_000));
    app.assert_books().await;
}

#[tokio::test]
async fn the_same_key_does_the_same_thing_once() {
    let app = TestApp::start().await;
    let customer = app.customer(10).await;
    let body = job(json!({}));
    let first: headframe_protocol::api::Job = customer.post_with_key("/v1/jobs", &body, "k1").await.json().await.expect("a job");
    let again: headframe_protocol::api::Job = customer.post_with_key("/v1/jobs", &body, "k1").await.json().await.expect("a job");
    assert_eq!(first.id, again.id);
    let other = problem(customer.post_with_key("/v1/jobs", &job(json!({ "timeout_s": 61 })), "k1").await).await;
    assert_eq!((other.status, other.code), (409, Code::IdempotencyMismatch));
    assert_eq!(customer.balance().await.held, first.held, "one job, one hold");

    let together = futures_util::future::join_all((0..8).map(|_| customer.post_with_key("/v1/jobs", &body, "k2"))).await;
    let mut ids = std::collections::BTreeSet::new();
    for response in together {
        assert_eq!(response.status(), 201);
        ids.insert(response.json::<headframe_protocol::api::Job>().await.expect("a job").id);
    }
    assert_eq!(ids.len(), 1, "eight at the same moment are still one");
    app.assert_books().await;
}

#[tokio::test]
async fn the_same_request_sent_again_is_not_refused_for_what_the_first_used_up() {
    let app = TestApp::start().await;
    for _ in 0..5 {
        // Enough for one job and not for two.
        let customer = app.customer(1).await;
        let body = job(json!({ "max_price_per_hour": "40000000" }));
        let together = futures_util::future::join_all((0..8).map(|_| customer.post_with_key("/v1/jobs", &body, "k"))).await;
        let mut ids = std::collections::BTreeSet::new();
        for response in together {
            assert_eq!(response.status(), 201, "{}", response.text().await.unwrap_or_default());
            ids.insert(response.json::<headframe_protocol::api::Job>().await.expect("a job").id);
        }
        assert_eq!(ids.len(), 1);
        assert_eq!(problem(customer.post_with_key("/v1/jobs", &body, "k2").await).await.code, Code::InsufficientBalance);
        let again = customer.post_with_key("/v1/jobs", &job(json!({})), "k2").await;
        assert_eq!(again.status(), 201, "what was refused has not used its key up");
    }
    app.assert_books().await;
}

#[tokio::test]
async fn jobs_that_come_and_jobs_that_end_do_not_keep_one_another_from_it() {
    let app = TestApp::start().await;
    let customer = app.customer(10).await;
    let mut rig = FakeAgent::connect(&app).await;
    let coming = async {
        for _ in 0..5 {
            for done in futures_util::future::join_all((0..6).map(|_| customer.submit(json!({})))).await {
                assert_eq!(done.held, Micros::new(60_000));
            }
        }
    };
    let ending = async {
        for at in 0..30 {
            let offer = rig.offer().await;
            rig.run(&offer).await;
            // Some are killed at the same moment, by the operator's own process.
            if at % 3 == 0 {
                let store = &app.app().store;
                let (rules, by) = (rules(&app), by());
                let (killed, ()) = tokio::join!(acts::kill_job(store, &rules, &by, offer.job), async {
                    rig.finish(&offer, Outcome::Succeeded { outputs: Vec::new() }, None).await;
                });
                assert!(matches!(killed, Ok(()) | Err(acts::ActError::Missing(_))), "{killed:?}");
                rig.settled().await;
            } else {
                rig.succeed(&offer, 0).await;
            }
        }
    };
    tokio::time::timeout(crate::support::PATIENCE, async { tokio::join!(coming, ending) }).await.expect("nobody waits for ever");
    app.assert_books().await;
}

fn rules(app: &TestApp) -> lifecycle::Rules {
    app.config.rules()
}

#[tokio::test]
async fn a_kill_is_not_lost_between_a_rig_giving_up_and_the_queue() {
    let app = TestApp::start_with(|config| config.timers.rig_backoff = Duration::from_millis(1)).await;
    let customer = app.customer(10).await;
    let store = &app.app().store;
    for _ in 0..10 {
        let mut rig = FakeAgent::connect(&app).await;
        let submitted = customer.submit(json!({})).await;
        let offer = rig.offer().await;
        let (rules, by) = (rules(&app), by());
        let (killed, ()) = tokio::join!(
            acts::kill_job(store, &rules, &by, submitted.id),
            rig.say(AgentMessage::Decline(Ended { at: offer.at, reason: Reason::Declined })),
        );
        killed.expect("the job is not over");
        let done = customer.ended(submitted.id).await;
        assert_eq!((done.state, done.reason), (JobState::Cancelled, Some(Reason::KilledByOperator)));
    }
    app.assert_books().await;
}

#[tokio::test]
async fn a_job_that_is_over_is_not_verified_back_to_life() {
    let app = TestApp::start().await;
    let customer = app.customer(10).await;
    let mut rig = FakeAgent::connect(&app).await;
    let submitted = customer.submit(json!({})).await;
    let offer = rig.offer().await;
    rig.run(&offer).await;
    rig.succeed(&offer, 0).await;
    let store = &app.app().store;
    let mut tx = store.begin().await.expect("a transaction");
    let late = lifecycle::verify(&mut tx, rig.rig.device(), offer.at, store.now()).await.expect("looked at");
    assert!(!late.held && late.nudges.is_empty());
    tx.commit().await.expect("committed");
    assert_eq!(customer.job(submitted.id).await.state, JobState::Succeeded);
}

#[tokio::test]
async fn refunds_at_the_same_moment_give_no_more_than_was_charged() {
    let app = TestApp::start().await;
    let customer = app.customer(10).await;
    let mut rig = FakeAgent::connect(&app).await;
    let submitted = customer.submit(json!({})).await;
    let offer = rig.offer().await;
    rig.run(&offer).await;
    customer.in_state(submitted.id, JobState::Running).await;
    tokio::time::sleep(Duration::from_millis(120)).await;
    rig.succeed(&offer, 100).await;
    assert_eq!(customer.ended(submitted.id).await.charged, Micros::new(27));
    let (store, by) = (&app.app().store, by());
    let keys: Vec<String> = (0..6).map(|key| key.to_string()).collect();
    let given = keys.iter().map(|key| acts::refund(store, &by, submitted.id, Micros::new(20), key));
    let given = futures_util::future::join_all(given).await;
    assert_eq!(given.iter().filter(|done| done.is_ok()).count(), 1, "{given:?}");
    assert_eq!(customer.balance().await.available, Micros::new(9_999_993));
    app.assert_books().await;
}

#[tokio::test]
async fn an_audit_finds_money_held_for_no_job() {
    let app = TestApp::start().await;
    let customer = app.customer(10).await;
    let submitted = customer.submit(json!({})).await;
    let mut tx = app.app().store.begin().await.expect("a transaction");
    let query = sqlx::query("UPDATE job SET held = held - 1 WHERE id = $1").bind(submitted.id.to_string());
    query.execute(&mut *tx).await.expect("tampered");
    let found = ledger::audit(&mut tx).await.expect("audited");
    assert_eq!(found.drifted, [Account::Held(customer.id).to_string()]);
    tx.rollback().await.expect("undone");
    app.assert_books().await;
}

#[tokio::test]
async fn work_given_back_is_paid_to_the_stop() {
    // Given back sooner, it would not count against the job.
    let app = TestApp::start_with(|config| config.timers.early_yield = Duration::from_millis(100)).await;
    let customer = app.customer(10).await;
    let mut rig = FakeAgent::connect(&app).await;
    let submitted = customer.submit(json!({})).await;
    let offer = rig.offer().await;
    rig.run(&offer).await;
    customer.in_state(submitted.id, JobState::Running).await;
    tokio::time::sleep(Duration::from_millis(120)).await;
    let receipt = rig.receipt(&offer, 1, 100);
    rig.finish(&offer, Outcome::Yielded { reason: Reason::OwnerReturned }, Some(receipt)).await;
    let settled = rig.settled().await;
    assert_eq!((settled.state, settled.paid_ms, settled.credit), (AttemptState::Yielded, 100, Micros::new(25)));
    let again = rig.offer().await;
    let waiting = customer.job(submitted.id).await;
    assert_eq!((again.job, waiting.interruptions, waiting.charged), (submitted.id, 1, Micros::new(27)));
    assert_eq!(waiting.held, Micros::new(60_000 - 27));
    app.assert_books().await;
}

#[tokio::test]
async fn nobody_is_paid_for_more_than_we_saw() {
    let app = TestApp::start().await;
    let customer = app.customer(10).await;
    let mut rig = FakeAgent::connect(&app).await;
    let submitted = customer.submit(json!({})).await;
    let offer = rig.offer().await;
    rig.run(&offer).await;
    customer.in_state(submitted.id, JobState::Running).await;
    let settled = rig.succeed(&offer, 3_600_000).await;
    assert!(settled.paid_ms < 5_000, "an hour was signed, moments were seen: {}", settled.paid_ms);
    app.assert_books().await;
}

/// A job of a rig, which the coordinator has seen running for so long.
async fn running_for_120_ms(app: &TestApp) -> (FakeAgent, Offer) {
    let customer = app.customer(10).await;
    let mut rig = FakeAgent::connect(app).await;
    let submitted = customer.submit(json!({})).await;
    let offer = rig.offer().await;
    rig.run(&offer).await;
    customer.in_state(submitted.id, JobState::Running).await;
    tokio::time::sleep(Duration::from_millis(120)).await;
    (rig, offer)
}

fn accepted(message: CoordinatorMessage) -> Option<u64> {
    if let CoordinatorMessage::ReceiptAccepted(accepted) = message { Some(accepted.sequence) } else { None }
}

#[tokio::test]
async fn a_forged_or_older_receipt_counts_for_nothing() {
    let app = TestApp::start().await;
    let (mut rig, offer) = Box::pin(running_for_120_ms(&app)).await;
    rig.say(AgentMessage::Receipt(rig.receipt(&offer, 5, 40))).await;
    assert_eq!(rig.hear_until(accepted).await, 5);
    rig.say(AgentMessage::Receipt(rig.receipt(&offer, 4, 90))).await;
    assert_eq!(rig.hear_until(accepted).await, 5, "an older one changes nothing");
    let mut forged = rig.receipt(&offer, 6, 40);
    forged.receipt.running_ms = 100;
    rig.say(AgentMessage::Receipt(forged.clone())).await;
    let other_key = FakeAgent::connect(&app).await;
    let mut by_another = other_key.receipt(&offer, 7, 100);
    by_another.receipt.device = rig.rig.device();
    rig.say(AgentMessage::Receipt(by_another)).await;
    rig.finish(&offer, Outcome::Succeeded { outputs: Vec::new() }, Some(forged)).await;
    let settled = rig.settled().await;
    assert_eq!(settled.paid_ms, 40, "only what was signed is paid");
    app.assert_books().await;
}

#[tokio::test]
async fn a_rig_may_take_back_what_it_claimed_too_much() {
    let app = TestApp::start().await;
    let (mut rig, offer) = Box::pin(running_for_120_ms(&app)).await;
    rig.say(AgentMessage::Receipt(rig.receipt(&offer, 1, 90))).await;
    assert_eq!(rig.hear_until(accepted).await, 1);
    rig.finish(&offer, Outcome::Succeeded { outputs: Vec::new() }, Some(rig.receipt(&offer, 2, 40))).await;
    assert_eq!(rig.settled().await.paid_ms, 40, "the newest counts");
    app.assert_books().await;
}

#[tokio::test]
async fn cancelling_frees_the_money_in_every_state() {
    let app = TestApp::start().await;
    let customer = app.customer(10).await;
    let queued = customer.submit(json!({})).await;
    assert_eq!(customer.cancel(queued.id).await.status(), 200);
    assert_eq!(customer.job(queued.id).await.state, JobState::Cancelled);
    assert_eq!(customer.cancel(queued.id).await.status(), 200, "cancelling twice is fine");

    let mut rig = FakeAgent::connect(&app).await;
    for depth in 0..4 {
        let submitted = customer.submit(json!({})).await;
        let offer = rig.offer().await;
        assert_eq!(offer.job, submitted.id);
        if depth > 0 {
            rig.say(AgentMessage::Accept(offer.at)).await;
        }
        if depth > 1 {
            rig.progress(offer.at, AttemptState::Running).await;
        }
        if depth > 2 {
            rig.progress(offer.at, AttemptState::Uploading).await;
        }
        rig.beat(vec![rig.lease(&offer, AttemptState::Accepted)]).await;
        assert_eq!(customer.cancel(submitted.id).await.status(), 200);
        let asked = rig.asked_to_cancel().await;
        assert_eq!((asked.at, asked.reason), (offer.at, Reason::CancelledByCustomer));
        rig.finish(&offer, Outcome::Cancelled { reason: Reason::CancelledByCustomer }, None).await;
        assert_eq!(rig.settled().await.state, AttemptState::Cancelled);
        let done = customer.ended(submitted.id).await;
        assert_eq!((done.state, done.reason), (JobState::Cancelled, Some(Reason::CancelledByCustomer)));
    }
    let late = customer.submit(json!({})).await;
    let offer = rig.offer().await;
    rig.run(&offer).await;
    rig.succeed(&offer, 0).await;
    assert_eq!(problem(customer.cancel(late.id).await).await.code, Code::Conflict, "what is done stays done");
    assert_eq!(customer.balance().await.held, Micros::ZERO);
    app.assert_books().await;
}

#[tokio::test]
async fn a_rig_that_ignores_a_cancel_loses_the_attempt_after_the_grace() {
    let app = TestApp::start_with(|config| config.timers.end_grace = Duration::from_millis(200)).await;
    let customer = app.customer(10).await;
    let mut rig = FakeAgent::connect(&app).await;
    let submitted = customer.submit(json!({})).await;
    let offer = rig.offer().await;
    rig.run(&offer).await;
    customer.in_state(submitted.id, JobState::Running).await;
    customer.cancel(submitted.id).await;
    let done = customer.ended(submitted.id).await;
    assert_eq!(done.state, JobState::Cancelled);
    assert_eq!(rig.withdrawn().await.at, offer.at);
    app.assert_books().await;
}

#[tokio::test]
async fn the_operators_acts_reach_jobs_and_rigs() {
    let app = TestApp::start().await;
    let customer = app.customer(10).await;
    let mut rig = FakeAgent::connect(&app).await;
    let submitted = customer.submit(json!({})).await;
    let offer = rig.offer().await;
    rig.run(&offer).await;
    customer.in_state(submitted.id, JobState::Running).await;
    acts::revoke_image(&app.app().store, &by(), offer.spec.image.digest()).await.expect("revoked");
    assert_eq!(rig.asked_to_cancel().await.reason, Reason::ImageRevoked);
    rig.finish(&offer, Outcome::Cancelled { reason: Reason::ImageRevoked }, None).await;
    let done = customer.ended(submitted.id).await;
    assert_eq!((done.state, done.reason), (JobState::Failed, Some(Reason::ImageRevoked)));
    let refused = problem(customer.post("/v1/jobs", &job(json!({}))).await).await;
    assert_eq!((refused.code, refused.errors[0].field.as_str()), (Code::ImageNotApproved, "image"));

    acts::approve_image(&app.app().store, &by(), offer.spec.image.digest()).await.expect("approved");
    let waiting = customer.submit(json!({ "max_price_per_hour": "1000" })).await;
    acts::suspend(&app.app().store, &by(), customer.id).await.expect("suspended");
    assert_eq!(problem(customer.get("/v1/balance").await).await.code, Code::AccountSuspended);
    let started = tokio::time::Instant::now();
    while app.balance_of(Account::Held(customer.id)).await != Micros::ZERO {
        assert!(started.elapsed() < Duration::from_secs(5), "{} was not cancelled", waiting.id);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    app.assert_books().await;
}
