//! The agents connected to this replica: one actor per session, one session per device.
//!
//! [`open`] is the route; [`handshake`](self) decides who is there, [`conversation`](self) speaks with him. [`Sessions`] is how the
//! rest of the coordinator reaches a rig: it never waits for one. A rig whose outbox is full is slower than we are
//! willing to wait for, and loses its session.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use headframe_protocol::{
    DeviceId, ImageRef, JobId, SessionId, Sha256, TimestampMs,
    challenge::Ask,
    job::Reason,
    session::{AttemptRef, CoordinatorMessage, Ended, RefusedCode, RegistryLogin, Revoke, Settled},
};
use tokio::sync::mpsc;
use url::Url;

use crate::{
    clock::Clock, dispatch::Terms, error::Chain, market::Match, pseudonyms::Pseudonyms, registry::Registry,
    store::attempts::Claimed,
};

mod amnesty;
mod changes;
mod checkpoints;
mod conversation;
mod handshake;
mod leases;
mod manifests;
mod newcomers;
mod offer;
mod outputs;
mod reasons;
mod route;
mod rtt;

pub(crate) use amnesty::Act;
pub use changes::Changes;
pub(crate) use handshake::SEND_TIMEOUT;
pub use leases::Leases;
pub(crate) use leases::{Flushing, keep_flushing};
pub(crate) use offer::{Offered, TooLong};
pub use route::open;

use newcomers::Newcomers;

/// Messages that may wait for one rig. A rig holds at most sixteen attempts, and each has few messages at a time.
const OUTBOX_MAX: usize = 256;

/// Attempts a rig may name at once: those it holds, sixteen at most, and those it has ended and not yet been answered about.
const LEASES_MAX: usize = 64;

/// What is put into a session's outbox.
#[derive(Debug)]
enum Outgoing {
    Message(Box<CoordinatorMessage>),
    /// A question of a challenge: when it leaves is noted.
    Ask(Box<Ask>),
    /// A message that is written already.
    Frame(String),
    /// The session ends with this.
    Refuse(RefusedCode),
}

#[derive(Debug)]
struct Session {
    id: SessionId,
    outbox: mpsc::Sender<Outgoing>,
}

/// How the rest of the coordinator reaches connected rigs. Clones share them.
#[derive(Debug, Clone)]
pub struct Sessions {
    connected: Arc<Mutex<HashMap<DeviceId, Session>>>,
    /// Which have left since that was last written down, and when.
    left: Arc<Mutex<HashMap<DeviceId, TimestampMs>>>,
    leases: Leases,
    newcomers: Newcomers,
    public_url: Url,
    registry: Option<Arc<Registry>>,
    pseudonyms: Pseudonyms,
    clock: Clock,
}

impl Sessions {
    pub(crate) fn new(public_url: Url, registry: Option<Arc<Registry>>, pseudonyms: Pseudonyms, clock: Clock) -> Self {
        Self {
            connected: Arc::default(),
            left: Arc::default(),
            leases: Leases::default(),
            newcomers: Newcomers::default(),
            public_url,
            registry,
            pseudonyms,
            clock,
        }
    }

    /// The leases heard of here.
    #[must_use]
    pub fn leases(&self) -> &Leases {
        &self.leases
    }

    /// What rigs call customers by.
    #[must_use]
    pub fn pseudonyms(&self) -> &Pseudonyms {
        &self.pseudonyms
    }

    /// How many rigs are connected here.
    #[must_use]
    pub fn count(&self) -> usize {
        self.lock().len()
    }

    /// Pushes the offer of an assigned job.
    pub(crate) fn offer(&self, matched: &Match, at: AttemptRef, token: String, job: Claimed, terms: &Terms) -> Offered {
        let customer = job.repeats.unwrap_or(matched.job.customer);
        let mut offer = offer::build(&self.public_url, matched, at, token, job, terms);
        offer.customer = self.pseudonyms.of(matched.device, customer);
        offer.registry = self.login(&offer.spec.image, matched.job.id);
        let frame = match offer::frame(offer) {
            Ok(frame) => frame,
            Err(too_long) => return Offered::TooLong(too_long),
        };
        self.leases.taken(matched.device, at);
        if self.push(matched.device, Some(matched.session), Outgoing::Frame(frame)) {
            return Offered::Pushed;
        }
        self.leases.forget(at.attempt);
        Offered::Gone
    }

    /// What lets the rig pull the image, where the network's own registry has it.
    fn login(&self, image: &ImageRef, job: JobId) -> Option<RegistryLogin> {
        let login = self.registry.as_ref()?.pull_login(image, job, self.clock.now());
        login.unwrap_or_else(|error| {
            // The rig will say that it cannot pull; the reason is here.
            tracing::error!(error = %Chain(&error), job.id = %job, "Could not make a pull credential");
            None
        })
    }

    /// An attempt is over. `told` is the reason to tell the rig, unless it was the rig that said so.
    pub(crate) fn ended(&self, device: DeviceId, at: AttemptRef, told: Option<Option<Reason>>) {
        self.leases.forget(at.attempt);
        if let Some(reason) = told {
            let reason = reason.unwrap_or(Reason::LeaseLapsed);
            self.push(device, None, Outgoing::Message(Box::new(CoordinatorMessage::Withdraw(Ended { at, reason }))));
        }
    }

    /// Tells a rig that a result is not paid after all. One that is not here is told when it comes.
    pub(crate) fn overruled(&self, device: DeviceId, settled: Settled) {
        self.push(device, None, Outgoing::Message(Box::new(CoordinatorMessage::Settled(settled))));
    }

    /// Asks a rig to end an attempt and report it.
    pub(crate) fn ask_to_end(&self, device: DeviceId, at: AttemptRef, reason: Reason) {
        self.push(device, None, Outgoing::Message(Box::new(CoordinatorMessage::Cancel(Ended { at, reason }))));
    }

    /// Puts a question of a challenge to a rig. False if that session is over.
    pub(crate) fn ask(&self, device: DeviceId, session: SessionId, ask: Ask) -> bool {
        self.push(device, Some(session), Outgoing::Ask(Box::new(ask)))
    }

    /// Tells every connected rig that an image must not run any more.
    pub fn revoke_image(&self, image: Sha256) {
        let connected = self.lock();
        for session in connected.values() {
            drop(session.outbox.try_send(Outgoing::Message(Box::new(CoordinatorMessage::Revoke(Revoke { image })))));
        }
    }

    /// Ends the session of a rig, if it is connected here.
    pub fn refuse(&self, device: DeviceId, code: RefusedCode) {
        self.push(device, None, Outgoing::Refuse(code));
    }

    /// The newest session of a device takes over; the older one is told.
    fn enter(&self, device: DeviceId, id: SessionId) -> mpsc::Receiver<Outgoing> {
        let (outbox, messages) = mpsc::channel(OUTBOX_MAX);
        let before = self.lock().insert(device, Session { id, outbox });
        self.left().remove(&device);
        if let Some(before) = before {
            drop(before.outbox.try_send(Outgoing::Refuse(RefusedCode::Superseded)));
        }
        messages
    }

    /// A session is over. A newer one of the same device stays.
    fn leave(&self, device: DeviceId, id: SessionId) {
        let mut connected = self.lock();
        // One that did not keep up with its messages is not there any more, and has left all the same.
        if connected.get(&device).is_none_or(|session| session.id == id) {
            connected.remove(&device);
            self.left().insert(device, self.clock.now());
        }
    }

    /// Whether a rig is connected here; nothing if it has been elsewhere or gone for longer than a moment.
    pub(crate) fn presence(&self, device: DeviceId) -> Option<bool> {
        if self.lock().contains_key(&device) {
            return Some(true);
        }
        self.left().contains_key(&device).then_some(false)
    }

    /// Every rig that is connected here.
    pub(crate) fn devices(&self) -> Vec<DeviceId> {
        self.lock().keys().copied().collect()
    }

    /// Those that have left and are not connected here again, to be written down.
    pub(crate) fn take_left(&self) -> Vec<(DeviceId, TimestampMs)> {
        let left = std::mem::take(&mut *self.left());
        let connected = self.lock();
        left.into_iter().filter(|(device, _)| !connected.contains_key(device)).collect()
    }

    /// It could not be written down that they have left.
    pub(crate) fn still_left(&self, all: Vec<(DeviceId, TimestampMs)>) {
        let mut left = self.left();
        for (device, at) in all {
            left.entry(device).or_insert(at);
        }
    }

    fn left(&self) -> std::sync::MutexGuard<'_, HashMap<DeviceId, TimestampMs>> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, device: DeviceId, session: Option<SessionId>, outgoing: Outgoing) -> bool {
        let mut connected = self.lock();
        let Some(found) = connected.get(&device).filter(|found| session.is_none_or(|id| id == found.id)) else { return false };
        match found.outbox.try_send(outgoing) {
            Ok(()) => true,
            Err(_) => {
                // Dropping the sender ends the session once it has sent what it has.
                connected.remove(&device);
                tracing::warn!(rig.device = %device, "A rig does not keep up with its messages; its session ends");
                false
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<DeviceId, Session>> {
        // The map is whole after every statement, so a panic elsewhere leaves nothing half done.
        self.connected.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
