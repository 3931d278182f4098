//! Starts an agent when none answers, such that it outlives whoever started it.

use std::{
    env,
    ffi::OsStr,
    fs::{File, OpenOptions},
    io,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::Duration,
};

use headframe_protocol::control::ControlCode;
use tokio::time::{Instant, sleep};

use crate::{
    client::{Client, ClientError},
    paths::{AgentPaths, DATA_DIR_ENV, PathsError},
};

/// Names the agent program where it is not the one beside us; for developers.
pub const AGENT_BIN_ENV: &str = "HEADFRAME_AGENT_BIN";

/// The agent program's file name.
const AGENT_BIN: &str = if cfg!(windows) { "headframe-agent.exe" } else { "headframe-agent" };

/// How long a new agent may take until its socket answers. It opens a database first, on a disk that may be asleep.
const START_TIMEOUT: Duration = Duration::from_secs(15);

/// How long after our agent has ended another one's socket is waited for: two windows may start one at the same time,
/// and the loser of the lock ends at once.
const OTHER_AGENT_TIMEOUT: Duration = Duration::from_secs(3);

/// How long an agent of another version may take to end: what runs has its grace, and whoever waits has a deadline of his own.
const OTHER_ENDS_WITHIN: Duration = Duration::from_secs(20);

/// How often the socket is tried meanwhile.
const TRY_EVERY: Duration = Duration::from_millis(50);

/// What an agent printed in past lives is kept up to this size.
const LOG_BYTES_MAX: u64 = 5 * 1024 * 1024;

/// Why there is still no agent.
#[derive(Debug, thiserror::Error)]
pub enum SpawnError {
    /// The program is neither beside ours nor on the path.
    #[error("{AGENT_BIN} was not found beside this program, nor on the PATH")]
    NotFound,
    /// Its directory cannot be used.
    #[error("the data directory cannot be used")]
    Prepare(#[source] PathsError),
    /// Its log cannot be opened.
    #[error("could not open {}", path.display())]
    Log {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The system does not start it.
    #[error("could not start {}", program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// One of another version is there and does not end.
    #[error("the agent of the version before is still ending; what runs on it has time to be saved. Try again in a moment")]
    Stays,
    /// It ended before it answered.
    #[error("the agent ended at once ({status}); see {}", log.display())]
    Ended {
        /// How.
        status: ExitStatus,
        /// What it printed.
        log: PathBuf,
    },
    /// It runs and does not answer.
    #[error("the agent has not answered within {} s; see {}", START_TIMEOUT.as_secs(), log.display())]
    Silent {
        /// What it printed.
        log: PathBuf,
    },
}

/// Makes sure that an agent answers for `paths`: connects, and starts one if nobody is there. A refusal (another
/// version, say) is an answer too and is for the next call to find out.
///
/// # Errors
/// See [`SpawnError`].
pub async fn agent(paths: &AgentPaths) -> Result<(), SpawnError> {
    if answers(paths).await {
        return Ok(());
    }
    let program = find_agent().ok_or(SpawnError::NotFound)?;
    paths.prepare().map_err(SpawnError::Prepare)?;
    let child = start(&program, paths)?;
    wait_until_it_answers(child, paths).await
}

/// Like [`agent`], in place of one of another version: that one is told to end, and has time for it.
///
/// # Errors
/// See [`SpawnError`].
pub async fn in_place_of_another(paths: &AgentPaths) -> Result<(), SpawnError> {
    if is_another(paths).await {
        // One that is gone meanwhile is as good; one that stays is found below.
        Client::end(paths).await.ok();
        let until = Instant::now() + OTHER_ENDS_WITHIN;
        while is_another(paths).await {
            if Instant::now() >= until {
                return Err(SpawnError::Stays);
            }
            sleep(TRY_EVERY).await;
        }
    }
    agent(paths).await
}

/// Whether an agent of another version is there.
async fn is_another(paths: &AgentPaths) -> bool {
    let refused = Client::connect(paths).await.err();
    matches!(refused, Some(ClientError::Refused(error)) if error.code == ControlCode::VersionMismatch)
}

async fn answers(paths: &AgentPaths) -> bool {
    match Client::connect(paths).await {
        Ok(_) | Err(ClientError::Refused(_)) => true,
        Err(ClientError::Gone(_) | ClientError::Stranger | ClientError::Silent | ClientError::Garbled) => false,
    }
}

/// The agent that was installed with us, before any other on the path.
fn find_agent() -> Option<PathBuf> {
    let named = env::var_os(AGENT_BIN_ENV).filter(|bin| !bin.is_empty()).map(PathBuf::from);
    let beside = || Some(env::current_exe().ok()?.parent()?.join(AGENT_BIN)).filter(|bin| bin.is_file());
    let on_path = || env::split_paths(&env::var_os("PATH")?).map(|dir| dir.join(AGENT_BIN)).find(|bin| bin.is_file());
    named.or_else(beside).or_else(on_path)
}

/// Starts the agent with no tie to us: own session, no terminal, its words into its own log.
fn start(program: &Path, paths: &AgentPaths) -> Result<Child, SpawnError> {
    let path = paths.agent_log();
    let opened = open_log(&path).and_then(|log| Ok((log.try_clone()?, log)));
    let (out, err) = opened.map_err(|source| SpawnError::Log { path, source })?;
    let mut command = Command::new(program);
    command
        .args([OsStr::new("run"), OsStr::new("--tray")])
        .env(DATA_DIR_ENV, paths.data_dir())
        .current_dir(paths.data_dir())
        .stdin(Stdio::null())
        .stdout(out)
        .stderr(err);
    detach(&mut command, Group::Own);
    let started = match command.spawn() {
        // A job object may keep its members. Then the agent ends with whoever started us, which is better than none.
        Err(error) if cfg!(windows) && error.kind() == io::ErrorKind::PermissionDenied => {
            detach(&mut command, Group::Ours);
            command.spawn()
        }
        started => started,
    };
    started.map_err(|source| SpawnError::Start { program: program.to_owned(), source })
}

fn open_log(path: &Path) -> io::Result<File> {
    let full = std::fs::metadata(path).is_ok_and(|meta| meta.len() > LOG_BYTES_MAX);
    if full {
        std::fs::rename(path, path.with_extension("log.old"))?;
    }
    OpenOptions::new().create(true).append(true).open(path)
}

/// What the agent ends with, beside itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Group {
    /// Nothing.
    Own,
    /// Whatever ends us.
    Ours,
}

/// A session of its own: neither a closed terminal nor the end of our process group reaches it.
#[cfg(unix)]
fn detach(command: &mut Command, _group: Group) {
    use std::os::unix::process::CommandExt as _;
    // SAFETY: between fork and exec only async-signal-safe calls are allowed; setsid is one, and nothing is allocated.
    unsafe {
        command.pre_exec(|| rustix::process::setsid().map(drop).map_err(io::Error::from));
    }
}

/// No console, and outside the job object of whoever started us, which may end all its members with itself.
#[cfg(windows)]
fn detach(command: &mut Command, group: Group) {
    use std::os::windows::process::CommandExt as _;
    const DETACHED_PROCESS: u32 = 0x0000_0008;
    const CREATE_NEW_PROCESS_GROUP: u32 = 0x0000_0200;
    const CREATE_BREAKAWAY_FROM_JOB: u32 = 0x0100_0000;
    let breaks_away = if group == Group::Own { CREATE_BREAKAWAY_FROM_JOB } else { 0 };
    command.creation_flags(DETACHED_PROCESS | CREATE_NEW_PROCESS_GROUP | breaks_away);
}

async fn wait_until_it_answers(mut child: Child, paths: &AgentPaths) -> Result<(), SpawnError> {
    let log = paths.agent_log();
    let mut ended: Option<ExitStatus> = None;
    let mut deadline = Instant::now() + START_TIMEOUT;
    loop {
        if answers(paths).await {
            if ended.is_none() {
                reap_at_its_end(child);
            }
            return Ok(());
        }
        if ended.is_none()
            && let Ok(Some(status)) = child.try_wait()
        {
            ended = Some(status);
            deadline = Instant::now() + OTHER_AGENT_TIMEOUT;
        }
        if Instant::now() >= deadline {
            return Err(match ended {
                Some(status) => SpawnError::Ended { status, log },
                None => {
                    reap_at_its_end(child);
                    SpawnError::Silent { log }
                }
            });
        }
        sleep(TRY_EVERY).await;
    }
}

/// While we live, a dead agent would stay in the process table until its parent, which is us, asks how it ended.
fn reap_at_its_end(mut child: Child) {
    let named = thread::Builder::new().name("agent-reaper".into());
    if let Err(error) = named.spawn(move || child.wait()) {
        tracing::warn!(error = &error as &dyn std::error::Error, "Could not start the thread that waits for the agent's end");
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    /// An agent that runs `script` and ends.
    async fn run(script: &str) -> (tempfile::TempDir, AgentPaths, Result<(), SpawnError>) {
        let home = tempfile::tempdir().expect("a folder");
        let program = home.path().join("agent.sh");
        std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).expect("written");
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("ours");
        let paths = AgentPaths::resolve(Some(home.path().join("data"))).expect("absolute");
        paths.prepare().expect("ours");
        let child = start(&program, &paths).expect("a shell");
        let waited = wait_until_it_answers(child, &paths).await;
        (home, paths, waited)
    }

    #[tokio::test]
    async fn an_agent_that_ends_at_once_is_reported_with_its_last_words_kept() {
        let (_home, paths, waited) = run("echo the disk is full >&2; exit 3").await;
        match waited {
            Err(SpawnError::Ended { status, log }) => {
                assert_eq!(status.code(), Some(3));
                assert_eq!(log, paths.agent_log());
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(std::fs::read_to_string(paths.agent_log()).expect("kept"), "the disk is full\n");
    }

    #[tokio::test]
    async fn an_agent_leads_its_own_session_and_knows_its_directory() {
        let (_home, paths, _ended) = run("echo $$ $(cut -d' ' -f6 /proc/$$/stat) $HEADFRAME_AGENT_DIR").await;
        let said = std::fs::read_to_string(paths.agent_log()).expect("kept");
        let words: Vec<&str> = said.split_whitespace().collect();
        assert_eq!(words[0], words[1], "the leader of a session has its number");
        assert_eq!(words[2], paths.data_dir().to_str().expect("plain"));
    }
}
