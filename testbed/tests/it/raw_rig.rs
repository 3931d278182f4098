//! A rig that says exactly what a test wants, true or not. It runs nothing.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use headframe_agent::device_key::DeviceKey;
use headframe_protocol::{
    Micros, PROTOCOL_VERSION,
    auth::Handshake,
    job::AttemptState,
    receipt::{Receipt, SignedReceipt},
    rig::{Os, Refusals, RigReport},
    session::{
        AgentMessage, AttemptRef, CoordinatorMessage, Finished, Heartbeat, Hello, LeaseBeat, Offer, Outcome, OutputFile, Progress,
    },
};
use headframe_testbed::Testbed;
use tokio::net::TcpStream;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, tungstenite::Message};

/// How long the coordinator may take to say what is waited for.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);

pub(crate) struct RawRig {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    key: DeviceKey,
    network: String,
    sequence: u64,
}

impl RawRig {
    /// A rig with a new key, in a session, ready.
    pub(crate) async fn connect(testbed: &Testbed) -> Self {
        let dir = tempfile::tempdir().expect("a folder for the key");
        let key = DeviceKey::load_or_create(dir.path()).expect("a key");
        let base = testbed.coordinator.config().public_url.clone().expect("the testbed sets it");
        let origin = base.as_str().trim_end_matches('/').to_owned();
        let address = format!("{}/v1/agent/session", origin.replace("http://", "ws://"));
        let (socket, _) = tokio_tungstenite::connect_async(address).await.expect("a session");
        let mut rig = Self { socket, key, network: String::new(), sequence: 0 };
        let challenge = rig.hear("a challenge", |message| match message {
            CoordinatorMessage::Challenge(challenge) => Some(challenge),
            _ => None,
        });
        let challenge = challenge.await;
        let handshake = Handshake {
            nonce: (*challenge.nonce.as_bytes()).into(),
            device: rig.key.device().0,
            network: challenge.network.clone(),
            origin: origin.clone(),
            protocolVersion: PROTOCOL_VERSION,
        };
        let signature = rig.key.sign_handshake(&handshake).expect("a signature");
        rig.network = challenge.network;
        let device = rig.key.device();
        let hello = Hello {
            device,
            version: PROTOCOL_VERSION,
            agent: "test".to_owned(),
            origin,
            signature,
            rig: report(),
            leases: Vec::new(),
            ready: true,
            challenges: Vec::new(),
        };
        rig.say(&AgentMessage::Hello(Box::new(hello))).await;
        rig.hear("a welcome", |message| matches!(message, CoordinatorMessage::Welcome(_)).then_some(())).await;
        rig
    }

    pub(crate) async fn say(&mut self, message: &AgentMessage) {
        let text = serde_json::to_string(message).expect("a message");
        self.socket.send(Message::text(text)).await.expect("a session that listens");
    }

    /// The first message that `wanted` takes; others are passed over.
    pub(crate) async fn hear<T>(&mut self, what: &str, wanted: impl Fn(CoordinatorMessage) -> Option<T>) -> T {
        let heard = tokio::time::timeout(ANSWER_LIMIT, async {
            while let Some(frame) = self.socket.next().await {
                if let Message::Text(text) = frame.expect("a whole frame")
                    && let Some(found) = wanted(serde_json::from_str(&text).expect("a message we know"))
                {
                    return found;
                }
            }
            panic!("the session ended before {what}");
        });
        heard.await.unwrap_or_else(|_| panic!("{what} did not come"))
    }

    pub(crate) async fn offer(&mut self) -> Offer {
        self.hear("an offer", |message| match message {
            CoordinatorMessage::Offer(offer) => Some(*offer),
            _ => None,
        })
        .await
    }

    /// Says that it takes the offer and runs it.
    pub(crate) async fn take(&mut self, offer: &Offer) {
        self.say(&AgentMessage::Accept(offer.at)).await;
        for state in [AttemptState::Preparing, AttemptState::Running] {
            self.say(&AgentMessage::Progress(Progress { at: offer.at, state, permille: None })).await;
        }
    }

    pub(crate) async fn beat(&mut self, at: AttemptRef, state: AttemptState) {
        self.sequence += 1;
        let lease = LeaseBeat { at, state, running_ms: 0 };
        self.say(&AgentMessage::Heartbeat(Heartbeat { sequence: self.sequence, ready: true, leases: vec![lease] })).await;
    }

    pub(crate) fn receipt(&self, offer: &Offer, sequence: u64, running_ms: u64) -> SignedReceipt {
        let receipt = Receipt {
            network: self.network.clone(),
            job: offer.job,
            attempt: offer.at.attempt,
            device: self.key.device(),
            epoch: offer.at.epoch,
            sequence,
            running_ms,
        };
        self.key.sign_receipt(receipt).expect("a signature")
    }

    /// The claim that the offer was done, with these results.
    pub(crate) fn done(&self, offer: &Offer, outputs: Vec<OutputFile>) -> AgentMessage {
        let receipt = Some(self.receipt(offer, 9, 40));
        AgentMessage::Finished(Box::new(Finished {
            at: offer.at,
            outcome: Outcome::Succeeded { outputs },
            receipt,
            log_bytes: 0,
        }))
    }
}

fn report() -> RigReport {
    RigReport {
        name: "raw".to_owned(),
        os: Os::Linux,
        cpu_cores: 4,
        cpu_model: "none".to_owned(),
        memory_bytes: 8 << 30,
        disk_bytes: 64 << 30,
        gpus: Vec::new(),
        floor_per_hour: Micros::new(50_000),
        slots: 1,
        images: Vec::new(),
        engine: "none".to_owned(),
        egress_bytes_max: 0,
        refuses: Refusals::default(),
    }
}

/// Brings bytes as a result of the offer's attempt. Answers the status.
pub(crate) async fn bring(offer: &Offer, bytes: &[u8]) -> (u16, String) {
    let sum = headframe_protocol::Sha256::of(bytes);
    let address = offer.base.join(&format!("objects/{sum}")).expect("an address");
    let request = reqwest::Client::new().put(address).bearer_auth(&offer.token).body(bytes.to_vec());
    let response = request.send().await.expect("an answer");
    (response.status().as_u16(), response.text().await.expect("a body"))
}
