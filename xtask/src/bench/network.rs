//! A testbed that stays up while we measure, with one image in it: pushed as a customer does, approved as an operator does.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
};

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use crate::{
    process::{capture, command},
    test::binaries,
    workspace::{self, Profile},
};

/// A running network with some rigs, one customer and one approved image.
#[derive(Debug)]
pub(super) struct Network {
    child: Child,
    /// The testbed ends when this is closed, also by our own sudden end.
    stdin: Option<ChildStdin>,
    ready: Ready,
    /// Everything the network keeps.
    folder: PathBuf,
}

/// What `headframe-testbed up --json` says.
#[derive(Debug, Deserialize)]
struct Ready {
    coordinator_url: String,
    rigs_url: String,
    api_key: String,
    /// Address and the customer's part of the registry.
    registry: String,
}

impl Network {
    /// Starts one with so many rigs and everything it keeps in `folder`, which is emptied first.
    pub(super) fn start(folder: &Path, rigs: usize) -> Result<Self> {
        if folder.exists() {
            std::fs::remove_dir_all(folder).with_context(|| format!("could not clear {}", folder.display()))?;
        }
        let mut up = command(workspace::binary(Profile::Release, "headframe-testbed"));
        up.args(["up", "--json", "--until-stdin-ends", "--restless-owners", "--agents", &rigs.to_string(), "--dir"])
            .arg(folder)
            .envs(binaries(Profile::Release));
        up.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = up.spawn().context("could not start the testbed")?;
        let stdin = child.stdin.take();
        let stdout = child.stdout.take().context("the testbed's output is ours")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).context("the testbed said nothing")?;
        let ready =
            serde_json::from_str(&line).with_context(|| format!("the testbed did not come up; it said `{}`", line.trim()))?;
        Ok(Self { child, stdin, ready, folder: folder.to_owned() })
    }

    /// Where rigs dial its coordinator.
    pub(super) fn rigs_url(&self) -> &str {
        &self.ready.rigs_url
    }

    /// A call of the customer's tool, with the customer's key in its environment.
    pub(super) fn customer(&self) -> Command {
        let mut tool = command(workspace::binary(Profile::Release, "headframe"));
        tool.env("HEADFRAME_URL", &self.ready.coordinator_url).env("HEADFRAME_API_KEY", &self.ready.api_key);
        tool
    }

    /// Pushes the engine's image `local` to the network's registry and lets it run. Returns its name by digest.
    pub(super) fn publish(&self, local: &str) -> Result<String> {
        let Ready { registry, .. } = &self.ready;
        let host = registry.split('/').next().unwrap_or(registry);
        let repository = format!("{registry}/bench");
        let mut login = self.docker();
        self.log_in(login.args(["login", "--username", "customer", "--password-stdin", host]))?;
        capture(self.docker().args(["tag", local, &repository]))?;
        capture(self.docker().args(["push", "--quiet", &repository]))?;
        let names = capture(self.docker().args(["image", "inspect", "--format", "{{join .RepoDigests \"\\n\"}}", &repository]))?;
        let by_digest = names.lines().find(|name| name.starts_with(&format!("{repository}@")));
        let image = by_digest.context("the pushed image has no digest")?.to_owned();
        let digest = image.rsplit("sha256:").next().unwrap_or_default();
        let mut operator = command(workspace::binary(Profile::Release, "headframe-coordinator"));
        operator.arg("--data-dir").arg(self.folder.join("coordinator"));
        operator.args(["admin", "--reason", "the image of a measurement", "--actor", "xtask", "image", "approve", digest]);
        capture(&mut operator)?;
        Ok(image)
    }

    /// `docker` with a login of its own: the developer's is none of our business.
    fn docker(&self) -> Command {
        let mut docker = command("docker");
        docker.arg("--config").arg(self.folder.join("docker"));
        docker
    }

    /// The key goes in by standard input: arguments can be read by everybody on the machine.
    fn log_in(&self, login: &mut Command) -> Result<()> {
        let mut child =
            login.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().context("could not log in")?;
        let mut stdin = child.stdin.take().context("the login's input is ours")?;
        stdin.write_all(self.ready.api_key.as_bytes()).context("could not log in")?;
        drop(stdin);
        if !child.wait().context("could not log in")?.success() {
            bail!("the registry did not accept the customer's key");
        }
        Ok(())
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.stdin.take();
        self.child.wait().ok();
    }
}
