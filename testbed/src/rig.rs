//! A rig: an agent with a folder of its own, in this process or as a program that can be killed.
//!
//! Its owner's side is seen as the window sees it, through the control socket.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use headframe_agent::{Agent, AgentConfig};
use headframe_control::{AgentPaths, client::Client};
use headframe_protocol::control::{JobCard, JobsArgs, Phase, Snapshot};
use url::Url;

use crate::process::{Process, command, wait_for, workspace_binary};

/// How long an agent may take until it can be asked.
const START_LIMIT: Duration = Duration::from_secs(20);

/// How long until it is connected and takes work.
const READY_LIMIT: Duration = Duration::from_secs(30);

/// The label by which an agent knows its containers.
const DEVICE_LABEL: &str = "headframe.device";

/// Where a child agent is told to die, and where to note what it passes; both with its feature `testing` only.
const DIE_AT: &str = "HEADFRAME_TEST_DIE_AT";
const POINTS_PASSED: &str = "HEADFRAME_TEST_POINTS_PASSED";

/// Where an agent lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Home {
    /// In this process.
    #[default]
    Within,
    /// A program of its own.
    Child,
}

/// What a rig is told in its settings.
#[derive(Debug, Clone)]
pub struct RigSettings {
    /// The coordinator, as the rig dials it.
    pub coordinator: Url,
    /// What people call it.
    pub name: String,
    /// The engine, as `DOCKER_HOST` names it.
    pub engine: String,
    /// Disk it offers, in GiB.
    pub disk_gib: u32,
    /// What every pause is divided by.
    pub timers_divisor: u32,
}

/// How a child agent is started for a trial.
#[derive(Debug, Clone, Default)]
pub struct Trial {
    /// It kills itself at this point, `NAME:PASS`: see `headframe_agent::fault`.
    pub die_at: Option<String>,
    /// It writes the points that it passes into this file.
    pub points_to: Option<PathBuf>,
    /// It finds no program of the system, so it cannot make file systems: work volumes are the engine's.
    pub without_tools: bool,
}

/// A rig, running or killed.
#[derive(Debug)]
pub struct Rig {
    dir: PathBuf,
    engine: String,
    device: Option<String>,
    body: Body,
}

#[derive(Debug)]
enum Body {
    Within(Option<Box<Agent>>),
    Child(Box<Process>),
}

impl Rig {
    /// Starts an agent in `dir`.
    ///
    /// # Errors
    /// If it cannot be asked within a while.
    pub async fn start(home: Home, dir: &Path, settings: &RigSettings) -> Result<Self> {
        std::fs::create_dir_all(dir).with_context(|| format!("could not make {}", dir.display()))?;
        std::fs::write(dir.join("agent.toml"), toml_of(settings)).context("could not write the rig's settings")?;
        std::fs::write(dir.join("rules.toml"), RULES).context("could not write the rig's rules")?;
        let body = match home {
            Home::Within => Body::Within(Some(Box::new(bind(dir).await?))),
            Home::Child => Body::Child(Box::new(spawn(dir, &Trial::default())?)),
        };
        let mut rig = Self { dir: dir.to_owned(), engine: settings.engine.clone(), device: None, body };
        rig.answers().await?;
        rig.device = Some(rig.snapshot().await?.rig.device);
        Ok(rig)
    }

    /// Its device's id, by which the engine knows its containers.
    #[must_use]
    pub fn device(&self) -> Option<&str> {
        self.device.as_deref()
    }

    /// Its data directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// `kill -9`.
    ///
    /// # Errors
    /// If it lives in this process.
    pub async fn kill(&mut self) -> Result<()> {
        match &mut self.body {
            Body::Child(process) => process.kill().await,
            Body::Within(_) => bail!("a rig in this process cannot be killed without it; use Home::Child"),
        }
    }

    /// Starts it again after it was killed.
    ///
    /// # Errors
    /// If it cannot be asked within a while.
    pub async fn start_again(&mut self) -> Result<()> {
        match &mut self.body {
            Body::Child(process) => **process = spawn(&self.dir, &Trial::default())?,
            Body::Within(agent) => *agent = Some(Box::new(bind(&self.dir).await?)),
        }
        self.answers().await
    }

    /// Starts it again for a trial, without waiting until it can be asked: it may not live that long.
    ///
    /// # Errors
    /// If it lives in this process.
    pub fn start_trial(&mut self, trial: &Trial) -> Result<()> {
        match &mut self.body {
            Body::Child(process) => **process = spawn(&self.dir, trial)?,
            Body::Within(_) => bail!("a rig in this process stands no trial; use Home::Child"),
        }
        Ok(())
    }

    /// Whether its process runs.
    pub fn is_alive(&mut self) -> bool {
        match &mut self.body {
            Body::Child(process) => process.check_alive().is_ok(),
            Body::Within(agent) => agent.is_some(),
        }
    }

    /// What its owner sees now.
    ///
    /// # Errors
    /// If nobody answers.
    pub async fn snapshot(&self) -> Result<Snapshot> {
        Ok(self.guest().await?.status().await?)
    }

    /// Its past and present jobs as the owner sees them, newest first.
    ///
    /// # Errors
    /// If nobody answers.
    pub async fn jobs(&self) -> Result<Vec<JobCard>> {
        Ok(self.guest().await?.jobs(JobsArgs { after: None, limit: 100 }).await?.jobs)
    }

    /// A guest at its control socket.
    ///
    /// # Errors
    /// If nobody answers.
    pub async fn guest(&self) -> Result<Client> {
        let paths = AgentPaths::resolve(Some(self.dir.clone())).context("no place for the control socket")?;
        Client::connect(&paths).await.context("the rig does not answer its owner")
    }

    /// Waits until it is connected and takes work.
    ///
    /// # Errors
    /// What it is doing instead.
    pub async fn ready(&self) -> Result<()> {
        let ready = async || {
            let phase = self.snapshot().await?.phase;
            if phase == Phase::Ready { Ok(Some(())) } else { bail!("it says {phase:?}") }
        };
        wait_for("the rig takes no work", READY_LIMIT, ready).await
    }

    /// Ends it.
    ///
    /// # Errors
    /// If it cannot be ended.
    pub async fn shutdown(&mut self) -> Result<()> {
        match &mut self.body {
            Body::Within(agent) => {
                if let Some(agent) = agent.take() {
                    agent.shutdown().await;
                }
            }
            Body::Child(process) => process.terminate().await?,
        }
        // An agent that ends well leaves no container.
        self.device = None;
        Ok(())
    }

    async fn answers(&mut self) -> Result<()> {
        let waited = wait_for("the rig", START_LIMIT, async || self.snapshot().await.map(|_| Some(()))).await;
        if let Body::Child(process) = &mut self.body {
            process.check_alive()?;
        }
        waited
    }
}

impl Drop for Rig {
    /// After a failed test nobody adopts the containers of its rigs; some of them would run for ever.
    fn drop(&mut self) {
        let Some(device) = &self.device else { return };
        let docker = || {
            let mut docker = std::process::Command::new("docker");
            docker.args(["--host", &self.engine]);
            docker
        };
        let found = docker().args(["ps", "--all", "--quiet", "--filter", &format!("label={DEVICE_LABEL}={device}")]).output();
        let found = found.map(|found| String::from_utf8_lossy(&found.stdout).into_owned()).unwrap_or_default();
        if !found.trim().is_empty() {
            let removed = docker().args(["rm", "--force"]).args(found.split_whitespace()).output();
            tracing::warn!(done = removed.is_ok(), "Removed the containers of a rig that did not end well");
        }
    }
}

async fn bind(dir: &Path) -> Result<Agent> {
    Box::pin(Agent::bind(AgentConfig::new(Some(dir.to_owned())))).await.context("the rig does not start")
}

fn spawn(dir: &Path, trial: &Trial) -> Result<Process> {
    let Trial { die_at, points_to, without_tools } = trial;
    let mut program = command("env");
    if *without_tools {
        // Said to `env`, which is looked for along the usual path itself.
        program.arg("PATH=/nowhere");
    }
    program.arg(workspace_binary("HEADFRAME_AGENT_BIN", "headframe-agent")?).arg("run").arg("--data-dir").arg(dir);
    if let Some(point) = die_at {
        program.env(DIE_AT, point);
    }
    if let Some(file) = points_to {
        program.env(POINTS_PASSED, file);
    }
    Process::start("headframe-agent", program, &dir.join("agent.log"))
}

/// Rules of an owner whom nothing disturbs: what else goes on on this PC must not decide what a test sees.
const RULES: &str = "away.require = false\npower.on_battery = true\nnetwork.on_metered = true\nheat.cpu_max_c = 0\n\
                     heat.gpu_max_c = 0\nload.others_max_percent = 0\nprograms.fullscreen = false\n";

fn toml_of(settings: &RigSettings) -> String {
    let RigSettings { coordinator, name, engine, disk_gib, timers_divisor } = settings;
    let url = coordinator.as_str().trim_end_matches('/');
    format!(
        "coordinator.url = {url:?}\nrig.name = {name:?}\nlimits.disk_gib = {disk_gib}\n\
         engine.socket = {engine:?}\nstart.automatically = true\ninputs.allow_private_addresses = true\n\
         timers.divisor = {timers_divisor}\nbenchmark.automatically = false\nwallet.keystore_log_n = 14\n"
    )
}
