//! The container engine: the one that answers, else one that we start and stop.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::{
    process::{Server, capture, command, find, says_yes, tied_to_us},
    setup, story, workspace,
};

/// How long a fresh engine may take to come up. It reads its whole store first; seconds are usual, a slow disk takes more.
const START_LIMIT: Duration = Duration::from_secs(60);

/// A running engine, and the duty to stop it if we started it.
#[derive(Debug)]
pub(crate) struct Engine {
    _ours: Option<Server>,
}

impl Engine {
    /// Uses the engine that answers, or starts `dockerd` with its default store.
    ///
    /// Its own store below `target` was rejected: overlay file systems do not stack on every disk that a repository may lie on,
    /// and a cached job image would be imported once per clone.
    pub(crate) fn ensure() -> Result<Self> {
        if answers() {
            story::tell(format_args!("Using the container engine that is running: {}.", version()?));
            return Ok(Self { _ours: None });
        }
        if find("dockerd").is_none() || !setup::is_root()? {
            bail!("no container engine answers. Start Docker, Colima, OrbStack or Rancher Desktop and try again");
        }
        let log = workspace::log("dockerd")?;
        story::tell(format_args!("No container engine answers. Starting dockerd; its log is {}.", log.display()));
        let mut dockerd = tied_to_us("dockerd", None);
        dockerd.args(["--storage-driver", "overlay2", "--host", "unix:///var/run/docker.sock"]);
        let mut server = Server::start("dockerd", &mut dockerd, &log)?;
        server.wait_until(START_LIMIT, || answers().then_some(()))?;
        Ok(Self { _ours: Some(server) })
    }
}

/// Whether an engine answers where the `docker` command looks for one.
pub(crate) fn answers() -> bool {
    says_yes(command("docker").args(["version", "--format", "{{.Server.Version}}"]))
}

fn version() -> Result<String> {
    capture(command("docker").args(["version", "--format", "{{.Server.Version}}"])).context("the engine stopped answering")
}
