//! Brings local files to the coordinator as inputs.

use std::{
    io,
    path::{Path, PathBuf},
};

use futures_util::StreamExt as _;
use headframe_protocol::{Sha256, api::Upload};
use indicatif::ProgressBar;
use sha2::Digest as _;
use tokio::io::AsyncReadExt as _;
use tokio_util::io::ReaderStream;

use crate::{Client, error::ClientError};

/// How much is read at once.
const BLOCK_BYTES: usize = 256 * 1024;

/// Why a file did not get there.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// It cannot be read here.
    #[error("could not read {path}")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The bytes that were sent are not those that were summed.
    #[error("{path} changed while it was uploaded; submit again when it is complete")]
    Changed {
        /// Which.
        path: PathBuf,
    },
    /// The coordinator did not take it.
    #[error(transparent)]
    Client(#[from] ClientError),
}

/// What a file is, before it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileSum {
    /// Of its bytes.
    pub sha256: Sha256,
    /// How many.
    pub bytes: u64,
}

/// Reads a file once and says what it is.
///
/// # Errors
/// Why it cannot be read.
pub async fn sum_of(path: &Path) -> io::Result<FileSum> {
    let mut file = tokio::fs::File::open(path).await?;
    let mut hasher = sha2::Sha256::new();
    let mut block = vec![0; BLOCK_BYTES];
    let mut bytes = 0;
    loop {
        let read = file.read(&mut block).await?;
        if read == 0 {
            return Ok(FileSum { sha256: Sha256::from_bytes(hasher.finalize().into()), bytes });
        }
        hasher.update(&block[..read]);
        bytes += read as u64;
    }
}

/// Uploads the file at `path`; `bar` counts its bytes.
///
/// # Errors
/// [`UploadError`].
pub async fn upload_file(client: &Client, path: &Path, bar: &ProgressBar) -> Result<Upload, UploadError> {
    let unreadable = |source| UploadError::Read { path: path.to_owned(), source };
    let sum = sum_of(path).await.map_err(unreadable)?;
    bar.set_length(sum.bytes);
    let body = || {
        // Every try begins at the first byte again, and so does the bar.
        bar.reset();
        let (owned, bar) = (path.to_owned(), bar.clone());
        let opened = futures_util::stream::once(async move { tokio::fs::File::open(owned).await });
        let blocks = opened.flat_map(move |file| {
            let bar = bar.clone();
            match file {
                Ok(file) => ReaderStream::with_capacity(file, BLOCK_BYTES)
                    .inspect(move |block| bar.inc(block.as_ref().map_or(0, |block| block.len() as u64)))
                    .boxed(),
                Err(error) => futures_util::stream::once(async { Err(error) }).boxed(),
            }
        });
        reqwest::Body::wrap_stream(blocks)
    };
    let upload = client.upload(sum.sha256, sum.bytes, &body).await?;
    if upload.sha256 != sum.sha256 {
        return Err(UploadError::Changed { path: path.to_owned() });
    }
    Ok(upload)
}
