//! A job's log: followed from the engine, kept in a file beside the agent's data, and brought to the coordinator piece by
//! piece. Neither a slow disk nor a dead coordinator ever holds the container up: the engine keeps its own copy.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    time::Duration,
};

use bytes::Bytes;
use headframe_protocol::AttemptId;
use tokio::{
    io::{AsyncReadExt as _, AsyncSeekExt as _},
    sync::watch,
    time::Instant,
};

use super::coordinator::{Counter, LOG_PIECE_BYTES_MAX, LogAnswer};
use crate::fault;

mod follow;

pub(super) use follow::{Followed, LogFile, REST_MAX};

/// Small pieces go out together, at most this much later than written.
const PUSH_EVERY: Duration = Duration::from_millis(200);
/// Towards a coordinator in trouble: doubles from the first to the second.
const PUSH_PAUSE: Duration = Duration::from_millis(200);
const PUSH_PAUSE_MAX: Duration = Duration::from_secs(5);

/// How far a log has come, and whether more follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Written {
    /// Bytes in the file.
    pub(super) bytes: u64,
    /// Nothing is added after this moment; what is not brought by then stays here.
    pub(super) flush_until: Option<Instant>,
}

/// Where an attempt's log is kept.
pub(super) fn path(data_dir: &Path, attempt: AttemptId) -> PathBuf {
    data_dir.join("logs").join(format!("{attempt}.log"))
}

/// Brings the log until its end. Returns how many bytes the coordinator has.
///
/// It begins at 0 and lets the coordinator correct it: after a restart only the coordinator knows what it has.
pub(super) async fn push(counter: &Counter, path: &Path, mut written: watch::Receiver<Written>) -> u64 {
    let mut sent = 0;
    let mut pause = PUSH_PAUSE;
    loop {
        let now = *written.borrow_and_update();
        if now.flush_until.is_some_and(|until| sent >= now.bytes || Instant::now() >= until) {
            return sent;
        }
        if sent >= now.bytes {
            if written.changed().await.is_err() {
                return sent;
            }
            continue;
        }
        // Never beyond what is known to be written: what follows may be cut back after a crash.
        let bytes = usize::try_from(now.bytes - sent).unwrap_or(usize::MAX).min(LOG_PIECE_BYTES_MAX);
        let piece = read_piece(path, sent, bytes).await;
        if piece.is_empty() {
            // The owner's disk does not give what was written to it. Asking again is for when more has been written; with
            // nothing more to come, this is the end.
            if now.flush_until.is_some() || written.changed().await.is_err() {
                return sent;
            }
            continue;
        }
        let full = bytes == LOG_PIECE_BYTES_MAX;
        match counter.put_log(sent, piece).await {
            LogAnswer::Next(next) => {
                fault::point("log.brought");
                sent = next;
                pause = PUSH_PAUSE;
                if !full && written.borrow().flush_until.is_none() {
                    tokio::time::sleep(PUSH_EVERY).await;
                }
            }
            LogAnswer::NoMore => return sent,
            LogAnswer::Later => {
                let until = written.borrow().flush_until.unwrap_or(Instant::now() + pause);
                tokio::time::sleep_until(until.min(Instant::now() + pause)).await;
                pause = (pause * 2).min(PUSH_PAUSE_MAX);
            }
        }
    }
}

async fn read_piece(path: &Path, from: u64, bytes: usize) -> Bytes {
    let read = async {
        let mut file = tokio::fs::File::open(path).await?;
        file.seek(std::io::SeekFrom::Start(from)).await?;
        let mut piece = Vec::with_capacity(bytes);
        file.take(bytes as u64).read_to_end(&mut piece).await?;
        Ok::<_, std::io::Error>(piece)
    };
    read.await.unwrap_or_default().into()
}

/// Removes logs nobody has written to for `kept`. Those of `live` attempts stay: a job may be silent for longer than that.
pub(super) async fn prune(data_dir: &Path, kept: Duration, live: &HashSet<AttemptId>) {
    let Ok(mut entries) = tokio::fs::read_dir(data_dir.join("logs")).await else { return };
    while let Ok(Some(entry)) = entries.next_entry().await {
        let path = entry.path();
        let attempt = path.file_stem().and_then(|name| name.to_str()?.parse::<AttemptId>().ok());
        if attempt.is_none_or(|attempt| live.contains(&attempt)) {
            continue;
        }
        let Ok(modified) = entry.metadata().await.and_then(|metadata| metadata.modified()) else { continue };
        if modified.elapsed().is_ok_and(|age| age > kept) {
            tokio::fs::remove_file(path).await.ok();
        }
    }
}

#[cfg(test)]
mod tests;
