//! Finds the container engine on this PC, and refuses one that cannot hold a container to its limits.
//!
//! Every place an engine usually answers at is looked at in a fixed order. What was found wrong with each is kept,
//! because "no engine" without a reason leaves the owner helpless.

use std::{
    fmt,
    path::{Path, PathBuf},
    time::Duration,
};

use bollard::{
    API_DEFAULT_VERSION, Docker,
    models::{SystemInfo, SystemVersion},
};

mod fitness;
mod places;
mod testimony;

pub use fitness::{Limit, Note, Unfit};
use places::Place;
pub use testimony::{Examined, Testimony, Users, examine};

/// How long an engine may take to say who it is. A VM-backed one that is waking up needs some seconds.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// How long the engine may take to begin an answer once in use. Pulls and waits stream; they begin at once.
const REQUEST_MAX_S: u64 = 120;

/// No engine on this PC can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no container engine can be used: {}", list(tried))]
pub struct EngineMissing {
    /// Where we looked, and why each was not taken.
    pub tried: Vec<EngineTried>,
}

/// An engine that was looked at and not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineTried {
    /// What people call it, such as `Docker`.
    pub name: String,
    /// The socket or address.
    pub address: String,
    /// Why it was not taken.
    pub why: WhyNot,
}

impl fmt::Display for EngineTried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}: {}", self.name, self.address, self.why)
    }
}

fn list(tried: &[EngineTried]) -> String {
    if tried.is_empty() {
        return "there is no place to look on this system".to_owned();
    }
    tried.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// Why an engine was not taken, with what to do about it where something can be done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WhyNot {
    /// Nothing is there.
    #[error("there is no socket; it is not installed or not running")]
    NoSocket,
    /// Something is there that nobody answers at.
    #[error("there is a socket, but nobody answers; the engine has stopped")]
    Refused,
    /// The agent's user may not use it.
    #[error(
        "this user may not use it; add the user to the socket's group (for Docker: `sudo usermod -aG docker $USER`) and log in again"
    )]
    Denied,
    /// It was reached and did not answer in a way we understand.
    #[error("it does not answer as an engine does: {detail}")]
    Mute {
        /// What it did.
        detail: String,
    },
    /// The address is not one we can speak to.
    #[error("`{address}` is not an address we can use; unix:///path, npipe:////./pipe/name or http://host:port")]
    BadAddress {
        /// What was given.
        address: String,
    },
    /// It works, and is not good enough to run strangers' code on.
    #[error("{0}")]
    Unfit(#[from] Unfit),
}

/// The engine in use.
#[derive(Debug, Clone)]
pub(super) struct Engine {
    pub(super) docker: Docker,
    pub(super) name: String,
    pub(super) address: String,
    /// Whether its containers and volumes are on this machine's own kernel, under their own numbers: not in a VM, not
    /// remote, not with remapped users.
    #[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "only there is a limit to be had by it"))]
    pub(super) same_kernel: bool,
    /// Where it keeps images and volumes, if that is a folder of this machine.
    pub(super) data_root: Option<PathBuf>,
    pub(super) notes: Vec<Note>,
    /// Whether it gives containers NVIDIA cards: their runtime is registered with it.
    pub(super) gives_gpus: bool,
    pub(super) tried: Vec<EngineTried>,
}

/// Looks for an engine: the one given, else `DOCKER_HOST`'s, else the usual places of this platform.
pub(super) async fn find(given: Option<&str>) -> Result<Engine, EngineMissing> {
    let mut tried = Vec::new();
    for place in places::to_look_at(given) {
        match look(&place).await {
            Ok(mut engine) => {
                engine.tried = tried;
                tracing::info!(
                    engine.name = engine.name,
                    engine.address = engine.address,
                    "Found {} at {}",
                    engine.name,
                    engine.address
                );
                return Ok(engine);
            }
            Err(why) => {
                let not_taken = EngineTried { name: place.name.to_owned(), address: place.address, why };
                tracing::info!(engine.name = not_taken.name, engine.address = not_taken.address, "Not taken: {not_taken}");
                tried.push(not_taken);
            }
        }
    }
    Err(EngineMissing { tried })
}

/// An engine that has answered and is not judged yet.
struct Met {
    docker: Docker,
    version: SystemVersion,
    info: SystemInfo,
    /// Whether what we mount is mounted for it too.
    shares_mounts: bool,
}

async fn look(place: &Place) -> Result<Engine, WhyNot> {
    meet(place).await?.judged(place)
}

async fn meet(place: &Place) -> Result<Met, WhyNot> {
    let shares_mounts = match place.socket_path() {
        Some(path) => knock(path).await?,
        None => false,
    };
    let docker = dial(&place.address)?;
    let answer = tokio::time::timeout(ANSWER_MAX, async {
        let docker = docker.negotiate_version().await?;
        let version = docker.version().await?;
        let info = docker.info().await?;
        Ok::<_, bollard::errors::Error>((docker, version, info))
    });
    match answer.await {
        Err(_) => Err(WhyNot::Mute { detail: format!("no answer within {} s", ANSWER_MAX.as_secs()) }),
        Ok(Err(error)) => Err(WhyNot::Mute { detail: error.to_string().chars().take(200).collect() }),
        Ok(Ok((docker, version, info))) => Ok(Met { docker, version, info, shares_mounts }),
    }
}

impl Met {
    fn judged(self, place: &Place) -> Result<Engine, WhyNot> {
        let Self { docker, version, info, shares_mounts } = self;
        let notes = fitness::check(&version, &info, place.here())?;
        Ok(Engine {
            name: format!("{} {}", people_call_it(place, &version), version.version.as_deref().unwrap_or("of unknown version")),
            address: place.address.clone(),
            same_kernel: shares_mounts && on_this_kernel(&info) && !has_other_users(&info),
            data_root: info.docker_root_dir.as_ref().filter(|_| shares_mounts && on_this_kernel(&info)).map(PathBuf::from),
            notes,
            gives_gpus: info.runtimes.iter().flatten().any(|(name, _)| name == "nvidia"),
            tried: Vec::new(),
            docker,
        })
    }
}

/// Opens and closes the socket once: the errors of a plain connect are exact where those of an HTTP client are not.
/// Says whether what we mount is mounted for the engine too.
#[cfg(unix)]
async fn knock(path: &Path) -> Result<bool, WhyNot> {
    use std::io::ErrorKind;
    match tokio::net::UnixStream::connect(path).await {
        Ok(stream) => Ok(stream.peer_cred().ok().and_then(|peer| peer.pid()).is_some_and(shares_mounts_with)),
        Err(error) => Err(match error.kind() {
            ErrorKind::NotFound => WhyNot::NoSocket,
            ErrorKind::PermissionDenied => WhyNot::Denied,
            ErrorKind::ConnectionRefused => WhyNot::Refused,
            other => WhyNot::Mute { detail: other.to_string() },
        }),
    }
}

/// Whether a process sees the mounts we see. An engine in a container or with private mounts does not.
#[cfg(unix)]
fn shares_mounts_with(pid: i32) -> bool {
    let namespace = |of: &str| std::fs::read_link(format!("/proc/{of}/ns/mnt")).ok();
    matches!((namespace("self"), namespace(&pid.to_string())), (Some(ours), Some(theirs)) if ours == theirs)
}

#[cfg(windows)]
async fn knock(path: &Path) -> Result<bool, WhyNot> {
    use std::io::ErrorKind;
    match tokio::net::windows::named_pipe::ClientOptions::new().open(path) {
        Ok(_) => Ok(false),
        Err(error) => Err(match error.kind() {
            ErrorKind::NotFound => WhyNot::NoSocket,
            ErrorKind::PermissionDenied => WhyNot::Denied,
            other => WhyNot::Mute { detail: other.to_string() },
        }),
    }
}

fn dial(address: &str) -> Result<Docker, WhyNot> {
    let bad = || WhyNot::BadAddress { address: address.to_owned() };
    let docker = if address.starts_with("unix://") {
        #[cfg(unix)]
        {
            Docker::connect_with_unix(address, REQUEST_MAX_S, API_DEFAULT_VERSION)
        }
        #[cfg(not(unix))]
        return Err(bad());
    } else if address.starts_with("npipe://") {
        #[cfg(windows)]
        {
            Docker::connect_with_named_pipe(address, REQUEST_MAX_S, API_DEFAULT_VERSION)
        }
        #[cfg(not(windows))]
        return Err(bad());
    } else if address.starts_with("http://") || address.starts_with("tcp://") {
        Docker::connect_with_http(address, REQUEST_MAX_S, API_DEFAULT_VERSION)
    } else {
        return Err(bad());
    };
    docker.map_err(|_| bad())
}

fn people_call_it(place: &Place, version: &SystemVersion) -> String {
    if fitness::is_podman(version) { "Podman".to_owned() } else { place.name.to_owned() }
}

/// An engine in a VM reports the VM's kernel, not ours.
#[cfg(target_os = "linux")]
fn on_this_kernel(info: &SystemInfo) -> bool {
    let ours = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    info.kernel_version.as_deref().is_some_and(|theirs| theirs == ours.trim())
}

#[cfg(not(target_os = "linux"))]
const fn on_this_kernel(_info: &SystemInfo) -> bool {
    false
}

/// Whether a user in its containers has another number outside.
fn has_other_users(info: &SystemInfo) -> bool {
    let options = info.security_options.as_deref().unwrap_or_default();
    options.iter().any(|option| option.starts_with("name=userns") || option.starts_with("name=rootless"))
}
