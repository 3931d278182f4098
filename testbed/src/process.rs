//! Child processes that cannot outlive us, and that can be killed as rudely as life does it.

use std::{
    ffi::OsStr,
    fs::OpenOptions,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};

/// How long a process may take to end when asked politely.
const TERM_LIMIT: Duration = Duration::from_secs(20);

/// A program running under our wing; its output goes to a file.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

/// A command whose process the system kills when ours ends, however it ends.
#[must_use]
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(program).kill_on_drop(true);
    command
}

impl Process {
    /// Starts `command`; what it prints is added to `log`.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn start(name: &str, mut command: Command, log: &Path) -> Result<Self> {
        let out = OpenOptions::new()
            .create(true)
            .append(true)
            .open(log)
            .with_context(|| format!("could not open {}", log.display()))?;
        let err = out.try_clone().context("could not share a log file")?;
        command.stdin(Stdio::null()).stdout(out).stderr(err);
        let child = command.spawn().with_context(|| format!("could not start {name}"))?;
        Ok(Self { name: name.to_owned(), child, log: log.to_owned() })
    }

    /// Where its output is.
    #[must_use]
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Its process id, while it runs.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Fails, with the end of its log, if it has ended.
    ///
    /// # Errors
    /// If it has ended.
    pub fn check_alive(&mut self) -> Result<()> {
        match self.child.try_wait().context("could not look after a process")? {
            None => Ok(()),
            Some(status) => bail!("{} has ended ({status}); the end of its log:\n{}", self.name, self.tail()),
        }
    }

    /// `kill -9`, and waits until it is gone.
    ///
    /// # Errors
    /// If the system refuses.
    pub async fn kill(&mut self) -> Result<()> {
        self.child.kill().await.with_context(|| format!("could not kill {}", self.name))
    }

    /// Waits until it ends by itself, at most `limit`.
    ///
    /// # Errors
    /// If it does not.
    pub async fn ended(&mut self, limit: Duration) -> Result<std::process::ExitStatus> {
        let ended = tokio::time::timeout(limit, self.child.wait()).await;
        ended.with_context(|| format!("{} did not end within {limit:?}", self.name))?.context("could not wait for a process")
    }

    /// Asks it to end and waits until it has; kills it if it takes too long.
    ///
    /// # Errors
    /// If the system refuses.
    pub async fn terminate(&mut self) -> Result<()> {
        let id = self.child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        // It is not reaped yet, so the number is still its own, whether it lives or not.
        let Some(id) = id else { return Ok(()) };
        kill_process(id, Signal::TERM).with_context(|| format!("could not signal {}", self.name))?;
        match self.ended(TERM_LIMIT).await {
            Ok(_) => Ok(()),
            Err(_) => self.kill().await,
        }
    }

    /// The last lines of its output.
    #[must_use]
    pub fn tail(&self) -> String {
        const LINES: usize = 20;
        let text = std::fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(LINES)..].join("\n")
    }
}

/// The path of a program of this workspace: what the environment variable `HEADFRAME_…_BIN` says, else beside our own.
///
/// # Errors
/// If it is in neither place.
pub fn workspace_binary(variable: &str, name: &str) -> Result<PathBuf> {
    if let Some(path) = std::env::var_os(variable).filter(|path| !path.is_empty()) {
        return Ok(PathBuf::from(path));
    }
    let own = std::env::current_exe().context("could not find our own program")?;
    // Tests lie one folder deeper than programs.
    let candidates = own.ancestors().skip(1).take(2).map(|folder| folder.join(name));
    let found = candidates.into_iter().find(|path| path.is_file());
    found.with_context(|| format!("{name} is not built; run `cargo build --bins`, or set {variable}"))
}

/// Asks `question` until it answers something, at most `limit`.
///
/// # Errors
/// What the last answer was, if none came in time.
pub async fn wait_for<T, F: Future<Output = Result<Option<T>>>>(
    what: &str,
    limit: Duration,
    question: impl Fn() -> F,
) -> Result<T> {
    const PAUSE: Duration = Duration::from_millis(20);
    let deadline = tokio::time::Instant::now() + limit;
    loop {
        let last = match question().await {
            Ok(Some(answer)) => return Ok(answer),
            Ok(None) => String::new(),
            Err(error) => format!("; the last answer was: {error:#}"),
        };
        if tokio::time::Instant::now() >= deadline {
            bail!("{what}: not within {limit:?}{last}");
        }
        tokio::time::sleep(PAUSE).await;
    }
}
