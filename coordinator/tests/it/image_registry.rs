//! The network's image registry: a real distribution registry on loopback that asks this coordinator for tokens.

use std::{net::SocketAddr, process::Stdio, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use headframe_coordinator::{
    admin::acts,
    registry::{
        prune::{self, Keep},
        write_config,
    },
    store::customers,
};
use headframe_protocol::{Sha256, api::Account, error::Code};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{Customer, FakeAgent, PATIENCE, TestApp, by, problem};

/// A coordinator with a registry beside it.
struct Network {
    app: TestApp,
    host: String,
    registry: tokio::process::Child,
    http: reqwest::Client,
}

impl Network {
    async fn start(storage_bytes_max: u64) -> Self {
        let listen = free_address();
        let app = TestApp::start_with(|config| {
            config.registry.host = listen.to_string();
            config.registry.api_url = format!("http://{listen}");
            config.limits.storage_bytes_max = storage_bytes_max;
        })
        .await;
        let url = app.url().parse().expect("an address");
        let path = write_config(&app.config.data_dir, listen, &url, &app.config.registry).expect("a configuration");
        let mut command = tokio::process::Command::new("docker-registry");
        command.arg("serve").arg(path).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        // `cargo xtask test` installs it; without it there is nothing to test and saying so is better than silence.
        let registry = command.spawn().expect("docker-registry is installed");
        let network = Self { app, host: listen.to_string(), registry, http: reqwest::Client::new() };
        network.until_it_answers().await;
        network
    }

    async fn until_it_answers(&self) {
        let started = tokio::time::Instant::now();
        while self.http.get(format!("http://{}/v2/", self.host)).send().await.is_err() {
            assert!(started.elapsed() < PATIENCE, "the registry does not come up");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn stop_registry(&mut self) {
        self.registry.kill().await.expect("the registry ends");
    }

    async fn ask_token(&self, user: &str, password: &str, scope: &str) -> reqwest::Response {
        let request = self.http.get(format!("{}/v1/registry/token", self.app.url())).basic_auth(user, Some(password));
        request.query(&[("service", "headframe"), ("scope", scope), ("account", user)]).send().await.expect("an answer")
    }

    async fn token(&self, user: &str, password: &str, scope: &str) -> String {
        let answer: Value = self.ask_token(user, password, scope).await.json().await.expect("a token");
        assert_eq!(answer["token"], answer["access_token"]);
        answer["token"].as_str().expect("a token").to_owned()
    }

    async fn call(&self, method: Method, path: &str, token: &str, body: Vec<u8>, kind: &str) -> reqwest::Response {
        let request = self.http.request(method, format!("http://{}/v2/{path}", self.host)).bearer_auth(token);
        request.header("content-type", kind).header("accept", MANIFEST).body(body).send().await.expect("an answer")
    }

    /// Pushes one layer, as engines do.
    async fn push_layer(&self, repository: &str, token: &str, bytes: &[u8]) -> StatusCode {
        let begun = self.call(Method::POST, &format!("{repository}/blobs/uploads/"), token, Vec::new(), "").await;
        if !begun.status().is_success() {
            return begun.status();
        }
        let place = begun.headers()["location"].to_str().expect("a place").to_owned();
        let mut place =
            url::Url::parse(&place).or_else(|_| url::Url::parse(&format!("http://{}{place}", self.host))).expect("an address");
        place.query_pairs_mut().append_pair("digest", &format!("sha256:{}", Sha256::of(bytes)));
        let request = self.http.put(place).bearer_auth(token).header("content-type", "application/octet-stream");
        request.body(bytes.to_vec()).send().await.expect("an answer").status()
    }

    /// Pushes an image of one layer under a tag; returns the digest of its manifest.
    async fn push(&self, customer: &Customer, repository: &str, tag: &str, layer: &[u8]) -> Sha256 {
        let token = self.token("anybody", &customer.key, &format!("repository:{repository}:pull,push")).await;
        let config = b"{}";
        for bytes in [layer, config] {
            assert_eq!(self.push_layer(repository, &token, bytes).await, 201);
        }
        let part = |kind: &str, bytes: &[u8]| json!({ "mediaType": kind, "size": bytes.len(), "digest": format!("sha256:{}", Sha256::of(bytes)) });
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST,
            "config": part("application/vnd.docker.container.image.v1+json", config),
            "layers": [part("application/vnd.docker.image.rootfs.diff.tar.gzip", layer)],
        });
        let manifest = serde_json::to_vec(&manifest).expect("JSON");
        let sum = Sha256::of(&manifest);
        let answer = self.call(Method::PUT, &format!("{repository}/manifests/{tag}"), &token, manifest, MANIFEST).await;
        assert_eq!(answer.status(), 201);
        sum
    }

    async fn has(&self, token: &str, repository: &str, digest: Sha256) -> StatusCode {
        self.call(Method::HEAD, &format!("{repository}/manifests/sha256:{digest}"), token, Vec::new(), "").await.status()
    }

    /// Waits until what the customer keeps is counted as `bytes`.
    async fn counted(&self, customer: &Customer, wanted: impl Fn(u64) -> bool) -> u64 {
        let started = tokio::time::Instant::now();
        loop {
            let mut connection = self.app.app().store.read().await.expect("a connection");
            let record = customers::find(&mut connection, customer.id).await.expect("a row").expect("a customer");
            if wanted(record.storage_bytes_used) {
                return record.storage_bytes_used;
            }
            assert!(started.elapsed() < PATIENCE, "{} bytes are counted", record.storage_bytes_used);
            drop(connection);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

const MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";

fn free_address() -> SocketAddr {
    std::net::TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr()).expect("a free port")
}

async fn namespace(customer: &Customer) -> String {
    let account: Account = customer.get("/v1/account").await.json().await.expect("an account");
    account.registry.expect("the network has a registry").split_once('/').expect("host and namespace").1.to_owned()
}

#[tokio::test]
async fn a_customer_pushes_into_his_namespace_and_a_rig_pulls_exactly_that() {
    let network = Network::start(1_000_000).await;
    let (customer, other) = (network.app.customer(10).await, network.app.customer(10).await);
    let repository = format!("{}/render", namespace(&customer).await);
    let digest = network.push(&customer, &repository, "latest", &[1; 5_000]).await;
    network.counted(&customer, |bytes| bytes > 5_000).await;

    let stranger = network.token("x", &other.key, &format!("repository:{repository}:pull,push")).await;
    assert_eq!(network.has(&stranger, &repository, digest).await, 401, "another customer cannot even look");
    assert_eq!(network.push_layer(&repository, &stranger, b"x").await, 401);

    let mut rig = FakeAgent::connect(&network.app).await;
    customer.submit(json!({ "image": format!("{}/{repository}@sha256:{digest}", network.host) })).await;
    let login = rig.offer().await.registry.expect("a login for our own registry");
    assert_eq!(login.user, "attempt");
    let pull = network.token(&login.user, &login.password, &format!("repository:{repository}:pull,push")).await;
    assert_eq!(network.has(&pull, &repository, digest).await, 200);
    assert_eq!(network.push_layer(&repository, &pull, b"x").await, 401, "a rig never pushes");
    let elsewhere = network.token(&login.user, &login.password, &format!("repository:{}/x:pull", namespace(&other).await)).await;
    assert_eq!(network.has(&elsewhere, &repository, digest).await, 401);
    let borrowed = network.ask_token("somebody", &login.password, "").await;
    assert_eq!(problem(borrowed).await.code, Code::Unauthenticated, "the credential is a rig's, not a customer's");
}

#[tokio::test]
async fn a_full_account_gets_no_token_to_push() {
    let network = Network::start(4_000).await;
    let customer = network.app.customer(0).await;
    let repository = format!("{}/big", namespace(&customer).await);
    network.push(&customer, &repository, "latest", &[1; 5_000]).await;
    network.counted(&customer, |bytes| bytes > 4_000).await;
    let scope = format!("repository:{repository}:pull,push");
    let refused = problem(network.ask_token("x", &customer.key, &scope).await).await;
    assert_eq!((refused.status, refused.errors[0].field.as_str()), (403, "scope"));
    assert!(refused.errors[0].message.contains("storage is used up"), "{refused:?}");
    let pull = network.ask_token("x", &customer.key, &format!("repository:{repository}:pull")).await;
    assert_eq!(pull.status(), 200, "what is there can still be pulled");
}

#[tokio::test]
async fn garbage_goes_and_what_is_tagged_or_used_stays() {
    let mut network = Network::start(1_000_000).await;
    let customer = network.app.customer(10).await;
    let repository = format!("{}/render", namespace(&customer).await);
    let used = network.push(&customer, &repository, "latest", &[1; 5_000]).await;
    let garbage = network.push(&customer, &repository, "latest", &[2; 6_000]).await;
    let tagged = network.push(&customer, &repository, "latest", &[3; 7_000]).await;
    customer.submit(json!({ "image": format!("{}/{repository}@sha256:{used}", network.host) })).await;
    let before = network.counted(&customer, |bytes| bytes > 18_000).await;

    let app = network.app.app();
    let (registry, store) = (app.registry.clone().expect("a registry"), app.store.clone());
    tokio::time::sleep(Duration::from_millis(5)).await;
    let keep = Keep { pushed_since: store.now(), used_since: store.now() };
    let pruned = prune::manifests(&registry, &store, keep).await.expect("pruned");
    assert_eq!(pruned.removed, [format!("{repository}@sha256:{garbage}")]);
    let token = network.token("x", &customer.key, &format!("repository:{repository}:pull")).await;
    for (digest, status) in [(used, 200), (tagged, 200), (garbage, 404)] {
        assert_eq!(network.has(&token, &repository, digest).await, status);
    }

    let config = app.config.data_dir.join("registry/config.yml");
    network.stop_registry().await;
    let freed =
        tokio::process::Command::new("docker-registry").arg("garbage-collect").arg(&config).output().await.expect("it runs");
    assert!(freed.status.success(), "{}", String::from_utf8_lossy(&freed.stderr));
    let mut command = tokio::process::Command::new("docker-registry");
    network.registry = command
        .arg("serve")
        .arg(&config)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("it starts");
    network.until_it_answers().await;
    assert_eq!(prune::count_layers(&registry, &store).await.expect("counted"), 1);
    let after = network.counted(&customer, |bytes| bytes < before).await;
    assert!((6_000..6_000 + 1_000).contains(&(before - after)), "the layer and its manifest: {before} to {after}");
    acts::note_registry_prune(&store, &by(), acts::Prune::Done, "1 manifest").await.expect("noted");
}

#[tokio::test]
async fn the_token_endpoint_says_what_is_wrong() {
    let network = Network::start(1_000).await;
    let customer = network.app.customer(0).await;
    let address = format!("{}/v1/registry/token", network.app.url());
    let anonymous = network.http.get(&address).send().await.expect("an answer");
    assert_eq!(anonymous.headers()["www-authenticate"], "Basic realm=\"headframe\"");
    assert_eq!(problem(anonymous).await.code, Code::Unauthenticated);
    assert_eq!(problem(network.ask_token("x", "hfk_wrong", "").await).await.code, Code::Unauthenticated);
    assert_eq!(problem(network.ask_token("attempt", &customer.key, "").await).await.code, Code::Unauthenticated);
    let odd = problem(network.ask_token("x", &customer.key, "registry:catalog:*").await).await;
    assert_eq!((odd.status, odd.errors[0].field.as_str()), (422, "scope"));
    let request = network.http.get(&address).basic_auth("x", Some(&customer.key)).query(&[("service", "other")]);
    let odd = problem(request.send().await.expect("an answer")).await;
    assert_eq!((odd.status, odd.errors[0].field.as_str()), (422, "service"));
    for value in ["Basic !!!", "Basic eA==", "Bearer x", "Basic"] {
        let response = network.http.get(&address).header("authorization", value).send().await.expect("an answer");
        assert_eq!(problem(response).await.code, Code::Unauthenticated, "{value}");
    }
    assert_eq!(network.ask_token("x", &customer.key, "").await.status(), 200, "`docker login` asks for no scope");
    acts::suspend(&network.app.app().store, &by(), customer.id).await.expect("suspended");
    assert_eq!(problem(network.ask_token("x", &customer.key, "").await).await.code, Code::AccountSuspended);
}

#[tokio::test]
async fn only_our_registry_tells_us_of_pushes() {
    let network = Network::start(1_000).await;
    let address = format!("{}/v1/registry/events", network.app.url());
    let post = |secret: String, body: &'static str| {
        network.http.post(&address).header("x-headframe-registry-secret", secret).body(body).send()
    };
    let secret = std::fs::read_to_string(network.app.config.data_dir.join("registry/events.secret")).expect("the secret");
    assert_eq!(problem(post("guess".to_owned(), r#"{"events":[]}"#).await.expect("an answer")).await.code, Code::Unauthenticated);
    assert_eq!(post(secret.clone(), r#"{"events":[]}"#).await.expect("an answer").status(), 200);
    let odd = problem(post(secret.clone(), "{").await.expect("an answer")).await;
    assert_eq!((odd.status, odd.errors[0].field.as_str()), (400, "body"));
    let nobody = r#"{"events":[{"action":"push","target":{"mediaType":"x","size":5,"digest":"sha256:aa","repository":"nobody/x"}},{"action":"fly","target":{}}]}"#;
    assert_eq!(post(secret, nobody).await.expect("an answer").status(), 200, "what is in nobody's namespace counts for nobody");
    let network_without = TestApp::start().await;
    let customer = network_without.customer(0).await;
    let login = STANDARD.encode(format!("x:{}", customer.key));
    let request =
        customer.http.get(format!("{}/v1/registry/token", customer.url)).header("authorization", format!("Basic {login}"));
    assert_eq!(problem(request.send().await.expect("an answer")).await.code, Code::NotFound);
    let account: Account = customer.get("/v1/account").await.json().await.expect("an account");
    assert_eq!(account.registry, None);
}

#[tokio::test]
async fn another_customers_image_does_not_run_for_who_knows_its_digest() {
    let network = Network::start(1_000).await;
    let (customer, stranger) = (network.app.customer(10).await, network.app.customer(10).await);
    let image = format!("{}/{}/render@sha256:{}", network.host, namespace(&customer).await, Sha256::of(b"x"));
    let refused = problem(stranger.post("/v1/jobs", &crate::support::job(json!({ "image": image }))).await).await;
    assert_eq!((refused.code, refused.errors[0].field.as_str()), (Code::ImageNotApproved, "image"));
    customer.submit(json!({ "image": image })).await;
}
