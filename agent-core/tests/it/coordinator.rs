//! A coordinator that says what a test tells it to.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use futures_util::{SinkExt as _, StreamExt as _};
use headframe_protocol::{
    AttemptId, JobId, Micros, SessionId, Sha256,
    auth::{self, Handshake},
    job::{AttemptState, Content},
    session::{
        AgentMessage, AttemptRef, Beat, Challenge, CoordinatorMessage, Finished, Hello, LeaseBeat, LeaseVerdict, Offer, Refused,
        RefusedCode, Settled, Welcome,
    },
};
use jiff::fmt::rfc2822::DateTimePrinter;
use tokio::{
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream, accept_hdr_async,
    tungstenite::{
        Message,
        handshake::server::{Request, Response},
        http::header::DATE,
    },
};

/// How long anything may take. Generous: a busy machine is not a failure.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// The network of all tests.
pub(crate) const NETWORK: &str = "testbed";

pub(crate) struct FakeCoordinator {
    listener: TcpListener,
    /// How far its clock is behind the PC's, in seconds. It tells no time while this is zero.
    behind_s: AtomicI64,
}

/// One session.
pub(crate) struct Line {
    socket: WebSocketStream<TcpStream>,
    /// Whether heartbeats are answered, with all leases held.
    pub(crate) answers: bool,
    /// What the last heartbeat said.
    pub(crate) last_beat: Option<(bool, Vec<LeaseBeat>)>,
}

impl FakeCoordinator {
    pub(crate) async fn start() -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").await.expect("a free port"), behind_s: AtomicI64::new(0) }
    }

    /// From the next session on, it says what time it is.
    pub(crate) fn is_behind(&self, seconds: i64) {
        self.behind_s.store(seconds, Ordering::Relaxed);
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.listener.local_addr().expect("bound"))
    }

    /// The next agent to dial, challenged; its greeting is checked as a coordinator does. An agent that has ended since it dialled is passed
    /// over: where a test says nothing to it for a while, it takes the line for dead and dials anew, and ends with that on its way.
    pub(crate) async fn greeted(&self) -> (Hello, Line) {
        let (hello, nonce, line) = timeout(PATIENCE, async {
            loop {
                let (stream, _) = self.listener.accept().await.expect("a connection");
                if let Some(greeted) = self.challenged(stream).await {
                    return greeted;
                }
            }
        })
        .await
        .expect("an agent dials and says something");
        let signed = Handshake {
            nonce: (*nonce.as_bytes()).into(),
            device: hello.device.0,
            network: NETWORK.to_owned(),
            origin: self.url(),
            protocolVersion: hello.version,
        };
        assert_eq!(hello.origin, self.url());
        assert_eq!(auth::verify(&signed, &hello.signature, hello.device), Ok(()), "the greeting is signed");
        assert!(hello.rig.problems().is_empty(), "{:?}", hello.rig.problems());
        (hello, line)
    }

    /// What an agent answers to a challenge; nothing if it has gone.
    async fn challenged(&self, stream: TcpStream) -> Option<(Hello, Sha256, Line)> {
        let behind_s = self.behind_s.load(Ordering::Relaxed);
        #[expect(clippy::result_large_err, reason = "the library wants it so")]
        let dated = move |_: &Request, mut answer: Response| {
            if behind_s != 0 {
                answer.headers_mut().insert(DATE, date(behind_s).parse().expect("a value"));
            }
            Ok(answer)
        };
        let mut socket = accept_hdr_async(stream, dated).await.ok()?;
        let nonce = Sha256::of(SessionId::generate().to_string().as_bytes());
        let challenge =
            CoordinatorMessage::Challenge(Challenge { nonce, network: NETWORK.to_owned(), version: 1, version_min: 1 });
        socket.send(Message::text(serde_json::to_string(&challenge).expect("plain data"))).await.ok()?;
        let text = loop {
            if let Message::Text(text) = socket.next().await?.ok()? {
                break text;
            }
        };
        let AgentMessage::Hello(hello) = serde_json::from_str(&text).expect("a message of ours") else {
            panic!("a hello comes first")
        };
        Some((*hello, nonce, Line { socket, answers: true, last_beat: None }))
    }

    /// The next agent to dial, welcomed with all its leases.
    pub(crate) async fn welcomed(&self) -> (Hello, Line) {
        let (hello, mut line) = self.greeted().await;
        line.welcome(&hello, Duration::from_secs(60)).await;
        (hello, line)
    }
}

/// As the head of an answer says it.
fn date(behind_s: i64) -> String {
    let told = jiff::Timestamp::now() - jiff::SignedDuration::from_secs(behind_s);
    DateTimePrinter::new().timestamp_to_rfc9110_string(&told).expect("a time of this century")
}

impl Line {
    pub(crate) async fn welcome(&mut self, hello: &Hello, lease_ttl: Duration) {
        let leases = verdicts(&hello.leases);
        let lease_ttl_ms = u64::try_from(lease_ttl.as_millis()).expect("small");
        let welcome = Welcome { session: SessionId::generate(), heartbeat_ms: 100, lease_ttl_ms, leases };
        self.say(CoordinatorMessage::Welcome(welcome)).await;
    }

    pub(crate) async fn refuse(&mut self, code: RefusedCode) {
        self.say(CoordinatorMessage::Refused(Refused { code, message: "No.".to_owned() })).await;
    }

    pub(crate) async fn say(&mut self, message: CoordinatorMessage) {
        let text = serde_json::to_string(&message).expect("plain data");
        self.socket.send(Message::text(text)).await.expect("the agent listens");
    }

    pub(crate) async fn say_text(&mut self, text: &str) {
        self.socket.send(Message::text(text)).await.expect("the agent listens");
    }

    /// The next message that is not a heartbeat.
    pub(crate) async fn hear(&mut self) -> AgentMessage {
        timeout(PATIENCE, self.hear_soon()).await.expect("the agent says something")
    }

    async fn hear_soon(&mut self) -> AgentMessage {
        loop {
            let frame = self.socket.next().await.expect("the agent stays").expect("a frame");
            let Message::Text(text) = frame else { continue };
            let message: AgentMessage = serde_json::from_str(&text).expect("a message of ours");
            let AgentMessage::Heartbeat(heartbeat) = message else { return message };
            self.last_beat = Some((heartbeat.ready, heartbeat.leases.clone()));
            if self.answers {
                let beat = Beat { sequence: heartbeat.sequence, leases: verdicts(&heartbeat.leases) };
                self.say(CoordinatorMessage::Beat(beat)).await;
            }
        }
    }

    /// Passes over messages until `wanted` picks one.
    pub(crate) async fn until<T>(&mut self, wanted: impl Fn(AgentMessage) -> Option<T>) -> T {
        loop {
            if let Some(found) = wanted(self.hear().await) {
                return found;
            }
        }
    }

    pub(crate) async fn finished(&mut self) -> Finished {
        self.until(|message| if let AgentMessage::Finished(finished) = message { Some(*finished) } else { None }).await
    }

    /// Goes on answering heartbeats until `condition` holds.
    pub(crate) async fn beats_until(&mut self, condition: impl Fn(bool, &[LeaseBeat]) -> bool) {
        let waiting = async {
            loop {
                if self.last_beat.as_ref().is_some_and(|(ready, leases)| condition(*ready, leases)) {
                    return;
                }
                // Cut short to look at each heartbeat.
                timeout(Duration::from_millis(50), self.hear_soon()).await.ok();
            }
        };
        timeout(PATIENCE, waiting).await.expect("a heartbeat says so");
    }

    /// Whether the agent has closed the line.
    pub(crate) async fn is_closed(&mut self) {
        let closed = async { while let Some(Ok(_)) = self.socket.next().await {} };
        timeout(PATIENCE, closed).await.expect("the agent hangs up");
    }

    pub(crate) async fn settle(&mut self, at: AttemptRef, state: AttemptState, credit: Micros) {
        let settled = Settled { at, state, reason: None, credit, paid_ms: 1_000 };
        self.say(CoordinatorMessage::Settled(settled)).await;
    }
}

fn verdicts(leases: &[LeaseBeat]) -> Vec<LeaseVerdict> {
    leases.iter().map(|lease| LeaseVerdict { at: lease.at, held: true }).collect()
}

pub(crate) fn offer() -> Offer {
    let digest = "5".repeat(64);
    let spec = serde_json::json!({
        "name": "a frame",
        "image": format!("registry.test/demo/tool@sha256:{digest}"),
        "max_price_per_hour": "100000",
    });
    Offer {
        at: AttemptRef { attempt: AttemptId::generate(), epoch: 1 },
        job: JobId::generate(),
        spec: serde_json::from_value(spec).expect("a valid job"),
        array_index: None,
        earns_per_hour: Micros::new(3_600_000),
        ack_within_ms: 2_000,
        base: "http://127.0.0.1:1/v1/attempts/x/".parse().expect("a url"),
        token: "a-secret-token".to_owned(),
        registry: None,
        checkpoint: Vec::new(),
        customer: None,
        content: Content::Undeclared,
    }
}
