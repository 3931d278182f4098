//! Bad input on every route gives a problem document that names the part, never a 500.

use headframe_protocol::error::Code;
use proptest::{prelude::*, test_runner::TestRunner};
use serde_json::json;

use crate::support::{TestApp, job, problem};

mod operations;

#[tokio::test]
async fn what_is_not_there_is_a_404_and_a_wrong_method_a_405() {
    let app = TestApp::start().await;
    let customer = app.customer(1).await;
    for path in ["/", "/v1", "/v1/nothing", "/v2/jobs", "/v1/jobs/", "/v1/jobs/job_1/x/y/z"] {
        assert_eq!(problem(customer.get(path).await).await.code, Code::NotFound, "{path}");
    }
    for path in ["/v1/jobs/job_x", "/v1/jobs/att_00000000000070008000000000000000", "/v1/jobs/%00", "/v1/uploads/1"] {
        assert_eq!(problem(customer.get(path).await).await.status, 404, "{path}");
    }
    let wrong =
        customer.http.delete(format!("{}/v1/jobs", app.url())).bearer_auth(&customer.key).send().await.expect("an answer");
    assert_eq!(problem(wrong).await.code, Code::MethodNotAllowed);
    let plain = customer.get("/v1/agent/session").await;
    assert_eq!(problem(plain).await.status, 400, "the agents' address wants a WebSocket");
}

#[tokio::test]
async fn every_wrong_field_is_named() {
    let app = TestApp::start().await;
    let customer = app.customer(10).await;
    let cases = [
        (json!({ "timeout_s": 0 }), "timeout_s"),
        (json!({ "max_price_per_hour": "0" }), "max_price_per_hour"),
        (json!({ "outputs": ["../x"] }), "outputs[0]"),
        (json!({ "env": { "LD_PRELOAD": "x" } }), "env.LD_PRELOAD"),
        (json!({ "resources": { "cpu": 0 } }), "resources.cpu"),
        (json!({ "array": { "from": 0, "to": 1 } }), "array"),
        (json!({ "webhook": "ftp://a.example/" }), "webhook"),
        (json!({ "timeout": 5 }), "timeout"),
        (json!({ "placement": { "countries": ["Germany"] } }), "placement.countries"),
        (
            json!({ "resources": { "gpu": { "count": 1, "compute_capability_min": "8.10" } } }),
            "resources.gpu.compute_capability_min",
        ),
        (json!({ "verify": "sometimes" }), "verify"),
        (json!({ "network": "egress" }), "network"),
        (json!({ "network": { "allow": [] } }), "network.allow"),
        (json!({ "network": { "allow": ["pypi.org", "10.0.0.1"] } }), "network.allow[1]"),
        (json!({ "network": { "allow": ["pypi.org"], "deny": [] } }), "network.deny"),
        (json!({ "network": { "allow": ["pypi.org"], "max_bytes": 0 } }), "network.max_bytes"),
        (json!({ "resources": { "gpus": 1 } }), "resources.gpus"),
        (json!({ "resources": { "gpu": {} } }), "resources.gpu.count"),
        (json!({ "args": ["\u{1}".repeat(40_000)] }), "args"),
        (
            json!({ "inputs": [{ "upload": "upl_00000000000070008000000000000000", "sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "path": "a" }] }),
            "inputs[0].upload",
        ),
    ];
    for (change, field) in cases {
        let refused = problem(customer.post("/v1/jobs", &job(change.clone())).await).await;
        assert!((400..500).contains(&refused.status), "{change}");
        assert_eq!(refused.errors.first().map(|error| error.field.as_str()), Some(field), "{change}");
    }
    let batch = json!({ "jobs": [job(json!({})), job(json!({ "timeout_s": 0 }))] });
    assert_eq!(problem(customer.post("/v1/jobs:batch", &batch).await).await.errors[0].field, "jobs[1].timeout_s");
    assert_eq!(problem(customer.post("/v1/jobs:batch", &json!({ "jobs": [] })).await).await.errors[0].field, "jobs");
    let batch = json!({ "jobs": [job(json!({})), job(json!({ "verify": "sometimes" }))] });
    assert_eq!(problem(customer.post("/v1/jobs:batch", &batch).await).await.errors[0].field, "jobs[1].verify");
    assert_eq!(problem(customer.post_with_key("/v1/jobs", &job(json!({})), "").await).await.errors[0].field, "idempotency-key");
    for (query, field) in
        [("limit=0", "limit"), ("limit=x", "limit"), ("after=x", "after"), ("state=x", "state"), ("page=1", "page")]
    {
        let refused = problem(customer.get(&format!("/v1/jobs?{query}")).await).await;
        assert_eq!(refused.errors.first().map(|error| error.field.as_str()), Some(field), "{query}: {}", refused.detail);
    }
    let waiting = customer.submit(json!({})).await;
    for wait in ["x", "-1s", "1h", "99999999999s"] {
        let refused = problem(customer.get(&format!("/v1/jobs/{}?wait={wait}", waiting.id)).await).await;
        assert_eq!(refused.errors[0].field, "wait", "{wait}");
    }
}

#[tokio::test]
async fn a_batch_is_counted_before_it_is_spread() {
    let app = TestApp::start().await;
    let customer = app.customer(10).await;
    // Spread out, each of these would be more than any machine has memory for.
    let array = json!({ "array": { "from": 0, "to": 999 } });
    let many = json!({ "jobs": vec![job(array.clone()); 20_000] });
    let large = json!({ "jobs": [job(json!({ "array": array["array"], "env": { "A": "x".repeat(60_000) } }))] });
    let endless = json!({ "jobs": [job(json!({ "array": { "from": 0, "to": u32::MAX } }))] });
    for batch in [many, large, endless] {
        let refused = problem(customer.post("/v1/jobs:batch", &batch).await).await;
        assert_eq!((refused.status, refused.errors[0].field.as_str()), (422, "jobs"), "{refused:?}");
    }
    let whole = json!({ "jobs": [job(json!({ "array": array["array"], "max_price_per_hour": "1" }))] });
    assert_eq!(customer.post("/v1/jobs:batch", &whole).await.status(), 201, "a thousand are fine");
    app.assert_books().await;
}

#[tokio::test]
async fn a_body_that_is_no_json_is_a_400() {
    let app = TestApp::start().await;
    let customer = app.customer(1).await;
    for path in ["/v1/jobs", "/v1/jobs:batch"] {
        for body in ["", "{", "null", "[]", "\"x\"", "{\"image\":1}", "\u{0}"] {
            let request = customer.http.post(format!("{}{path}", app.url())).bearer_auth(&customer.key).body(body);
            let refused = problem(request.send().await.expect("an answer")).await;
            assert_eq!((refused.status, refused.code), (400, Code::InvalidRequest), "{path} {body:?}");
            assert!(!refused.errors.is_empty(), "{path} {body:?}");
        }
    }
    let large = customer.http.post(format!("{}/v1/jobs", app.url())).bearer_auth(&customer.key).body(vec![b' '; 17 << 20]);
    assert_eq!(problem(large.send().await.expect("an answer")).await.status, 413);
}

/// Anything JSON can say, not too deep.
fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(|value| json!(value)),
        any::<i64>().prop_map(|value| json!(value)),
        any::<f64>().prop_map(|value| json!(value)),
        ".{0,12}".prop_map(|value| json!(value)),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::Array),
            prop::collection::btree_map("[a-z_]{1,8}", inner, 0..4).prop_map(|map| json!(map)),
        ]
    })
}

#[test]
fn no_body_makes_the_coordinator_stumble() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let (app, customer) = runtime.block_on(async {
        let app = TestApp::start().await;
        let customer = app.customer(1).await;
        (app, customer)
    });
    let fields = [
        "name",
        "image",
        "command",
        "args",
        "env",
        "resources",
        "inputs",
        "outputs",
        "array",
        "timeout_s",
        "max_price_per_hour",
        "max_failures",
        "on_disconnect",
        "network",
        "verify",
        "checkpoint",
        "placement",
        "webhook",
    ];
    let strategy = (0..fields.len(), any_json());
    let mut runner = TestRunner::new(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() });
    let outcome = runner.run(&strategy, |(at, value)| {
        let body = job(json!({ fields[at]: value }));
        let status = runtime.block_on(async { customer.post("/v1/jobs", &body).await.status().as_u16() });
        prop_assert!(status < 500, "{status} for {body}");
        Ok(())
    });
    runtime.block_on(async move { app.assert_books().await });
    assert_eq!(outcome, Ok(()));
}
