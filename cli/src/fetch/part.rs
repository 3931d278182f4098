//! One file on its way: kept as a part until its bytes are proved, then put in its place in one step.

use std::path::{Path, PathBuf};

use futures_util::StreamExt as _;
use headframe_protocol::{JobId, Sha256, session::OutputFile};
use indicatif::ProgressBar;
use reqwest::StatusCode;
use sha2::Digest as _;
use tokio::{
    fs::{File, OpenOptions},
    io::{AsyncReadExt as _, AsyncWriteExt as _},
};

use super::FetchError;
use crate::{Client, backoff::Backoff};

/// How much is read at once.
const BLOCK_BYTES: usize = 256 * 1024;

/// Fetches `file` to `saved` by way of `parts`.
pub(super) async fn bring(
    client: &Client,
    job: JobId,
    file: &OutputFile,
    parts: &Path,
    saved: &Path,
    bar: &ProgressBar,
) -> Result<(), FetchError> {
    // The path is part of the name: two files of one result may have the same bytes.
    let part = parts.join(format!("{}-{}", file.sha256, &Sha256::of(file.path.as_bytes()).to_string()[..16]));
    let mut backoff = Backoff::request();
    let mut had = length(&part).await;
    let sum = loop {
        match pour(client, job, file, &part, bar).await {
            Ok(sum) => break sum,
            Err(FetchError::Client(error)) if error.may_pass() => {
                // A line that breaks every minute still brings a large file: what counts is a try that brought nothing.
                let has = length(&part).await;
                if has > had {
                    backoff = Backoff::request();
                }
                had = has;
                let Some(wait) = backoff.next(None) else { return Err(error.into()) };
                tokio::time::sleep(wait).await;
            }
            Err(error) => return Err(error),
        }
    };
    if sum != file.sha256 {
        // Kept, it would spoil the next try as well.
        tokio::fs::remove_file(&part).await.map_err(|source| written(&part, source))?;
        return Err(FetchError::Mismatch { path: file.path.clone() });
    }
    tokio::fs::rename(&part, saved).await.map_err(|source| written(saved, source))
}

/// Goes on with the part, or begins it, and sums all of it.
async fn pour(client: &Client, job: JobId, file: &OutputFile, part: &Path, bar: &ProgressBar) -> Result<Sha256, FetchError> {
    let failed = |source| written(part, source);
    let mut out = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(part).await.map_err(failed)?;
    let mut hasher = sha2::Sha256::new();
    let mut have = hash_all(&mut out, &mut hasher).await.map_err(failed)?;
    if have > file.bytes {
        (have, hasher) = (0, sha2::Sha256::new());
        out = begin_again(part).await?;
    }
    if have < file.bytes || file.bytes == 0 {
        let response = client.artifact(job, &file.path, file.sha256, have).await?;
        if have > 0 && response.status() != StatusCode::PARTIAL_CONTENT {
            (have, hasher) = (0, sha2::Sha256::new());
            out = begin_again(part).await?;
        }
        bar.inc(have);
        let mut counted = have;
        let mut blocks = response.bytes_stream();
        while let Some(block) = blocks.next().await {
            let block = match block {
                Ok(block) if counted + block.len() as u64 <= file.bytes => block,
                Ok(_) => return Err(FetchError::Mismatch { path: file.path.clone() }),
                Err(source) => {
                    out.flush().await.map_err(failed)?;
                    bar.set_position(bar.position().saturating_sub(counted));
                    return Err(client.unreachable(source).into());
                }
            };
            hasher.update(&block);
            out.write_all(&block).await.map_err(failed)?;
            counted += block.len() as u64;
            bar.inc(block.len() as u64);
        }
    } else {
        bar.inc(have);
    }
    out.sync_all().await.map_err(failed)?;
    Ok(Sha256::from_bytes(hasher.finalize().into()))
}

async fn length(part: &Path) -> u64 {
    tokio::fs::metadata(part).await.map_or(0, |found| found.len())
}

async fn begin_again(part: &Path) -> Result<File, FetchError> {
    OpenOptions::new().write(true).truncate(true).open(part).await.map_err(|source| written(part, source))
}

async fn hash_all(file: &mut File, hasher: &mut sha2::Sha256) -> std::io::Result<u64> {
    let mut block = vec![0; BLOCK_BYTES];
    let mut bytes = 0;
    loop {
        let read = file.read(&mut block).await?;
        if read == 0 {
            return Ok(bytes);
        }
        hasher.update(&block[..read]);
        bytes += read as u64;
    }
}

fn written(path: &Path, source: std::io::Error) -> FetchError {
    FetchError::Write { path: PathBuf::from(path), source }
}
