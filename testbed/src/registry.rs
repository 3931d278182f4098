//! The network's image registry: Debian's `docker-registry`, with the coordinator as its token server.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use headframe_coordinator::config::RegistryConfig;
use url::Url;

use crate::{
    line::Line,
    process::{Process, command, wait_for},
};

/// How long it may take to listen.
const START_LIMIT: Duration = Duration::from_secs(20);

/// How often it is started, each time at another address.
const STARTS_MAX: u32 = 3;

/// Ports that no system gives to whoever asks for any one, and no well-known program takes.
const PORTS: std::ops::Range<u16> = 15_000..32_000;

/// Ports looked at before giving up.
const PORT_TRIES_MAX: usize = 100;

/// A running registry.
#[derive(Debug)]
pub struct Registry {
    process: Process,
}

/// What the coordinator must know of a registry that is dialled at `line`.
#[must_use]
pub fn config(line: &Line) -> RegistryConfig {
    RegistryConfig { host: line.address().to_string(), api_url: format!("http://{}", line.address()), service: String::new() }
}

impl Registry {
    /// Starts one behind `line`. `public_url` is where the engine finds the coordinator.
    ///
    /// # Errors
    /// If it does not start.
    pub async fn start(dir: &Path, coordinator_data: &Path, line: &Line, public_url: &Url) -> Result<Self> {
        let mut tried = 1;
        loop {
            match Self::try_start(dir, coordinator_data, line, public_url).await {
                // Somebody else may have taken its address meanwhile.
                Err(_) if tried < STARTS_MAX => tried += 1,
                done => return done,
            }
        }
    }

    async fn try_start(dir: &Path, coordinator_data: &Path, line: &Line, public_url: &Url) -> Result<Self> {
        let address = free_address()?;
        let file = headframe_coordinator::registry::write_config(coordinator_data, address, public_url, &config(line));
        let mut registry = command("docker-registry");
        // Its own log of requests is of no use to anybody here.
        registry
            .arg("serve")
            .arg(file.context("could not write the registry's configuration")?)
            .env("OTEL_TRACES_EXPORTER", "none");
        let mut process = Process::start("docker-registry", registry, &dir.join("registry.log"))?;
        if let Err(error) = wait_for("the registry", START_LIMIT, async || is_ours(address, public_url).await).await {
            process.check_alive()?;
            return Err(error);
        }
        line.lead_to(address);
        Ok(Self { process })
    }

    /// Ends it.
    ///
    /// # Errors
    /// If it cannot be ended.
    pub async fn shutdown(&mut self) -> Result<()> {
        self.process.terminate().await
    }
}

/// Whether the registry that answers there sends its visitors to our coordinator; nothing if none answers yet.
///
/// # Errors
/// If it is somebody else's.
async fn is_ours(address: SocketAddr, public_url: &Url) -> Result<Option<()>> {
    let Ok(answer) = reqwest::get(format!("http://{address}/v2/")).await else { return Ok(None) };
    let asks = answer.headers().get(reqwest::header::WWW_AUTHENTICATE).and_then(|value| value.to_str().ok());
    ensure!(asks.is_some_and(|asks| asks.contains(public_url.as_str())), "another program has taken {address}: {asks:?}");
    Ok(Some(()))
}

/// An address nobody listens on now. For programs that cannot be asked for the port they took.
///
/// Its port is not one the system gives to whoever asks for any: between this look and the program's own, connections of other
/// tests would take it now and then.
///
/// # Errors
/// If there is none.
pub fn free_address() -> Result<SocketAddr> {
    let ports = std::iter::repeat_with(|| rand::random_range(PORTS)).take(PORT_TRIES_MAX);
    let free = |port: &u16| std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    let port = ports.into_iter().find(free).context("no free port on loopback")?;
    Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
}
