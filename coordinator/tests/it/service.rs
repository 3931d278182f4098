//! What machines ask, and what all routes have in common.

use headframe_coordinator::openapi;
use headframe_protocol::{
    api::{Balance, Usage},
    error::Code,
};
use serde_json::Value;

use crate::support::{TestApp, problem};

#[tokio::test]
async fn a_coordinator_says_how_it_is() {
    let app = TestApp::start().await;
    let customer = app.customer(0).await;
    for path in ["/healthz", "/readyz"] {
        let response = reqwest::get(format!("{}{path}", app.url())).await.expect("an answer");
        assert_eq!(
            (response.status().as_u16(), response.text().await.expect("text").as_str()),
            (200, r#"{"status":"ok"}"#),
            "{path}"
        );
    }
    customer.get("/v1/balance").await;
    for made_up in ["BREW", "X".repeat(300).as_str()] {
        let method = made_up.parse().expect("a method");
        customer.http.request(method, format!("{}/v1/balance", app.url())).send().await.expect("an answer");
    }
    let response = reqwest::get(format!("{}/metrics", app.url())).await.expect("an answer");
    assert!(response.headers()["content-type"].to_str().expect("text").starts_with("text/plain"));
    let figures = response.text().await.expect("text");
    for wanted in [
        "headframe_http_requests_total{",
        "route=\"/v1/balance\"",
        "headframe_http_request_duration_seconds_bucket{",
        "headframe_network_stopped 0",
        "headframe_storage_bytes{kind=\"content\"}",
        "# TYPE headframe_jobs gauge",
    ] {
        assert!(figures.contains(wanted), "{wanted} in\n{figures}");
    }
    assert!(figures.contains("method=\"other\"") && !figures.contains("BREW"), "nobody makes series up");
    assert!(!figures.contains(&customer.id.to_string()) && !figures.contains(&customer.key), "figures name nobody");
}

#[tokio::test]
async fn a_coordinator_whose_folder_is_gone_is_alive_but_not_ready() {
    let app = TestApp::start().await;
    let blobs = app.config.data_dir.join("blobs");
    std::fs::remove_dir_all(&blobs).expect("removed");
    // A file where the folder was: nothing can be written below it, not even by root.
    std::fs::write(&blobs, b"").expect("in the way");
    assert_eq!(reqwest::get(format!("{}/healthz", app.url())).await.expect("an answer").status(), 200);
    assert_eq!(problem(reqwest::get(format!("{}/readyz", app.url())).await.expect("an answer")).await.code, Code::Unavailable);
}

#[test]
fn the_description_is_the_committed_one() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/openapi.json");
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    if std::env::var_os("HEADFRAME_UPDATE").is_some() {
        std::fs::write(path, openapi::document_text()).expect("written");
        return;
    }
    assert!(committed == openapi::document_text(), "the API changed: run with HEADFRAME_UPDATE=1 and commit docs/openapi.json");
}

#[test]
fn every_route_is_described_with_its_refusals() {
    let document: Value = serde_json::from_str(openapi::document_text()).expect("JSON");
    assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")));
    let paths = document["paths"].as_object().expect("paths");
    let mut operations = 0;
    for (path, methods) in paths {
        for (method, operation) in methods.as_object().expect("methods").iter().filter(|(key, _)| *key != "parameters") {
            operations += 1;
            assert!(operation["operationId"].is_string(), "{method} {path} has a name");
            assert!(operation["summary"].is_string(), "{method} {path} says what it does");
            let responses = operation["responses"].as_object().expect("responses");
            if path.starts_with("/v1/") {
                let ways = operation["security"].as_array().unwrap_or_else(|| panic!("{method} {path} says who may"));
                let open = ways.iter().any(|way| way.as_object().is_some_and(serde_json::Map::is_empty));
                assert!(
                    open || responses.contains_key("401") && responses.contains_key("403"),
                    "{method} {path} says how it refuses"
                );
            }
            for (status, response) in responses.iter().filter(|(status, _)| status.starts_with(['4', '5'])) {
                assert!(
                    response["content"]["application/problem+json"].is_object(),
                    "{method} {path} {status} is a problem document"
                );
            }
        }
    }
    assert!(operations >= 23, "{operations} operations are described");
}

#[tokio::test]
async fn a_key_is_needed_and_no_other_word_for_it() {
    let app = TestApp::start().await;
    let customer = app.customer(0).await;
    let paths = [
        "/v1/account",
        "/v1/balance",
        "/v1/usage",
        "/v1/webhooks/secret",
        "/v1/uploads/upl_01890a5dac96774bbcceb302099a8057",
        "/v1/jobs/job_01890a5dac96774bbcceb302099a8057/artifacts",
        "/v1/jobs/job_01890a5dac96774bbcceb302099a8057/artifacts/x",
        "/v1/jobs/job_01890a5dac96774bbcceb302099a8057/logs",
        "/v1/jobs/job_01890a5dac96774bbcceb302099a8057/provenance.json",
    ];
    for path in paths {
        let address = format!("{}{path}", app.url());
        for header in [None, Some("Bearer"), Some("Bearer hfk_"), Some("Basic x"), Some(&*format!("bearer {}x", customer.key))] {
            let mut request = customer.http.get(&address);
            if let Some(header) = header {
                request = request.header("authorization", header);
            }
            assert_eq!(problem(request.send().await.expect("an answer")).await.code, Code::Unauthenticated, "{path} {header:?}");
        }
        let wrong = customer.http.patch(&address).bearer_auth(&customer.key).send().await.expect("an answer");
        assert_eq!(problem(wrong).await.code, Code::MethodNotAllowed, "{path}");
    }
    let attempt = "/v1/attempts/att_01890a5dac96774bbcceb302099a8057/inputs/0";
    assert_eq!(problem(customer.get(attempt).await).await.code, Code::Unauthenticated);
    assert_eq!(problem(customer.get("/v1/attempts/x/inputs/0").await).await.code, Code::NotFound);
}

#[tokio::test]
async fn money_and_use_are_told_for_the_span_asked() {
    let app = TestApp::start().await;
    let customer = app.customer(3).await;
    let balance: Balance = customer.get("/v1/balance").await.json().await.expect("a balance");
    assert_eq!(balance.available, headframe_protocol::Micros::dollars(3));
    let usage: Usage = customer.get("/v1/usage?from_ms=5&to_ms=9").await.json().await.expect("a usage");
    assert_eq!((usage.from_ms.as_millis(), usage.to_ms.as_millis(), usage.jobs), (5, 9, 0));
    let cases = [("?from_ms=9&to_ms=5", 422, "from_ms"), ("?from_ms=x", 400, "from_ms"), ("?form_ms=1", 400, "form_ms")];
    for (query, status, field) in cases {
        let refused = problem(customer.get(&format!("/v1/usage{query}")).await).await;
        assert_eq!((refused.status, refused.errors[0].field.as_str()), (status, field), "{query}");
    }
}
