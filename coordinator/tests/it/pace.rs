//! How long results took: who is slow, who is not, and what follows.

use std::time::Duration;

use headframe_coordinator::verify::Tier;
use headframe_protocol::{
    Micros,
    api::Job,
    demand::RigDemand,
    job::JobState,
    session::{Offer, Outcome},
    standing::RigStanding,
};
use serde_json::json;

use crate::{
    given_back::{has_begun, until},
    support::{Customer, FakeAgent, PATIENCE, TestApp},
    verification::{credit, sleep, submit, tier_of, waiting, wake, withheld, withholding},
};

const MINUTE_MS: u64 = 60_000;

/// Earnings wait, and it is looked at often.
fn config(config: &mut headframe_coordinator::Config) {
    withholding(config);
    config.timers.check_look = Duration::from_millis(50);
    config.timers.check_give_up = PATIENCE * 10;
}

/// Does the work, signs for so many minutes and is believed to have run for as long.
async fn answers_in(app: &TestApp, rig: &mut FakeAgent, minutes: u64) -> Offer {
    let offer = rig.offer().await;
    rig.run(&offer).await;
    until("it is seen to run", async || has_begun(app, &offer).await).await;
    let file = rig.bring(&offer, "out.bin", b"right").await;
    let ms = minutes * MINUTE_MS;
    let mut tx = app.app().store.begin().await.expect("a transaction");
    let query = sqlx::query("UPDATE attempt SET started_ms = started_ms - $1 WHERE id = $2 AND started_ms IS NOT NULL");
    let query = query.bind(i64::try_from(ms).expect("minutes")).bind(offer.at.attempt.to_string());
    assert_eq!(query.execute(&mut *tx).await.expect("an earlier start").rows_affected(), 1);
    tx.commit().await.expect("committed");
    let receipt = rig.receipt(&offer, 1_000, ms);
    rig.finish(&offer, Outcome::Succeeded { outputs: vec![file] }, Some(receipt)).await;
    assert_eq!(rig.settled().await.paid_ms, ms);
    offer
}

/// A job at a price that an hour of it can be paid, whose result nobody compares by chance.
async fn job(customer: &Customer, verify: &str) -> Job {
    let verify = if verify == "none" { json!("none") } else { json!({ "redundant": { "n": 2 } }) };
    submit(customer, json!({ "verify": verify, "max_price_per_hour": "900000000", "timeout_s": 86_400 })).await
}

/// What waits of an attempt: by what it would be let go, and of what was shown to be worth it so much.
async fn waits(app: &TestApp, offer: &Offer) -> (String, String, i64, i64) {
    let mut connection = app.app().store.read().await.expect("a connection");
    sqlx::query_as("SELECT state, basis, shown, amount FROM earning_hold WHERE attempt_id = $1")
        .bind(offer.at.attempt.to_string())
        .fetch_one(&mut *connection)
        .await
        .expect("its earnings were noted")
}

/// One works on what the first has done, in so many minutes, and goes to sleep.
async fn checks(app: &TestApp, checker: &mut FakeAgent, minutes: u64) {
    wake(checker).await;
    answers_in(app, checker, minutes).await;
    sleep(checker).await;
}

async fn late_permille(customer: &Customer, rig: &FakeAgent) -> u32 {
    let standing: RigStanding =
        customer.get(&format!("/v1/devices/{}/standing", rig.rig.device())).await.json().await.expect("a standing");
    let behind = standing.right_in_a_row.iter().map(|row| row.behind_permille).max().unwrap_or(0);
    let demand: RigDemand =
        customer.get(&format!("/v1/devices/{}/demand", rig.rig.device())).await.json().await.expect("what there is");
    assert_eq!(demand.standing.map(|brief| brief.behind_permille), Some(behind), "an owner is told the same in brief");
    behind
}

#[tokio::test]
async fn who_takes_twice_as_long_as_two_others_is_paid_for_less_than_half() {
    let app = TestApp::start_with(config).await;
    let customer = app.customer(100_000).await;
    let (mut slow, mut second, mut third) = (waiting(&app).await, waiting(&app).await, waiting(&app).await);
    wake(&mut slow).await;
    let mut offers = Vec::new();
    for _ in 0..3 {
        let unchecked = job(&customer, "none").await;
        offers.push(answers_in(&app, &mut slow, 60).await);
        assert_eq!(customer.ended(unchecked.id).await.state, JobState::Succeeded);
    }
    let compared = job(&customer, "redundant").await;
    offers.push(answers_in(&app, &mut slow, 60).await);
    sleep(&mut slow).await;
    checks(&app, &mut second, 30).await;
    // Nobody waits for the third: the customer has his result, and who of the two is wrong is not said yet.
    assert_eq!(customer.ended(compared.id).await.state, JobState::Succeeded);
    for offer in &offers {
        let (state, basis, shown, _) = waits(&app, offer).await;
        assert_eq!((state.as_str(), basis.as_str(), shown), ("waiting", "result", 0));
    }
    checks(&app, &mut third, 30).await;
    until("what was earned slowly is held back", async || waits(&app, &offers[0]).await.1 == "given_back").await;
    for offer in &offers {
        let (_, basis, shown, amount) = waits(&app, offer).await;
        // 1 - 4/3 * 0.5.
        assert_eq!((basis.as_str(), shown), ("given_back", amount * 334 / 1_000));
    }
    // Four times 0.334 pay one of the four whole, and the rest lapses when its time is over.
    until("what it is worth is paid", async || credit(&app, &slow).await > Micros::ZERO).await;
    assert_eq!(credit(&app, &slow).await, Micros::new(waits(&app, &offers[0]).await.3));
    assert!(credit(&app, &second).await > Micros::ZERO && withheld(&app, &second).await == Micros::ZERO);
    assert_eq!(tier_of(&app, slow.rig.device()).await.0, Tier::Good, "being slow is no lie");
    app.assert_books().await;
}

#[tokio::test]
async fn whoever_signs_for_too_little_hurts_nobody() {
    let app = TestApp::start_with(config).await;
    let customer = app.customer(100_000).await;
    let (mut rig, mut mean, mut third) = (waiting(&app).await, waiting(&app).await, waiting(&app).await);
    wake(&mut rig).await;
    job(&customer, "none").await;
    let unchecked = answers_in(&app, &mut rig, 40).await;
    let compared = job(&customer, "redundant").await;
    answers_in(&app, &mut rig, 60).await;
    sleep(&mut rig).await;
    checks(&app, &mut mean, 2).await;
    assert_eq!(customer.ended(compared.id).await.state, JobState::Succeeded);
    assert_eq!(waits(&app, &unchecked).await.0, "waiting");
    checks(&app, &mut third, 58).await;
    until("the third has taken as long", async || waits(&app, &unchecked).await.0 == "released").await;
    until("and so its own", async || withheld(&app, &rig).await == Micros::ZERO).await;
    app.assert_books().await;
}

#[tokio::test]
async fn a_little_longer_counts_only_once_it_comes_again() {
    let app = TestApp::start_with(config).await;
    let customer = app.customer(100_000).await;
    let (mut rig, mut checker) = (waiting(&app).await, waiting(&app).await);
    for (round, behind) in [(1, 0), (2, 61)] {
        wake(&mut rig).await;
        let compared = job(&customer, "redundant").await;
        let minutes = if round == 1 { 60 } else { 66 };
        answers_in(&app, &mut rig, minutes).await;
        sleep(&mut rig).await;
        checks(&app, &mut checker, 60).await;
        assert_eq!(customer.ended(compared.id).await.state, JobState::Succeeded);
        until("it is let go", async || withheld(&app, &rig).await == Micros::ZERO).await;
        assert!(late_permille(&customer, &rig).await.abs_diff(behind) <= 1, "round {round}");
    }
    wake(&mut rig).await;
    job(&customer, "none").await;
    let unchecked = answers_in(&app, &mut rig, 66).await;
    for _ in 0..2 {
        job(&customer, "redundant").await;
        answers_in(&app, &mut rig, 66).await;
        sleep(&mut rig).await;
        checks(&app, &mut checker, 60).await;
        wake(&mut rig).await;
    }
    until("what comes again and again counts", async || waits(&app, &unchecked).await.1 == "given_back").await;
    assert_eq!(late_permille(&customer, &rig).await, 0, "and it begins anew");
    app.assert_books().await;
}
