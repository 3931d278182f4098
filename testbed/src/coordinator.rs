//! The network's coordinator: in this process, or as a program that can be killed.

use std::{
    net::SocketAddr,
    os::unix::process::ExitStatusExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result};
use headframe_coordinator::Config;
use rustix::process::Signal;
use url::Url;

use crate::process::{Process, command, wait_for, workspace_binary};

/// How long it may take to be ready.
const READY_LIMIT: Duration = Duration::from_secs(30);

/// Names the point at which a coordinator built for tests aborts itself, as `kill -9` would.
const ABORT_AT: &str = "HEADFRAME_TEST_ABORT_AT";

/// The name of its configuration in the network's folder.
const CONFIG_FILE: &str = "coordinator.toml";

/// Where the coordinator lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Home {
    /// In this process.
    #[default]
    Within,
    /// A program of its own.
    Child,
}

/// A coordinator, running or killed.
#[derive(Debug)]
pub struct Coordinator {
    config: Config,
    dir: PathBuf,
    address: SocketAddr,
    body: Body,
}

#[derive(Debug)]
enum Body {
    Within(Box<headframe_coordinator::Coordinator>),
    Child(Box<Process>),
}

impl Coordinator {
    /// Starts one. `config.listen` must be a free address, not port 0: a killed one comes back at the same place.
    ///
    /// # Errors
    /// If it does not become ready.
    pub async fn start(home: Home, config: Config, dir: &Path) -> Result<Self> {
        let address = config.listen;
        write_config(&config, dir)?;
        let body = match home {
            Home::Within => {
                let bound = Box::pin(headframe_coordinator::Coordinator::bind(config.clone())).await;
                Body::Within(Box::new(bound.context("the coordinator does not start")?))
            }
            Home::Child => Body::Child(Box::new(spawn(dir, None)?)),
        };
        let mut coordinator = Self { config, dir: dir.to_owned(), address, body };
        coordinator.ready().await?;
        Ok(coordinator)
    }

    /// What it was started with.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// The same as a file, for the operator's commands.
    #[must_use]
    pub fn config_file(&self) -> PathBuf {
        self.dir.join(CONFIG_FILE)
    }

    /// Where it listens; not through any line.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// `kill -9`.
    ///
    /// # Errors
    /// If it lives in this process.
    pub async fn kill(&mut self) -> Result<()> {
        self.child()?.kill().await
    }

    /// Starts it again after it was killed or has aborted.
    ///
    /// # Errors
    /// If it does not become ready.
    pub async fn start_again(&mut self) -> Result<()> {
        let process = spawn(&self.dir, None)?;
        *self.child()? = process;
        self.ready().await
    }

    /// Starts it again so that it kills itself when it comes to `point`, which may be before anybody could ask whether it is ready.
    ///
    /// # Errors
    /// If it neither becomes ready nor ends.
    pub async fn start_again_to_die_at(&mut self, point: &str) -> Result<()> {
        self.kill().await?;
        let process = spawn(&self.dir, Some(point))?;
        *self.child()? = process;
        let answers = answers(self.address);
        tokio::select! {
            ended = self.child()?.ended(READY_LIMIT) => ended.map(drop),
            answered = answers => answered,
        }
    }

    /// Waits until it has killed itself.
    ///
    /// # Errors
    /// If it has not within `limit`, or has ended in another way.
    pub async fn died(&mut self, limit: Duration) -> Result<()> {
        let status = self.child()?.ended(limit).await?;
        anyhow::ensure!(status.signal() == Some(Signal::ABORT.as_raw()), "it ended otherwise: {status}");
        Ok(())
    }

    /// Ends it.
    ///
    /// # Errors
    /// If it cannot be ended.
    pub async fn shutdown(self) -> Result<()> {
        match self.body {
            Body::Within(coordinator) => {
                coordinator.shutdown().await;
                Ok(())
            }
            Body::Child(mut process) => process.terminate().await,
        }
    }

    fn child(&mut self) -> Result<&mut Process> {
        match &mut self.body {
            Body::Child(process) => Ok(process),
            Body::Within(_) => anyhow::bail!("a coordinator in this process cannot be killed without it; use Home::Child"),
        }
    }

    async fn ready(&mut self) -> Result<()> {
        let waited = answers(self.address).await;
        match &mut self.body {
            Body::Child(process) => process.check_alive()?,
            Body::Within(_) => {}
        }
        waited
    }
}

/// Returns once a coordinator says that it is ready.
async fn answers(address: SocketAddr) -> Result<()> {
    let url = format!("http://{address}/readyz");
    let ask = async || Ok(reqwest::get(&url).await?.status().is_success().then_some(()));
    wait_for("the coordinator", READY_LIMIT, ask).await
}

/// The base address of a coordinator behind a line.
///
/// # Errors
/// Never, for an address there is.
pub fn url(address: SocketAddr) -> Result<Url> {
    Url::parse(&format!("http://{address}")).context("an address without a spelling")
}

fn write_config(config: &Config, dir: &Path) -> Result<()> {
    let file = dir.join(CONFIG_FILE);
    let text = toml::to_string(config).context("could not write the coordinator's configuration")?;
    std::fs::write(&file, text).with_context(|| format!("could not write {}", file.display()))
}

fn spawn(dir: &Path, abort_at: Option<&str>) -> Result<Process> {
    let mut program = command(workspace_binary("HEADFRAME_COORDINATOR_BIN", "headframe-coordinator")?);
    program.arg("--config").arg(dir.join(CONFIG_FILE)).arg("serve");
    if let Some(point) = abort_at {
        program.env(ABORT_AT, point);
    }
    Process::start("headframe-coordinator", program, &dir.join("coordinator.log"))
}
