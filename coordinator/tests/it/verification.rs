//! Results are checked by other rigs: who is asked, who is believed, who is paid, and what it costs whom.

use headframe_coordinator::{
    admin::acts,
    config::VerificationConfig,
    store::{ledger::Account, verify},
    verify::{Tier, standing::Deed},
};
use headframe_protocol::{
    DeviceId, JobId, Micros,
    api::Job,
    job::{AttemptState, JobState, Reason},
    session::{Offer, Outcome, OutputFile, Settled},
};
use serde_json::{Value, json};

use crate::support::{Customer, FakeAgent, PATIENCE, TestApp, agent::Rig, by};

/// Results are compared, and earnings are their owners' at once.
fn checking(config: &mut headframe_coordinator::Config) {
    config.verification = VerificationConfig { checks: true, withhold: false, ..VerificationConfig::default() };
    config.timers.check_give_up = PATIENCE * 10;
}

pub(crate) async fn submit(customer: &Customer, changes: Value) -> Job {
    let mut job = json!({ "outputs": ["out.bin"], "max_price_per_hour": "900000000" });
    for (key, value) in changes.as_object().expect("an object") {
        job[key] = value.clone();
    }
    customer.submit(job).await
}

/// Does the work and says that it came to `bytes`.
pub(crate) async fn answer(rig: &mut FakeAgent, offer: &Offer, bytes: &[u8]) -> Settled {
    rig.run(offer).await;
    // Half an hour at the rig's price is more than the coordinator has seen: it pays what it has.
    let file: OutputFile = rig.bring(offer, "out.bin", bytes).await;
    let receipt = rig.receipt(offer, 1_000, 1_800_000);
    rig.finish(offer, Outcome::Succeeded { outputs: vec![file] }, Some(receipt)).await;
    rig.settled().await
}

/// The same to whatever it is offered next.
pub(crate) async fn answers(rig: &mut FakeAgent, bytes: &[u8]) -> Offer {
    let offer = rig.offer().await;
    answer(rig, &offer, bytes).await;
    offer
}

pub(crate) async fn credit(app: &TestApp, rig: &FakeAgent) -> Micros {
    app.balance_of(Account::Credit(rig.rig.device())).await
}

/// What the rig has, once it has anything: a copy is judged a moment after its job.
async fn credited(app: &TestApp, rig: &FakeAgent) -> Micros {
    let started = tokio::time::Instant::now();
    loop {
        let credit = credit(app, rig).await;
        if credit > Micros::ZERO {
            return credit;
        }
        assert!(started.elapsed() < PATIENCE, "who did the work is paid");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

pub(crate) async fn tier_of(app: &TestApp, device: DeviceId) -> (Tier, Vec<Deed>) {
    let mut connection = app.app().store.read().await.expect("a connection");
    let now = app.app().store.now();
    let account = verify::account(&mut connection, device, now).await.expect("an account");
    (account.standing.tier, account.events.iter().map(|event| event.deed).collect())
}

/// A rig that is not ready: connected, seen, and offered nothing until it says so.
pub(crate) async fn waiting(app: &TestApp) -> FakeAgent {
    rig(None).connect(&app.url()).await
}

/// At a price at which the few milliseconds of a test are worth something.
pub(crate) fn rig(from: Option<&'static str>) -> Rig {
    let mut rig = Rig { ready: false, from, ..Rig::new() };
    rig.report.floor_per_hour = Micros::dollars(800);
    rig
}

pub(crate) async fn wake(rig: &mut FakeAgent) {
    rig.rig.ready = true;
    rig.beat(Vec::new()).await;
}

pub(crate) async fn sleep(rig: &mut FakeAgent) {
    rig.rig.ready = false;
    rig.beat(Vec::new()).await;
}

#[tokio::test]
async fn two_rigs_disagree_and_a_third_decides() {
    let app = TestApp::start_with(checking).await;
    let customer = app.customer(100).await;
    let (mut cheat, mut second, mut third) = (waiting(&app).await, waiting(&app).await, waiting(&app).await);
    wake(&mut cheat).await;
    let job = submit(&customer, json!({})).await;

    let offer = cheat.offer().await;
    assert_eq!(offer.job, job.id);
    let told = answer(&mut cheat, &offer, b"made up").await;
    assert_eq!((told.state, told.reason), (AttemptState::Succeeded, None), "nobody learns that he is checked");
    sleep(&mut cheat).await;
    assert_eq!(customer.in_state(job.id, JobState::Verifying).await.charged, Micros::ZERO);
    assert_eq!(credit(&app, &cheat).await, Micros::ZERO, "nothing is paid before the comparison");

    wake(&mut second).await;
    let copy = second.offer().await;
    assert_ne!(copy.job, job.id);
    assert_eq!(copy.spec, offer.spec, "a check looks like any other job");
    answer(&mut second, &copy, b"right").await;
    sleep(&mut second).await;

    wake(&mut third).await;
    answers(&mut third, b"right").await;

    // The customer's own job is done anew, by one of those that were right, and compared with what they agree on.
    let again = third.offer().await;
    assert_eq!((again.job, again.at.epoch), (job.id, 2));
    answer(&mut third, &again, b"right").await;
    let done = customer.ended(job.id).await;
    assert_eq!(done.state, JobState::Succeeded);
    let attempts = customer.attempts(job.id).await;
    assert_eq!((attempts[0].state, attempts[0].reason), (AttemptState::Failed, Some(Reason::ResultMismatch)));
    assert_eq!((attempts[0].charged, attempts[0].device), (Micros::ZERO, cheat.rig.device()));
    assert_eq!(done.charged, attempts[1].charged, "the customer pays once");
    let result = customer.get(&format!("/v1/jobs/{}/artifacts/out.bin", job.id)).await.bytes().await.expect("bytes");
    assert_eq!(&result[..], b"right");

    assert_eq!(credit(&app, &cheat).await, Micros::ZERO);
    let overruled = cheat.overruled().await;
    assert_eq!((overruled.at, overruled.state, overruled.credit), (offer.at, AttemptState::Failed, Micros::ZERO), "he learns it");
    let mut cheat = cheat.rig.connect(&app.url()).await;
    assert_eq!(cheat.overruled().await, overruled, "and so does one who was away");
    // Who was right is paid, by the network.
    credited(&app, &second).await;
    credited(&app, &third).await;
    assert_eq!(tier_of(&app, cheat.rig.device()).await, (Tier::Watched, vec![Deed::Wrong]));
    assert_eq!(tier_of(&app, second.rig.device()).await, (Tier::Good, vec![Deed::Kept]));
    let jobs: Value = customer.get("/v1/jobs").await.json().await.expect("jobs");
    assert_eq!(jobs["jobs"].as_array().map(Vec::len), Some(1), "the customer sees his own job alone");
    app.assert_books().await;
}

#[tokio::test]
async fn a_check_that_agrees_costs_its_customer_nothing_more() {
    let app = TestApp::start_with(checking).await;
    let customer = app.customer(100).await;
    let (mut first, mut second) = (waiting(&app).await, waiting(&app).await);
    wake(&mut first).await;
    let job = submit(&customer, json!({})).await;
    let offer = first.offer().await;
    let told = answer(&mut first, &offer, b"right").await;
    sleep(&mut first).await;
    wake(&mut second).await;
    answers(&mut second, b"right").await;
    let done = customer.ended(job.id).await;
    assert_eq!((done.state, done.epoch), (JobState::Succeeded, 1));
    assert_eq!(credit(&app, &first).await, told.credit, "what was said is what is paid");
    let spent = Micros::dollars(100).get() - customer.balance().await.available.get();
    assert_eq!(spent, done.charged.get());
    app.assert_books().await;
}

#[tokio::test]
async fn a_check_is_known_by_the_customer_whose_work_it_repeats() {
    let app = TestApp::start_with(checking).await;
    let (customer, another) = (app.customer(100).await, app.customer(100).await);
    let (mut first, mut second) = (waiting(&app).await, waiting(&app).await);
    let mut known_by = Vec::new();
    for whose in [&customer, &another] {
        wake(&mut first).await;
        let job = submit(whose, json!({})).await;
        answers(&mut first, b"right").await;
        sleep(&mut first).await;
        wake(&mut second).await;
        known_by.push(answers(&mut second, b"right").await.customer.expect("a pseudonym"));
        sleep(&mut second).await;
        assert_eq!(whose.ended(job.id).await.state, JobState::Succeeded);
    }
    assert_ne!(known_by[0], known_by[1], "or whoever checks would know every check by one name");
    let job = submit(&another, json!({ "verify": "none" })).await;
    wake(&mut second).await;
    assert_eq!(answers(&mut second, b"right").await.customer, Some(known_by[1]), "it is as his other work");
    assert_eq!(another.ended(job.id).await.state, JobState::Succeeded);
}

#[tokio::test]
async fn where_nobody_else_is_a_result_is_taken_as_it_is() {
    let app = TestApp::start_with(checking).await;
    let customer = app.customer(100).await;
    let mut rig = waiting(&app).await;
    wake(&mut rig).await;
    let job = submit(&customer, json!({})).await;
    answers(&mut rig, b"alone").await;
    assert_eq!(customer.ended(job.id).await.state, JobState::Succeeded);
    app.assert_books().await;
}

#[tokio::test]
async fn a_comparison_that_comes_to_nothing_is_given_up() {
    let app = TestApp::start_with(|config| {
        checking(config);
        config.timers.check_give_up = std::time::Duration::from_millis(300);
    })
    .await;
    let customer = app.customer(100).await;
    let (mut first, _second) = (waiting(&app).await, waiting(&app).await);
    wake(&mut first).await;
    let job = submit(&customer, json!({})).await;
    answers(&mut first, b"right").await;
    assert_eq!(customer.ended(job.id).await.state, JobState::Succeeded);
    assert!(credit(&app, &first).await > Micros::ZERO, "the work is done and paid");
    app.assert_books().await;
}

#[tokio::test]
async fn a_customer_who_does_not_want_to_wait_for_the_comparison_ends_it() {
    let app = TestApp::start_with(checking).await;
    let customer = app.customer(100).await;
    let (mut first, _second) = (waiting(&app).await, waiting(&app).await);
    wake(&mut first).await;
    let job = submit(&customer, json!({})).await;
    answers(&mut first, b"right").await;
    customer.in_state(job.id, JobState::Verifying).await;
    assert_eq!(customer.cancel(job.id).await.status(), 200);
    assert_eq!(customer.ended(job.id).await.state, JobState::Cancelled);
    assert!(credit(&app, &first).await > Micros::ZERO, "the work is done and paid");
    app.assert_books().await;
}

#[tokio::test]
async fn a_customer_may_pay_for_several_and_gets_what_most_agree_on() {
    let app = TestApp::start_with(|config| {
        checking(config);
    })
    .await;
    let customer = app.customer(100).await;
    let mut rigs = Vec::new();
    for _ in 0..3 {
        rigs.push(waiting(&app).await);
    }
    let job = submit(&customer, json!({ "verify": { "redundant": { "n": 3 } } })).await;
    let held = customer.balance().await.held;
    assert_eq!(held.get(), job.held.get() * 3, "all of them are set aside for");
    let mut own = 0;
    for rig in &mut rigs {
        wake(rig).await;
        let offer = rig.offer().await;
        own += i32::from(offer.job == job.id);
        answer(rig, &offer, b"right").await;
        sleep(rig).await;
    }
    assert_eq!(own, 1, "three rigs, one job each");
    assert_eq!(customer.ended(job.id).await.state, JobState::Succeeded);
    for rig in &rigs {
        credited(&app, rig).await;
    }
    app.assert_books().await;
}

/// Earnings wait, for as long as a test can.
pub(crate) fn withholding(config: &mut headframe_coordinator::Config) {
    checking(config);
    config.verification.withhold = true;
    config.timers.probation = std::time::Duration::from_millis(1);
    config.timers.unconfirmed_max = PATIENCE * 10;
    config.timers.checked_within = PATIENCE * 10;
}

pub(crate) async fn withheld(app: &TestApp, rig: &FakeAgent) -> Micros {
    app.balance_of(Account::Withheld(rig.rig.device())).await
}

/// Answers what it is offered next, and is paid for just so long.
async fn answers_for(rig: &mut FakeAgent, bytes: &[u8], ms: u64) {
    let offer = rig.offer().await;
    rig.run(&offer).await;
    // It is seen to run no later than its files come.
    let file = rig.bring(&offer, "out.bin", bytes).await;
    tokio::time::sleep(std::time::Duration::from_millis(ms * 2)).await;
    let receipt = rig.receipt(&offer, 1_000, ms);
    rig.finish(&offer, Outcome::Succeeded { outputs: vec![file] }, Some(receipt)).await;
    assert_eq!(rig.settled().await.paid_ms, ms);
}

/// A job whose result nobody compares.
async fn unchecked(customer: &Customer, rig: &mut FakeAgent) {
    let job = submit(customer, json!({ "verify": "none" })).await;
    answers_for(rig, b"whatever", 50).await;
    assert_eq!(customer.ended(job.id).await.state, JobState::Succeeded);
}

#[tokio::test]
async fn what_was_earned_unchecked_waits_and_is_let_go_when_the_rig_was_right() {
    let app = TestApp::start_with(withholding).await;
    let customer = app.customer(100).await;
    let (mut first, mut second) = (waiting(&app).await, waiting(&app).await);
    wake(&mut first).await;
    unchecked(&customer, &mut first).await;
    assert_eq!(credit(&app, &first).await, Micros::ZERO);
    let waits = withheld(&app, &first).await;
    assert!(waits > Micros::ZERO);

    for (ms, speaks_for_it) in [(20, false), (100, true)] {
        let job = submit(&customer, json!({})).await;
        answers_for(&mut first, b"right", ms).await;
        sleep(&mut first).await;
        wake(&mut second).await;
        answers(&mut second, b"right").await;
        sleep(&mut second).await;
        customer.ended(job.id).await;
        credited(&app, &first).await;
        assert!(speaks_for_it || withheld(&app, &first).await == waits, "what is worth less is no pledge for it");
        wake(&mut first).await;
    }
    let started = tokio::time::Instant::now();
    while withheld(&app, &first).await > Micros::ZERO {
        assert!(started.elapsed() < PATIENCE, "a check that finds the rig right lets its earnings go");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert!(credit(&app, &first).await >= waits);
    app.assert_books().await;
}

#[tokio::test]
async fn what_was_earned_unchecked_is_lost_when_the_rig_was_wrong() {
    let app = TestApp::start_with(withholding).await;
    let customer = app.customer(100).await;
    let (mut cheat, mut second, mut third) = (waiting(&app).await, waiting(&app).await, waiting(&app).await);
    wake(&mut cheat).await;
    unchecked(&customer, &mut cheat).await;
    assert!(withheld(&app, &cheat).await > Micros::ZERO);
    submit(&customer, json!({})).await;
    answers(&mut cheat, b"made up").await;
    sleep(&mut cheat).await;
    for rig in [&mut second, &mut third] {
        wake(rig).await;
        answers(rig, b"right").await;
        sleep(rig).await;
    }
    let started = tokio::time::Instant::now();
    while withheld(&app, &cheat).await > Micros::ZERO {
        assert!(started.elapsed() < PATIENCE, "what waits is the collateral");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(credit(&app, &cheat).await, Micros::ZERO);
    app.assert_books().await;
}

/// What a job's webhook was told last.
async fn told(app: &TestApp, job: JobId) -> Value {
    let mut connection = app.app().store.read().await.expect("a connection");
    let query = sqlx::query_as("SELECT body FROM outbox WHERE job_id = $1 ORDER BY id DESC LIMIT 1").bind(job.to_string());
    let (body,): (String,) = query.fetch_one(&mut *connection).await.expect("a message");
    serde_json::from_str(&body).expect("a body")
}

#[tokio::test]
async fn whoever_stops_in_time_is_compared_afterwards() {
    let app = TestApp::start_with(|config| {
        withholding(config);
        config.timers.checked_within = std::time::Duration::from_millis(1);
        config.timers.check_look = std::time::Duration::from_millis(50);
    })
    .await;
    let customer = app.customer(100).await;
    let mut cheat = waiting(&app).await;
    wake(&mut cheat).await;
    let job = submit(&customer, json!({ "webhook": "http://127.0.0.1:9/nobody" })).await;
    answers(&mut cheat, b"made up").await;
    assert_eq!(customer.ended(job.id).await.state, JobState::Succeeded);
    assert!(withheld(&app, &cheat).await > Micros::ZERO);
    sleep(&mut cheat).await;

    let mut others = [waiting(&app).await, waiting(&app).await];
    for rig in &mut others {
        wake(rig).await;
        let copy = rig.offer().await;
        assert_ne!(copy.job, job.id);
        answer(rig, &copy, b"right").await;
        sleep(rig).await;
    }
    let started = tokio::time::Instant::now();
    while withheld(&app, &cheat).await > Micros::ZERO {
        assert!(started.elapsed() < PATIENCE, "it is found out all the same");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(credit(&app, &cheat).await, Micros::ZERO);
    let standing: Value = customer.get(&format!("/v1/devices/{}/standing", cheat.rig.device())).await.json().await.expect("it");
    assert_eq!((&standing["tier"], &standing["withheld"]), (&json!("watched"), &json!([])), "and its owner can see why");
    assert!(standing["deeds"].as_array().is_some_and(|deeds| deeds.iter().any(|deed| deed["deed"] == "wrong")));
    let shown = customer.job(job.id).await;
    let outvoted = shown.outvoted.expect("the customer learns it");
    assert_eq!((shown.state, outvoted.refunded), (JobState::Succeeded, shown.charged), "and gets back what it cost");
    assert!(shown.charged > Micros::ZERO && shown.message.is_some_and(|message| message.contains("not to be trusted")));
    assert_eq!(customer.balance().await.available, Micros::dollars(100));
    let told = told(&app, job.id).await;
    assert_eq!((&told["type"], &told["data"]["refunded"]), (&json!("job.outvoted"), &json!(outvoted.refunded)));
    let again = acts::refund(&app.app().store, &by(), job.id, Micros::new(1), "more").await;
    assert!(again.is_err(), "nothing is left to be given back");
    app.assert_books().await;
}

#[tokio::test]
async fn a_neighbour_does_not_check_his_neighbour() {
    let app = TestApp::start_with(|config| {
        checking(config);
        config.fiat.proxies = 1;
    })
    .await;
    let customer = app.customer(100).await;
    let at = |from: &'static str| rig(Some(from));
    let mut first = at("8.8.8.1").connect(&app.url()).await;
    let mut neighbour = at("8.8.8.2").connect(&app.url()).await;
    let mut stranger = at("9.9.9.9").connect(&app.url()).await;
    // From where a rig comes is noted beside its session.
    let started = tokio::time::Instant::now();
    let (one, other) = (first.rig.device(), neighbour.rig.device());
    loop {
        let mut connection = app.app().store.read().await.expect("a connection");
        let now = app.app().store.now();
        if verify::are_one(&mut connection, one, other, now).await.expect("an answer") {
            break;
        }
        assert!(started.elapsed() < PATIENCE, "neighbours are known as such");
    }
    wake(&mut first).await;
    let job = submit(&customer, json!({})).await;
    answers(&mut first, b"right").await;
    sleep(&mut first).await;
    wake(&mut neighbour).await;
    wake(&mut stranger).await;
    answers(&mut stranger, b"right").await;
    assert_eq!(customer.ended(job.id).await.state, JobState::Succeeded);
    assert_eq!(credit(&app, &neighbour).await, Micros::ZERO);
    app.assert_books().await;
}

#[tokio::test]
async fn work_whose_result_is_known_finds_a_cheat_out() {
    let app = TestApp::start_with(checking).await;
    let customer = app.customer(100).await;
    let (mut first, mut second, mut cheat) = (waiting(&app).await, waiting(&app).await, waiting(&app).await);
    wake(&mut first).await;
    let known = submit(&customer, json!({ "name": "known" })).await;
    answers(&mut first, b"right").await;
    sleep(&mut first).await;
    wake(&mut second).await;
    let copy = answers(&mut second, b"right").await;
    sleep(&mut second).await;
    assert_eq!(customer.ended(known.id).await.state, JobState::Succeeded);

    // A job that must not run twice: its result is taken, and somebody is given known work instead.
    wake(&mut first).await;
    let once = submit(&customer, json!({ "verify": "canary" })).await;
    answers(&mut first, b"once").await;
    assert_eq!(customer.ended(once.id).await.state, JobState::Succeeded);
    wake(&mut cheat).await;
    let canary = cheat.offer().await;
    assert_eq!(canary.spec, copy.spec, "it looks like any other job, and its maker is not asked");
    answer(&mut cheat, &canary, b"made up").await;
    let started = tokio::time::Instant::now();
    while tier_of(&app, cheat.rig.device()).await.0 != Tier::Watched {
        assert!(started.elapsed() < PATIENCE, "it is found out");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(credit(&app, &cheat).await, Micros::ZERO);
    app.assert_books().await;
}

#[tokio::test]
async fn pictures_that_nobody_can_tell_apart_are_the_same_result() {
    let app = TestApp::start_with(checking).await;
    let customer = app.customer(100).await;
    let (mut first, mut second) = (waiting(&app).await, waiting(&app).await);
    let picture = |grey: u8| [&b"P5 16 16 255\n"[..], &[grey; 256]].concat();
    let alike = json!({ "outputs": ["out.ppm"], "max_price_per_hour": "900000000", "verify": { "adaptive": { "compare": { "psnr": { "min_db": 40 } } } } });
    let job = customer.submit(alike).await;
    for (rig, grey) in [(&mut first, 100), (&mut second, 101)] {
        wake(rig).await;
        let offer = rig.offer().await;
        rig.run(&offer).await;
        let file = rig.bring(&offer, "out.ppm", &picture(grey)).await;
        let receipt = rig.receipt(&offer, 1_000, 1_800_000);
        rig.finish(&offer, Outcome::Succeeded { outputs: vec![file] }, Some(receipt)).await;
        rig.settled().await;
        sleep(rig).await;
    }
    assert_eq!(customer.ended(job.id).await.state, JobState::Succeeded);
    for rig in [&first, &second] {
        assert_eq!(tier_of(&app, rig.rig.device()).await.1, [Deed::Kept]);
    }
    app.assert_books().await;
}
