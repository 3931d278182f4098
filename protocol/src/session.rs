//! What an agent and a coordinator say to one another over one WebSocket, as JSON frames.
//!
//! The coordinator speaks first ([`Challenge`]); the agent answers with [`Hello`], signed; the coordinator
//! welcomes or refuses. From then on both sides speak freely. Bulk data (inputs, logs, outputs) never travels in
//! frames but over plain HTTP, authorised by the attempt's own token; see [`Offer`].
//!
//! Every message about an attempt carries the job's epoch. An old epoch changes nothing anywhere.

use serde::{Deserialize, Serialize};
use url::Url;

use crate::{
    AttemptId, DeviceId, JobId, Micros, Pseudonym, SessionId, Sha256,
    auth::DeviceSignature,
    challenge,
    job::{AttemptState, Content, JobSpec, Reason},
    receipt::SignedReceipt,
    rig::RigReport,
};

pub mod checkpoint;

pub use checkpoint::{CheckpointBrought, CheckpointSettled};

/// Most output files of one attempt.
pub const OUTPUT_FILES_MAX: usize = 10_000;

/// Most bytes of a list of files in one frame, as [`OutputFile::frame_bytes`] counts them. Half a frame: what else is in it
/// is small.
pub const OUTPUTS_BYTES_MAX: usize = crate::FRAME_BYTES_MAX / 2;

/// From the agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum AgentMessage {
    /// Answers the challenge. First, once.
    Hello(Box<Hello>),
    /// The rig as it is now, whenever it changes.
    Report(Box<RigReport>),
    /// Still here: one message for all leases.
    Heartbeat(Heartbeat),
    /// The offer is written down and will be done.
    Accept(AttemptRef),
    /// The offer is not taken.
    Decline(Ended),
    /// The attempt has moved on.
    Progress(Progress),
    /// Usage so far.
    Receipt(SignedReceipt),
    /// Files of a result that does not fit into one frame. [`AgentMessage::Finished`] of the same attempt follows in the same
    /// session, and its list is the rest.
    Outputs(Outputs),
    /// The attempt has ended on the rig. Repeated until answered by [`CoordinatorMessage::Settled`].
    Finished(Box<Finished>),
    /// What an attempt that yielded left as its checkpoint has been brought. Repeated until answered by
    /// [`CoordinatorMessage::CheckpointSettled`].
    CheckpointBrought(CheckpointBrought),
    /// Answers a question of a challenge.
    Answer(challenge::Answer),
}

/// From the coordinator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum CoordinatorMessage {
    /// Sign this. First, once.
    Challenge(Challenge),
    /// The session is open.
    Welcome(Welcome),
    /// The session is not opened, or is ended; the socket closes after it.
    Refused(Refused),
    /// Please do this.
    Offer(Box<Offer>),
    /// The offer or the attempt is no longer yours; stop, clean up, send no more about it.
    Withdraw(Ended),
    /// End the attempt and report it as cancelled.
    Cancel(Ended),
    /// Answers a heartbeat.
    Beat(Beat),
    /// Answers a receipt.
    ReceiptAccepted(ReceiptAccepted),
    /// Answers [`AgentMessage::Finished`]; the agent may forget the attempt.
    Settled(Settled),
    /// Answers [`AgentMessage::CheckpointBrought`]; the agent may forget the checkpoint.
    CheckpointSettled(CheckpointSettled),
    /// This image must not run any more, anywhere.
    Revoke(Revoke),
    /// Prove what a card can do. Only to rigs that said in [`Hello::challenges`] that they can.
    Ask(challenge::Ask),
}

/// What the agent signs, as [`crate::auth::Handshake`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Challenge {
    /// 32 random bytes as hex; good for one handshake.
    pub nonce: Sha256,
    /// The network's name; also in every receipt.
    pub network: String,
    /// The newest protocol the coordinator speaks.
    pub version: u32,
    /// The oldest it still serves.
    pub version_min: u32,
}

/// The agent's answer to the challenge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The device key's address.
    pub device: DeviceId,
    /// The protocol the agent speaks.
    pub version: u32,
    /// The agent program's version, for people.
    pub agent: String,
    /// The address the agent dialled; part of what is signed, so that a relay cannot sit in between.
    pub origin: String,
    /// The device key's signature over [`crate::auth::Handshake`].
    pub signature: DeviceSignature,
    /// The rig.
    pub rig: RigReport,
    /// Attempts the agent still has written down and believes to hold.
    pub leases: Vec<LeaseBeat>,
    /// Whether it takes offers now.
    pub ready: bool,
    /// Challenges the agent can answer, such as [`challenge::POG`]. An agent that says nothing is never asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub challenges: Vec<String>,
}

/// The session is open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// Names this session in logs.
    pub session: SessionId,
    /// How often to send a heartbeat, in milliseconds; the agent adds ±20 %.
    pub heartbeat_ms: u64,
    /// How long a lease lives after an answered heartbeat, in milliseconds.
    pub lease_ttl_ms: u64,
    /// Which of the agent's leases are still its own; it withdraws the others itself.
    pub leases: Vec<LeaseVerdict>,
}

/// Why there is no session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// What to branch on.
    pub code: RefusedCode,
    /// For the owner, in plain words.
    pub message: String,
}

/// Why there is no session, as far as the agent acts on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub enum RefusedCode {
    /// The agent must be updated first.
    TooOld,
    /// The signature or the origin is not right.
    BadHandshake,
    /// A newer session of the same device has taken over; do not reconnect.
    Superseded,
    /// The operator has taken the rig out of work.
    Quarantined,
    /// The agent broke the protocol.
    BadMessage,
    /// The coordinator is going down or is stopped; come back later.
    Unavailable,
}

/// Names an attempt and the right to speak for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AttemptRef {
    /// The attempt.
    pub attempt: AttemptId,
    /// The job's epoch it holds.
    pub epoch: u64,
}

/// An attempt ends, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// Which.
    #[serde(flatten)]
    pub at: AttemptRef,
    /// Why.
    pub reason: Reason,
}

/// One attempt as the agent has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseBeat {
    /// Which.
    #[serde(flatten)]
    pub at: AttemptRef,
    /// Where it is on the rig: `accepted`, `preparing`, `running` or `uploading`, or final while unsettled.
    pub state: AttemptState,
    /// Time the container has run, in milliseconds.
    pub running_ms: u64,
}

/// Still here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heartbeat {
    /// Counts up within the session; comes back in the answer.
    pub sequence: u64,
    /// Whether the rig takes offers now.
    pub ready: bool,
    /// Every attempt the agent holds.
    pub leases: Vec<LeaseBeat>,
}

/// Answers a heartbeat. Only this prolongs the agent's leases.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Beat {
    /// The heartbeat's.
    pub sequence: u64,
    /// One verdict for each lease named.
    pub leases: Vec<LeaseVerdict>,
}

/// Whether an attempt is still the agent's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseVerdict {
    /// Which.
    #[serde(flatten)]
    pub at: AttemptRef,
    /// False: stop, clean up, send no more about it.
    pub held: bool,
}

/// Please do this.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// The attempt this would be.
    #[serde(flatten)]
    pub at: AttemptRef,
    /// The job it belongs to.
    pub job: JobId,
    /// What to run. Without the customer's webhook, and with its content left out.
    pub spec: JobSpec,
    /// Position in an array job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub array_index: Option<u32>,
    /// What the owner earns per hour of running, after the platform's fee.
    pub earns_per_hour: Micros,
    /// Answer within this, in milliseconds.
    pub ack_within_ms: u64,
    /// Where everything of this attempt is fetched and brought, with [`Offer::token`] as bearer token:
    /// `GET inputs/{index}`, `GET checkpoint/{sha256}`, `PUT log?offset=`, `PUT objects/{sha256}`.
    pub base: Url,
    /// Bearer token of this attempt. Never leaves the agent.
    pub token: String,
    /// User and password for pulling the image, if the registry asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registry: Option<RegistryLogin>,
    /// The files of the job's last accepted checkpoint, placed under `/work` before the start like inputs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checkpoint: Vec<OutputFile>,
    /// Whose job it is, as this rig knows him. Absent from coordinators of before, who know no reason [`Reason::Unwanted`] either.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<Pseudonym>,
    /// What the customer says it holds. Here and not in the specification, of which agents of before refuse what they do not know.
    #[serde(default, skip_serializing_if = "Content::is_undeclared")]
    pub content: Content,
}

/// What a registry asks before it serves an image.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegistryLogin {
    /// User name.
    pub user: String,
    /// Password or token, short-lived.
    pub password: String,
}

impl std::fmt::Debug for RegistryLogin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RegistryLogin").field("user", &self.user).finish_non_exhaustive()
    }
}

/// The attempt has moved on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Which.
    #[serde(flatten)]
    pub at: AttemptRef,
    /// `preparing`, `running` or `uploading`.
    pub state: AttemptState,
    /// What the rig is doing, as parts per thousand of this state, where it knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permille: Option<u16>,
}

/// Part of a long result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outputs {
    /// Which attempt's.
    #[serde(flatten)]
    pub at: AttemptRef,
    /// In order; at most [`OUTPUTS_BYTES_MAX`] at a time.
    pub files: Vec<OutputFile>,
}

/// The attempt has ended on the rig.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finished {
    /// Which.
    #[serde(flatten)]
    pub at: AttemptRef,
    /// How.
    pub outcome: Outcome,
    /// The last receipt, if the container ever ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<SignedReceipt>,
    /// How many bytes of log were brought.
    pub log_bytes: u64,
}

/// How an attempt ended on the rig.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Outcome {
    /// Exit code 0, every output brought.
    Succeeded {
        /// What was brought.
        outputs: Vec<OutputFile>,
    },
    /// It ended badly.
    Failed {
        /// Why.
        reason: Reason,
        /// The program's, if it ended by itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        exit_code: Option<i64>,
        /// A line more for the customer, such as which output is missing; at most 500 characters.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        detail: Option<String>,
    },
    /// The owner wanted the PC back.
    Yielded {
        /// Why.
        reason: Reason,
    },
    /// Ended because the coordinator asked.
    Cancelled {
        /// The coordinator's reason.
        reason: Reason,
    },
}

/// One file of a result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OutputFile {
    /// Relative to `/work`, with `/` between parts.
    pub path: String,
    /// Of its bytes.
    pub sha256: Sha256,
    /// How many.
    pub bytes: u64,
}

impl OutputFile {
    /// At most so many bytes of a frame: a character of the path may be written as six, and a hash, a number and names are
    /// around it.
    #[must_use]
    pub fn frame_bytes(&self) -> usize {
        self.path.len() * 6 + 160
    }
}

/// Answers a receipt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptAccepted {
    /// Which attempt.
    #[serde(flatten)]
    pub at: AttemptRef,
    /// The newest receipt the coordinator has of it.
    pub sequence: u64,
}

/// The coordinator has written down how the attempt ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settled {
    /// Which attempt.
    #[serde(flatten)]
    pub at: AttemptRef,
    /// The state it was written down in. Not always the one reported: a late result is `lost`.
    pub state: AttemptState,
    /// Why, where there is a reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// What the owner has earned by it, after the platform's fee.
    pub credit: Micros,
    /// The running time that was paid, in milliseconds.
    pub paid_ms: u64,
}

/// This image must not run any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revoke {
    /// Digest of the image's manifest.
    pub image: Sha256,
}
