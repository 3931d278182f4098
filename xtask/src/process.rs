//! Running other programs: loudly when they do the work, quietly when they only answer a question.

use std::{
    ffi::OsStr,
    fs::File,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::{SIGINT, SIGTERM};

use crate::story;

/// How often a started server is asked whether it is ready yet.
const POLL_INTERVAL: Duration = Duration::from_millis(50);
/// How long a server may take to stop by itself. Longer than dockerd's own 15 s for the containers it still has.
const STOP_GRACE: Duration = Duration::from_secs(20);

/// A command that stands in the repository's root and finds the tools we installed.
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(crate::workspace::root());
    command.env("PATH", crate::workspace::search_path());
    command
}

/// `cargo`, the very one that runs us.
pub(crate) fn cargo() -> Command {
    command(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Prints the command line, runs it with our own input and output, and fails if it fails.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    story::tell(format_args!("$ {}", line(command)));
    let status = story::joined(command).status().with_context(|| format!("could not start `{}`", program(command)))?;
    if !status.success() {
        bail!("`{}` ended with {status}", line(command));
    }
    Ok(())
}

/// Runs a program that cleans up after itself when it is told to end, and lives until it has: the display and the engine that it
/// needs for that are ours. A terminal's Ctrl-C reaches it without us; SIGTERM reaches us alone and is passed on.
pub(crate) fn run_to_its_end(command: &mut Command) -> Result<ExitStatus> {
    let (interrupted, terminated) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    for (signal, told) in [(SIGINT, &interrupted), (SIGTERM, &terminated)] {
        signal_hook::flag::register(signal, Arc::clone(told)).context("could not listen for signals")?;
    }
    story::tell(format_args!("$ {}", line(command)));
    let mut child = command.spawn().with_context(|| format!("could not start `{}`", program(command)))?;
    loop {
        if let Some(status) = child.try_wait().context("could not look after a program")? {
            return Ok(status);
        }
        if terminated.swap(false, Ordering::Relaxed) {
            // It may have ended in this very moment.
            kill_process(Pid::from_child(&child), Signal::TERM).ok();
        }
        std::thread::sleep(POLL_INTERVAL);
    }
}

/// Runs quietly and returns what the program printed, trimmed.
pub(crate) fn capture(command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("could not start `{}`", program(command)))?;
    if !output.status.success() {
        bail!("`{}` ended with {}: {}", line(command), output.status, String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8(output.stdout).with_context(|| format!("`{}` did not print text", line(command)))?.trim().to_owned())
}

/// Whether the program can be started and says yes. For probes: silent either way.
pub(crate) fn says_yes(command: &mut Command) -> bool {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// Where a program of this name lies on the search path.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    std::env::split_paths(&crate::workspace::search_path())
        .map(|folder| folder.join(program))
        .find(|candidate| std::fs::metadata(candidate).is_ok_and(|found| found.is_file()))
}

/// A server that we started and that ends with us. Dropping it stops it: asked first, killed after a grace.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    name: &'static str,
    log: PathBuf,
}

impl Server {
    /// Starts `command` with its output in `log`.
    pub(crate) fn start(name: &'static str, command: &mut Command, log: &Path) -> Result<Self> {
        let out = File::create(log).with_context(|| format!("could not write {}", log.display()))?;
        let err = out.try_clone().context("could not share the log")?;
        command.stdin(Stdio::null()).stdout(out).stderr(err);
        let child = command.spawn().with_context(|| format!("could not start {name}"))?;
        Ok(Self { child, name, log: log.to_owned() })
    }

    /// Its process. Whoever ties a program to us becomes it.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until `ready` says so; a server that ends before that, or is too slow, is an error that shows its last words.
    pub(crate) fn wait_until<T>(&mut self, limit: Duration, mut ready: impl FnMut() -> Option<T>) -> Result<T> {
        let started = Instant::now();
        loop {
            if let Some(answer) = ready() {
                return Ok(answer);
            }
            if let Some(status) = self.child.try_wait().context("could not look after a server")? {
                bail!("{} ended with {status}. Its last words, from {}:\n{}", self.name, self.log.display(), self.last_words());
            }
            if started.elapsed() > limit {
                bail!(
                    "{} was not ready after {limit:?}. Its last words, from {}:\n{}",
                    self.name,
                    self.log.display(),
                    self.last_words()
                );
            }
            std::thread::sleep(POLL_INTERVAL);
        }
    }

    fn last_words(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(12)..].join("\n")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The standard library can only kill; a database or an engine should be asked first.
        let asked = kill_process(Pid::from_child(&self.child), Signal::TERM).is_ok();
        let started = Instant::now();
        while asked && started.elapsed() < STOP_GRACE {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(POLL_INTERVAL);
        }
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// On Linux, makes a server end when we end, even if we are killed: nothing is left running behind a cancelled test run.
/// `user` runs it as somebody else.
pub(crate) fn tied_to_us(program: impl AsRef<OsStr>, user: Option<&str>) -> Command {
    if find("setpriv").is_none() {
        return command(program);
    }
    let mut wrapped = command("setpriv");
    wrapped.args(["--pdeathsig", "TERM"]);
    if let Some(user) = user {
        wrapped.args(["--reuid", user, "--regid", user, "--init-groups"]);
    }
    wrapped.arg("--").arg(program);
    wrapped
}

/// A port that was free a moment ago, for programs that cannot pick one themselves.
pub(crate) fn free_port() -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("no free port on loopback")?;
    Ok(listener.local_addr().context("a bound port has an address")?.port())
}

/// The command as a person would type it.
pub(crate) fn line(command: &Command) -> String {
    let mut line = program(command);
    for argument in command.get_args() {
        let text = argument.to_string_lossy();
        line.push(' ');
        if text.is_empty() || text.contains([' ', '(', '|', '$', '"']) {
            line.push_str(&format!("'{text}'"));
        } else {
            line.push_str(&text);
        }
    }
    line
}

fn program(command: &Command) -> String {
    let path = Path::new(command.get_program());
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}
