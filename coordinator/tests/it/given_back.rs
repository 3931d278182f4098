//! Time given back: what is paid of it, what a result that came of it shows, and who is to blame where several had a part.

use std::time::Duration;

use headframe_coordinator::{store::ledger::Account, verify::standing::Deed};
use headframe_protocol::{
    DeviceId, Micros,
    api::Job,
    job::{AttemptState, JobState, Reason},
    session::{Offer, Outcome},
    standing::{RigStanding, Withheld},
};
use serde_json::{Value, json};

use crate::{
    checkpoints::patient,
    support::{Customer, FakeAgent, PATIENCE, TestApp},
    verification::{answer, answers, credit, sleep, submit, tier_of, waiting, wake, withheld, withholding},
};

/// Earnings wait, checkpoints come in time, and it is looked at often.
fn config(config: &mut headframe_coordinator::Config) {
    withholding(config);
    patient(config);
    config.timers.check_look = Duration::from_millis(50);
}

/// The same, and nothing waits long.
fn lapsing(settings: &mut headframe_coordinator::Config) {
    config(settings);
    settings.timers.unconfirmed_max = Duration::from_millis(1);
}

/// Gives the PC back, having signed for more than was seen.
async fn give_back(app: &TestApp, rig: &mut FakeAgent, offer: &Offer) -> Micros {
    rig.run(offer).await;
    runs_a_while(app, offer).await;
    let receipt = rig.receipt(offer, 1_000, 1_800_000);
    rig.finish(offer, Outcome::Yielded { reason: Reason::OwnerReturned }, Some(receipt)).await;
    let settled = rig.settled().await;
    assert_eq!(settled.state, AttemptState::Yielded);
    settled.credit
}

/// Long enough to be paid for.
async fn runs_a_while(app: &TestApp, offer: &Offer) {
    until("it is seen to run", async || has_begun(app, offer).await).await;
    tokio::time::sleep(Duration::from_millis(20)).await;
}

/// The same, and leaves a checkpoint.
async fn leave(app: &TestApp, rig: &mut FakeAgent, bytes: &[u8]) -> (Offer, Micros) {
    let offer = rig.offer().await;
    let earned = give_back(app, rig, &offer).await;
    let files = vec![rig.bring(&offer, "state", bytes).await];
    assert!(rig.left(&offer, files).await);
    sleep(rig).await;
    (offer, earned)
}

/// Takes a copy, and does all of the work.
async fn works_anew(app: &TestApp, checker: &mut FakeAgent) {
    wake(checker).await;
    let copy = checker.offer().await;
    assert_eq!(copy.checkpoint, [], "a copy begins from the beginning");
    checker.run(&copy).await;
    runs_a_while(app, &copy).await;
    let file = checker.bring(&copy, "out.bin", b"right").await;
    let receipt = checker.receipt(&copy, 1_000, 1_800_000);
    checker.finish(&copy, Outcome::Succeeded { outputs: vec![file] }, Some(receipt)).await;
    checker.settled().await;
}

async fn with_checkpoint(customer: &Customer) -> Job {
    submit(customer, json!({ "checkpoint": { "path": "state", "every_s": 60 } })).await
}

async fn standing(customer: &Customer, device: DeviceId) -> RigStanding {
    customer.get(&format!("/v1/devices/{device}/standing")).await.json().await.expect("a standing")
}

pub(crate) async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let started = tokio::time::Instant::now();
    while !holds().await {
        assert!(started.elapsed() < PATIENCE, "{what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Says for how long an attempt was: what a test takes is a matter of luck.
async fn took(app: &TestApp, offer: &Offer, ms: i64) {
    let mut tx = app.app().store.begin().await.expect("a transaction");
    let query = sqlx::query("UPDATE attempt SET charged_ms = $1 WHERE id = $2").bind(ms).bind(offer.at.attempt.to_string());
    query.execute(&mut *tx).await.expect("a time");
    tx.commit().await.expect("committed");
}

async fn hold_is(app: &TestApp, offer: &Offer, state: &str) -> bool {
    let mut connection = app.app().store.read().await.expect("a connection");
    let query = sqlx::query_as("SELECT state FROM earning_hold WHERE attempt_id = $1").bind(offer.at.attempt.to_string());
    let row: Option<(String,)> = query.fetch_optional(&mut *connection).await.expect("what waits");
    row.is_some_and(|(now,)| now == state)
}

pub(crate) async fn has_begun(app: &TestApp, offer: &Offer) -> bool {
    let mut connection = app.app().store.read().await.expect("a connection");
    let query =
        sqlx::query_as("SELECT id FROM attempt WHERE id = $1 AND started_ms IS NOT NULL").bind(offer.at.attempt.to_string());
    let row: Option<(String,)> = query.fetch_optional(&mut *connection).await.expect("an attempt");
    row.is_some()
}

/// One rig delivers, another confirms it.
async fn deliver(customer: &Customer, rig: &mut FakeAgent, checker: &mut FakeAgent) -> Micros {
    wake(rig).await;
    // By lot a rig that was right ten times would not always be compared.
    let job = submit(customer, json!({ "verify": { "redundant": { "n": 2 } } })).await;
    let offer = rig.offer().await;
    let told = answer(rig, &offer, b"right").await;
    sleep(rig).await;
    wake(checker).await;
    answers(checker, b"right").await;
    sleep(checker).await;
    assert_eq!(customer.ended(job.id).await.state, JobState::Succeeded);
    told.credit
}

#[tokio::test]
async fn time_that_nothing_speaks_for_is_paid_as_far_as_the_operator_allows() {
    let app = TestApp::start_with(|settings| {
        config(settings);
        settings.verification.allowance_permille = 250;
    })
    .await;
    let customer = app.customer(100).await;
    let (mut rig, mut checker) = (waiting(&app).await, waiting(&app).await);
    wake(&mut rig).await;
    let job = submit(&customer, json!({})).await;
    let offer = rig.offer().await;
    let given_back = give_back(&app, &mut rig, &offer).await;
    sleep(&mut rig).await;
    assert!(given_back > Micros::ZERO);
    assert_eq!(customer.cancel(job.id).await.status(), 200);
    let shown = standing(&customer, rig.rig.device()).await;
    let waits = Withheld { chain_id: 0, amount: given_back, given_back, allowance: Micros::ZERO };
    assert_eq!((shown.withheld, shown.deeds), (vec![waits], vec![]), "it waits, and is held against nobody");

    let mut delivered = 0;
    while withheld(&app, &rig).await > Micros::ZERO {
        let paid = credit(&app, &rig).await.get() - delivered;
        assert!(paid <= delivered / 4, "{paid} for time given back, {delivered} for results");
        delivered += deliver(&customer, &mut rig, &mut checker).await.get();
        assert!(delivered <= given_back.get() * 100, "it is paid in the end");
        if delivered / 4 >= given_back.get() {
            until("what the allowance covers is paid", async || withheld(&app, &rig).await == Micros::ZERO).await;
        }
    }
    assert_eq!(credit(&app, &rig).await.get(), delivered + given_back.get());
    assert!(given_back.get() <= delivered / 4);
    app.assert_books().await;
}

#[tokio::test]
async fn what_has_waited_in_vain_lapses_and_its_customer_gets_his_money_back() {
    let app = TestApp::start_with(lapsing).await;
    let customer = app.customer(100).await;
    let mut rig = waiting(&app).await;
    wake(&mut rig).await;
    let job = submit(&customer, json!({})).await;
    let offer = rig.offer().await;
    let earned = give_back(&app, &mut rig, &offer).await;
    sleep(&mut rig).await;
    assert_eq!(withheld(&app, &rig).await, earned, "its job goes on, and a result may still speak for it");
    assert_eq!(customer.cancel(job.id).await.status(), 200);
    assert!(customer.job(job.id).await.charged > Micros::ZERO);
    until("he has it back", async || app.balance_of(Account::Available(customer.id)).await == Micros::dollars(100)).await;
    assert_eq!((withheld(&app, &rig).await, credit(&app, &rig).await), (Micros::ZERO, Micros::ZERO));
    assert_eq!(app.balance_of(Account::Fee).await, Micros::ZERO, "and nobody has anything of it");
    app.assert_books().await;
}

#[tokio::test]
async fn what_lapses_of_work_that_its_customer_ended_is_not_his() {
    let app = TestApp::start_with(lapsing).await;
    let customer = app.customer(100).await;
    let mut rig = waiting(&app).await;
    wake(&mut rig).await;
    let job = submit(&customer, json!({})).await;
    let offer = rig.offer().await;
    rig.run(&offer).await;
    runs_a_while(&app, &offer).await;
    assert_eq!(customer.cancel(job.id).await.status(), 200);
    let receipt = rig.receipt(&offer, 1_000, 1_800_000);
    rig.finish(&offer, Outcome::Cancelled { reason: Reason::CancelledByCustomer }, Some(receipt)).await;
    let settled = rig.settled().await;
    assert_eq!(settled.state, AttemptState::Cancelled);
    assert!(settled.credit > Micros::ZERO);
    until("it lapses", async || withheld(&app, &rig).await == Micros::ZERO).await;
    until("it is looked at", async || hold_is(&app, &offer, "closed").await).await;
    let paid = customer.job(job.id).await.charged;
    assert_eq!(app.balance_of(Account::Fee).await, paid, "or whoever has seen enough of it would pay nothing");
    assert_eq!(customer.balance().await.available.get(), Micros::dollars(100).get() - paid.get());
    app.assert_books().await;
}

/// A job that one rig left a checkpoint of and another finished; a third has been asked for a copy, and takes as long as twenty
/// milliseconds.
async fn gone_on_with(app: &TestApp, customer: &Customer, (claimed_ms, rest_ms): (i64, i64)) -> (FakeAgent, Micros, FakeAgent) {
    let (mut maker, mut second, mut third) = (waiting(app).await, waiting(app).await, waiting(app).await);
    wake(&mut maker).await;
    let job = with_checkpoint(customer).await;
    let (left, earned) = leave(app, &mut maker, b"half").await;
    wake(&mut second).await;
    let offer = second.offer().await;
    assert_eq!((offer.job, offer.checkpoint.len()), (job.id, 1));
    answer(&mut second, &offer, b"right").await;
    sleep(&mut second).await;
    took(app, &left, claimed_ms).await;
    took(app, &offer, rest_ms).await;
    assert_eq!(withheld(app, &maker).await, earned);

    works_anew(app, &mut third).await;
    assert_eq!(customer.ended(job.id).await.state, JobState::Succeeded);
    (maker, earned, second)
}

#[tokio::test]
async fn a_checkpoint_that_a_right_result_came_of_is_paid_like_a_result() {
    let app = TestApp::start_with(config).await;
    let customer = app.customer(100).await;
    let (maker, earned, second) = Box::pin(gone_on_with(&app, &customer, (5, 5))).await;
    until("the checkpoint was right too", async || credit(&app, &maker).await == earned).await;
    assert_eq!(withheld(&app, &maker).await, Micros::ZERO);
    until("so was who went on from it", async || withheld(&app, &second).await == Micros::ZERO).await;
    assert!(credit(&app, &second).await > Micros::ZERO);
    app.assert_books().await;
}

#[tokio::test]
async fn a_checkpoint_that_saved_nothing_speaks_for_nothing() {
    let app = TestApp::start_with(config).await;
    let customer = app.customer(100).await;
    let (maker, earned, second) = Box::pin(gone_on_with(&app, &customer, (1_000_000_000, 5))).await;
    until("who went on from it is paid", async || credit(&app, &second).await > Micros::ZERO).await;
    let device = maker.rig.device();
    until("nothing speaks for it", async || {
        standing(&customer, device).await.withheld.iter().any(|waits| waits.given_back == earned)
    })
    .await;
    assert_eq!(credit(&app, &maker).await, Micros::ZERO);
    assert_eq!(tier_of(&app, device).await.1, [], "and nobody is blamed");
    app.assert_books().await;
}

#[tokio::test]
async fn who_goes_on_slowly_is_paid_for_nothing_that_others_have_done() {
    let app = TestApp::start_with(config).await;
    let customer = app.customer(100).await;
    let (maker, earned, second) = Box::pin(gone_on_with(&app, &customer, (5, 1_000_000_000))).await;
    for (device, least) in [(second.rig.device(), Micros::new(1)), (maker.rig.device(), earned)] {
        until("who of the two was slow cannot be told", async || {
            standing(&customer, device).await.withheld.iter().any(|waits| waits.given_back >= least)
        })
        .await;
        assert!(!tier_of(&app, device).await.1.contains(&Deed::Doubted), "and nobody is blamed");
    }
    assert_eq!(credit(&app, &second).await, Micros::ZERO);
    app.assert_books().await;
}

#[tokio::test]
async fn nobody_is_blamed_for_a_wrong_result_of_two_and_the_job_begins_anew() {
    let app = TestApp::start_with(config).await;
    let customer = app.customer(100).await;
    let (mut maker, mut second) = (waiting(&app).await, waiting(&app).await);
    let (mut third, mut fourth) = (waiting(&app).await, waiting(&app).await);
    wake(&mut maker).await;
    let job = with_checkpoint(&customer).await;
    let (_, earned) = leave(&app, &mut maker, b"made up").await;
    wake(&mut second).await;
    let offer = second.offer().await;
    assert_eq!((offer.job, offer.checkpoint.len()), (job.id, 1));
    answer(&mut second, &offer, b"wrong for it").await;
    sleep(&mut second).await;
    for rig in [&mut third, &mut fourth] {
        wake(rig).await;
        answers(rig, b"right").await;
        sleep(rig).await;
    }
    customer.in_state(job.id, JobState::Queued).await;
    assert_eq!(customer.job(job.id).await.checkpoint, None);
    wake(&mut third).await;
    let again = third.offer().await;
    assert_eq!((again.job, again.checkpoint.len()), (job.id, 0), "or the next would be wrong too");
    answer(&mut third, &again, b"right").await;
    let done = customer.ended(job.id).await;
    assert_eq!(done.state, JobState::Succeeded);
    let attempts = customer.attempts(job.id).await;
    assert_eq!((attempts[1].reason, attempts[1].charged), (Some(Reason::ResultMismatch), Micros::ZERO));

    for rig in [&maker, &second] {
        let device = rig.rig.device();
        assert_eq!(tier_of(&app, device).await.1, [Deed::Doubted]);
        let shown: Value = customer.get(&format!("/v1/devices/{device}/standing")).await.json().await.expect("it");
        assert_eq!((&shown["tier"], &shown["deeds"][0]["deed"]), (&json!("new"), &json!("doubted")));
    }
    assert_eq!(withheld(&app, &maker).await, earned, "what waits is not lost, but nothing speaks for it");
    assert_eq!(credit(&app, &second).await, Micros::ZERO);
    app.assert_books().await;
}

#[tokio::test]
async fn what_several_made_is_compared_itself_and_nobody_lives_on_the_others() {
    for (claimed_ms, is_paid) in [(5, true), (1_000_000_000, false)] {
        let app = TestApp::start_with(config).await;
        let customer = app.customer(100).await;
        let (mut first, mut idle, mut last, mut checker) =
            (waiting(&app).await, waiting(&app).await, waiting(&app).await, waiting(&app).await);
        wake(&mut first).await;
        let job = with_checkpoint(&customer).await;
        let (left, earned) = leave(&app, &mut first, b"a third").await;
        wake(&mut idle).await;
        let (went_on, earned_too) = leave(&app, &mut idle, b"the same third").await;
        wake(&mut last).await;
        let offer = last.offer().await;
        answer(&mut last, &offer, b"right").await;
        sleep(&mut last).await;
        for (offer, ms) in [(&left, 5), (&went_on, claimed_ms), (&offer, 5)] {
            took(&app, offer, ms).await;
        }
        works_anew(&app, &mut checker).await;
        assert_eq!(customer.ended(job.id).await.state, JobState::Succeeded);
        until("who finished it is paid", async || credit(&app, &last).await > Micros::ZERO).await;
        for (rig, earned) in [(&first, earned), (&idle, earned_too)] {
            let device = rig.rig.device();
            if is_paid {
                until("all of them worked", async || credit(&app, rig).await == earned).await;
            } else {
                let unspoken = async || standing(&customer, device).await.withheld.iter().any(|waits| waits.given_back == earned);
                until("one of them did not, whoever", unspoken).await;
                assert_eq!(tier_of(&app, device).await.1, [], "and nobody is blamed");
            }
        }
        app.assert_books().await;
    }
}
