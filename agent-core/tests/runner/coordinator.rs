//! A coordinator's attempt endpoints, as the protocol has them, over plain memory.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{DefaultBodyLimit, Path, Query, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, put},
};
use headframe_protocol::{Sha256, error::Problem};
use url::Url;

pub(crate) const TOKEN: &str = "a-token-nobody-may-see";

#[derive(Default)]
pub(crate) struct Seen {
    /// Given out by `GET inputs/{index}`.
    pub(crate) inputs: BTreeMap<usize, Vec<u8>>,
    pub(crate) log: Vec<u8>,
    pub(crate) objects: BTreeMap<String, Vec<u8>>,
    /// What is said to every output, if there is no room for any.
    pub(crate) full: Option<Problem>,
    pub(crate) objects_refused: u32,
    /// Answers to give instead, one per request.
    pub(crate) troubles: u32,
}

#[derive(Clone, Default)]
pub(crate) struct Coordinator {
    pub(crate) seen: Arc<Mutex<Seen>>,
    address: Option<SocketAddr>,
}

impl Coordinator {
    pub(crate) async fn start() -> Self {
        let mut coordinator = Self::default();
        let routes = Router::new()
            .route("/inputs/{index}", get(input))
            .route("/checkpoint/{sum}", get(checkpoint))
            .route("/log", put(log))
            .route("/objects/{sum}", put(object))
            .layer(DefaultBodyLimit::max(1 << 30))
            .with_state(coordinator.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        coordinator.address = Some(listener.local_addr().expect("bound"));
        #[expect(clippy::disallowed_methods, reason = "it ends with the test that started it")]
        tokio::spawn(async move { axum::serve(listener, routes).await });
        coordinator
    }

    pub(crate) fn base(&self) -> Url {
        format!("http://{}/", self.address.expect("started")).parse().expect("an address")
    }

    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&self.seen.lock().expect("no panics").log).into_owned()
    }

    pub(crate) fn object(&self, sum: Sha256) -> Option<Vec<u8>> {
        self.seen.lock().expect("no panics").objects.get(&sum.to_string()).cloned()
    }

    fn refusal(&self) -> Option<Problem> {
        let mut seen = self.seen.lock().expect("no panics");
        let problem = seen.full.clone()?;
        seen.objects_refused += 1;
        Some(problem)
    }

    fn admit(&self, headers: &HeaderMap) -> Result<(), StatusCode> {
        let mut seen = self.seen.lock().expect("no panics");
        if seen.troubles > 0 {
            seen.troubles -= 1;
            return Err(StatusCode::SERVICE_UNAVAILABLE);
        }
        let bearer = headers.get("authorization").and_then(|value| value.to_str().ok());
        if bearer == Some(&format!("Bearer {TOKEN}")) { Ok(()) } else { Err(StatusCode::UNAUTHORIZED) }
    }
}

async fn input(
    State(coordinator): State<Coordinator>,
    Path(index): Path<usize>,
    headers: HeaderMap,
) -> Result<Vec<u8>, StatusCode> {
    coordinator.admit(&headers)?;
    coordinator.seen.lock().expect("no panics").inputs.get(&index).cloned().ok_or(StatusCode::NOT_FOUND)
}

async fn checkpoint(
    State(coordinator): State<Coordinator>,
    Path(sum): Path<String>,
    headers: HeaderMap,
) -> Result<Vec<u8>, StatusCode> {
    coordinator.admit(&headers)?;
    coordinator.seen.lock().expect("no panics").objects.get(&sum).cloned().ok_or(StatusCode::NOT_FOUND)
}

async fn log(
    State(coordinator): State<Coordinator>,
    Query(query): Query<BTreeMap<String, u64>>,
    headers: HeaderMap,
    piece: Bytes,
) -> Result<Response, StatusCode> {
    coordinator.admit(&headers)?;
    assert!(piece.len() <= 64 * 1024, "a piece of log is at most 64 KiB");
    let mut seen = coordinator.seen.lock().expect("no panics");
    let expected = seen.log.len() as u64;
    if query["offset"] != expected {
        return Ok((StatusCode::CONFLICT, [("x-headframe-offset", expected.to_string())]).into_response());
    }
    seen.log.extend_from_slice(&piece);
    Ok(format!("{{\"offset\":{}}}", seen.log.len()).into_response())
}

async fn object(
    State(coordinator): State<Coordinator>,
    Path(sum): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, StatusCode> {
    coordinator.admit(&headers)?;
    if let Some(problem) = coordinator.refusal() {
        // The body stays unread, as it does where there is no room for it.
        let status = StatusCode::from_u16(problem.status).expect("a status");
        return Ok((status, axum::Json(problem)).into_response());
    }
    let bytes = axum::body::to_bytes(body, usize::MAX).await.map_err(|_| StatusCode::BAD_REQUEST)?;
    if Sha256::of(&bytes).to_string() != sum {
        return Err(StatusCode::BAD_REQUEST);
    }
    let old = coordinator.seen.lock().expect("no panics").objects.insert(sum, bytes.to_vec());
    Ok(if old.is_some() { StatusCode::OK } else { StatusCode::CREATED }.into_response())
}
