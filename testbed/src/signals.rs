//! How a person or a program tells us to end: Ctrl-C, SIGTERM.

use anyhow::{Context as _, Result};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Listens from its making on: a signal that comes before anybody waits for it is not lost, and does not end us rudely.
#[derive(Debug)]
pub struct Told {
    interrupt: Signal,
    terminate: Signal,
}

impl Told {
    /// Begins to listen.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn listen() -> Result<Self> {
        let listen = |kind| signal(kind).context("could not listen for signals");
        Ok(Self { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())? })
    }

    /// Returns when we are told to end.
    pub async fn to_end(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }

    /// Returns at Ctrl-C alone: a person who presses it again does not want to wait for the clearing up.
    pub async fn again(&mut self) {
        self.interrupt.recv().await;
    }
}
