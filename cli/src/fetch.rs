//! Brings a job's result here: every file proved by its sha-256, several at once, and what was begun is gone on with.
//!
//! File names come from strangers' containers. [`place`] is where they are made harmless: nothing is ever written outside
//! the folder the customer named, not even through a link that lies in it.

use std::{
    io,
    path::{Path, PathBuf},
};

use futures_util::{StreamExt as _, TryStreamExt as _};
use headframe_protocol::{JobId, session::OutputFile};
use indicatif::ProgressBar;
use serde::Serialize;

use crate::{Client, error::ClientError, upload::sum_of};

mod part;
mod place;

/// Files fetched at once. More does not fill a line that four do not fill.
const PARALLEL: usize = 4;

/// Holds what is not complete yet, inside the customer's folder so that the last step is a rename on one disk.
const PARTS_DIR: &str = ".headframe-parts";

/// Whether files that are there and differ are replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// Nothing is fetched if any differs.
    Keep,
    /// They are replaced.
    Replace,
}

/// One fetched file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fetched {
    /// The file of the result.
    #[serde(flatten)]
    pub file: OutputFile,
    /// Where it is now.
    pub saved: PathBuf,
    /// Whether it was there already, with the same bytes.
    pub already_there: bool,
}

/// Why a result is not here.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The coordinator did not serve it.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// A name in the result cannot be a file inside the folder.
    #[error("the result has a file named {path:?}, which is not a name inside a folder; it was not fetched")]
    BadName {
        /// The name.
        path: String,
    },
    /// Something in the folder is a link or a file where a folder must be.
    #[error("{path} is not a plain folder; nothing is written through it")]
    NotAFolder {
        /// What.
        path: PathBuf,
    },
    /// Other files are there.
    #[error(
        "{} other than the one fetched: {}\n  Replace with:  headframe fetch {job} --out {} --force",
        if .paths.len() == 1 { "a file is there" } else { "files are there" },
        list(.paths),
        .dir.display()
    )]
    Differs {
        /// The job whose result it is.
        job: JobId,
        /// The folder.
        dir: PathBuf,
        /// Which.
        paths: Vec<PathBuf>,
    },
    /// The bytes are not those of the result.
    #[error("{path} arrived with other bytes than the result's sha-256 names; it was thrown away")]
    Mismatch {
        /// Which.
        path: String,
    },
    /// The folder cannot be read or written.
    #[error("could not write {path}")]
    Write {
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

fn list(paths: &[PathBuf]) -> String {
    const SHOWN: usize = 5;
    let mut text = paths.iter().take(SHOWN).map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ");
    if paths.len() > SHOWN {
        text.push_str(&format!(" and {} more", paths.len() - SHOWN));
    }
    text
}

/// Brings the result of `job` into `dir`; `bar` counts bytes.
///
/// # Errors
/// [`FetchError`]. What was fetched completely stays; what was begun is gone on with the next time.
pub async fn fetch(
    client: &Client,
    job: JobId,
    dir: &Path,
    existing: Existing,
    bar: &ProgressBar,
) -> Result<Vec<Fetched>, FetchError> {
    let files = client.artifacts(job).await?.files;
    bar.set_length(files.iter().map(|file| file.bytes).sum());
    let places = files.iter().map(|file| place::resolve(dir, &file.path)).collect::<Result<Vec<_>, _>>()?;
    let (there, differ) = already_there(&files, &places).await?;
    // Before anything is fetched: half a result beside somebody's own files helps nobody.
    if existing == Existing::Keep && !differ.is_empty() {
        return Err(FetchError::Differs { job, dir: dir.to_owned(), paths: differ });
    }
    let parts = dir.join(PARTS_DIR);
    create_dir(&parts).await?;
    let jobs = files.into_iter().zip(places).zip(there).map(|((file, saved), already_there)| {
        let parts = &parts;
        async move {
            if already_there {
                bar.inc(file.bytes);
            } else {
                place::prepare(dir, &file.path).await?;
                part::bring(client, job, &file, parts, &saved, bar).await?;
            }
            Ok::<_, FetchError>(Fetched { file, saved, already_there })
        }
    });
    let fetched = futures_util::stream::iter(jobs).buffered(PARALLEL).try_collect().await?;
    // Not empty if an earlier run left parts of another job; then it stays.
    if let Err(error) = tokio::fs::remove_dir(&parts).await
        && error.kind() != io::ErrorKind::DirectoryNotEmpty
    {
        return Err(FetchError::Write { path: parts, source: error });
    }
    Ok(fetched)
}

/// For each file whether it is there with the right bytes; and the places where other bytes are.
async fn already_there(files: &[OutputFile], places: &[PathBuf]) -> Result<(Vec<bool>, Vec<PathBuf>), FetchError> {
    let (mut there, mut differ) = (Vec::with_capacity(files.len()), Vec::new());
    for (file, saved) in files.iter().zip(places) {
        let same = match tokio::fs::symlink_metadata(saved).await {
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => false,
            Err(source) => return Err(FetchError::Write { path: saved.clone(), source }),
            Ok(found) => {
                let same = found.is_file() && found.len() == file.bytes && is(saved, file).await?;
                if !same {
                    differ.push(saved.clone());
                }
                same
            }
        };
        there.push(same);
    }
    Ok((there, differ))
}

async fn is(saved: &Path, file: &OutputFile) -> Result<bool, FetchError> {
    let sum = sum_of(saved).await.map_err(|source| FetchError::Write { path: saved.to_owned(), source })?;
    Ok(sum.sha256 == file.sha256)
}

async fn create_dir(dir: &Path) -> Result<(), FetchError> {
    tokio::fs::create_dir_all(dir).await.map_err(|source| FetchError::Write { path: dir.to_owned(), source })
}
