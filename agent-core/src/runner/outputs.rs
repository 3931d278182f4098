//! Collects what a job left under `/work` and brings it to the coordinator. The container has ended: nothing in the
//! volume changes any more, so what was looked at is what is read.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use headframe_protocol::{
    Sha256,
    job::{Reason, limits::PATH_BYTES_MAX},
    session::{OUTPUT_FILES_MAX, OutputFile},
};
use sha2::Digest as _;
use tokio_util::sync::CancellationToken;

use super::{
    Assignment, archive,
    bandwidth::Haste,
    coordinator::{Counter, ObjectAnswer},
    crew::Site,
    failure::Failure,
    patience::Patience,
    work::WorkVolume,
};
use crate::fault;

/// Files on their way at once: hides the round trip of small ones without crowding out the owner's line.
const UPLOADS_AT_ONCE: usize = 4;
/// Summed up between two looks whether it is still wanted: a fraction of a second even on a slow disk.
const CHUNK_BYTES: usize = 1 << 20;
/// Folders inside folders. The path's length bounds it as well; this bounds our stack.
const DEPTH_MAX: usize = 64;
/// Folders that are looked into. They are not brought, but a disk holds millions, and each costs the owner a look.
pub(super) const FOLDERS_MAX: usize = OUTPUT_FILES_MAX;

/// An output as it lies here, looked at and summed up.
#[derive(Debug, Clone)]
pub(super) struct Collected {
    pub(super) file: PathBuf,
    pub(super) output: OutputFile,
}

/// Finds and sums up what is at `paths` under `/work`. Ends soon after it is dropped, however much there is.
pub(super) async fn collect(
    site: &Site,
    assignment: &Assignment,
    work: &WorkVolume,
    container: &str,
    paths: &[String],
) -> Result<Vec<Collected>, Failure> {
    let found = Found::new(u64::from(assignment.spec.resources.disk_gib) << 30);
    let found = match work {
        WorkVolume::Mounted { dir } => {
            let (dir, paths) = (dir.clone(), paths.to_owned());
            blocking(move |stop| walk_all(&dir, &paths, found, stop)).await?
        }
        WorkVolume::Named { .. } => unpack_all(site, assignment, container, paths, found).await?,
    };
    sum_up_all(found).await
}

async fn sum_up_all(found: Found) -> Result<Vec<Collected>, Failure> {
    blocking(move |stop| found.files.into_iter().map(|(path, file)| sum_up(path, file, stop)).collect()).await
}

/// Runs `act` on a thread of its own. A thread cannot be dropped; `act` looks now and then whether whoever waited for it has
/// gone.
async fn blocking<T: Send + 'static>(
    act: impl FnOnce(&CancellationToken) -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let stop = CancellationToken::new();
    let _gone = stop.clone().drop_guard();
    match tokio::task::spawn_blocking(move || act(&stop)).await {
        Ok(done) => done,
        Err(_) => Err(Failure::because(Reason::EngineFailed, "The rig could not collect the outputs.")),
    }
}

/// Nobody reads it: whoever waited has gone.
const fn unless_gone(stop: bool) -> Result<(), Failure> {
    if stop { Err(Failure::plain(Reason::EngineFailed)) } else { Ok(()) }
}

/// Path under `/work` to file here, within what a job may leave. A map: two named outputs may overlap.
#[derive(Debug)]
struct Found {
    files: BTreeMap<String, PathBuf>,
    folders: usize,
    bytes: u64,
    bytes_max: u64,
}

impl Found {
    const fn new(bytes_max: u64) -> Self {
        Self { files: BTreeMap::new(), folders: 0, bytes: 0, bytes_max }
    }

    /// `bytes` is what will be brought: a file with holes may be larger than its disk.
    fn add(&mut self, path: &str, file: &Path, bytes: u64) -> Result<(), Failure> {
        if self.files.insert(path.to_owned(), file.to_owned()).is_some() {
            return Ok(());
        }
        self.bytes = self.bytes.saturating_add(bytes);
        if self.files.len() > OUTPUT_FILES_MAX {
            return Err(refused(format!("There are more than {OUTPUT_FILES_MAX} files.")));
        }
        if self.bytes > self.bytes_max {
            return Err(too_large(self.bytes_max));
        }
        Ok(())
    }

    fn enter(&mut self) -> Result<(), Failure> {
        self.folders += 1;
        if self.folders > FOLDERS_MAX { Err(refused(format!("There are more than {FOLDERS_MAX} folders."))) } else { Ok(()) }
    }
}

/// What both ways of reaching the outputs ask of the path of a file.
pub(super) fn is_fit_path(path: &str) -> bool {
    path.len() <= PATH_BYTES_MAX
        && !path.chars().any(|c| c.is_control() || c == '\\')
        && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

fn walk_all(dir: &Path, paths: &[String], mut found: Found, stop: &CancellationToken) -> Result<Found, Failure> {
    for path in paths {
        let mut at = dir.to_owned();
        let mut inside = true;
        // Part by part: a link anywhere on the way could lead out of the volume.
        for part in path.split('/') {
            at.push(part);
            let metadata = fs::symlink_metadata(&at).map_err(|_| missing(path))?;
            inside &= !metadata.is_symlink();
        }
        if !inside {
            return Err(refused(format!("`{path}` is or goes through a symbolic link.")));
        }
        walk(&at, path, 0, &mut found, stop)?;
    }
    Ok(found)
}

fn walk(at: &Path, path: &str, depth: usize, found: &mut Found, stop: &CancellationToken) -> Result<(), Failure> {
    unless_gone(stop.is_cancelled())?;
    let unreadable = |error: io::Error| {
        tracing::warn!(%error, "Could not read an output");
        Failure::because(Reason::EngineFailed, format!("The rig could not read `{path}`."))
    };
    let metadata = fs::symlink_metadata(at).map_err(unreadable)?;
    if metadata.is_file() {
        return found.add(path, at, metadata.len());
    }
    if !metadata.is_dir() {
        return Err(refused(format!("`{path}` is not a plain file.")));
    }
    if depth >= DEPTH_MAX {
        return Err(refused(format!("`{path}` is too deep.")));
    }
    found.enter()?;
    for entry in fs::read_dir(at).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let name = entry.file_name();
        let Some(name) = name.to_str() else { return Err(refused(format!("A name in `{path}` is not UTF-8."))) };
        let inner = format!("{path}/{name}");
        if !is_fit_path(&inner) {
            return Err(unfit_path(path));
        }
        walk(&entry.path(), &inner, depth + 1, found, stop)?;
    }
    Ok(())
}

async fn unpack_all(
    site: &Site,
    assignment: &Assignment,
    container: &str,
    paths: &[String],
    mut found: Found,
) -> Result<Found, Failure> {
    for (number, path) in paths.iter().enumerate() {
        let folder = site.works.folder(assignment.at.attempt).join(format!("outputs-{number}"));
        let made = tokio::fs::create_dir_all(&folder).await;
        made.map_err(|_| Failure::because(Reason::EngineFailed, "The rig could not collect the outputs."))?;
        let files = match archive::get(&site.engine.docker, container, path, &folder, found.bytes_max).await {
            Ok(files) => files,
            Err(archive::GetError::Missing) => return Err(missing(path)),
            Err(archive::GetError::Refused(why)) => return Err(refused(why)),
            Err(archive::GetError::UnfitPath) => return Err(unfit_path(path)),
            Err(archive::GetError::TooLarge) => return Err(too_large(found.bytes_max)),
            Err(archive::GetError::Engine(error)) => return Err(Failure::engine("hand out the outputs", &error)),
        };
        fault::point("output.unpacked");
        for archive::Unpacked { path, file, bytes } in files {
            found.add(&path, &file, bytes)?;
        }
    }
    Ok(found)
}

fn missing(path: &str) -> Failure {
    Failure::because(Reason::OutputMissing, format!("`{path}` was not there when the program ended."))
}

fn refused(why: String) -> Failure {
    Failure::because(Reason::OutputRefused, why)
}

fn unfit_path(path: &str) -> Failure {
    refused(format!("A name in `{path}` is too long or has control characters or `\\` in it."))
}

fn too_large(bytes_max: u64) -> Failure {
    refused(format!("The outputs are larger together than the {} GiB of `resources.disk_gib`.", bytes_max >> 30))
}

fn sum_up(path: String, file: PathBuf, stop: &CancellationToken) -> Result<Collected, Failure> {
    let unreadable = |error: io::Error| {
        tracing::warn!(%error, "Could not read an output");
        Failure::because(Reason::EngineFailed, format!("The rig could not read `{path}`."))
    };
    let mut from = fs::File::open(&file).map_err(unreadable)?;
    let mut sum = sha2::Sha256::new();
    let mut bytes = 0;
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        unless_gone(stop.is_cancelled())?;
        let read = from.read(&mut chunk).map_err(unreadable)?;
        if read == 0 {
            break;
        }
        sum.update(&chunk[..read]);
        bytes += read as u64;
    }
    Ok(Collected { file, output: OutputFile { path, sha256: Sha256::from_bytes(sum.finalize().into()), bytes } })
}

/// Brings them all. What the coordinator already has it says so about, which makes beginning again cheap.
pub(super) async fn bring_all(
    counter: &Counter,
    collected: Vec<Collected>,
    progress: impl Fn(u16) + Sync,
) -> Result<Vec<OutputFile>, Failure> {
    let total: u64 = collected.iter().map(|collected| collected.output.bytes).sum();
    let brought = AtomicU64::new(0);
    let broke_off = AtomicBool::new(false);
    let uploads = collected.into_iter().map(|Collected { file, output }| {
        let (brought, broke_off, progress) = (&brought, &broke_off, &progress);
        async move {
            bring(counter, &file, &output, broke_off).await?;
            let so_far = brought.fetch_add(output.bytes, Ordering::Relaxed) + output.bytes;
            progress(u16::try_from(u128::from(so_far) * 1_000 / u128::from(total.max(1))).unwrap_or(1_000));
            Ok::<_, Failure>(output)
        }
    });
    let mut outputs: Vec<OutputFile> = stream::iter(uploads).buffer_unordered(UPLOADS_AT_ONCE).try_collect().await?;
    outputs.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    Ok(outputs)
}

async fn bring(counter: &Counter, file: &Path, output: &OutputFile, broke_off: &AtomicBool) -> Result<(), Failure> {
    let mut patience = Patience::new();
    loop {
        let failure = match counter.put_object(output.sha256, file, output.bytes, Haste::Full).await {
            ObjectAnswer::There => {
                fault::point("output.brought");
                return Ok(());
            }
            ObjectAnswer::NotOurs => return Err(Failure::plain(Reason::LeaseLapsed)),
            ObjectAnswer::Refused(status) => {
                return Err(Failure::because(
                    Reason::UploadFailed,
                    format!("The coordinator answers {status} to `{}`.", output.path),
                ));
            }
            ObjectAnswer::NoRoom(said) => {
                let failure = refused(format!("`{}` was not taken: {said}", output.path));
                // For an upload that broke off, the coordinator keeps room until it notices. Only without one is it the job
                // that needs too much.
                if !broke_off.load(Ordering::Relaxed) {
                    return Err(failure);
                }
                failure
            }
            ObjectAnswer::Later => {
                broke_off.store(true, Ordering::Relaxed);
                Failure::because(Reason::UploadFailed, format!("`{}` could not be brought to the coordinator.", output.path))
            }
        };
        let Some(pause) = patience.spend() else { return Err(failure) };
        tokio::time::sleep(pause).await;
    }
}

#[cfg(all(test, unix))]
mod tests;
