//! Brings a job's inputs into its work volume: fetched, checked against their sums while they stream, and owned by
//! nobody. No container of the job has run yet, so nothing in the volume can be a trap.

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use headframe_protocol::{
    Sha256,
    job::{Input, Reason},
};
use sha2::Digest as _;
use tokio::io::AsyncWriteExt as _;

use super::{
    Assignment, archive,
    coordinator::{Counter, InputAnswer},
    crew::Site,
    failure::Failure,
    work::WorkVolume,
};

/// Tries of one input.
const FETCH_TRIES: u32 = 4;
/// Between tries; doubles.
const FETCH_PAUSE: Duration = Duration::from_millis(500);

/// The user of every container.
pub(super) const NOBODY: u32 = 65_534;

/// Places all inputs. `progress` hears parts per thousand.
pub(super) async fn place_all(
    site: &Site,
    assignment: &Assignment,
    counter: &Counter,
    work: &WorkVolume,
    container: &str,
    mut progress: impl FnMut(u16),
) -> Result<(), Failure> {
    let inputs = &assignment.spec.inputs;
    for (index, input) in inputs.iter().enumerate() {
        let to = destination(site, assignment, work, index, input).await.map_err(|error| disk_failure(work, &error, input))?;
        fetch_with_retries(site, assignment, counter, work, index, &to).await?;
        match work {
            WorkVolume::Mounted { .. } => give_away(&to, 0o644).map_err(|error| disk_failure(work, &error, input))?,
            WorkVolume::Named { .. } => {
                archive::put(&site.engine.docker, container, &input.path, &to)
                    .await
                    .map_err(|error| Failure::engine("take an input in", &error))?;
                tokio::fs::remove_file(&to).await.ok();
            }
        }
        progress(u16::try_from((index + 1) * 1_000 / inputs.len()).unwrap_or(1_000));
    }
    Ok(())
}

/// Where the bytes are written: their last place where we can reach it, else a file on its way.
async fn destination(
    site: &Site,
    assignment: &Assignment,
    work: &WorkVolume,
    index: usize,
    input: &Input,
) -> io::Result<PathBuf> {
    match work {
        WorkVolume::Mounted { dir } => {
            let mut folder = dir.clone();
            let mut parts: Vec<&str> = input.path.split('/').collect();
            let name = parts.pop().unwrap_or_default();
            for part in parts {
                folder.push(part);
                if !folder.is_dir() {
                    tokio::fs::create_dir(&folder).await?;
                    give_away(&folder, 0o755)?;
                }
            }
            Ok(folder.join(name))
        }
        WorkVolume::Named { .. } => {
            let folder = site.works.folder(assignment.at.attempt).join("inputs");
            tokio::fs::create_dir_all(&folder).await?;
            Ok(folder.join(index.to_string()))
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

async fn fetch_with_retries(
    site: &Site,
    assignment: &Assignment,
    counter: &Counter,
    work: &WorkVolume,
    index: usize,
    to: &Path,
) -> Result<(), Failure> {
    let input = &assignment.spec.inputs[index];
    let cap_bytes = u64::from(assignment.spec.resources.disk_gib) << 30;
    let mut pause = FETCH_PAUSE;
    for tries_left in (0..FETCH_TRIES).rev() {
        let tried = match open(site, counter, index, input).await {
            Ok(bytes) => write(bytes, to, cap_bytes).await,
            Err(error) => Err(error),
        };
        match tried {
            Ok(sum) if sum == input.sha256 => return Ok(()),
            Ok(sum) => {
                return Err(Failure::because(
                    Reason::InputMismatch,
                    format!("inputs[{index}] ({}) has the sha-256 {sum}, not {}.", input.path, input.sha256),
                ));
            }
            Err(FetchFailed::Passing(why)) if tries_left > 0 => {
                tracing::info!(attempt.id = %assignment.at.attempt, "Input {index} did not come, trying again: {why}");
            }
            Err(FetchFailed::Passing(why) | FetchFailed::ForGood(why)) => return Err(unavailable(index, input, &why)),
            Err(FetchFailed::TooLarge) => return Err(unavailable(index, input, "it is larger than resources.disk_gib")),
            Err(FetchFailed::Disk(error)) => return Err(disk_failure(work, &error, input)),
        }
        tokio::time::sleep(pause).await;
        pause *= 2;
    }
    Err(unavailable(index, input, "it did not come"))
}

/// Why one try gave no file.
enum FetchFailed {
    Passing(String),
    ForGood(String),
    TooLarge,
    Disk(io::Error),
}

async fn open(
    site: &Site,
    counter: &Counter,
    index: usize,
    input: &Input,
) -> Result<impl Stream<Item = reqwest::Result<Bytes>> + use<>, FetchFailed> {
    let response = match &input.url {
        Some(url) => site.fetcher.get(url).await.map_err(|error| {
            let why = error.to_string();
            if error.is_passing() { FetchFailed::Passing(why) } else { FetchFailed::ForGood(why) }
        })?,
        None => match counter.input(index).await {
            InputAnswer::Bytes(response) => response,
            InputAnswer::Later(why) => return Err(FetchFailed::Passing(why)),
            InputAnswer::Refused(status) => return Err(FetchFailed::ForGood(format!("the coordinator answers {status}"))),
        },
    };
    Ok(response.bytes_stream())
}

async fn write(bytes: impl Stream<Item = reqwest::Result<Bytes>>, to: &Path, cap_bytes: u64) -> Result<Sha256, FetchFailed> {
    let mut bytes = std::pin::pin!(bytes);
    let mut file = tokio::io::BufWriter::with_capacity(1 << 20, tokio::fs::File::create(to).await.map_err(FetchFailed::Disk)?);
    let mut sum = sha2::Sha256::new();
    let mut total = 0_u64;
    while let Some(piece) = bytes.next().await {
        let piece = piece.map_err(|error| FetchFailed::Passing(error.without_url().to_string()))?;
        total += piece.len() as u64;
        if total > cap_bytes {
            return Err(FetchFailed::TooLarge);
        }
        sum.update(&piece);
        file.write_all(&piece).await.map_err(FetchFailed::Disk)?;
    }
    file.flush().await.map_err(FetchFailed::Disk)?;
    Ok(Sha256::from_bytes(sum.finalize().into()))
}

fn unavailable(index: usize, input: &Input, why: &str) -> Failure {
    Failure::because(Reason::InputUnavailable, format!("inputs[{index}] ({}): {why}.", input.path))
}

/// A full volume is the job's own limit; a full disk outside of it is the rig's.
fn disk_failure(work: &WorkVolume, error: &io::Error, input: &Input) -> Failure {
    tracing::warn!(%error, "Could not write an input");
    match (work, error.kind()) {
        (WorkVolume::Mounted { .. }, io::ErrorKind::StorageFull) => Failure::because(
            Reason::InputUnavailable,
            format!("{} does not fit: the inputs are larger than resources.disk_gib.", input.path),
        ),
        (WorkVolume::Named { .. }, io::ErrorKind::StorageFull) => Failure::plain(Reason::RigDiskFull),
        (WorkVolume::Mounted { .. } | WorkVolume::Named { .. }, _) => {
            Failure::because(Reason::EngineFailed, format!("The rig could not write {}.", input.path))
        }
    }
}
