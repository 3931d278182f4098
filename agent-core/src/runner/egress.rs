//! The way out for jobs that name hosts, where the owner lets them: a proxy of ours, and no network.
//!
//! The container has none, as every container. A small program in it, the relay, takes the job's proxy requests on its loopback and
//! carries them over the engine's own line (the standard input and output of an exec) to us. Here every request is judged by
//! [`gate`]: the host must be one the job named, its name is looked up by us, and every address it has must be of the public
//! internet before a packet is sent to any. [`session`] speaks with the relay, whose every word is taken for a stranger's; [`carry`]
//! moves one connection's bytes, as fast and as many as the owner allows; [`way`] brings the relay up and keeps it up.

use std::sync::Arc;

use tokio::sync::watch;

mod carry;
mod gate;
mod inbox;
mod relay;
mod session;
mod traffic;
mod way;
mod world;

pub use world::{Internet, World};

pub(super) use relay::{RelayVolume, before_the_program, environment, mount};
pub(super) use way::Way;

/// What jobs that name hosts may use of this PC's connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EgressCaps {
    /// All of them together, both directions.
    pub bytes_per_second: u64,
    /// One attempt, both directions. A job that asks for more is not taken.
    pub bytes_per_attempt: u64,
}

/// Whether and how jobs may reach the internet.
#[derive(Debug, Clone)]
pub struct EgressConfig {
    /// What the owner allows now; nothing if jobs may reach nothing.
    pub caps: watch::Receiver<Option<EgressCaps>>,
    /// Where names lead, and how an address is reached.
    pub world: Arc<dyn World>,
}

impl EgressConfig {
    /// Nothing is allowed, and never will be.
    #[must_use]
    pub fn never() -> Self {
        Self { caps: watch::channel(None).1, world: Arc::new(Internet) }
    }

    /// The internet, as far as `caps` say.
    #[must_use]
    pub fn internet(caps: watch::Receiver<Option<EgressCaps>>) -> Self {
        Self { caps, world: Arc::new(Internet) }
    }

    /// Whether this agent carries the relay. Without it there is no way out, whatever the owner allows.
    #[must_use]
    pub fn is_possible() -> bool {
        !relay::PROGRAM.is_empty()
    }

    pub(super) fn allows(&self, bytes: u64) -> bool {
        Self::is_possible() && self.caps.borrow().is_some_and(|caps| bytes <= caps.bytes_per_attempt)
    }
}
