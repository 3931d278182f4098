//! The container engine the rigs of a testbed use: the computer's own, or a private one that a test may stop.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result};
use bollard::Docker;

use crate::process::{Process, command, wait_for};

/// How long an engine may take to come up.
const START_LIMIT: Duration = Duration::from_secs(60);

/// How long the engine may take for one answer; pushing a large image is one.
const ANSWER_LIMIT_S: u64 = 600;

/// Where the computer's own engine answers, unless `DOCKER_HOST` says otherwise.
const USUAL_SOCKET: &str = "unix:///var/run/docker.sock";

/// An engine that answers.
#[derive(Debug)]
pub struct Engine {
    address: String,
    docker: Docker,
    own: Option<(Process, PathBuf)>,
}

impl Engine {
    /// The computer's own.
    ///
    /// # Errors
    /// If it does not answer.
    pub async fn of_this_computer() -> Result<Self> {
        let address = std::env::var("DOCKER_HOST").ok().filter(|host| host.starts_with("unix://"));
        let address = address.unwrap_or_else(|| USUAL_SOCKET.to_owned());
        let docker = connect(&address).await.with_context(|| {
            format!("no container engine answers at {address}; start Docker, or let `cargo xtask test` do it")
        })?;
        Ok(Self { address, docker, own: None })
    }

    /// One of its own, everything of which lies below `dir`. Containers have no network in it, which is all they ever have.
    ///
    /// # Errors
    /// If it cannot be started, such as without root.
    pub async fn private(dir: &Path) -> Result<Self> {
        std::fs::create_dir_all(dir).context("could not make the engine's folder")?;
        let address = format!("unix://{}", dir.join("docker.sock").display());
        let process = start(dir, &address)?;
        let docker = wait_for("a private container engine", START_LIMIT, async || connect(&address).await.map(Some)).await;
        let docker = docker.with_context(|| format!("see {}", process.log().display()))?;
        Ok(Self { address, docker, own: Some((process, dir.to_owned())) })
    }

    /// As `DOCKER_HOST` would name it.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Speaks to it.
    #[must_use]
    pub const fn docker(&self) -> &Docker {
        &self.docker
    }

    /// Whether it ends with the testbed, and everything in it.
    #[must_use]
    pub const fn is_private(&self) -> bool {
        self.own.is_some()
    }

    /// Stops a private engine as a system update does, with its containers, and starts it again after `pause`.
    ///
    /// # Errors
    /// If it is not ours, or does not come back.
    pub async fn restart(&mut self, pause: Duration) -> Result<()> {
        let (process, dir) = self.own.as_mut().context("only a private engine can be restarted")?;
        process.terminate().await?;
        tokio::time::sleep(pause).await;
        *process = start(dir, &self.address)?;
        wait_for("the engine after its restart", START_LIMIT, async || connect(&self.address).await.map(Some)).await?;
        Ok(())
    }

    /// Ends a private engine.
    ///
    /// # Errors
    /// If it cannot be ended.
    pub async fn shutdown(&mut self) -> Result<()> {
        match &mut self.own {
            Some((process, _)) => process.terminate().await,
            None => Ok(()),
        }
    }
}

fn start(dir: &Path, address: &str) -> Result<Process> {
    let mut dockerd = command("dockerd");
    dockerd.args(["--host", address, "--bridge=none", "--iptables=false", "--ip6tables=false"]);
    for (option, name) in [("--data-root", "data"), ("--exec-root", "exec"), ("--pidfile", "pid")] {
        dockerd.arg(option).arg(dir.join(name));
    }
    Process::start("dockerd", dockerd, &dir.join("dockerd.log"))
}

async fn connect(address: &str) -> Result<Docker> {
    let docker = Docker::connect_with_socket(address, ANSWER_LIMIT_S, bollard::API_DEFAULT_VERSION)
        .context("could not speak to the engine")?;
    docker.negotiate_version().await.context("the engine does not answer")
}
