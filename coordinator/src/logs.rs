//! Logs of attempts: appended by rigs piece by piece, read by customers from any byte on.
//!
//! The bytes are objects of the artifact store and the order of the pieces is in the database, so that every replica
//! can serve every log. A reader on the replica that took a piece is woken at once; readers elsewhere look again from
//! time to time.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::TryStreamExt as _;
use headframe_protocol::AttemptId;
use tokio::sync::Notify;

use crate::{
    blobs::{BlobError, Blobs, ObjectName},
    store::{
        Store, StoreError,
        logs::{self, Piece},
    },
};

mod bells;
mod readers;
mod text;

pub(crate) use bells::Bells;
pub use readers::{Reader, Readers};
pub use text::{Cut, text_of};

/// The most bytes one read gives: one event a browser still handles smoothly.
pub const READ_BYTES_MAX: u64 = 64 * 1024;

/// Pieces per read. A program that writes a character at a time makes pieces of a few bytes.
const PIECES_MAX: i64 = 256;

/// Stands at the end of a log that grew too long.
const CUT_NOTICE: &str = "\n[headframe: the log is cut here, it has reached its limit]\n";

/// The logs of all attempts.
#[derive(Debug, Clone)]
pub struct Logs {
    store: Store,
    blobs: Blobs,
    bytes_max: u64,
    bells: Bells<AttemptId>,
    readers: Readers,
}

/// Why a log could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The database refused.
    #[error("the log's place in the database failed")]
    Store(#[source] StoreError),
    /// The artifact store refused.
    #[error("the log's bytes failed")]
    Blob(#[source] BlobError),
}

/// What became of a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appended {
    /// It is kept, or dropped because the log is full; the next piece begins here.
    Next(u64),
    /// It was not taken: the log goes on here.
    Expected(u64),
}

/// A read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// The bytes.
    pub bytes: Bytes,
    /// How many bytes before them, from where the read began, are lost.
    pub lost_bytes: u64,
}

impl Logs {
    /// Logs of at most `bytes_max` bytes each.
    #[must_use]
    pub fn new(store: Store, blobs: Blobs, bytes_max: u64) -> Self {
        Self { store, blobs, bytes_max, bells: Bells::default(), readers: Readers::default() }
    }

    /// Adds a piece at the end of an attempt's log and wakes its readers. Pieces beyond the limit are dropped.
    ///
    /// # Errors
    /// [`LogError`] if it cannot be kept; the rig sends it again.
    pub async fn append(&self, attempt: AttemptId, offset: u64, bytes: Bytes) -> Result<Appended, LogError> {
        let mut connection = self.store.read().await.map_err(LogError::Store)?;
        let have = logs::bytes(&mut connection, attempt).await.map_err(LogError::Store)?;
        drop(connection);
        let next = offset + bytes.len() as u64;
        if have >= self.bytes_max {
            return Ok(if offset >= self.bytes_max { Appended::Next(next) } else { Appended::Expected(self.bytes_max) });
        }
        if offset != have {
            return Ok(Appended::Expected(have));
        }
        if bytes.is_empty() {
            return Ok(Appended::Next(next));
        }
        let kept = self.fitting(have, bytes);
        let piece = Piece { offset, bytes: kept.len() as u64 };
        // The bytes before the row: whoever finds the row finds the bytes.
        self.blobs.write(&ObjectName::log(attempt, offset, piece.bytes), kept).await.map_err(LogError::Blob)?;
        let mut tx = self.store.begin().await.map_err(LogError::Store)?;
        let appended = logs::append(&mut tx, attempt, piece).await.map_err(LogError::Store)?;
        if !appended {
            let have = logs::bytes(&mut tx, attempt).await.map_err(LogError::Store)?;
            return Ok(Appended::Expected(have));
        }
        crate::store::commit(tx, "prolong a log").await.map_err(LogError::Store)?;
        self.bells.ring(attempt);
        Ok(Appended::Next(next))
    }

    /// What of `bytes` still fits; the last that fits is followed by a line that says so.
    fn fitting(&self, have: u64, bytes: Bytes) -> Bytes {
        let room = self.bytes_max - have;
        if (bytes.len() as u64) < room {
            return bytes;
        }
        let mut kept = BytesMut::from(&bytes[..usize::try_from(room).unwrap_or(bytes.len())]);
        kept.extend_from_slice(CUT_NOTICE.as_bytes());
        kept.freeze()
    }

    /// Reads on from `offset`, at most [`READ_BYTES_MAX`] bytes; nothing if the log does not reach further.
    ///
    /// # Errors
    /// [`LogError`] if it cannot be read now.
    pub async fn read(&self, attempt: AttemptId, offset: u64) -> Result<Read, LogError> {
        let mut connection = self.store.read().await.map_err(LogError::Store)?;
        let pieces = logs::pieces_from(&mut connection, attempt, offset, PIECES_MAX).await.map_err(LogError::Store)?;
        drop(connection);
        let mut read = BytesMut::new();
        for piece in pieces {
            let at = offset + read.len() as u64;
            let room = READ_BYTES_MAX - read.len() as u64;
            let start = at.saturating_sub(piece.offset);
            let end = piece.bytes.min(start + room);
            match self.read_piece(attempt, piece, start..end).await {
                Ok(bytes) => read.extend_from_slice(&bytes),
                // Without this a lost object would keep every reader from all that follows it.
                Err(BlobError::Missing(name)) if read.is_empty() => {
                    tracing::error!(object.name = %name, "A piece of a log is not in the artifact store");
                    return Ok(Read { bytes: Bytes::new(), lost_bytes: piece.bytes - start });
                }
                Err(BlobError::Missing(_)) => break,
                Err(error) => return Err(LogError::Blob(error)),
            }
            if read.len() as u64 >= READ_BYTES_MAX {
                break;
            }
        }
        Ok(Read { bytes: read.freeze(), lost_bytes: 0 })
    }

    async fn read_piece(&self, attempt: AttemptId, piece: Piece, range: std::ops::Range<u64>) -> Result<Bytes, BlobError> {
        let name = ObjectName::log(attempt, piece.offset, piece.bytes);
        let stream = self.blobs.read(&name, Some(range)).await?;
        let append = |mut all: BytesMut, bytes: Bytes| async move {
            all.extend_from_slice(&bytes);
            Ok(all)
        };
        stream.try_fold(BytesMut::new(), append).await.map(BytesMut::freeze)
    }

    /// Who reads logs as they are written.
    #[must_use]
    pub fn readers(&self) -> &Readers {
        &self.readers
    }

    /// Rung when the attempt's log grows on this replica.
    #[must_use]
    pub fn bell(&self, attempt: AttemptId) -> Arc<Notify> {
        self.bells.of(attempt)
    }
}
