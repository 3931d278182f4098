//! The network's image registry: Debian's `docker-registry`, with the coordinator as its token server.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    time::Duration,
};

use anyhow::{Context as _, Result};
use headframe_coordinator::config::RegistryConfig;
use tokio::net::TcpStream;
use url::Url;

use crate::{
    line::Line,
    process::{Process, command, wait_for},
};

/// How long it may take to listen.
const START_LIMIT: Duration = Duration::from_secs(20);

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
        let address = free_address()?;
        let file = headframe_coordinator::registry::write_config(coordinator_data, address, public_url, &config(line));
        let mut registry = command("docker-registry");
        // Its own log of requests is of no use to anybody here.
        registry
            .arg("serve")
            .arg(file.context("could not write the registry's configuration")?)
            .env("OTEL_TRACES_EXPORTER", "none");
        let mut process = Process::start("docker-registry", registry, &dir.join("registry.log"))?;
        let listening = async || Ok(TcpStream::connect(address).await.ok());
        if let Err(error) = wait_for("the registry", START_LIMIT, listening).await {
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

/// An address nobody listens on now. For programs that cannot be asked for the port they took.
///
/// # Errors
/// If there is none.
pub fn free_address() -> Result<SocketAddr> {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("could not listen on loopback")?;
    listener.local_addr().context("a listener without an address")
}
