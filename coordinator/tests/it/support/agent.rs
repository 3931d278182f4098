//! A rig that does what the test says: a real key, a real WebSocket, no container.

use alloy::signers::{SignerSync as _, local::PrivateKeySigner};
use alloy_primitives::Address;
use futures_util::{SinkExt as _, StreamExt as _};
use headframe_protocol::{
    DeviceId, Micros, PROTOCOL_VERSION, Sha256, TimestampMs,
    auth::{self, DeviceSignature, Handshake},
    job::{AttemptState, Reason},
    payout::{PayoutTerms, SignedPayoutTerms},
    receipt::{Receipt, SignedReceipt},
    rig::{Os, Refusals, RigReport},
    session::{
        AgentMessage, AttemptRef, Beat, Challenge, CoordinatorMessage, Ended, Finished, Heartbeat, Hello, LeaseBeat, Offer,
        Outcome, OutputFile, Progress, Refused, Settled, Welcome,
    },
};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Message, client::IntoClientRequest as _},
};

use super::{PATIENCE, TestApp};

/// The key, report and claims of a rig, before it connects.
#[derive(Clone)]
pub(crate) struct Rig {
    pub(crate) key: PrivateKeySigner,
    pub(crate) report: RigReport,
    pub(crate) leases: Vec<LeaseBeat>,
    pub(crate) ready: bool,
    pub(crate) version: u32,
    /// Challenges it says it can answer.
    pub(crate) challenges: Vec<String>,
    pub(crate) origin: Option<String>,
    /// From where a proxy says it comes.
    pub(crate) from: Option<&'static str>,
}

impl Rig {
    pub(crate) fn new() -> Self {
        const GIB: u64 = 1 << 30;
        let report = RigReport {
            name: "test rig".to_owned(),
            os: Os::Linux,
            cpu_cores: 8,
            cpu_model: "test".to_owned(),
            memory_bytes: 16 * GIB,
            disk_bytes: 100 * GIB,
            gpus: Vec::new(),
            floor_per_hour: Micros::new(900_000),
            slots: 1,
            images: Vec::new(),
            engine: "none".to_owned(),
            egress_bytes_max: 0,
            refuses: Refusals::default(),
        };
        Self {
            key: PrivateKeySigner::random(),
            report,
            leases: Vec::new(),
            ready: true,
            version: PROTOCOL_VERSION,
            challenges: Vec::new(),
            origin: None,
            from: None,
        }
    }

    pub(crate) fn device(&self) -> DeviceId {
        DeviceId(self.key.address())
    }

    /// Everything up to the coordinator's answer.
    pub(crate) async fn knock(&self, url: &str) -> (FakeAgent, CoordinatorMessage) {
        let (mut agent, challenge) = FakeAgent::dial(url, self.clone()).await;
        let hello = self.hello(url, &challenge);
        agent.say(AgentMessage::Hello(Box::new(hello))).await;
        let answer = agent.hear().await.expect("an answer to the handshake");
        (agent, answer)
    }

    pub(crate) async fn connect(self, url: &str) -> FakeAgent {
        let (mut agent, answer) = self.knock(url).await;
        match answer {
            CoordinatorMessage::Welcome(welcome) => agent.welcome = Some(welcome),
            other => panic!("not welcomed: {other:?}"),
        }
        agent
    }

    /// Where its earnings go, in its own word.
    pub(crate) fn terms(&self, account: Address, chain_id: u64, in_hfr: bool, issued_ms: TimestampMs) -> SignedPayoutTerms {
        let (network, device) = ("test".to_owned(), self.device());
        let terms = PayoutTerms { network, device, account, chain_id, in_hfr, issued_ms };
        let device_signature = DeviceSignature(self.key.sign_hash_sync(&terms.device_hash()).expect("a signature"));
        SignedPayoutTerms { terms, device_signature, wallet_signature: None, previous_signature: None }
    }

    pub(crate) fn hello(&self, url: &str, challenge: &Challenge) -> Hello {
        let origin = self.origin.clone().unwrap_or_else(|| url.to_owned());
        let handshake = Handshake {
            nonce: (*challenge.nonce.as_bytes()).into(),
            device: self.device().0,
            network: challenge.network.clone(),
            origin: origin.clone(),
            protocolVersion: self.version,
        };
        let signature = DeviceSignature(self.key.sign_hash_sync(&auth::signing_hash(&handshake)).expect("a signature"));
        Hello {
            device: self.device(),
            version: self.version,
            agent: "test".to_owned(),
            origin,
            signature,
            rig: self.report.clone(),
            leases: self.leases.clone(),
            ready: self.ready,
            challenges: self.challenges.clone(),
        }
    }
}

/// A connected rig.
pub(crate) struct FakeAgent {
    pub(crate) rig: Rig,
    pub(crate) welcome: Option<Welcome>,
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    network: String,
    beats: u64,
}

impl FakeAgent {
    /// A new rig, connected and ready.
    pub(crate) async fn connect(app: &TestApp) -> Self {
        Rig::new().connect(&app.url()).await
    }

    /// A socket on which the coordinator has spoken.
    pub(crate) async fn dial(url: &str, rig: Rig) -> (Self, Challenge) {
        let address = format!("{}/v1/agent/session", url.replace("http://", "ws://"));
        let mut request = address.into_client_request().expect("an address");
        if let Some(from) = rig.from {
            request.headers_mut().insert("x-forwarded-for", from.parse().expect("an address"));
        }
        let (socket, _) = connect_async(request).await.expect("the coordinator takes the socket");
        let mut agent = Self { rig, welcome: None, socket, network: String::new(), beats: 0 };
        match agent.hear().await {
            Some(CoordinatorMessage::Challenge(challenge)) => {
                agent.network.clone_from(&challenge.network);
                (agent, challenge)
            }
            other => panic!("the coordinator speaks first: {other:?}"),
        }
    }

    pub(crate) async fn say(&mut self, message: AgentMessage) {
        let text = serde_json::to_string(&message).expect("a message");
        self.say_text(text).await;
    }

    pub(crate) async fn say_text(&mut self, text: String) {
        self.socket.send(Message::text(text)).await.expect("the socket takes it");
    }

    /// The next message; nothing if the socket is closed.
    pub(crate) async fn hear(&mut self) -> Option<CoordinatorMessage> {
        loop {
            let frame =
                tokio::time::timeout(PATIENCE, self.socket.next()).await.expect("the coordinator says something in time")?;
            match frame.ok()? {
                Message::Text(text) => return Some(serde_json::from_str(&text).expect("a message of ours")),
                Message::Close(_) => return None,
                _ => {}
            }
        }
    }

    /// The next message `wanted` finds something in; others are passed over.
    pub(crate) async fn hear_until<T>(&mut self, wanted: impl Fn(CoordinatorMessage) -> Option<T>) -> T {
        loop {
            let message = self.hear().await.expect("the session is open");
            if let Some(found) = wanted(message) {
                return found;
            }
        }
    }

    pub(crate) async fn offer(&mut self) -> Offer {
        self.hear_until(|message| if let CoordinatorMessage::Offer(offer) = message { Some(*offer) } else { None }).await
    }

    /// The answer to an outcome. What was found out since about another one is passed over.
    pub(crate) async fn settled(&mut self) -> Settled {
        self.settled_where(|settled| settled.reason != Some(Reason::ResultMismatch)).await
    }

    /// That a result was outvoted.
    pub(crate) async fn overruled(&mut self) -> Settled {
        self.settled_where(|settled| settled.reason == Some(Reason::ResultMismatch)).await
    }

    async fn settled_where(&mut self, wanted: impl Fn(&Settled) -> bool) -> Settled {
        self.hear_until(|message| match message {
            CoordinatorMessage::Settled(settled) if wanted(&settled) => Some(settled),
            _ => None,
        })
        .await
    }

    pub(crate) async fn asked_to_cancel(&mut self) -> Ended {
        self.hear_until(|message| if let CoordinatorMessage::Cancel(ended) = message { Some(ended) } else { None }).await
    }

    pub(crate) async fn withdrawn(&mut self) -> Ended {
        self.hear_until(|message| if let CoordinatorMessage::Withdraw(ended) = message { Some(ended) } else { None }).await
    }

    pub(crate) async fn refused(&mut self) -> Refused {
        self.hear_until(|message| if let CoordinatorMessage::Refused(refused) = message { Some(refused) } else { None }).await
    }

    /// Says a heartbeat and returns its answer.
    pub(crate) async fn beat(&mut self, leases: Vec<LeaseBeat>) -> Beat {
        self.beats += 1;
        let (sequence, ready) = (self.beats, self.rig.ready);
        self.say(AgentMessage::Heartbeat(Heartbeat { sequence, ready, leases })).await;
        self.hear_until(|message| match message {
            CoordinatorMessage::Beat(beat) if beat.sequence == sequence => Some(beat),
            _ => None,
        })
        .await
    }

    pub(crate) async fn progress(&mut self, at: AttemptRef, state: AttemptState) {
        self.say(AgentMessage::Progress(Progress { at, state, permille: None })).await;
    }

    /// Accepts an offer and says that its container runs.
    pub(crate) async fn run(&mut self, offer: &Offer) {
        self.say(AgentMessage::Accept(offer.at)).await;
        self.progress(offer.at, AttemptState::Preparing).await;
        self.progress(offer.at, AttemptState::Running).await;
    }

    pub(crate) fn receipt(&self, offer: &Offer, sequence: u64, running_ms: u64) -> SignedReceipt {
        let receipt = Receipt {
            network: self.network.clone(),
            job: offer.job,
            attempt: offer.at.attempt,
            device: self.rig.device(),
            epoch: offer.at.epoch,
            sequence,
            running_ms,
        };
        let signature = DeviceSignature(self.rig.key.sign_hash_sync(&receipt.signing_hash()).expect("a signature"));
        SignedReceipt { receipt, signature }
    }

    pub(crate) async fn finish(&mut self, offer: &Offer, outcome: Outcome, receipt: Option<SignedReceipt>) {
        self.say(AgentMessage::Finished(Box::new(Finished { at: offer.at, outcome, receipt, log_bytes: 0 }))).await;
    }

    /// Finishes well, having signed for `running_ms`, and returns how that was written down.
    pub(crate) async fn succeed(&mut self, offer: &Offer, running_ms: u64) -> Settled {
        let receipt = self.receipt(offer, 1_000, running_ms);
        self.finish(offer, Outcome::Succeeded { outputs: Vec::new() }, Some(receipt)).await;
        self.settled().await
    }

    pub(crate) async fn fail(&mut self, offer: &Offer, reason: Reason) -> Settled {
        self.finish(offer, Outcome::Failed { reason, exit_code: Some(1), detail: None }, None).await;
        self.settled().await
    }

    /// Brings one object of an attempt.
    pub(crate) async fn bring(&self, offer: &Offer, path: &str, bytes: &[u8]) -> OutputFile {
        let sha256 = Sha256::of(bytes);
        let address = offer.base.join(&format!("objects/{sha256}")).expect("an address");
        let request = reqwest::Client::new().put(address).bearer_auth(&offer.token).body(bytes.to_vec());
        let response = request.send().await.expect("an answer");
        assert!(response.status().is_success(), "{}", response.status());
        OutputFile { path: path.to_owned(), sha256, bytes: bytes.len() as u64 }
    }

    pub(crate) fn lease(&self, offer: &Offer, state: AttemptState) -> LeaseBeat {
        LeaseBeat { at: offer.at, state, running_ms: 0 }
    }
}
