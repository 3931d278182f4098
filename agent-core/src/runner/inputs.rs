//! Brings a job's inputs, and the checkpoint it goes on from, into its work volume: fetched, checked against their sums while they stream, and owned by
//! nobody. No container of the job has run yet, so nothing in the volume can be a trap.

use std::{
    fmt, io,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use headframe_protocol::{
    Sha256,
    job::{Input, Reason},
    session::{OutputFile, checkpoint::is_path_of},
};
use reqwest::StatusCode;
use sha2::Digest as _;
use tokio::io::AsyncWriteExt as _;

use super::{
    Assignment, archive,
    bandwidth::Line,
    coordinator::{Counter, InputAnswer, is_passing},
    crew::Site,
    failure::Failure,
    fetch::FetchError,
    patience::Patience,
    work::WorkVolume,
};
use crate::fault;

/// The user of every container.
pub(super) const NOBODY: u32 = 65_534;

/// One file that is placed.
#[derive(Debug, Clone, Copy)]
enum Placed<'a> {
    Input(usize, &'a Input),
    Checkpoint(&'a OutputFile),
}

impl Placed<'_> {
    fn path(&self) -> &str {
        match self {
            Self::Input(_, input) => &input.path,
            Self::Checkpoint(file) => &file.path,
        }
    }

    const fn sha256(&self) -> Sha256 {
        match self {
            Self::Input(_, input) => input.sha256,
            Self::Checkpoint(file) => file.sha256,
        }
    }

    /// Whose trouble it is if it cannot be had or is not what it should be. A checkpoint is the network's own to keep.
    const fn reason(&self, of_an_input: Reason) -> Reason {
        match self {
            Self::Input(..) => of_an_input,
            Self::Checkpoint(_) => Reason::FetchFailed,
        }
    }
}

impl fmt::Display for Placed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Input(index, input) => write!(f, "inputs[{index}] ({})", input.path),
            Self::Checkpoint(file) => write!(f, "The checkpoint's `{}`", file.path),
        }
    }
}

/// Places all inputs, then the checkpoint. `progress` hears parts per thousand.
pub(super) async fn place_all(
    site: &Site,
    assignment: &Assignment,
    counter: &Counter,
    work: &WorkVolume,
    container: &str,
    mut progress: impl FnMut(u16),
) -> Result<(), Failure> {
    let named = assignment.spec.checkpoint.as_ref().map_or("", |checkpoint| &checkpoint.path);
    if let Some(astray) = assignment.checkpoint.iter().find(|file| !is_path_of(named, &file.path)) {
        let why = format!("{} is not where the job leaves it.", Placed::Checkpoint(astray));
        return Err(Failure::because(Reason::FetchFailed, why));
    }
    let inputs = assignment.spec.inputs.iter().enumerate().map(|(index, input)| Placed::Input(index, input));
    let files: Vec<Placed<'_>> = inputs.chain(assignment.checkpoint.iter().map(Placed::Checkpoint)).collect();
    let mut room_bytes = u64::from(assignment.spec.resources.disk_gib) << 30;
    for (number, &file) in files.iter().enumerate() {
        let to = destination(site, assignment, work, number, file.path()).await;
        let to = to.map_err(|error| disk_failure(work, &error, file))?;
        let fetch = Fetch { site, assignment, counter, work, file };
        room_bytes -= fetch.patiently(&to, room_bytes).await?;
        fault::point("input.written");
        match work {
            WorkVolume::Mounted { .. } => {
                give_away(&to, 0o644).map_err(|error| disk_failure(work, &error, file))?;
                fault::point("input.given_away");
            }
            WorkVolume::Named { .. } => {
                archive::put(&site.engine.docker, container, file.path(), &to)
                    .await
                    .map_err(|error| Failure::engine("take an input in", &error))?;
                fault::point("input.placed");
                tokio::fs::remove_file(&to).await.ok();
            }
        }
        progress(u16::try_from((number + 1) * 1_000 / files.len()).unwrap_or(1_000));
    }
    Ok(())
}

/// Where the bytes are written: their last place where we can reach it, else a file on its way.
async fn destination(site: &Site, assignment: &Assignment, work: &WorkVolume, number: usize, path: &str) -> io::Result<PathBuf> {
    match work {
        WorkVolume::Mounted { dir } => {
            let mut folder = dir.clone();
            let mut parts: Vec<&str> = path.split('/').collect();
            let name = parts.pop().unwrap_or_default();
            for part in parts {
                folder.push(part);
                if !folder.is_dir() {
                    tokio::fs::create_dir(&folder).await?;
                    give_away(&folder, 0o755)?;
                    fault::point("input.folder");
                }
            }
            Ok(folder.join(name))
        }
        WorkVolume::Named { .. } => {
            let folder = site.works.folder(assignment.at.attempt).join("inputs");
            tokio::fs::create_dir_all(&folder).await?;
            Ok(folder.join(number.to_string()))
        }
    }
}

#[cfg(unix)]
fn give_away(path: &Path, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    std::os::unix::fs::chown(path, Some(NOBODY), Some(NOBODY))?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
}

/// Only Linux mounts volumes here; elsewhere the engine's archive sets the owner.
#[cfg(not(unix))]
fn give_away(_path: &Path, _mode: u32) -> io::Result<()> {
    Ok(())
}

/// One file on its way.
struct Fetch<'a> {
    site: &'a Site,
    assignment: &'a Assignment,
    counter: &'a Counter,
    work: &'a WorkVolume,
    file: Placed<'a>,
}

impl Fetch<'_> {
    /// Brings it to its place, and returns its bytes: at most `room_bytes`.
    async fn patiently(&self, to: &Path, room_bytes: u64) -> Result<u64, Failure> {
        let Self { site, assignment, counter, work, file } = *self;
        let mut patience = Patience::new();
        loop {
            let tried = match open(site, counter, file).await {
                Ok(bytes) => write(bytes, to, room_bytes, &site.line).await,
                Err(error) => Err(error),
            };
            let passing = match tried {
                Ok((sum, bytes)) if sum == file.sha256() => return Ok(bytes),
                Ok((sum, _)) => return Err(mismatch(file, sum)),
                Err(FetchFailed::Passing(passing)) => passing,
                Err(FetchFailed::ForGood(why)) => return Err(unavailable(file, &why)),
                Err(FetchFailed::TooLarge) => {
                    let why = format!("{file} does not fit: together the files are larger than resources.disk_gib.");
                    return Err(Failure::because(Reason::InputUnavailable, why));
                }
                Err(FetchFailed::Disk(error)) => return Err(disk_failure(work, &error, file)),
            };
            tracing::info!(attempt.id = %assignment.at.attempt, "{file} did not come: {passing}");
            let Some(pause) = patience.spend() else {
                let rig_is_connected = passing.somebody_answered() || counter.is_there().await;
                return Err(given_up(file, &passing, rig_is_connected));
            };
            tokio::time::sleep(pause).await;
        }
    }
}

/// Why one try gave no file.
enum FetchFailed {
    Passing(Passing),
    ForGood(String),
    TooLarge,
    Disk(io::Error),
}

/// What may be better in a moment.
#[derive(Debug, thiserror::Error)]
enum Passing {
    #[error("it answers {0}")]
    Busy(StatusCode),
    #[error("it cannot be reached")]
    Unreachable,
    #[error("{0}")]
    BrokeOff(String),
}

impl Passing {
    const fn somebody_answered(&self) -> bool {
        match self {
            Self::Busy(_) => true,
            Self::Unreachable | Self::BrokeOff(_) => false,
        }
    }
}

/// After the last try, whose trouble it is. What the coordinator keeps and does not give is not the job's. An address of the
/// customer's is, unless the rig reaches not even the coordinator.
fn given_up(file: Placed<'_>, passing: &Passing, rig_is_connected: bool) -> Failure {
    match file {
        Placed::Input(_, Input { url: Some(_), .. }) if rig_is_connected => unavailable(file, &passing.to_string()),
        Placed::Input(..) | Placed::Checkpoint(_) => Failure::because(Reason::FetchFailed, format!("{file}: {passing}.")),
    }
}

async fn open(
    site: &Site,
    counter: &Counter,
    file: Placed<'_>,
) -> Result<impl Stream<Item = reqwest::Result<Bytes>> + use<>, FetchFailed> {
    let answer = match file {
        Placed::Input(_, Input { url: Some(url), .. }) => return fetch(site, url).await.map(reqwest::Response::bytes_stream),
        Placed::Input(index, _) => counter.input(index).await,
        Placed::Checkpoint(file) => counter.checkpoint(file.sha256).await,
    };
    match answer {
        InputAnswer::Bytes(response) => Ok(response.bytes_stream()),
        InputAnswer::Busy(status) => Err(FetchFailed::Passing(Passing::Busy(status))),
        InputAnswer::NoAnswer(why) => Err(FetchFailed::Passing(Passing::BrokeOff(why))),
        InputAnswer::Refused(status) => Err(FetchFailed::ForGood(format!("the coordinator answers {status}"))),
    }
}

async fn fetch(site: &Site, url: &url::Url) -> Result<reqwest::Response, FetchFailed> {
    site.fetcher.get(url).await.map_err(|error| match error {
        FetchError::Status(status) if is_passing(status) => FetchFailed::Passing(Passing::Busy(status)),
        FetchError::Unreachable => FetchFailed::Passing(Passing::Unreachable),
        FetchError::Status(_) | FetchError::Private | FetchError::Redirects => FetchFailed::ForGood(error.to_string()),
    })
}

async fn write(
    bytes: impl Stream<Item = reqwest::Result<Bytes>>,
    to: &Path,
    room_bytes: u64,
    line: &Line,
) -> Result<(Sha256, u64), FetchFailed> {
    let mut bytes = std::pin::pin!(bytes);
    let mut file = tokio::io::BufWriter::with_capacity(1 << 20, tokio::fs::File::create(to).await.map_err(FetchFailed::Disk)?);
    let mut sum = sha2::Sha256::new();
    let mut total = 0_u64;
    while let Some(piece) = bytes.next().await {
        let broke_off = |error: reqwest::Error| FetchFailed::Passing(Passing::BrokeOff(error.without_url().to_string()));
        let piece = piece.map_err(broke_off)?;
        total += piece.len() as u64;
        if total > room_bytes {
            return Err(FetchFailed::TooLarge);
        }
        line.fetch(piece.len()).await;
        sum.update(&piece);
        file.write_all(&piece).await.map_err(FetchFailed::Disk)?;
    }
    file.flush().await.map_err(FetchFailed::Disk)?;
    Ok((Sha256::from_bytes(sum.finalize().into()), total))
}

fn mismatch(file: Placed<'_>, sum: Sha256) -> Failure {
    let detail = format!("{file} has the sha-256 {sum}, not {}.", file.sha256());
    Failure::because(file.reason(Reason::InputMismatch), detail)
}

fn unavailable(file: Placed<'_>, why: &str) -> Failure {
    Failure::because(file.reason(Reason::InputUnavailable), format!("{file}: {why}."))
}

/// A full volume is the job's own limit; a full disk outside of it is the rig's.
fn disk_failure(work: &WorkVolume, error: &io::Error, file: Placed<'_>) -> Failure {
    tracing::warn!(%error, "Could not write an input");
    match (work, error.kind()) {
        (WorkVolume::Mounted { .. }, io::ErrorKind::StorageFull) => Failure::because(
            Reason::InputUnavailable,
            format!("{file} does not fit: together the files are larger than resources.disk_gib."),
        ),
        (WorkVolume::Named { .. }, io::ErrorKind::StorageFull) => Failure::plain(Reason::RigDiskFull),
        (WorkVolume::Mounted { .. } | WorkVolume::Named { .. }, _) => {
            Failure::because(Reason::EngineFailed, format!("The rig could not write {}.", file.path()))
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    fn input(url: Option<&str>) -> Input {
        let upload = url.is_none().then_some("upl_0192d3a0b1c27def8123456789abcdef");
        let text = serde_json::json!({"url": url, "upload": upload, "sha256": Sha256::of(b""), "path": "a"});
        serde_json::from_value(text).expect("an input")
    }

    #[test]
    fn what_the_coordinator_does_not_give_is_never_the_jobs_fault() {
        let kept_there = input(None);
        for passing in [Passing::Busy(StatusCode::BAD_GATEWAY), Passing::BrokeOff("connection refused".to_owned())] {
            for rig_is_connected in [true, false] {
                assert_eq!(given_up(Placed::Input(0, &kept_there), &passing, rig_is_connected).reason, Reason::FetchFailed);
            }
        }
    }

    #[test]
    fn an_address_is_the_customers_unless_the_rig_reaches_nobody() {
        let elsewhere = input(Some("https://files.example/a"));
        assert_eq!(given_up(Placed::Input(0, &elsewhere), &Passing::Unreachable, true).reason, Reason::InputUnavailable);
        assert_eq!(given_up(Placed::Input(0, &elsewhere), &Passing::Unreachable, false).reason, Reason::FetchFailed);
    }

    #[tokio::test]
    async fn an_input_takes_no_more_than_the_others_have_left() {
        let dir = tempfile::tempdir().expect("a folder");
        let pieces = || stream::iter([Ok(Bytes::from_static(b"four")), Ok(Bytes::from_static(b"five5"))]);
        assert!(matches!(write(pieces(), &dir.path().join("a"), 8, &Line::free()).await, Err(FetchFailed::TooLarge)));
        assert!(matches!(write(pieces(), &dir.path().join("a"), 9, &Line::free()).await, Ok((_, 9))));
    }
}
