//! Serves the connections, and puts a limit on how many there are and how long each may say nothing.
//!
//! `axum::serve` has neither limit: whoever opens connections and never finishes a request would have them for ever. HTTP/1.1
//! only, which proxies speak to what is behind them; telling it from HTTP/2 would be one more wait without an end.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{ConnectInfo, Request},
    serve::Listener,
};
use hyper::{body::Incoming, server::conn::http1};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};

use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::tasks::Tasks;

/// How long the head of a request may take, from the end of the last one on. Clients do not keep a connection in hand that
/// was closed; they open another.
pub(super) const HEAD_TIME_MAX: Duration = Duration::from_secs(60);

/// The most bytes of a request's head. A path, a query and a token are a few hundred.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// How much of anything.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Connections at the same time; those beyond it wait in the system's queue. One that became an agent's session gives its
    /// place back: sessions have a limit of their own.
    pub(super) connections: u32,
    /// For the head of a request, [`HEAD_TIME_MAX`].
    pub(super) head: Duration,
}

/// Serves until the tasks are told to stop.
pub(super) async fn serve(mut listener: TcpListener, router: Router, tasks: Tasks, limits: Limits) {
    let (stop, places) = (tasks.stopping(), Arc::new(Semaphore::new(limits.connections as usize)));
    loop {
        let place = Arc::clone(&places).acquire_owned();
        let connection = async {
            let place = place.await;
            // Waits and goes on by itself when the system has no more file descriptors.
            let (stream, _) = Listener::accept(&mut listener).await;
            (place, stream)
        };
        let (place, stream) = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            connection = connection => connection,
        };
        let Ok(place) = place else { return };
        tasks.spawn("connection", hold(stream, router.clone(), (tasks.stopping(), limits.head), place));
    }
}

/// One connection, to its end; when we stop, to the end of the request it is at.
async fn hold(
    stream: TcpStream,
    router: Router,
    (stop, head_time_max): (CancellationToken, Duration),
    _place: OwnedSemaphorePermit,
) {
    // Small answers and messages of sessions go out at once.
    drop(stream.set_nodelay(true));
    let from = stream.peer_addr().ok().map(ConnectInfo);
    let service = router.map_request(move |mut request: Request<Incoming>| {
        if let Some(from) = from {
            request.extensions_mut().insert(from);
        }
        request
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head_time_max)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service))
        .with_upgrades();
    tokio::pin!(connection);
    let ended = tokio::select! {
        biased;
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(error = &error as &dyn std::error::Error, "A connection broke off");
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    /// No test waits longer for anything.
    const PATIENCE: Duration = Duration::from_secs(20);

    async fn start(limits: Limits) -> (Tasks, std::net::SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let (tasks, address) = (Tasks::default(), listener.local_addr().expect("its address"));
        let router = Router::new().route("/", get(async || "here"));
        tasks.spawn("http", serve(listener, router, tasks.clone(), limits));
        (tasks, address)
    }

    async fn say(address: std::net::SocketAddr, text: &str) -> TcpStream {
        let mut stream = TcpStream::connect(address).await.expect("a connection");
        stream.write_all(text.as_bytes()).await.expect("sent");
        stream
    }

    /// What comes until the other side closes.
    async fn hear(mut stream: TcpStream) -> String {
        let mut heard = String::new();
        tokio::time::timeout(PATIENCE, stream.read_to_string(&mut heard)).await.expect("it is closed in time").expect("read");
        heard
    }

    #[tokio::test]
    async fn who_never_finishes_a_request_is_cut_off() {
        let (tasks, address) = start(Limits { connections: 10, head: Duration::from_millis(100) }).await;
        for slow in ["", "P", "GET / HTTP/1.1\r\nhost: a\r\nx-slow: ", "PRI * HTTP/2.0\r\n"] {
            let heard = hear(say(address, slow).await).await;
            assert!(!heard.contains("here"), "{slow:?}: {heard}");
        }
        let quick = say(address, "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
        assert!(hear(quick).await.ends_with("here"));
        tasks.shutdown().await;
    }

    #[tokio::test]
    async fn who_comes_too_many_waits_until_one_goes() {
        let (tasks, address) = start(Limits { connections: 1, head: PATIENCE * 2 }).await;
        let first = say(address, "GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
        first.readable().await.expect("the first is served");
        let second = say(address, "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
        let early = tokio::time::timeout(Duration::from_millis(100), second.readable()).await;
        assert!(early.is_err(), "the second is not served while the first is there");
        drop(first);
        assert!(hear(second).await.ends_with("here"));
        tasks.shutdown().await;
    }
}
