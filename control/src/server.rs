//! The agent's end of the socket: lets guests in, answers what it can from the current snapshot, hands on the rest.
//!
//! It owns greeting, version check, pushing of snapshots and the limits. What a request means is for the agent: it
//! comes out as an [`Ask`].

mod guest;
mod pulse;

pub use pulse::Pulse;

use std::{io, path::PathBuf, sync::Arc};

use headframe_protocol::control::{Answer, Request, Snapshot};
use interprocess::local_socket::{
    ListenerOptions,
    tokio::{Listener as Socket, Stream},
    traits::tokio::Listener as _,
};
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::JoinSet,
};
use tracing::{debug, warn};

use crate::{lock::AgentLock, peer, wire};

/// A good size for the channel of [`Ask`]s: a window, a tray and a few command lines, two requests each.
pub const ASKS_MAX: usize = 16;

/// Guests at a time. One more is turned away: a program that opens connections in a loop must not eat the agent.
const GUESTS_MAX: usize = 32;

/// Why the agent has no socket.
#[derive(Debug, thiserror::Error)]
#[error("could not listen on {}", path.display())]
pub struct BindError {
    path: PathBuf,
    #[source]
    source: io::Error,
}

/// A request the agent itself must answer: everything but `Hello`, `Status` and `Watch`.
#[derive(Debug)]
pub struct Ask {
    /// What is wanted.
    pub request: Request,
    /// Takes the answer. Dropped unanswered, the guest is told that the agent is ending.
    pub reply: oneshot::Sender<Answer>,
}

/// What guests are told without asking the agent itself.
#[derive(Debug, Clone)]
pub struct Life {
    /// Read, never queued: a slow guest misses intermediate ones and gets the latest.
    pub snapshots: watch::Receiver<Arc<Snapshot>>,
    /// While it does not beat, nobody is told that the agent lives.
    pub pulse: Pulse,
}

/// The open socket of an agent.
#[derive(Debug)]
pub struct Listener {
    socket: Socket,
}

impl Listener {
    /// Opens the socket of the directory whose lock is held. What lies at its path is a dead agent's, for nobody else
    /// can hold the lock, and is removed.
    ///
    /// # Errors
    /// If the system does not let us.
    pub fn bind(lock: &AgentLock) -> Result<Self, BindError> {
        let path = lock.paths().socket();
        let failed = |source| BindError { path: path.clone(), source };
        #[cfg(unix)]
        match std::fs::remove_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => return Err(failed(source)),
            Ok(()) | Err(_) => {}
        }
        let name = wire::socket_name(lock.paths()).map_err(failed)?;
        let options = peer::for_owner_only(ListenerOptions::new().name(name)).map_err(failed)?;
        Ok(Self { socket: options.create_tokio().map_err(failed)? })
    }

    /// The next guest that is the owner's; others are turned away without a word.
    async fn accept(&self) -> Stream {
        loop {
            let stream = match self.socket.accept().await {
                Ok(stream) => stream,
                Err(error) => {
                    // Mostly: out of file descriptors. Without the pause this would be a busy loop.
                    warn!(error = &error as &dyn std::error::Error, "Could not accept a connection on the control socket");
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                    continue;
                }
            };
            match peer::is_owner(&stream) {
                Ok(true) => return stream,
                Ok(false) => warn!("Turned away another user's connection to the control socket"),
                Err(error) => warn!(error = &error as &dyn std::error::Error, "Turned away a connection of an unknown user"),
            }
        }
    }
}

/// Serves guests for ever. Drop the future to stop; all connections close with it.
///
/// `agent_version` is told to guests for people to read. `asks` is bounded; while it is full, guests wait.
pub async fn serve(listener: Listener, agent_version: &'static str, life: Life, asks: mpsc::Sender<Ask>) {
    let mut guests = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            Some(ended) = guests.join_next() => match ended {
                Ok(end) => debug!(guest.end = %end, "A guest of the control socket has left"),
                Err(panic) => warn!(error = &panic as &dyn std::error::Error, "A guest's connection ended by our fault"),
            },
            stream = listener.accept() => {
                if guests.len() >= GUESTS_MAX {
                    warn!(guests.max = GUESTS_MAX, "Too many guests on the control socket; turned one away");
                    continue;
                }
                guests.spawn(guest::Guest::new(stream, agent_version, life.clone(), asks.clone()).serve());
            }
        }
    }
}
