//! Collects what a job left under `/work` and brings it to the coordinator. The container has ended: nothing in the
//! volume changes any more, so what was looked at is what is read.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use headframe_protocol::{
    Sha256,
    job::{Reason, limits::PATH_BYTES_MAX},
    session::{OUTPUT_FILES_MAX, OutputFile},
};
use sha2::Digest as _;

use super::{
    Assignment, archive,
    coordinator::{Counter, ObjectAnswer},
    crew::Site,
    failure::Failure,
    work::WorkVolume,
};

/// Files on their way at once: hides the round trip of small ones without crowding out the owner's line.
const UPLOADS_AT_ONCE: usize = 4;
/// Tries of one file: with the pauses between about two minutes, longer than a lease lives without the coordinator.
const UPLOAD_TRIES: u32 = 12;
/// Between tries; doubles up to the longest.
const UPLOAD_PAUSE: Duration = Duration::from_millis(500);
const UPLOAD_PAUSE_MAX: Duration = Duration::from_secs(20);
/// Folders inside folders. The path's length bounds it as well; this bounds our stack.
const DEPTH_MAX: usize = 64;

/// An output as it lies here, looked at and summed up.
#[derive(Debug, Clone)]
pub(super) struct Collected {
    file: PathBuf,
    output: OutputFile,
}

/// Finds and sums up every output the job names.
pub(super) async fn collect(
    site: &Site,
    assignment: &Assignment,
    work: &WorkVolume,
    container: &str,
) -> Result<Vec<Collected>, Failure> {
    let found = match work {
        WorkVolume::Mounted { dir } => {
            let (dir, paths) = (dir.clone(), assignment.spec.outputs.clone());
            blocking(move || walk_all(&dir, &paths)).await?
        }
        WorkVolume::Named { .. } => unpack_all(site, assignment, container).await?,
    };
    blocking(move || found.into_iter().map(|(path, file)| sum_up(path, file)).collect()).await
}

async fn blocking<T: Send + 'static>(act: impl FnOnce() -> Result<T, Failure> + Send + 'static) -> Result<T, Failure> {
    match tokio::task::spawn_blocking(act).await {
        Ok(done) => done,
        Err(_) => Err(Failure::because(Reason::EngineFailed, "The rig could not collect the outputs.")),
    }
}

/// Path under `/work` to file here. A map: two named outputs may overlap.
type Found = BTreeMap<String, PathBuf>;

fn walk_all(dir: &Path, paths: &[String]) -> Result<Found, Failure> {
    let mut found = Found::new();
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
        walk(&at, path, 0, &mut found)?;
    }
    Ok(found)
}

fn walk(at: &Path, path: &str, depth: usize, found: &mut Found) -> Result<(), Failure> {
    let unreadable = |error: io::Error| {
        tracing::warn!(%error, "Could not read an output");
        Failure::because(Reason::EngineFailed, format!("The rig could not read `{path}`."))
    };
    let metadata = fs::symlink_metadata(at).map_err(unreadable)?;
    if metadata.is_file() {
        if found.len() >= OUTPUT_FILES_MAX {
            return Err(refused(format!("There are more than {OUTPUT_FILES_MAX} files.")));
        }
        found.insert(path.to_owned(), at.to_owned());
        return Ok(());
    }
    if !metadata.is_dir() {
        return Err(refused(format!("`{path}` is not a plain file.")));
    }
    if depth >= DEPTH_MAX {
        return Err(refused(format!("`{path}` is too deep.")));
    }
    for entry in fs::read_dir(at).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let name = entry.file_name();
        let Some(name) = name.to_str() else { return Err(refused(format!("A name in `{path}` is not UTF-8."))) };
        let inner = format!("{path}/{name}");
        if inner.len() > PATH_BYTES_MAX || name.chars().any(|c| c.is_control() || c == '\\') {
            return Err(refused(format!("A name in `{path}` is too long or has control characters or `\\` in it.")));
        }
        walk(&entry.path(), &inner, depth + 1, found)?;
    }
    Ok(())
}

async fn unpack_all(site: &Site, assignment: &Assignment, container: &str) -> Result<Found, Failure> {
    let mut found = Found::new();
    for (number, path) in assignment.spec.outputs.iter().enumerate() {
        let folder = site.works.folder(assignment.at.attempt).join(format!("outputs-{number}"));
        let made = tokio::fs::create_dir_all(&folder).await;
        made.map_err(|_| Failure::because(Reason::EngineFailed, "The rig could not collect the outputs."))?;
        match archive::get(&site.engine.docker, container, path, &folder).await {
            Ok(files) => found.extend(files.into_iter().map(|unpacked| (unpacked.path, unpacked.file))),
            Err(archive::GetError::Missing) => return Err(missing(path)),
            Err(archive::GetError::Refused(why)) => return Err(refused(why)),
            Err(archive::GetError::Engine(error)) => return Err(Failure::engine("hand out the outputs", &error)),
        }
        if found.len() > OUTPUT_FILES_MAX {
            return Err(refused(format!("There are more than {OUTPUT_FILES_MAX} files.")));
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

fn sum_up(path: String, file: PathBuf) -> Result<Collected, Failure> {
    let summed = || -> io::Result<(Sha256, u64)> {
        let mut sum = sha2::Sha256::new();
        let bytes = io::copy(&mut fs::File::open(&file)?, &mut HashWriter(&mut sum))?;
        Ok((Sha256::from_bytes(sum.finalize().into()), bytes))
    };
    let (sha256, bytes) = summed().map_err(|error| {
        tracing::warn!(%error, "Could not read an output");
        Failure::because(Reason::EngineFailed, format!("The rig could not read `{path}`."))
    })?;
    Ok(Collected { file, output: OutputFile { path, sha256, bytes } })
}

/// `io::copy` into a hash: it brings its own buffer.
struct HashWriter<'a>(&'a mut sha2::Sha256);

impl io::Write for HashWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Brings them all. What the coordinator already has it says so about, which makes beginning again cheap.
pub(super) async fn bring_all(
    counter: &Counter,
    collected: Vec<Collected>,
    progress: impl Fn(u16) + Sync,
) -> Result<Vec<OutputFile>, Failure> {
    let total: u64 = collected.iter().map(|collected| collected.output.bytes).sum();
    let brought = AtomicU64::new(0);
    let uploads = collected.into_iter().map(|Collected { file, output }| {
        let (brought, progress) = (&brought, &progress);
        async move {
            bring(counter, &file, &output).await?;
            let so_far = brought.fetch_add(output.bytes, Ordering::Relaxed) + output.bytes;
            progress(u16::try_from(u128::from(so_far) * 1_000 / u128::from(total.max(1))).unwrap_or(1_000));
            Ok::<_, Failure>(output)
        }
    });
    let mut outputs: Vec<OutputFile> = stream::iter(uploads).buffer_unordered(UPLOADS_AT_ONCE).try_collect().await?;
    outputs.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    Ok(outputs)
}

async fn bring(counter: &Counter, file: &Path, output: &OutputFile) -> Result<(), Failure> {
    let mut pause = UPLOAD_PAUSE;
    for tries_left in (0..UPLOAD_TRIES).rev() {
        match counter.put_object(output.sha256, file, output.bytes).await {
            ObjectAnswer::There => return Ok(()),
            ObjectAnswer::NotOurs => return Err(Failure::plain(Reason::LeaseLapsed)),
            ObjectAnswer::Refused(status) => {
                return Err(Failure::because(
                    Reason::UploadFailed,
                    format!("The coordinator answers {status} to `{}`.", output.path),
                ));
            }
            ObjectAnswer::Later if tries_left > 0 => tokio::time::sleep(pause).await,
            ObjectAnswer::Later => break,
        }
        pause = (pause * 2).min(UPLOAD_PAUSE_MAX);
    }
    Err(Failure::because(Reason::UploadFailed, format!("`{}` could not be brought to the coordinator.", output.path)))
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn check(make: impl Fn(&Path), outputs: &[&str]) -> Result<Vec<String>, Reason> {
        let dir = tempfile::tempdir().expect("a folder");
        make(dir.path());
        let outputs: Vec<String> = outputs.iter().map(ToString::to_string).collect();
        walk_all(dir.path(), &outputs).map(|found| found.into_keys().collect()).map_err(|failure| failure.reason)
    }

    fn file(dir: &Path, path: &str) {
        let path = dir.join(path);
        fs::create_dir_all(path.parent().expect("inside")).expect("folders");
        fs::write(path, "x").expect("a file");
    }

    #[test]
    fn files_and_whole_folders_are_found_once() {
        let made = |dir: &Path| ["a.txt", "out/1.png", "out/deep/2.png", "other"].iter().for_each(|path| file(dir, path));
        assert_eq!(
            check(made, &["a.txt", "out", "out/1.png"]),
            Ok(vec!["a.txt".into(), "out/1.png".into(), "out/deep/2.png".into()])
        );
    }

    #[test]
    fn an_empty_folder_is_an_output_without_files() {
        assert_eq!(check(|dir| fs::create_dir(dir.join("out")).expect("a folder"), &["out"]), Ok(vec![]));
    }

    #[test]
    fn what_is_not_there_is_missing() {
        assert_eq!(check(|dir| file(dir, "a"), &["b"]), Err(Reason::OutputMissing));
        assert_eq!(check(|dir| file(dir, "a"), &["a/b"]), Err(Reason::OutputMissing));
    }

    #[test]
    fn links_lead_nowhere() {
        assert_eq!(check(|dir| symlink("/etc/passwd", dir.join("a")).expect("a link"), &["a"]), Err(Reason::OutputRefused));
        assert_eq!(check(|dir| symlink("/etc", dir.join("a")).expect("a link"), &["a/passwd"]), Err(Reason::OutputRefused));
        let inside = |dir: &Path| {
            file(dir, "out/x");
            symlink("/etc/passwd", dir.join("out/y")).expect("a link");
        };
        assert_eq!(check(inside, &["out"]), Err(Reason::OutputRefused));
    }

    #[test]
    fn names_nobody_can_print_are_refused() {
        assert_eq!(check(|dir| file(dir, "out/a\nb"), &["out"]), Err(Reason::OutputRefused));
    }
}
