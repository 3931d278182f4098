//! Who may be reached: a host the job named, at an address of the public internet.
//!
//! A name is looked up once, here, every address it has is judged before any is tried, and only judged ones are connected to: a
//! name cannot mean one thing when looked at and another when used.

use std::{net::SocketAddr, time::Duration};

use headframe_protocol::{
    address::is_public,
    job::{Host, ParseHostError},
};
use tokio::{net::TcpStream, time::timeout};

use super::World;

/// How long others may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Within {
    /// A resolver that has not answered by then will not.
    resolve: Duration,
    /// A host that has not answered by then is not there.
    connect: Duration,
}

impl Within {
    /// In practice.
    pub(super) const USUAL: Self = Self { resolve: Duration::from_secs(10), connect: Duration::from_secs(10) };
}

/// Addresses of one name that are tried, one after the other.
const ADDRESSES_MAX: usize = 4;

/// Why a host is not reached, as a sentence for the job.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    #[error("{target} cannot be reached from a job: {why}.")]
    NoHost { target: String, why: ParseHostError },
    #[error("{0} is not among the hosts that the job names in `network.allow`.")]
    NotNamed(Host),
    #[error("{0} leads to an address inside a private network, where no job may go.")]
    Private(Host),
    #[error("{0} has no address.")]
    Unknown(Host),
    #[error("{0} does not answer.")]
    Silent(Host),
    #[error("{0} cannot be reached.")]
    Unreachable(Host),
    #[error("The job has sent and received the {0} bytes it may.")]
    Spent(u64),
    #[error("The rig's owner does not let jobs reach the internet any more.")]
    Forbidden,
    #[error("There are as many connections as may be; close one first.")]
    Crowded,
}

impl Refusal {
    /// The HTTP status that says so.
    pub(super) const fn status(&self) -> u16 {
        match self {
            Self::NoHost { .. } | Self::NotNamed(_) | Self::Private(_) | Self::Spent(_) | Self::Forbidden => 403,
            Self::Unknown(_) | Self::Unreachable(_) => 502,
            Self::Silent(_) => 504,
            Self::Crowded => 503,
        }
    }
}

/// The host that `target` is, if the job named it.
pub(super) fn named(allow: &[Host], target: &str) -> Result<Host, Refusal> {
    let host: Host = target.parse().map_err(|why| Refusal::NoHost { target: printable(target), why })?;
    if allow.contains(&host) { Ok(host) } else { Err(Refusal::NotNamed(host)) }
}

/// A stranger's text, on its way into a log.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_graphic() { c } else { '?' }).take(100).collect()
}

/// Connects to a host that was named.
pub(super) async fn reach(world: &dyn World, host: &Host, within: Within) -> Result<TcpStream, Refusal> {
    let found = timeout(within.resolve, world.resolve(host.name())).await.map_err(|_| Refusal::Silent(host.clone()))?;
    let addresses = found.ok().filter(|found| !found.is_empty()).ok_or_else(|| Refusal::Unknown(host.clone()))?;
    // One bad address spoils the name: an honest one has none, and a dishonest one counts on our trying the next.
    if !addresses.iter().all(|address| is_public(*address)) {
        return Err(Refusal::Private(host.clone()));
    }
    let mut refusal = Refusal::Unreachable(host.clone());
    for address in addresses.into_iter().take(ADDRESSES_MAX) {
        match timeout(within.connect, world.connect(SocketAddr::new(address, host.port()))).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(_)) => refusal = Refusal::Unreachable(host.clone()),
            Err(_) => refusal = Refusal::Silent(host.clone()),
        }
    }
    Err(refusal)
}

#[cfg(test)]
mod tests;
