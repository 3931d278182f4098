//! What operators do, through the same command line they use, while the coordinator runs.

use std::time::Duration;

use clap::Parser as _;
use headframe_coordinator::{
    Config,
    admin::{self, AdminArgs, acts},
    store::{
        audit,
        challenges::{self, Begun},
        ledger::Account,
        rigs, verify,
    },
    verify::{Tier, standing::Deed},
};
use headframe_protocol::{
    DeviceId, Micros, Sha256,
    challenge::{Answer, Ask, DeclineReason, Declined, Digest, POG},
    error::Code,
    job::{AttemptState, JobState, Reason, Trust},
    profile::SignedProfile,
    rig::{GpuReport, GpuVendor},
    session::{AgentMessage, CoordinatorMessage, Outcome, RefusedCode},
    standing::RigStanding,
};
use serde_json::{Value, json};

use crate::{
    support::{DIGEST, FakeAgent, PATIENCE, TestApp, agent::Rig, by, job, problem},
    verification::tier_of,
};

#[derive(clap::Parser)]
struct Line {
    #[command(flatten)]
    args: AdminArgs,
}

/// Runs `admin <line> --json` with a reason and an actor; an error is its text.
async fn admin(config: &Config, line: &str) -> Result<Value, String> {
    let words = ["admin"].into_iter().chain(line.split_whitespace()).chain(["--json", "--reason", "a test", "--actor", "tester"]);
    let line = Line::try_parse_from(words).map_err(|error| error.to_string())?;
    let mut out = Vec::new();
    admin::run(config, line.args, &mut out).await.map_err(|error| format!("{error:#}"))?;
    Ok(serde_json::from_slice(&out).expect("JSON"))
}

async fn trail(app: &TestApp) -> Vec<String> {
    let mut connection = app.app().store.read().await.expect("a connection");
    let rows = audit::list(&mut connection, 0, 100).await.expect("the trail");
    rows.into_iter().map(|row| row.act).collect()
}

#[tokio::test]
async fn a_customer_is_opened_funded_and_shown() {
    let app = TestApp::start().await;
    let config = &app.config;
    let made = admin(config, "customer create Acme --namespace acme").await.expect("an account");
    let id = made["id"].as_str().expect("an id").to_owned();
    let refused = admin(config, "customer create Other --namespace acme").await.expect_err("taken");
    assert!(refused.contains("taken"), "{refused}");
    assert!(admin(config, "customer create Other --namespace Not/Good").await.is_err());
    let key = admin(config, &format!("key create {id} --label ci")).await.expect("a key");
    let secret = key["key"].as_str().expect("a key").to_owned();
    assert!(secret.len() == 68 && secret.starts_with("hfk_") && secret[4..].bytes().all(|b| b.is_ascii_hexdigit()), "{secret}");
    for (new, available) in [(true, "2500000"), (false, "2500000")] {
        let given = admin(config, &format!("grant {id} 2.50 --key first")).await.expect("a grant");
        assert_eq!(given["new"], new);
        let answer =
            reqwest::Client::new().get(format!("{}/v1/balance", app.url())).bearer_auth(&secret).send().await.expect("an answer");
        assert_eq!(answer.json::<Value>().await.expect("a balance")["available"], available);
    }
    assert!(admin(config, &format!("grant {id} 9 --key first")).await.expect_err("another amount").contains("used before"));
    let keys = admin(config, &format!("key list {id}")).await.expect("keys");
    assert_eq!(keys[0]["label"], "ci");
    assert!(!keys.to_string().contains(&secret[4..]), "the key itself is nowhere");
    admin(config, &format!("key revoke {}", key["id"].as_str().expect("an id"))).await.expect("revoked");
    let answer =
        reqwest::Client::new().get(format!("{}/v1/balance", app.url())).bearer_auth(&secret).send().await.expect("an answer");
    assert_eq!(problem(answer).await.code, Code::Unauthenticated);
    assert_eq!(trail(&app).await, ["customer.create", "key.create", "grant", "key.revoke"]);
    app.assert_books().await;
}

#[tokio::test]
async fn every_act_needs_a_reason() {
    let app = TestApp::start().await;
    let words = ["admin", "network", "stop", "--actor", "tester"];
    let line = Line::try_parse_from(words).expect("a line");
    let refused = admin::run(&app.config, line.args, &mut Vec::new()).await.expect_err("no reason");
    assert!(refused.to_string().contains("--reason"), "{refused}");
    assert!(trail(&app).await.is_empty(), "nothing was done");
    let line = Line::try_parse_from(["admin", "customer", "list"]).expect("a line");
    let mut out = Vec::new();
    admin::run(&app.config, line.args, &mut out).await.expect("looking needs none");
    assert!(String::from_utf8(out).expect("text").starts_with("CUSTOMER"));
}

#[tokio::test]
async fn a_revoked_image_stops_within_seconds() {
    let app = TestApp::start_with(|config| config.images.require_approval = true).await;
    let customer = app.customer(10).await;
    let refused = problem(customer.post("/v1/jobs", &job(json!({}))).await).await;
    assert_eq!((refused.code, refused.errors[0].field.as_str()), (Code::ImageNotApproved, "image"));
    admin(&app.config, &format!("image approve sha256:{DIGEST}")).await.expect("approved");
    let mut rig = FakeAgent::connect(&app).await;
    let (running, waiting) = (customer.submit(json!({})).await, customer.submit(json!({})).await);
    let offer = rig.offer().await;
    rig.run(&offer).await;
    customer.in_state(running.id, JobState::Running).await;

    let started = tokio::time::Instant::now();
    admin(&app.config, &format!("image revoke {DIGEST}")).await.expect("revoked");
    let revoked =
        rig.hear_until(|message| if let CoordinatorMessage::Revoke(revoke) = message { Some(revoke.image) } else { None }).await;
    assert_eq!(revoked.to_string(), DIGEST);
    assert!(started.elapsed() < Duration::from_secs(5), "at a twentieth of the timers even ten seconds would be slow");
    rig.finish(&offer, Outcome::Cancelled { reason: Reason::ImageRevoked }, None).await;
    for id in [running.id, waiting.id] {
        let ended = customer.ended(id).await;
        assert_eq!(ended.reason, Some(Reason::ImageRevoked), "{ended:?}");
    }
    assert_eq!(problem(customer.post("/v1/jobs", &job(json!({}))).await).await.code, Code::ImageNotApproved);
    let listed = admin(&app.config, "image list").await.expect("images");
    assert!(listed[0]["revoked_ms"].is_i64());
    app.assert_books().await;
}

#[tokio::test]
async fn a_suspended_account_is_shut_and_its_jobs_are_cancelled() {
    let app = TestApp::start().await;
    let customer = app.customer(10).await;
    let open = customer.submit(json!({})).await;
    admin(&app.config, &format!("account suspend {}", customer.id)).await.expect("suspended");
    assert_eq!(problem(customer.get("/v1/account").await).await.code, Code::AccountSuspended);
    assert!(admin(&app.config, &format!("account suspend {}", customer.id)).await.is_err(), "once is enough");
    let started = tokio::time::Instant::now();
    while app.balance_of(Account::Held(customer.id)).await != Micros::ZERO {
        assert!(started.elapsed() < PATIENCE, "{} was not cancelled", open.id);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    admin(&app.config, &format!("account resume {}", customer.id)).await.expect("resumed");
    let ended = customer.ended(open.id).await;
    assert_eq!((ended.state, ended.reason), (JobState::Cancelled, Some(Reason::AccountSuspended)));
    assert_eq!(customer.balance().await.available, Micros::dollars(10));
}

#[tokio::test]
async fn a_killed_job_ends_on_its_rig() {
    let app = TestApp::start().await;
    let customer = app.customer(10).await;
    let mut rig = FakeAgent::connect(&app).await;
    let submitted = customer.submit(json!({})).await;
    let offer = rig.offer().await;
    rig.run(&offer).await;
    admin(&app.config, &format!("job kill {}", submitted.id)).await.expect("killed");
    assert_eq!(rig.asked_to_cancel().await.reason, Reason::KilledByOperator);
    rig.finish(&offer, Outcome::Cancelled { reason: Reason::KilledByOperator }, None).await;
    assert_eq!(rig.settled().await.state, AttemptState::Cancelled);
    assert_eq!(customer.ended(submitted.id).await.reason, Some(Reason::KilledByOperator));
    assert!(admin(&app.config, &format!("job kill {}", submitted.id)).await.is_err(), "it is over");
    app.assert_books().await;
}

/// A rig was refused in so many challenges.
async fn cheats(app: &TestApp, device: DeviceId, times: u8) {
    let (now, mut tx) = (app.app().store.now(), app.app().store.begin().await.expect("a transaction"));
    for number in 0..times {
        let seed = Digest::from_bytes(std::array::from_fn(|at| device.0.as_slice()[at % 20] ^ number));
        let begun = Begun {
            seed,
            device,
            gpu: "GPU-1".to_owned(),
            model: "a card".to_owned(),
            owner: "somebody".to_owned(),
            size: 64,
            products: 20,
            resident: 20,
            claimed_ops_per_us: 1,
            rtt_us: 1,
            ends_by: now,
        };
        challenges::begin(&mut tx, &begun, now).await.expect("written");
        let ended = challenges::Ended {
            outcome: "failed",
            reason: "refused",
            detail: String::new(),
            questioned: true,
            proving_us: None,
            reading_us: None,
            ops_per_us: None,
        };
        assert!(challenges::end(&mut tx, seed, &ended, now).await.expect("written"));
        assert!(!challenges::end(&mut tx, seed, &ended, now).await.expect("written"), "a challenge ends once");
    }
    verify::exclude(&mut tx, device, now).await.expect("written");
    tx.commit().await.expect("written");
}

/// A rig that is out of work for it.
async fn excluded(app: &TestApp) -> DeviceId {
    let device = FakeAgent::connect(app).await.rig.device();
    cheats(app, device, 2).await;
    assert_eq!(tier_of(app, device).await, (Tier::Excluded, vec![Deed::Cheated; 2]));
    device
}

async fn is_quarantined(app: &TestApp, device: DeviceId) -> bool {
    let mut connection = app.app().store.read().await.expect("a connection");
    rigs::quarantined(&mut connection).await.expect("a list").contains(&device)
}

#[tokio::test]
async fn a_pardoned_rig_begins_anew_and_works_unless_something_else_holds_it() {
    let app = TestApp::start().await;
    let (one, other) = (excluded(&app).await, excluded(&app).await);
    assert!(is_quarantined(&app, one).await && is_quarantined(&app, other).await);
    admin(&app.config, &format!("rig quarantine {other}")).await.expect("quarantined");
    assert_eq!(admin(&app.config, &format!("rig pardon {one}")).await.expect("pardoned")["works"], true);
    assert_eq!(admin(&app.config, &format!("rig pardon {other}")).await.expect("pardoned")["works"], false);
    assert!(!is_quarantined(&app, one).await, "nothing else held it");
    assert!(is_quarantined(&app, other).await, "the operator did");
    for device in [one, other] {
        assert_eq!(tier_of(&app, device).await, (Tier::New, vec![]));
    }
    assert!(admin(&app.config, "rig pardon 0x0000000000000000000000000000000000000001").await.is_err(), "no such rig");
    assert_eq!(trail(&app).await, ["rig.quarantine", "rig.quarantine", "rig.quarantine", "rig.pardon", "rig.pardon"]);
    admin(&app.config, &format!("rig release {other}")).await.expect("released");
    admin(&app.config, &format!("rig pardon {other}")).await.expect("pardoned");
    assert!(!is_quarantined(&app, other).await);
}

#[tokio::test]
async fn a_partners_rig_that_was_found_out_is_anybodys_until_it_is_pardoned() {
    let app = TestApp::start().await;
    let customer = app.customer(10).await;
    let rig = Rig::new();
    let device = rig.device();
    rig.clone().connect(&app.url()).await;
    admin(&app.config, &format!("rig attest {device} --trust partner")).await.expect("attested");
    let mut connected = rig.clone().connect(&app.url()).await;
    let shown = async || {
        let standing = reqwest::get(format!("{}/v1/devices/{device}/standing", app.url())).await.expect("an answer");
        let standing: RigStanding = standing.json().await.expect("a standing");
        (standing.attested, standing.trust)
    };
    assert_eq!(shown().await, (Trust::Partner, Trust::Partner));
    cheats(&app, device, 1).await;
    assert_eq!(shown().await, (Trust::Partner, Trust::Community));

    // It has signed in as a partner's, and again as what it is now.
    let secret = customer.submit(json!({ "placement": { "trust": "partner" } })).await;
    for again in [false, true] {
        if again {
            connected = rig.clone().connect(&app.url()).await;
        }
        let open = customer.submit(json!({})).await;
        let offer = connected.offer().await;
        assert_eq!(offer.job, open.id, "what asks for a partner's waits");
        connected.run(&offer).await;
        connected.succeed(&offer, 0).await;
        assert_eq!(customer.job(secret.id).await.state, JobState::Queued);
    }
    admin(&app.config, &format!("rig pardon {device}")).await.expect("pardoned");
    assert_eq!(shown().await, (Trust::Partner, Trust::Partner));
    let mut connected = rig.connect(&app.url()).await;
    assert_eq!(connected.offer().await.job, secret.id);
}

#[tokio::test]
async fn a_quarantined_rig_is_sent_away_until_it_is_released() {
    let app = TestApp::start().await;
    let mut rig = FakeAgent::connect(&app).await;
    let device = rig.rig.device();
    admin(&app.config, &format!("rig quarantine {device}")).await.expect("quarantined");
    assert_eq!(rig.refused().await.code, RefusedCode::Quarantined);
    let listed = admin(&app.config, "rig list").await.expect("rigs");
    assert!(listed[0]["quarantined_ms"].is_i64());
    admin(&app.config, &format!("rig release {device}")).await.expect("released");
    rig.rig.clone().connect(&app.url()).await;
    assert!(admin(&app.config, "rig quarantine 0x0000000000000000000000000000000000000001").await.is_err(), "no such rig");
}

#[tokio::test]
async fn a_charge_is_given_back_once_and_never_more_than_it_was() {
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
    let line = |amount: &str, key: &str| format!("refund {} {amount} --key {key}", submitted.id);
    assert!(admin(&app.config, &line("0.000028", "a")).await.expect_err("too much").contains("was charged"));
    assert_eq!(admin(&app.config, &line("0.000020", "a")).await.expect("given back")["new"], true);
    assert_eq!(admin(&app.config, &line("0.000020", "a")).await.expect("given back")["new"], false);
    assert!(admin(&app.config, &line("0.000008", "b")).await.is_err(), "28 in all");
    assert_eq!(admin(&app.config, &line("0.000007", "b")).await.expect("given back")["new"], true);
    assert_eq!(customer.balance().await.available, Micros::dollars(10));
    assert_eq!(app.balance_of(Account::Credit(rig.rig.device())).await, Micros::new(25), "the rig keeps its pay");
    app.assert_books().await;
}

#[tokio::test]
async fn a_stopped_network_takes_nothing_until_it_goes_on() {
    let app = TestApp::start().await;
    let customer = app.customer(10).await;
    admin(&app.config, "network stop").await.expect("stopped");
    let started = tokio::time::Instant::now();
    while customer.post("/v1/jobs", &job(json!({}))).await.status() != 503 {
        assert!(started.elapsed() < Duration::from_secs(5), "jobs are still taken");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    admin(&app.config, "network start").await.expect("started");
    while customer.post("/v1/jobs", &job(json!({}))).await.status() != 201 {
        assert!(started.elapsed() < Duration::from_secs(10), "no jobs are taken");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_trail_that_was_tampered_with_shows_it() {
    let app = TestApp::start().await;
    let store = &app.app().store;
    // Several at once: the chain has no forks.
    let (sums, by) = ([1_u8, 2, 3, 4, 5, 6].map(|n| Sha256::of(&[n])), by());
    let acts = sums.iter().map(|sum| acts::approve_image(store, &by, *sum));
    for done in futures_util::future::join_all(acts).await {
        done.expect("approved");
    }
    let whole = admin(&app.config, "audit verify").await.expect("whole");
    assert_eq!((whole["rows"].as_u64(), whole["broken_at"].as_u64()), (Some(6), None));
    for tampering in ["UPDATE audit SET reason = 'another' WHERE sequence = 3", "DELETE FROM audit WHERE sequence = 3"] {
        let mut tx = store.begin().await.expect("a transaction");
        sqlx::query(tampering).execute(&mut *tx).await.expect("tampered");
        let verdict = audit::verify(&mut tx).await.expect("looked over");
        assert_eq!((verdict.rows, verdict.broken_at.is_some()), (2, true), "{tampering}");
        tx.rollback().await.expect("undone");
    }
    for cut in [6, 5, 1] {
        let mut tx = store.begin().await.expect("a transaction");
        sqlx::query("DELETE FROM audit WHERE sequence >= $1").bind(cut).execute(&mut *tx).await.expect("cut off");
        let verdict = audit::verify(&mut tx).await.expect("looked over");
        assert_eq!(verdict.broken_at, u64::try_from(cut).ok(), "an end that is gone shows");
        tx.rollback().await.expect("undone");
    }
    let listed = admin(&app.config, "audit list --after 4").await.expect("rows");
    assert_eq!(listed.as_array().map(Vec::len), Some(2));
    assert_eq!(listed[0]["actor"], "test");
}

#[tokio::test]
async fn cards_are_challenged_when_the_operator_wants_it_and_their_outcomes_are_shown() {
    let unhurried = |config: &mut Config| {
        config.challenge.size_max = 64;
        config.challenge.ops_per_s_at_1000_fu = 100_000;
    };
    let app = TestApp::start_with(unhurried).await;
    let mut rig = Rig::new();
    let model = "a card".to_owned();
    rig.report.gpus = vec![GpuReport {
        uuid: "GPU-1".to_owned(),
        model,
        vendor: GpuVendor::Nvidia,
        vram_bytes: 8 << 30,
        fu: 0,
        compute_capability: None,
        pci_bus_id: None,
        power_limit_w: None,
        driver: None,
    }];
    rig.challenges = vec![POG.to_owned()];
    let device = rig.device();
    let missing = admin(&app.config, &format!("rig challenge {device}")).await.expect_err("nobody has seen it");
    assert!(missing.contains("there is no rig"), "{missing}");
    let mut rig = rig.connect(&app.url()).await;
    admin(&app.config, &format!("rig challenge {device}")).await.expect("an act");
    let seed = rig.hear_until(|message| if let CoordinatorMessage::Ask(ask) = message { ask.seed() } else { None }).await;
    let shown = admin(&app.config, "rig challenges").await.expect("a list");
    assert_eq!((&shown[0]["gpu"], &shown[0]["outcome"]), (&json!("GPU-1"), &Value::Null));
    rig.say(AgentMessage::Answer(Answer::Declined(Declined { seed, why: DeclineReason::Broken }))).await;
    rig.hear_until(|message| matches!(message, CoordinatorMessage::Ask(Ask::Over(_))).then_some(())).await;
    let shown = admin(&app.config, &format!("rig challenges {device} --limit 1")).await.expect("a list");
    assert_eq!((&shown[0]["outcome"], &shown[0]["reason"]), (&json!("void"), &json!("broken")));
    let cards = admin(&app.config, &format!("rig cards {device}")).await.expect("cards");
    assert_eq!((&cards[0]["tier"], &cards[0]["suspect"]), (&json!("unverified"), &json!(false)));
    let words = reqwest::get(format!("{}/metrics", app.url())).await.expect("an answer").text().await.expect("figures");
    assert!(words.contains("headframe_challenges_total{outcome=\"void\",reason=\"broken\"}"), "{words}");
    assert_eq!(trail(&app).await, ["rig.challenge"]);
}

#[tokio::test]
async fn whoever_may_join_is_told_by_the_operator_himself_who_runs_the_network() {
    let unnamed = TestApp::start().await;
    let answer = reqwest::get(format!("{}/v1/network", unnamed.url())).await.expect("an answer");
    assert_eq!(problem(answer).await.code, Code::NotFound);
    let refused = admin(&unnamed.config, "network profile").await.expect_err("nobody runs it");
    assert!(refused.contains("network.operator"), "{refused}");

    let app = TestApp::start_with(|config| {
        config.network.operator = "Ada Example GmbH".to_owned();
        config.network.support = "help@attic.example".to_owned();
        config.network.content_policy = "No mining.".to_owned();
    })
    .await;
    let answer = reqwest::get(format!("{}/v1/network", app.url())).await.expect("an answer").text().await.expect("text");
    let signed = SignedProfile::read(&answer, app.app().store.now()).expect("signed and good");
    assert_eq!((signed.profile.operator.as_str(), signed.profile.fee_bps), ("Ada Example GmbH", app.config.network.fee_bps));
    assert_eq!(signed.profile.coordinator.as_str().trim_end_matches('/'), app.url());
    let mut config = app.config.clone();
    config.public_url = Some(signed.profile.coordinator.clone());
    let printed = admin(&config, "network profile --days 7").await.expect("looking needs no reason").to_string();
    let by_link = SignedProfile::read(&printed, app.app().store.now()).expect("the same");
    assert_eq!((by_link.profile.key, by_link.profile.coordinator), (signed.profile.key, signed.profile.coordinator));
    assert!(trail(&app).await.is_empty(), "nothing was changed");
}
