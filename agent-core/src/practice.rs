//! Practice: a whole small network on this PC, in a program of its own that lives as long as the agent, with money that is none.

use std::{
    env, fs, io,
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tokio::process::{Child, Command};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use url::Url;

use crate::tasks::Tasks;

/// Names the program where it is not the one beside us; for developers.
pub const PROGRAM_ENV: &str = "HEADFRAME_PRACTICE_BIN";

/// What practice keeps, apart from all else: its own journal, so that no practice job is ever among real ones.
pub const FOLDER: &str = "practice";

/// The program's file name.
const PROGRAM: &str = if cfg!(windows) { "headframe-testbed.exe" } else { "headframe-testbed" };

/// Where nobody listens: the discard service of old.
const NOBODYS_PORT: u16 = 9;

/// How long after the network has ended by itself it is started again.
const AGAIN_AFTER: Duration = Duration::from_secs(30);

/// How long it may take to end: it takes its registry down first.
const END_WITHIN: Duration = Duration::from_secs(8);

/// Why there can be no practice.
#[derive(Debug, thiserror::Error)]
pub enum NoPractice {
    /// The program was not installed with the agent.
    #[error("{PROGRAM} is not installed beside the agent")]
    NotInstalled,
}

/// The program of a practice network.
///
/// # Errors
/// [`NoPractice::NotInstalled`].
pub fn program() -> Result<PathBuf, NoPractice> {
    let named = env::var_os(PROGRAM_ENV).filter(|bin| !bin.is_empty()).map(PathBuf::from);
    let beside = || Some(env::current_exe().ok()?.parent()?.join(PROGRAM)).filter(|bin| bin.is_file());
    named.or_else(beside).ok_or(NoPractice::NotInstalled)
}

/// Has a network on this PC from now on, and says where its coordinator will be. One that does not come up shows as one that cannot be reached;
/// why is in the agent's log, and in `network.log` in the folder of practice.
///
/// # Errors
/// Never, for an address there is.
pub fn begin(data_dir: &Path, tasks: &Tasks) -> Result<Url, url::ParseError> {
    let folder = data_dir.join(FOLDER);
    // Whoever cannot use it says so.
    fs::create_dir_all(&folder).ok();
    // Let go of again: the program takes it within a second, and the system gives it to nobody else so soon.
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    let address = free.unwrap_or_else(|_| (Ipv4Addr::LOCALHOST, NOBODYS_PORT).into());
    let network = Network { folder, listen: address.to_string() };
    tasks.spawn("practice", network.keep(tasks.stopped()));
    format!("http://{address}").parse()
}

struct Network {
    folder: PathBuf,
    listen: String,
}

impl Network {
    async fn keep(self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            match self.start() {
                Ok(mut child) => {
                    info!(practice.listen = %self.listen, "A practice network begins");
                    // Held: whoever waits for a child lets go of its input first, and this one ends by that.
                    let input = child.stdin.take();
                    tokio::select! {
                        () = stop.cancelled() => {
                            drop(input);
                            return end(child).await;
                        }
                        ended = child.wait() => warn!(?ended, "The practice network has ended; see {}", self.log().display()),
                    }
                }
                Err(error) => warn!(%error, "The practice network could not be started"),
            }
            tokio::time::timeout(AGAIN_AFTER, stop.cancelled()).await.ok();
        }
    }

    /// A new network each time: its customers, jobs and money are gone, as those of practice may be.
    fn start(&self) -> io::Result<Child> {
        let program = program().map_err(io::Error::other)?;
        let home = self.folder.join("network");
        match fs::remove_dir_all(&home) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let log = fs::File::create(self.log())?;
        let mut command = Command::new(program);
        command.args(["practise", "--until-stdin-ends", "--listen", &self.listen, "--dir"]).arg(home);
        command.stdin(Stdio::piped()).stdout(log.try_clone()?).stderr(log).kill_on_drop(true).spawn()
    }

    fn log(&self) -> PathBuf {
        self.folder.join("network.log")
    }
}

/// It ends by itself, for its input has ended; one that does not is killed.
async fn end(mut child: Child) {
    if tokio::time::timeout(END_WITHIN, child.wait()).await.is_err() {
        child.kill().await.ok();
    }
}
