//! A door before the real engine. What passes is the engine's own; a test may refuse a request, hold it up, or change what the
//! engine says of itself.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::Notify;

/// Where the engine of every test answers.
const ENGINE: &str = "/var/run/docker.sock";
/// What the engine says of itself is some kilobytes.
const INFO_BYTES_MAX: usize = 1 << 20;

pub(crate) struct Door {
    dir: TempDir,
    keeper: Keeper,
}

/// A request that is held up until it is let through.
#[derive(Default)]
pub(crate) struct Gate {
    pub(crate) arrived: Notify,
    pub(crate) open: Notify,
    pub(crate) answered: Notify,
}

#[derive(Clone)]
struct Keeper {
    client: reqwest::Client,
    rules: Arc<Mutex<Rules>>,
}

/// By the end of a request's path.
#[derive(Default)]
struct Rules {
    refused: BTreeMap<&'static str, u32>,
    gates: BTreeMap<&'static str, Arc<Gate>>,
    data_root: Option<PathBuf>,
    asked: Vec<String>,
}

impl Door {
    pub(crate) async fn open() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let client = reqwest::Client::builder().unix_socket(Path::new(ENGINE)).build().expect("a client");
        let keeper = Keeper { client, rules: Arc::default() };
        let listener = tokio::net::UnixListener::bind(dir.path().join("door.sock")).expect("a socket");
        let routes = Router::new().fallback(pass).with_state(keeper.clone());
        #[expect(clippy::disallowed_methods, reason = "it ends with the test that started it")]
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { dir, keeper }
    }

    pub(crate) fn socket(&self) -> String {
        format!("unix://{}", self.dir.path().join("door.sock").display())
    }

    /// The next `times` requests of that path get a 500 and never reach the engine.
    pub(crate) fn refuse(&self, path: &'static str, times: u32) {
        self.rules(|rules| rules.refused.insert(path, times));
    }

    /// The next request of that path waits.
    pub(crate) fn hold(&self, path: &'static str) -> Arc<Gate> {
        let gate = Arc::<Gate>::default();
        self.rules(|rules| rules.gates.insert(path, Arc::clone(&gate)));
        gate
    }

    /// The engine keeps images and volumes there, it says from now on.
    pub(crate) fn says_data_root(&self, path: &Path) {
        self.rules(|rules| rules.data_root = Some(path.to_owned()));
    }

    /// How often that path was asked for.
    pub(crate) fn asked(&self, path: &str) -> usize {
        self.rules(|rules| rules.asked.iter().filter(|asked| asked.ends_with(path)).count())
    }

    fn rules<T>(&self, act: impl FnOnce(&mut Rules) -> T) -> T {
        act(&mut self.keeper.rules.lock().expect("no panics"))
    }
}

async fn pass(State(keeper): State<Keeper>, request: Request) -> Response {
    // As the engine does: what it was asked it goes on with when the asker has gone.
    #[expect(clippy::disallowed_methods, reason = "it ends with the engine's answer")]
    tokio::spawn(keeper.answer(request)).await.expect("no panics")
}

impl Keeper {
    async fn answer(self, request: Request) -> Response {
        let path = request.uri().path().to_owned();
        let (refused, gate) = {
            let mut rules = self.rules.lock().expect("no panics");
            rules.asked.push(path.clone());
            let refused = rules.refused.iter_mut().find(|(end, left)| path.ends_with(*end) && **left > 0);
            let refused = refused.map(|(_, left)| *left -= 1).is_some();
            let gate = rules.gates.keys().copied().find(|end| path.ends_with(end));
            (refused, gate.and_then(|end| rules.gates.remove(end)))
        };
        if refused {
            return (StatusCode::INTERNAL_SERVER_ERROR, r#"{"message":"not now"}"#).into_response();
        }
        if let Some(gate) = &gate {
            gate.arrived.notify_one();
            gate.open.notified().await;
        }
        let answer = self.forward(request).await;
        if let Some(gate) = gate {
            gate.answered.notify_one();
        }
        if path.ends_with("/info") { self.altered(answer).await } else { answer }
    }

    async fn forward(&self, request: Request) -> Response {
        let (head, body) = request.into_parts();
        let address = format!("http://engine{}", head.uri.path_and_query().expect("a path"));
        let mut headers = head.headers;
        // A stream, even an empty one, is something to the engine, which wants nothing at some addresses.
        let is_there = |name| headers.get(name).is_some_and(|value| value != "0");
        let has_body = is_there(header::CONTENT_LENGTH) || is_there(header::TRANSFER_ENCODING);
        for of_this_connection in [header::HOST, header::CONNECTION, header::TRANSFER_ENCODING] {
            headers.remove(of_this_connection);
        }
        let mut asked = self.client.request(head.method, address).headers(headers);
        if has_body {
            asked = asked.body(reqwest::Body::wrap_stream(body.into_data_stream()));
        }
        let Ok(answer) = asked.send().await else { return StatusCode::BAD_GATEWAY.into_response() };
        let (status, mut headers) = (answer.status(), answer.headers().clone());
        headers.remove(header::TRANSFER_ENCODING);
        (status, headers, Body::from_stream(answer.bytes_stream())).into_response()
    }

    async fn altered(&self, answer: Response) -> Response {
        let Some(root) = self.rules.lock().expect("no panics").data_root.clone() else { return answer };
        let bytes = axum::body::to_bytes(answer.into_body(), INFO_BYTES_MAX).await.expect("what the engine says");
        let mut info: Value = serde_json::from_slice(&bytes).expect("JSON");
        info["DockerRootDir"] = root.to_string_lossy().into();
        axum::Json(info).into_response()
    }
}
