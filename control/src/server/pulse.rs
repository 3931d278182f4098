//! Whether the agent's own loop still goes round. The socket is served by tasks of its own, which a hang in the loop does
//! not touch: without this, guests would be told the last snapshot for ever.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::{sync::watch, time::Instant};

use headframe_protocol::control::{ALIVE_EVERY, SILENCE_MAX};

/// Beaten by the agent's loop in every turn, felt by the socket. Clones are the same pulse.
#[derive(Debug, Clone)]
pub struct Pulse(Arc<Felt>);

#[derive(Debug)]
struct Felt {
    beat: watch::Sender<Instant>,
    watches: AtomicUsize,
}

/// A guest that is told of every change, for as long as this lives.
#[derive(Debug)]
pub(super) struct Watching(Pulse);

impl Drop for Watching {
    fn drop(&mut self) {
        self.0.0.watches.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Default for Pulse {
    fn default() -> Self {
        Self(Arc::new(Felt { beat: watch::Sender::new(Instant::now()), watches: AtomicUsize::new(0) }))
    }
}

impl Pulse {
    /// Whether somebody is told of every change: then it is worth measuring what only he would see.
    #[must_use]
    pub fn is_watched(&self) -> bool {
        self.0.watches.load(Ordering::Relaxed) > 0
    }

    /// One more guest is.
    pub(super) fn watch(&self) -> Watching {
        self.0.watches.fetch_add(1, Ordering::Relaxed);
        Watching(self.clone())
    }

    /// The loop has gone round.
    pub fn beat(&self) {
        self.0.beat.send_replace(Instant::now());
    }

    /// Whether it has since a guest was last told.
    pub(super) fn is_fresh(&self) -> bool {
        self.0.beat.borrow().elapsed() < ALIVE_EVERY
    }

    /// Whether it has not for so long that nobody may be told that all is well.
    pub(super) fn is_lost(&self) -> bool {
        self.0.beat.borrow().elapsed() > SILENCE_MAX
    }
}
