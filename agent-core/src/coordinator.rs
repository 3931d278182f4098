//! Our side of the conversation with the coordinator: one session at a time, dialled again for ever, at a growing pace.
//!
//! It carries messages, answers the challenge, signs receipts and keeps the heartbeat. What is said and what follows from
//! what is heard is decided by [`crate::duty`].

use std::{fmt, sync::Arc, time::Duration};

use headframe_protocol::{
    JobId, Sha256, challenge,
    rig::RigReport,
    session::{AttemptRef, CheckpointSettled, Ended, LeaseBeat, LeaseVerdict, Offer, Outcome, Progress, RefusedCode, Settled},
};
use tokio::sync::{mpsc, watch};
use url::Url;

use crate::{
    clock::{Moment, Now},
    device_key::DeviceKey,
    settings::Timers,
    store::Saved,
    tasks::Tasks,
};

mod backoff;
mod dialler;
mod frames;
mod handshake;
mod session;
mod time;

pub use time::RightTime;
pub(crate) use time::{OFF_MAX, said_in};

pub(crate) use frames::origin;

/// Messages waiting to be sent. What does not fit is dropped as if the line were down: everything that must arrive is
/// said again.
const OUTBOX_MAX: usize = 256;

/// Messages heard and not yet taken in. When it is full the socket is not read, and the coordinator waits.
const INBOX_MAX: usize = 256;

/// What the rig says; signatures are added on the way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Say {
    /// The offer is written down and will be done.
    Accept(AttemptRef),
    /// The offer is not taken.
    Decline(Ended),
    /// The attempt has moved on.
    Progress(Progress),
    /// Usage so far.
    Receipt(Usage),
    /// The attempt has ended on the rig.
    Finished {
        /// Which.
        at: AttemptRef,
        /// How.
        outcome: Outcome,
        /// Usage in all, if the container ever ran.
        usage: Option<Usage>,
        /// Bytes of log brought.
        log_bytes: u64,
    },
    /// An answer to a question of a challenge.
    Answer(challenge::Answer),
    /// What an attempt left as its checkpoint has been brought, or there is none.
    Checkpoint {
        /// Which attempt.
        at: AttemptRef,
        /// What was brought.
        saved: Saved,
    },
}

/// What a receipt claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// The attempt.
    pub at: AttemptRef,
    /// The job.
    pub job: JobId,
    /// The receipt's number.
    pub sequence: u64,
    /// Running time in all.
    pub running_ms: u64,
}

impl fmt::Display for Say {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accept(at) => write!(f, "accept {}", at.attempt),
            Self::Decline(ended) => write!(f, "decline {} ({})", ended.at.attempt, ended.reason),
            Self::Progress(progress) => {
                write!(f, "progress {} {}", progress.at.attempt, progress.state)?;
                progress.permille.map_or(Ok(()), |permille| write!(f, " {permille}‰"))
            }
            Self::Receipt(usage) => write!(f, "receipt {} #{} {} ms", usage.at.attempt, usage.sequence, usage.running_ms),
            Self::Finished { at, outcome, usage, .. } => {
                write!(f, "finished {} {}", at.attempt, OutcomeName(outcome))?;
                usage.map_or(Ok(()), |usage| write!(f, " #{} {} ms", usage.sequence, usage.running_ms))
            }
            Self::Answer(answer) => write!(f, "{} of challenge {}", AnswerName(answer), answer.seed()),
            Self::Checkpoint { at, saved } => write!(f, "checkpoint {} of {} files", at.attempt, saved.files.len()),
        }
    }
}

struct AnswerName<'a>(&'a challenge::Answer);

impl fmt::Display for AnswerName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            challenge::Answer::Committed(_) => "the commitment",
            challenge::Answer::Remembered(_) => "what was remembered",
            challenge::Answer::Declined(_) => "the end",
        })
    }
}

struct OutcomeName<'a>(&'a Outcome);

impl fmt::Display for OutcomeName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Outcome::Succeeded { outputs } => write!(f, "succeeded with {} outputs", outputs.len()),
            Outcome::Failed { reason, .. } => write!(f, "failed ({reason})"),
            Outcome::Yielded { reason } => write!(f, "yielded ({reason})"),
            Outcome::Cancelled { reason } => write!(f, "cancelled ({reason})"),
        }
    }
}

/// What is heard, and what becomes of the line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// Dialling.
    Connecting,
    /// The session is open.
    Opened {
        /// The network's name.
        network: String,
        /// When our greeting left: leases count from there.
        sent: Moment,
        /// How long a lease lives after an answered heartbeat.
        lease_ttl: Duration,
        /// Which of our leases are still ours.
        verdicts: Vec<LeaseVerdict>,
    },
    /// The line is down.
    Closed {
        /// Why, in words.
        message: String,
        /// When it is tried again.
        retry_at: Now,
    },
    /// The coordinator said no.
    Refused {
        /// Why, to branch on.
        code: RefusedCode,
        /// Why, for the owner.
        message: String,
    },
    /// Please do this.
    Offer(Arc<Offer>),
    /// No longer ours.
    Withdraw(Ended),
    /// End it and say so.
    Cancel(Ended),
    /// A heartbeat has left; usage goes with it.
    HeartbeatSent,
    /// A heartbeat was answered.
    Beat {
        /// When that heartbeat left.
        sent: Moment,
        /// One verdict for each lease it named.
        verdicts: Vec<LeaseVerdict>,
    },
    /// The coordinator has written down how an attempt ended.
    Settled(Settled),
    /// The coordinator has decided about a checkpoint.
    CheckpointSettled(CheckpointSettled),
    /// This image must not run any more.
    Revoke(Sha256),
}

/// What is heard of challenges. It goes past the agent's loop, for its answers are timed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// A question.
    Ask(Box<challenge::Ask>),
    /// The session is over, and so is every challenge.
    Ended,
}

/// What every heartbeat and greeting tells, as it is at that moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Standing {
    /// Whether offers are taken.
    pub ready: bool,
    /// Every attempt held.
    pub leases: Vec<LeaseBeat>,
}

/// What a session needs.
#[derive(Debug)]
pub struct LineConfig {
    /// The coordinator's public address.
    pub url: Url,
    /// Signs.
    pub key: Arc<DeviceKey>,
    /// Told in greeting and heartbeats.
    pub standing: watch::Receiver<Standing>,
    /// The rig; told in the greeting and whenever it changes.
    pub rig: watch::Receiver<RigReport>,
    /// Challenges that can be answered. Told in the greeting only, so that a rig which can answer others greets anew.
    pub challenges: watch::Receiver<Vec<String>>,
    /// Takes their questions.
    pub asks: mpsc::Sender<Heard>,
    /// Learns what time it is elsewhere, whenever the coordinator is dialled.
    pub time: watch::Sender<Option<RightTime>>,
    /// Paces redialling.
    pub timers: Timers,
}

/// Starts to dial, and goes on until the tasks are stopped or the coordinator says never again.
#[must_use]
pub fn connect(config: LineConfig, tasks: &Tasks) -> (mpsc::Sender<Say>, mpsc::Receiver<Said>) {
    let (say, outbox) = mpsc::channel(OUTBOX_MAX);
    let (inbox, said) = mpsc::channel(INBOX_MAX);
    let dialler = dialler::Dialler::new(config, outbox, inbox);
    tasks.spawn("coordinator", dialler.run(tasks.stopped()));
    (say, said)
}
