//! Files in and out of a work volume that only the engine can reach, through its archive calls.

use std::{
    io,
    path::{Path, PathBuf},
};

use bollard::{
    Docker, body_try_stream,
    errors::Error as EngineError,
    query_parameters::{DownloadFromContainerOptionsBuilder, UploadToContainerOptionsBuilder},
};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use headframe_protocol::session::OUTPUT_FILES_MAX;
use tokio::sync::mpsc;

use super::{
    inputs::NOBODY,
    outputs::{FOLDERS_MAX, is_fit_path},
};

/// Pieces between the thread that packs and the task that sends, or the other way: some of each can wait.
const PIECES_MAX: usize = 8;
const PIECE_BYTES: usize = 64 * 1024;

/// Puts one file at `path` under `/work`, with its folders, owned by nobody.
pub(super) async fn put(docker: &Docker, container: &str, path: &str, file: &Path) -> Result<(), EngineError> {
    let (near, far) = mpsc::channel(PIECES_MAX);
    let (path, file) = (path.to_owned(), file.to_owned());
    let packed =
        tokio::task::spawn_blocking(move || pack(&path, &file, io::BufWriter::with_capacity(PIECE_BYTES, IntoTask(near))));
    let pieces = stream::unfold(far, |mut far| async move { Some((Ok::<_, io::Error>(far.recv().await?), far)) });
    let options = UploadToContainerOptionsBuilder::new().path("/work").build();
    docker.upload_to_container(container, Some(options), body_try_stream(pieces)).await?;
    match packed.await {
        Ok(done) => done.map_err(EngineError::from),
        Err(panic) => Err(io::Error::other(panic).into()),
    }
}

fn pack(path: &str, file: &Path, into: impl io::Write) -> io::Result<()> {
    let mut tar = tar::Builder::new(into);
    let owned = |mode| {
        let mut header = tar::Header::new_gnu();
        header.set_uid(NOBODY.into());
        header.set_gid(NOBODY.into());
        header.set_mode(mode);
        header
    };
    let folders: Vec<usize> = path.match_indices('/').map(|(at, _)| at).collect();
    for at in folders {
        let mut header = owned(0o755);
        header.set_entry_type(tar::EntryType::Directory);
        header.set_size(0);
        tar.append_data(&mut header, &path[..at], io::empty())?;
    }
    let file = std::fs::File::open(file)?;
    let mut header = owned(0o644);
    header.set_size(file.metadata()?.len());
    tar.append_data(&mut header, path, file)?;
    tar.into_inner()?.flush()
}

/// One file that came out.
#[derive(Debug)]
pub(super) struct Unpacked {
    /// Relative to `/work`.
    pub(super) path: String,
    /// Where it lies now.
    pub(super) file: PathBuf,
    pub(super) bytes: u64,
}

/// Why nothing came out.
#[derive(Debug)]
pub(super) enum GetError {
    /// There is nothing at that path.
    Missing,
    /// It is, or holds, something that is not a plain file or folder, or too many of them.
    Refused(String),
    /// A file in it has a path nobody could write down.
    UnfitPath,
    /// It is larger than it may be.
    TooLarge,
    Engine(EngineError),
}

/// Gets `path` under `/work`, a file or a folder with everything in it, into numbered files in `folder`. Their bytes together are
/// at most `bytes_max`: the engine's volume has no limit of its own, and a file with holes comes out without them.
pub(super) async fn get(
    docker: &Docker,
    container: &str,
    path: &str,
    folder: &Path,
    bytes_max: u64,
) -> Result<Vec<Unpacked>, GetError> {
    let options = DownloadFromContainerOptionsBuilder::new().path(&format!("/work/{path}")).build();
    let mut stream = docker.download_from_container(container, Some(options)).boxed();
    let (near, far) = mpsc::channel(PIECES_MAX);
    let parent = path.rsplit_once('/').map(|(parent, _)| format!("{parent}/")).unwrap_or_default();
    let folder = folder.to_owned();
    let unpacked =
        tokio::task::spawn_blocking(move || unpack(OutOfTask { pieces: far, left: Bytes::new() }, &parent, &folder, bytes_max));
    while let Some(piece) = stream.next().await {
        match piece {
            // The other side ends early only when it has found something to refuse, which it then says.
            Ok(piece) => {
                if near.send(Ok(piece)).await.is_err() {
                    break;
                }
            }
            Err(error) => {
                // A cut archive must not pass for a short one.
                near.send(Err(io::ErrorKind::UnexpectedEof.into())).await.ok();
                return Err(blame(error));
            }
        }
    }
    drop(near);
    match unpacked.await {
        Ok(done) => done,
        Err(panic) => Err(GetError::Engine(io::Error::other(panic).into())),
    }
}

/// Whose trouble an error is. What a job leaves at a path can be such that the engine fails on its way there, and a rig is not to
/// be made to look broken by it.
fn blame(error: EngineError) -> GetError {
    let EngineError::DockerResponseServerError { status_code, message } = &error else { return GetError::Engine(error) };
    if *status_code == 404 || message.contains("not a directory") {
        return GetError::Missing;
    }
    if ["too many links", "too many levels of symbolic links"].iter().any(|said| message.contains(said)) {
        return GetError::Refused("a symbolic link leads to itself".to_owned());
    }
    GetError::Engine(error)
}

/// A blocking writer into a task.
struct IntoTask(mpsc::Sender<Bytes>);

impl io::Write for IntoTask {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.blocking_send(Bytes::copy_from_slice(bytes)).map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A blocking reader out of a task.
struct OutOfTask {
    pieces: mpsc::Receiver<io::Result<Bytes>>,
    left: Bytes,
}

impl io::Read for OutOfTask {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.left.is_empty() {
            match self.pieces.blocking_recv() {
                Some(piece) => self.left = piece?,
                None => return Ok(0),
            }
        }
        let count = into.len().min(self.left.len());
        into[..count].copy_from_slice(&self.left.split_to(count));
        Ok(count)
    }
}

/// The archive's names begin with the last part of the path asked for; `parent` is what stands before it.
fn unpack(from: impl io::Read, parent: &str, folder: &Path, bytes_max: u64) -> Result<Vec<Unpacked>, GetError> {
    let io_error = |error: io::Error| GetError::Engine(error.into());
    let mut found = Vec::new();
    let mut folders = 0;
    let mut room_bytes = bytes_max;
    for entry in tar::Archive::new(from).entries().map_err(io_error)? {
        let mut entry = entry.map_err(io_error)?;
        let name = String::from_utf8(entry.path_bytes().into_owned())
            .map_err(|_| GetError::Refused("a file name is not UTF-8".to_owned()))?;
        let path = format!("{parent}{}", name.trim_end_matches('/'));
        if !is_fit_path(&path) {
            return Err(GetError::UnfitPath);
        }
        match entry.header().entry_type() {
            tar::EntryType::Directory if folders >= FOLDERS_MAX => {
                return Err(GetError::Refused(format!("there are more than {FOLDERS_MAX} folders")));
            }
            tar::EntryType::Directory => {
                folders += 1;
                continue;
            }
            tar::EntryType::Regular | tar::EntryType::Continuous | tar::EntryType::GNUSparse => {}
            _ => return Err(GetError::Refused(format!("{path} is not a plain file"))),
        }
        if found.len() >= OUTPUT_FILES_MAX {
            return Err(GetError::Refused(format!("there are more than {OUTPUT_FILES_MAX} files")));
        }
        // Numbered, never named as inside: a name from inside must not become a path out here.
        let file = folder.join(found.len().to_string());
        let mut to = std::fs::File::create(&file).map_err(io_error)?;
        // Counted and not only looked up: the header is what an engine says, the bytes are what fills the disk.
        let bytes = io::copy(&mut io::Read::take(&mut entry, room_bytes.saturating_add(1)), &mut to).map_err(io_error)?;
        room_bytes = room_bytes.checked_sub(bytes).ok_or(GetError::TooLarge)?;
        found.push(Unpacked { path, file, bytes });
    }
    // The engine passes over sockets without a word.
    if found.is_empty() && folders == 0 {
        return Err(GetError::Refused("it is not a plain file".to_owned()));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(files: &[(&str, &str)]) -> Vec<u8> {
        let mut tar = tar::Builder::new(Vec::new());
        for (name, text) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(text.len() as u64);
            // Past the library's own checks: an engine may send any name.
            header.as_gnu_mut().expect("made so").name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_cksum();
            tar.append(&header, text.as_bytes()).expect("in memory");
        }
        tar.into_inner().expect("in memory")
    }

    fn unpacked(files: &[(&str, &str)], bytes_max: u64) -> Result<Vec<(String, u64)>, GetError> {
        let folder = tempfile::tempdir().expect("a folder");
        let found = unpack(archive(files).as_slice(), "frames/", folder.path(), bytes_max)?;
        Ok(found.into_iter().map(|unpacked| (unpacked.path, unpacked.bytes)).collect())
    }

    #[test]
    fn files_come_out_with_their_whole_path_and_size() {
        let expected = vec![("frames/out/a".to_owned(), 3), ("frames/out/b".to_owned(), 2)];
        assert_eq!(unpacked(&[("out/a", "one"), ("out/b", "2\n")], 5).expect("fits"), expected);
    }

    #[test]
    fn files_larger_together_than_they_may_be_do_not_come_out() {
        assert!(matches!(unpacked(&[("out/a", "one"), ("out/b", "2\n")], 4), Err(GetError::TooLarge)));
    }

    #[test]
    fn what_a_job_left_is_not_the_rigs_trouble() {
        let said = |status_code, message: &str| {
            blame(EngineError::DockerResponseServerError { status_code, message: message.to_owned() })
        };
        assert!(matches!(said(404, "Could not find the file /work/a in container x"), GetError::Missing));
        assert!(matches!(said(500, "lstat /d/work/a/b: not a directory"), GetError::Missing));
        assert!(matches!(said(500, "evalSymlinksInScope: too many links in /d/work/a"), GetError::Refused(_)));
        assert!(matches!(said(500, "input/output error"), GetError::Engine(_)));
    }

    #[test]
    fn an_archive_of_nothing_is_not_an_empty_folder() {
        assert!(matches!(unpacked(&[], 9), Err(GetError::Refused(_))));
    }

    #[test]
    fn names_nobody_can_print_do_not_come_out() {
        for name in ["out/a\nb", "out/../../b", "out/a\\b"] {
            assert!(matches!(unpacked(&[(name, "x")], 9), Err(GetError::UnfitPath)), "{name:?}");
        }
    }
}
