//! Gives jobs to rigs: matches in RAM, makes the matches true in the database, only then pushes the offers.
//!
//! One actor per replica around the pure [`Market`]. Matches gather while one commit is on its way, up to a limit; an idle
//! coordinator commits a single match at once. The database decides: a match whose job was cancelled, or taken by
//! another replica in the meantime, comes to nothing.

use std::{
    collections::{HashSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use headframe_protocol::{AttemptId, CustomerId, DeviceId, JobId, SessionId, job::Reason, rig::RigReport, session::AttemptRef};
use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};

use crate::{
    market::{Agent, Board, Fleet, Market, Match, QueuedJob, Ran, Seeker, Verdict},
    pseudonyms::Pseudonyms,
};

mod actor;
mod claims;
mod copies;
mod habits;
mod offers;
mod reader;
mod withdrawals;

pub(crate) use actor::{Actor, Terms};
pub(crate) use offers::Offers;

/// Commands that may wait. Whoever sends more waits until the actor has caught up.
const INBOX_MAX: usize = 8_192;

/// Everything that can wake the actor from outside.
#[derive(Debug)]
enum Command {
    Queued(Vec<QueuedJob>),
    Unqueued(JobId),
    Connected(Box<Agent>),
    Gone(DeviceId, SessionId),
    Changed(DeviceId, SessionId, Box<RigReport>, HashSet<CustomerId>),
    Ready(DeviceId, SessionId, bool),
    Answered(AttemptId),
    Released(DeviceId, AttemptId, Verdict, Option<Ran>),
    Stopped(bool),
    Linked(Vec<(CustomerId, DeviceId)>),
    Fleet(oneshot::Sender<Arc<Fleet>>),
    Waiting(oneshot::Sender<usize>),
    Demand(DeviceId, oneshot::Sender<Demand>),
}

/// What waits, and the rig that asks.
type Demand = (Arc<Board>, Option<Seeker>);

/// The actor's handle.
#[derive(Debug, Clone)]
pub struct Dispatch {
    inbox: mpsc::Sender<Command>,
    pseudonyms: Pseudonyms,
}

impl Dispatch {
    /// A handle and the inbox behind it.
    fn channel(pseudonyms: Pseudonyms) -> (Self, mpsc::Receiver<Command>) {
        let (sender, inbox) = mpsc::channel(INBOX_MAX);
        (Self { inbox: sender, pseudonyms }, inbox)
    }

    /// A command to an actor that has ended is lost, and need not be kept: the database knows.
    async fn send(&self, command: Command) {
        drop(self.inbox.send(command).await);
    }

    /// Jobs wait.
    pub async fn queued(&self, jobs: Vec<QueuedJob>) {
        self.send(Command::Queued(jobs)).await;
    }

    /// A job no longer waits.
    pub async fn unqueued(&self, job: JobId) {
        self.send(Command::Unqueued(job)).await;
    }

    /// A rig is connected.
    pub async fn connected(&self, agent: Agent) {
        self.send(Command::Connected(Box::new(agent))).await;
    }

    /// A session is over.
    pub async fn gone(&self, device: DeviceId, session: SessionId) {
        self.send(Command::Gone(device, session)).await;
    }

    /// A rig says what it is now.
    pub async fn changed(&self, device: DeviceId, session: SessionId, report: RigReport) {
        // Here and not in the actor, which must not be held up by a long list.
        let blocked = self.pseudonyms.read(device, &report.refuses.blocked);
        self.send(Command::Changed(device, session, Box::new(report), blocked)).await;
    }

    /// A rig takes offers now, or no longer.
    pub async fn ready(&self, device: DeviceId, session: SessionId, ready: bool) {
        self.send(Command::Ready(device, session, ready)).await;
    }

    /// A rig has answered an offer.
    pub async fn answered(&self, attempt: AttemptId) {
        self.send(Command::Answered(attempt)).await;
    }

    /// An attempt is over, on which the rig worked as `ran` says.
    pub async fn released(&self, device: DeviceId, attempt: AttemptId, verdict: Verdict, ran: Option<Ran>) {
        self.send(Command::Released(device, attempt, verdict, ran)).await;
    }

    /// The operator has stopped the network, or lets it go on.
    pub async fn stopped(&self, stopped: bool) {
        self.send(Command::Stopped(stopped)).await;
    }

    /// Who is linked to which rig, all of them.
    pub async fn linked(&self, links: Vec<(CustomerId, DeviceId)>) {
        self.send(Command::Linked(links)).await;
    }

    /// Every rig this replica has connected now, or had a second ago. Whoever asks looks at them himself, beside the matching.
    pub async fn fleet(&self) -> Arc<Fleet> {
        let (answer, answered) = oneshot::channel();
        self.send(Command::Fleet(answer)).await;
        answered.await.unwrap_or_default()
    }

    /// How many jobs wait in this replica's index.
    pub async fn waiting(&self) -> usize {
        let (answer, answered) = oneshot::channel();
        self.send(Command::Waiting(answer)).await;
        answered.await.unwrap_or_default()
    }

    /// What waits on this replica, or did a few seconds ago, and a rig if it is connected here. Whoever asks looks at it himself,
    /// beside the matching.
    pub async fn demand(&self, device: DeviceId) -> (Arc<Board>, Option<Seeker>) {
        let (answer, answered) = oneshot::channel();
        self.send(Command::Demand(device, answer)).await;
        answered.await.unwrap_or_default()
    }
}
