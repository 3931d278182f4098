//! Whether the agent's own loop still goes round. The socket is served by tasks of its own, which a hang in the loop does
//! not touch: without this, guests would be told the last snapshot for ever.

use std::sync::Arc;

use tokio::{sync::watch, time::Instant};

use headframe_protocol::control::{ALIVE_EVERY, SILENCE_MAX};

/// Beaten by the agent's loop in every turn, felt by the socket. Clones are the same pulse.
#[derive(Debug, Clone)]
pub struct Pulse(Arc<watch::Sender<Instant>>);

impl Default for Pulse {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(Instant::now())))
    }
}

impl Pulse {
    /// The loop has gone round.
    pub fn beat(&self) {
        self.0.send_replace(Instant::now());
    }

    /// Whether it has since a guest was last told.
    pub(super) fn is_fresh(&self) -> bool {
        self.0.borrow().elapsed() < ALIVE_EVERY
    }

    /// Whether it has not for so long that nobody may be told that all is well.
    pub(super) fn is_lost(&self) -> bool {
        self.0.borrow().elapsed() > SILENCE_MAX
    }
}
