//! What is wrong on every address, made of the API's own description: whoever adds an operation has it tried here.
//!
//! What is not described is listed below; it is for rigs and the registry.

use headframe_coordinator::openapi;
use headframe_protocol::error::Code;
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};

use crate::support::{Customer, DIGEST, FakeAgent, TestApp, cards, chain, job, problem};

const JOB: &str = "job_00000000000070008000000000000000";
const UPLOAD: &str = "upl_00000000000070008000000000000000";
const NOBODY: &str = "0x00000000000000000000000000000000000000aa";
const ATTEMPT: &str = "att_00000000000070008000000000000000";

/// Addresses for rigs and the registry, with what stands for no good key.
const UNDESCRIBED: [(&str, &str, u16); 6] = [
    ("GET", "/v1/jobs/{id}/artifacts/a", 401),
    ("GET", "/v1/attempts/{attempt}/inputs/0", 401),
    ("PUT", "/v1/attempts/{attempt}/log?offset=0", 401),
    ("PUT", "/v1/attempts/{attempt}/objects/{sha256}", 401),
    ("POST", "/v1/registry/events", 401),
    ("POST", "/v1/fiat/stripe", 401),
];

/// One operation of the description.
struct Operation {
    method: Method,
    path: String,
    described: Value,
}

impl Operation {
    /// All of them; `keyed` are those that need a customer's key.
    fn all() -> Vec<Self> {
        let document: Value = serde_json::from_str(openapi::document_text()).expect("JSON");
        let paths = document["paths"].as_object().expect("paths").clone();
        let mut found = Vec::new();
        for (path, methods) in paths {
            for (method, described) in methods.as_object().expect("methods").iter().filter(|(key, _)| *key != "parameters") {
                let method = method.to_uppercase().parse().expect("a method");
                found.push(Self { method, path: path.clone(), described: described.clone() });
            }
        }
        assert!(found.len() >= 25, "the description has its operations");
        found
    }

    fn needs_key(&self) -> bool {
        let ways = self.described["security"].as_array();
        ways.is_some_and(|ways| ways.iter().all(|way| way.as_object().is_some_and(|way| !way.is_empty())))
    }

    /// A customer's own: asked with his key as it is.
    fn is_customers(&self) -> bool {
        self.described["security"].as_array().is_some_and(|any| any.iter().any(|way| way["api_key"].is_array()))
    }

    fn takes_json(&self) -> bool {
        self.described["requestBody"]["content"]["application/json"].is_object()
    }

    fn takes_a_file(&self) -> bool {
        self.described["requestBody"]["content"]["application/octet-stream"].is_object()
    }

    fn query_names(&self) -> Vec<String> {
        let parameters = self.described["parameters"].as_array().cloned().unwrap_or_default();
        let query = parameters.iter().filter(|parameter| parameter["in"] == "query");
        query.map(|parameter| parameter["name"].as_str().expect("a name").to_owned()).collect()
    }

    /// The address with its parts filled in.
    fn address(&self, app: &TestApp, id: &str) -> String {
        format!("{}{}", app.url(), self.path.replace("{id}", id))
    }

    /// An id of the right kind of something that is not there.
    fn nobodys(&self) -> &'static str {
        match self.path.split('/').nth(2) {
            Some("uploads") => UPLOAD,
            Some("devices" | "accounts") => NOBODY,
            _ => JOB,
        }
    }

    fn ask(&self, customer: &Customer, address: String) -> RequestBuilder {
        customer.http.request(self.method.clone(), address).bearer_auth(&customer.key)
    }

    fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

async fn start() -> TestApp {
    TestApp::start_with(|config| {
        config.limits.upload_bytes_max = 1_000;
        // So that the registry's addresses are there; nobody speaks to it here.
        config.registry.host = "registry.test".to_owned();
    })
    .await
}

/// A refusal that names the part, and never our own fault.
async fn refused(response: Response, what: &str) {
    let status = response.status().as_u16();
    assert!((400..500).contains(&status), "{status} for {what}");
    let problem = problem(response).await;
    let named = !problem.errors.is_empty() || matches!(problem.code, Code::NotFound | Code::Unauthenticated | Code::Conflict);
    assert!(named, "{what}: {problem:?}");
}

#[tokio::test]
async fn no_address_answers_without_a_key() {
    let app = TestApp::start_with(|config| {
        config.registry.host = "registry.test".to_owned();
        // So that the address of payments by card is there.
        chain::join(config, "http://127.0.0.1:1/");
        cards::take_cards(config);
    })
    .await;
    let http = reqwest::Client::new();
    let undescribed = UNDESCRIBED.map(|(method, path, status)| {
        let path = path.replace("{id}", JOB).replace("{attempt}", ATTEMPT).replace("{sha256}", DIGEST);
        (method.parse().expect("a method"), format!("{}{path}", app.url()), status)
    });
    let described = Operation::all().into_iter().filter(Operation::needs_key);
    let described = described.map(|operation| {
        let address = operation.address(&app, operation.nobodys());
        (operation.method, address, 401)
    });
    for (method, address, status) in described.chain(undescribed) {
        for key in [None, Some("hfk_wrong"), Some(""), Some("hft_wrong")] {
            let mut request = http.request(method.clone(), &address);
            if let Some(key) = key {
                request = request.bearer_auth(key);
            }
            let refused = problem(request.send().await.expect("an answer")).await;
            assert_eq!((refused.status, refused.code), (status, Code::Unauthenticated), "{method} {address} {key:?}");
        }
    }
}

#[tokio::test]
async fn an_odd_id_names_nothing() {
    let app = start().await;
    let customer = app.customer(1).await;
    let odd = ["x", "%00", "%0a", "job_%00", "..%2f..", "%ff", ATTEMPT, &"a".repeat(5_000), &JOB.to_uppercase()];
    for operation in Operation::all().iter().filter(|operation| operation.path.contains("{id}")) {
        for id in odd {
            let mut request = operation.ask(&customer, operation.address(&app, id));
            if operation.takes_json() {
                request = request.json(&job(json!({})));
            }
            let response = request.send().await.expect("an answer");
            assert_eq!(response.status(), 404, "{} {id}", operation.name());
            refused(response, &format!("{} {id}", operation.name())).await;
        }
    }
}

#[tokio::test]
async fn an_odd_query_is_refused_and_named() {
    let app = start().await;
    let customer = app.customer(1).await;
    let open = customer.submit(json!({})).await;
    for operation in Operation::all().iter().filter(|operation| operation.is_customers()) {
        let id = if operation.path.starts_with("/v1/jobs") { open.id.to_string() } else { operation.nobodys().to_owned() };
        let names = operation.query_names();
        for name in &names {
            for value in ["%00", "a%00b", "%ff", "1e9", &"9".repeat(5_000)] {
                let address = format!("{}?{name}={value}", operation.address(&app, &id));
                let what = format!("{} ?{name}={}", operation.name(), value.chars().take(9).collect::<String>());
                refused(operation.ask(&customer, address).send().await.expect("an answer"), &what).await;
            }
        }
        if !names.is_empty() {
            let address = format!("{}?nonsense=1", operation.address(&app, &id));
            refused(operation.ask(&customer, address).send().await.expect("an answer"), &operation.name()).await;
        }
    }
    let token = format!("{}/v1/registry/token", app.url());
    for query in ["service=%00", "scope=%00", "scope=repository:%00/x:pull", "scope=repository:a/b%00:pull"] {
        let request = customer.http.get(format!("{token}?{query}")).basic_auth("x", Some(&customer.key));
        refused(request.send().await.expect("an answer"), query).await;
    }
}

/// Every text in `document` in turn replaced by one with a zero byte, and every key of a map of the customer's own.
fn with_zero_bytes(document: &Value) -> Vec<(String, Value)> {
    fn places(value: &Value, at: &str, found: &mut Vec<String>) {
        match value {
            Value::String(_) => found.push(at.to_owned()),
            Value::Array(items) => items.iter().enumerate().for_each(|(i, item)| places(item, &format!("{at}/{i}"), found)),
            Value::Object(map) => map.iter().for_each(|(key, item)| places(item, &format!("{at}/{key}"), found)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
    let mut found = Vec::new();
    places(document, "", &mut found);
    let broken = found.into_iter().map(|place| {
        let mut changed = document.clone();
        *changed.pointer_mut(&place).expect("it is there") = json!("a\u{0}b");
        (place, changed)
    });
    let mut broken: Vec<_> = broken.collect();
    let mut changed = document.clone();
    changed["env"] = json!({ "A\u{0}B": "x" });
    broken.push(("a name in env".to_owned(), changed));
    broken
}

/// A specification with every field of text there is.
fn full() -> Value {
    job(json!({
        "name": "n", "command": ["c"], "args": ["a"], "env": { "E": "v" },
        "resources": { "gpu": { "count": 1, "vendor": "nvidia" } },
        "inputs": [{ "url": "http://a.example/x", "sha256": DIGEST, "path": "in" }, { "upload": UPLOAD, "sha256": DIGEST, "path": "up" }],
        "outputs": ["out"], "network": "none", "verify": "none", "placement": { "trust": "own" },
        "webhook": "http://a.example/",
    }))
}

#[tokio::test]
async fn an_odd_body_is_refused_and_named() {
    let app = start().await;
    let customer = app.customer(1).await;
    let all = Operation::all();
    for operation in all.iter().filter(|operation| operation.takes_json()) {
        let address = || operation.address(&app, operation.nobodys());
        let ask = |body: Vec<u8>| operation.ask(&customer, address()).header("content-type", "application/json").body(body);
        for body in ["", "{", "null", "[]", "\"x\"", "{\"image\":1}", "{}{}", "\u{0}", "{\"\u{0}\":1}"] {
            let response = ask(body.into()).send().await.expect("an answer");
            assert_eq!(response.status(), 400, "{} {body:?}", operation.name());
            refused(response, &format!("{} {body:?}", operation.name())).await;
        }
        let deep = ask([vec![b'['; 100_000], vec![b']'; 100_000]].concat());
        refused(deep.send().await.expect("an answer"), "a deep body").await;
        assert_eq!(problem(ask(vec![b' '; 17 << 20]).send().await.expect("an answer")).await.status, 413, "{}", operation.name());
        for kind in ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", "x"] {
            let request = operation.ask(&customer, address()).header("content-type", kind).body(full().to_string());
            let response = problem(request.send().await.expect("an answer")).await;
            assert_eq!((response.status, response.errors[0].field.as_str()), (415, "content-type"), "{}", operation.name());
        }
        for (place, body) in with_zero_bytes(&full()) {
            let body = if operation.path.ends_with(":batch") { json!({ "jobs": [body] }) } else { body };
            refused(ask(body.to_string().into()).send().await.expect("an answer"), &format!("{} {place}", operation.name()))
                .await;
        }
    }
    for operation in all.iter().filter(|operation| operation.takes_a_file()) {
        let large = operation.ask(&customer, operation.address(&app, UPLOAD)).body(vec![0; 1_001]);
        let large = problem(large.send().await.expect("an answer")).await;
        assert_eq!((large.status, large.errors[0].field.as_str()), (413, "body"), "{}", operation.name());
    }
    assert_eq!(customer.balance().await.held, headframe_protocol::Micros::ZERO, "nothing of it was taken in");
}

#[tokio::test]
async fn a_rigs_own_addresses_refuse_what_is_odd() {
    let app = start().await;
    let customer = app.customer(1).await;
    let mut rig = FakeAgent::connect(&app).await;
    customer.submit(json!({})).await;
    let offer = rig.offer().await;
    rig.run(&offer).await;
    let http = reqwest::Client::new();
    for (method, path) in [
        ("GET", "inputs/%00"),
        ("GET", "inputs/-1"),
        ("GET", "inputs/99999999999999999999"),
        ("GET", "inputs/0"),
        ("PUT", "log"),
        ("PUT", "log?offset=%00"),
        ("PUT", "log?offset=18446744073709551615"),
        ("PUT", "objects/%00"),
        ("PUT", "objects/%ff"),
        ("PUT", &format!("objects/{}", "a".repeat(5_000))),
    ] {
        let address = offer.base.join(path).expect("an address");
        let method: Method = method.parse().expect("a method");
        let request = http.request(method.clone(), address.clone()).bearer_auth(&offer.token).body("a\u{0}b");
        refused(request.send().await.expect("an answer"), path).await;
        let other = http.request(method, address).bearer_auth(&customer.key).body("x");
        assert!(problem(other.send().await.expect("an answer")).await.status < 500, "{path} with a customer's key");
    }
    let events = format!("{}/v1/registry/events", app.url());
    // More than the registry ever says, and nobody waits for the rest of it.
    let request = http.post(events).header("x-headframe-registry-secret", "wrong").body(vec![b'x'; 200_000]);
    assert_eq!(problem(request.send().await.expect("an answer")).await.code, Code::Unauthenticated);
}
