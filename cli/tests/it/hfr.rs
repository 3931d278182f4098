//! Paying in HFR: what is said of it before, what is asked of the network, and what is told afterwards.

use headframe_protocol::error::Code;
use serde_json::{Value, json};

use crate::{
    network::{Answer, quote, refusal},
    world::World,
};

const IMAGE: &str = "127.0.0.1:5000/a/b@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn job_file(world: &World, more: &str) -> String {
    let text = format!("image: {IMAGE}\nmax_price_per_hour: '500000'\ntimeout_s: 1800\n{more}");
    world.file("job.yaml", text.as_bytes()).to_str().expect("text").to_owned()
}

fn said(status: u16, value: &Value) -> Answer {
    (status, value.to_string().into_bytes())
}

fn job_id(number: u32) -> String {
    format!("job_{number:032x}")
}

/// A job as the network tells of it, with `more`.
fn job(number: u32, more: Value) -> Value {
    let mut job = json!({
        "id": job_id(number), "state": "queued", "epoch": 0, "failures": 0, "interruptions": 0,
        "spec": {"image": IMAGE, "max_price_per_hour": "500000", "timeout_s": 1800},
        "held": "239361", "charged": "0", "created_ms": 1_764_000_000_000_i64, "changed_ms": 1_764_000_000_000_i64,
    });
    let Value::Object(more) = more else { panic!("fields") };
    job.as_object_mut().expect("an object").extend(more);
    job
}

/// What stood behind the question mark when jobs were submitted.
fn paid_in(world: &World) -> Vec<String> {
    let submissions = |(act, query): &(String, String)| act.starts_with("POST /v1/jobs").then(|| query.clone());
    world.network(|network, _| network.queries.iter().filter_map(submissions).collect())
}

#[tokio::test]
async fn a_job_is_paid_in_hfr_if_its_customer_says_so_and_in_dollars_otherwise() {
    let world = World::start().await;
    let file = job_file(&world, "");
    let hfr = json!({"hfr": {"held": "59840375", "charged": "0", "picos_per_hfr": 4_000_000_000_u64}});
    world.network(|network, _| {
        network.said.insert("POST /v1/quotes".to_owned(), said(200, &quote()));
        network.said.insert("POST /v1/jobs".to_owned(), said(201, &job(1, hfr)));
    });
    let submitted = world.run(&["submit", "-f", &file, "--pay", "hfr"]).await;
    assert_eq!((submitted.code, submitted.out.trim()), (0, job_id(1).as_str()), "{submitted:?}");
    assert!(submitted.err.contains("In HFR      28.723404 HFR an hour"), "{}", submitted.err);
    assert!(submitted.err.contains("Set aside   59.840375 HFR at submission"), "{}", submitted.err);
    let dollars = world.run(&["submit", "-f", &file]).await;
    assert!(dollars.err.contains("Set aside   $0.25 at submission"), "{}", dollars.err);
    assert_eq!(world.run(&["submit", "-f", &file, "--pay", "usd"]).await.code, 0);
    assert_eq!(paid_in(&world), ["pay_in=hfr&picos_per_hfr=4000000000", "pay_in=usd", "pay_in=usd"]);
}

#[tokio::test]
async fn an_array_is_paid_in_hfr_and_its_whole_hold_is_told() {
    let world = World::start().await;
    let file = job_file(&world, "array:\n  from: 1\n  to: 3\n");
    world.network(|network, _| {
        network.said.insert("POST /v1/quotes".to_owned(), said(200, &quote()));
        let jobs: Vec<String> = (1..=3).map(job_id).collect();
        network.said.insert("POST /v1/jobs:batch".to_owned(), said(201, &json!({"jobs": jobs})));
    });
    let submitted = world.run(&["submit", "-f", &file, "--pay", "hfr"]).await;
    assert_eq!((submitted.code, submitted.out.lines().count()), (0, 3), "{submitted:?}");
    assert!(submitted.err.contains("Set aside   179.521125 HFR for 3 jobs"), "{}", submitted.err);
    assert_eq!(paid_in(&world), ["pay_in=hfr&picos_per_hfr=4000000000"]);
}

#[tokio::test]
async fn where_hfr_is_not_taken_that_is_said_and_nothing_is_paid_in_dollars_instead() {
    let world = World::start().await;
    let file = job_file(&world, "");
    let reason = "HFR has no price that can be relied on now. Pay in dollars, or try again later.";
    world.network(|network, _| {
        let mut unpriced = quote();
        unpriced.as_object_mut().expect("an object").remove("hfr");
        network.said.insert("POST /v1/quotes".to_owned(), said(200, &unpriced));
        network.said.insert("POST /v1/jobs".to_owned(), refusal(Code::Conflict, 409, reason));
    });
    let refused = world.run(&["submit", "-f", &file, "--pay", "hfr"]).await;
    assert_ne!(refused.code, 0);
    assert_eq!(refused.out, "", "{refused:?}");
    assert!(refused.err.contains(reason) && !refused.err.contains("59.840375"), "{}", refused.err);
    assert_eq!(paid_in(&world), ["pay_in=hfr"]);
}

#[tokio::test]
async fn who_has_too_little_hfr_is_told_the_estimate_and_what_is_missing() {
    let world = World::start().await;
    let file = job_file(&world, "");
    let missing = "59.840375 HFR is needed to set aside, 10.00 is reserved for jobs: 49.840375 is missing.";
    world.network(|network, _| {
        network.said.insert("POST /v1/quotes".to_owned(), said(200, &quote()));
        network.said.insert("POST /v1/jobs".to_owned(), refusal(Code::InsufficientBalance, 402, missing));
    });
    let refused = world.run(&["submit", "-f", &file, "--pay", "hfr"]).await;
    assert_eq!((refused.code, refused.out.as_str()), (5, ""), "{refused:?}");
    assert!(refused.err.contains("Set aside   59.840375 HFR at submission"), "{}", refused.err);
    assert!(refused.err.contains(missing), "{}", refused.err);
}

#[tokio::test]
async fn a_coin_nobody_knows_is_refused_before_anything_is_asked() {
    let world = World::start().await;
    let file = job_file(&world, "");
    for coin in ["eur", "HFR", ""] {
        let refused = world.run(&["submit", "-f", &file, "--pay", coin]).await;
        assert_eq!(refused.code, 2, "{coin}: {refused:?}");
    }
    assert!(world.network(|network, _| network.asked.is_empty()));
}

/// One job that was paid in HFR and one that was paid in dollars, each done by a rig in half an hour.
fn two_done(world: &World) {
    let ended = json!(headframe_cli::clock::now().as_millis() - 60_000);
    let attempt = |number: u32, more: Value| {
        let mut attempt = json!({
            "id": format!("att_{number:032x}"), "job": job_id(number), "epoch": 1, "state": "succeeded",
            "device": format!("0x{number:040x}"), "price_per_hour": "100000", "charged_ms": 1_800_000, "log_bytes": 0,
            "created_ms": 1_764_000_000_000_i64, "ended_ms": ended,
        });
        let Value::Object(more) = more else { panic!("fields") };
        attempt.as_object_mut().expect("an object").extend(more);
        json!({"attempts": [attempt]})
    };
    let hfr = json!({"held": "0", "charged": "11968250", "picos_per_hfr": 4_000_000_000_u64});
    let one = json!({"state": "succeeded", "held": "0", "charged": "47873", "hfr": hfr, "ended_ms": ended});
    let two = json!({"state": "succeeded", "held": "0", "charged": "50000", "ended_ms": ended});
    world.network(|network, _| {
        let jobs = json!({"jobs": [job(1, one), job(2, two)]});
        network.said.insert("GET /v1/jobs".to_owned(), said(200, &jobs));
        let paid = json!({"charged": "47873", "charged_hfr": "11968250", "fee": "2873"});
        network.said.insert(format!("GET /v1/jobs/{}/attempts", job_id(1)), said(200, &attempt(1, paid)));
        let paid = json!({"charged": "50000", "fee": "5000"});
        network.said.insert(format!("GET /v1/jobs/{}/attempts", job_id(2)), said(200, &attempt(2, paid)));
    });
}

#[tokio::test]
async fn receipts_name_the_hfr_that_was_paid_and_what_the_network_kept() {
    let world = World::start().await;
    two_done(&world);
    let listed = world.run(&["receipts"]).await;
    assert_eq!(listed.code, 0, "{listed:?}");
    let line = |id: String| listed.out.lines().find(|line| line.starts_with(&id)).unwrap_or_default().to_owned();
    let (hfr, dollars) = (line(job_id(1)), line(job_id(2)));
    assert!(hfr.contains("$0.047873") && hfr.contains("11.96825 HFR") && hfr.contains("$0.002873"), "{}", listed.out);
    assert!(dollars.contains("$0.05") && dollars.contains("dollars") && dollars.contains("$0.20"), "{}", listed.out);
    assert!(listed.out.contains("$0.097873 for 2 jobs, of which $0.007873 are the network's"), "{}", listed.out);

    let listed = world.run(&["--json", "receipts"]).await;
    let answer: Value = serde_json::from_str(&listed.out).expect("JSON");
    assert_eq!((&answer["charged"], &answer["fee"]), (&json!("97873"), &json!("7873")));
    let (hfr, dollars) = (&answer["receipts"][0], &answer["receipts"][1]);
    assert_eq!((&hfr["charged_hfr"], &hfr["given_back"]), (&json!("11968250"), &Value::Null), "{answer}");
    assert_eq!((&dollars["charged_hfr"], &dollars["given_back"]), (&Value::Null, &json!("200000")), "{answer}");
}
