//! The artifact store: bytes of uploads, results and logs, in a local folder or any store `object_store` knows.
//!
//! Every object gets a name that is never used twice, so nothing here is ever overwritten and a reader can
//! never see half an object. Which content lives under which name is the database's knowledge
//! (`store::blobs`); what a customer may read and what is thrown away is decided there as well.

use std::{
    io,
    ops::Range,
    path::{Path as FilePath, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, TryStreamExt as _, stream::BoxStream};
use headframe_protocol::{AttemptId, Sha256, TimestampMs, UploadId};
use object_store::{
    GetOptions, GetRange, ObjectStore, ObjectStoreExt as _, PutMultipartOptions, PutPayload, PutPayloadMut,
    local::LocalFileSystem, path::Path,
};
use sha2::Digest as _;

mod leftovers;

/// Bytes kept in memory per write. S3 refuses parts below 5 MiB (but the last), so this is the least that works everywhere.
const PART_BYTES: usize = 5 * 1024 * 1024;

/// Whatever a request body breaks off with.
pub type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// The artifact store.
#[derive(Debug, Clone)]
pub struct Blobs {
    objects: Arc<dyn ObjectStore>,
    /// Where they are, if that is a folder.
    folder: Option<PathBuf>,
}

/// The name of one object. Never used twice.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectName(String);

/// Why the artifact store could not do it.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// The folder cannot be used.
    #[error("could not open the artifact folder {0}")]
    Open(String, #[source] BodyError),
    /// There is no such object.
    #[error("there is no object {0}")]
    Missing(ObjectName),
    /// Reading failed.
    #[error("could not read object {0}")]
    Read(ObjectName, #[source] object_store::Error),
    /// Writing failed.
    #[error("could not write object {0}")]
    Write(ObjectName, #[source] object_store::Error),
    /// Deleting failed.
    #[error("could not delete object {0}")]
    Delete(ObjectName, #[source] object_store::Error),
    /// Listing failed.
    #[error("could not list objects under {0}")]
    List(String, #[source] object_store::Error),
    /// The folder cannot be searched.
    #[error("could not search the artifact folder for unfinished writes")]
    Leftovers(#[source] io::Error),
}

/// Why bytes were not taken.
#[derive(Debug, thiserror::Error)]
pub enum PutError {
    /// More bytes than allowed.
    #[error("more than {bytes_max} bytes")]
    TooLarge {
        /// The limit that was reached.
        bytes_max: u64,
    },
    /// Not the bytes that were announced.
    #[error("the bytes hash to {found}, not to {expected}")]
    Mismatch {
        /// What was announced.
        expected: Sha256,
        /// What came.
        found: Sha256,
    },
    /// The sender broke off.
    #[error("the body broke off")]
    Body(#[source] BodyError),
    /// Ours to mend.
    #[error("the artifact store failed")]
    Store(#[source] BlobError),
}

/// What is known of bytes before they come.
#[derive(Debug, Clone, Copy)]
pub struct Expected {
    /// What they must hash to, if that is known.
    pub sha256: Option<Sha256>,
    /// The most that is taken.
    pub bytes_max: u64,
}

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// Of the bytes.
    pub sha256: Sha256,
    /// How many.
    pub bytes: u64,
}

/// One object as a listing has it.
#[derive(Debug, Clone)]
pub struct Listed {
    /// Its name.
    pub name: ObjectName,
    /// When it was written, on the artifact store's clock.
    pub written_ms: TimestampMs,
}

impl ObjectName {
    /// Where an upload's bytes go.
    #[must_use]
    pub fn upload(upload: UploadId) -> Self {
        Self(format!("uploads/{upload}"))
    }

    /// Where an attempt stages one file of its result.
    #[must_use]
    pub fn staged(attempt: AttemptId, sha256: Sha256) -> Self {
        Self(format!("attempts/{attempt}/objects/{sha256}"))
    }

    /// Where a piece of an attempt's log goes. An agent that sends a piece again sends the same bytes from that offset, but
    /// perhaps more of them; with the length in the name neither piece can damage the other.
    #[must_use]
    pub fn log(attempt: AttemptId, offset: u64, bytes: u64) -> Self {
        Self(format!("attempts/{attempt}/log/{offset:012}-{bytes}"))
    }

    /// A name as the database has it.
    #[must_use]
    pub const fn stored(name: String) -> Self {
        Self(name)
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The attempt it belongs to, if it is one's.
    #[must_use]
    pub fn attempt(&self) -> Option<AttemptId> {
        self.0.strip_prefix("attempts/")?.split('/').next()?.parse().ok()
    }

    /// Whether it is a piece of a log.
    #[must_use]
    pub fn is_log(&self) -> bool {
        self.0.strip_prefix("attempts/").and_then(|rest| rest.split('/').nth(1)) == Some("log")
    }

    fn path(&self) -> Path {
        Path::from(self.0.as_str())
    }
}

impl std::fmt::Display for ObjectName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl Blobs {
    /// A local folder, created if it is not there. Writes are on disk before they are acknowledged.
    ///
    /// # Errors
    /// [`BlobError::Open`] if the folder cannot be created or used.
    pub fn local(folder: &FilePath) -> Result<Self, BlobError> {
        let open = |source: BodyError| BlobError::Open(folder.display().to_string(), source);
        std::fs::create_dir_all(folder).map_err(|error| open(error.into()))?;
        let objects = LocalFileSystem::new_with_prefix(folder).map_err(|error| open(error.into()))?;
        let objects = objects.with_fsync(true).with_automatic_cleanup(true);
        Ok(Self { objects: Arc::new(objects), folder: Some(folder.to_owned()) })
    }

    /// Takes a stream of bytes, whatever its length, in bounded memory. Nothing exists under `name` until all bytes
    /// have come and are the expected ones.
    ///
    /// # Errors
    /// [`PutError`]; the object is then not there.
    pub async fn put<S, E>(&self, name: &ObjectName, body: S, expected: Expected) -> Result<Written, PutError>
    where
        S: Stream<Item = Result<Bytes, E>> + Send,
        E: Into<BodyError>,
    {
        let mut body = std::pin::pin!(body);
        let mut intake = Intake::new(expected);
        let mut part = PutPayloadMut::new();
        while part.content_length() < PART_BYTES {
            let Some(piece) = body.next().await else {
                let written = intake.finish()?;
                self.write(name, part.freeze()).await.map_err(PutError::Store)?;
                return Ok(written);
            };
            part.push(intake.take(piece)?);
        }
        let failed = |source| PutError::Store(BlobError::Write(name.clone(), source));
        let mut writer = self.objects.put_multipart_opts(&name.path(), PutMultipartOptions::default()).await.map_err(failed)?;
        let result = async {
            loop {
                if part.content_length() >= PART_BYTES {
                    writer.put_part(std::mem::take(&mut part).freeze()).await.map_err(failed)?;
                }
                let Some(piece) = body.next().await else { break };
                part.push(intake.take(piece)?);
            }
            let written = intake.finish()?;
            if part.content_length() > 0 {
                writer.put_part(part.freeze()).await.map_err(failed)?;
            }
            writer.complete().await.map_err(failed)?;
            Ok(written)
        }
        .await;
        if result.is_err() {
            // What is left of the parts is not reachable under any name; failing to remove them only costs space.
            if let Err(error) = writer.abort().await {
                tracing::debug!(error = &error as &dyn std::error::Error, "Could not remove the parts of an unfinished write");
            }
        }
        result
    }

    /// Writes a small object at once.
    ///
    /// # Errors
    /// [`BlobError::Write`] if the store refuses.
    pub async fn write(&self, name: &ObjectName, bytes: impl Into<PutPayload>) -> Result<(), BlobError> {
        let written = self.objects.put(&name.path(), bytes.into()).await;
        written.map(drop).map_err(|source| BlobError::Write(name.clone(), source))
    }

    /// Streams the bytes of `range`, which must lie inside the object, or all of them.
    ///
    /// # Errors
    /// [`BlobError`] if the object cannot be opened; errors while reading come in the stream.
    pub async fn read(
        &self,
        name: &ObjectName,
        range: Option<Range<u64>>,
    ) -> Result<BoxStream<'static, Result<Bytes, BlobError>>, BlobError> {
        let options = GetOptions { range: range.map(GetRange::Bounded), ..GetOptions::default() };
        let opened = self.objects.get_opts(&name.path(), options).await.map_err(|source| read_error(name, source))?;
        let name = name.clone();
        Ok(opened.into_stream().map_err(move |source| read_error(&name, source)).boxed())
    }

    /// How many bytes an object has, or `None` if there is no such object.
    ///
    /// # Errors
    /// [`BlobError::Read`] if the store cannot tell.
    pub async fn bytes_of(&self, name: &ObjectName) -> Result<Option<u64>, BlobError> {
        match self.objects.head(&name.path()).await {
            Ok(meta) => Ok(Some(meta.size)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(source) => Err(BlobError::Read(name.clone(), source)),
        }
    }

    /// How many bytes the attempt has brought of the file that hashes to `sha256`, or `None` if it has not brought it.
    ///
    /// Only the attempt's own objects count: who knows a sum does not thereby own what hashes to it.
    ///
    /// # Errors
    /// [`BlobError::Read`] if the store cannot tell.
    pub async fn contains_for_attempt(&self, attempt: AttemptId, sha256: Sha256) -> Result<Option<u64>, BlobError> {
        self.bytes_of(&ObjectName::staged(attempt, sha256)).await
    }

    /// Deletes an object; one that is not there is deleted already.
    ///
    /// # Errors
    /// [`BlobError::Delete`] if the store refuses.
    pub async fn delete(&self, name: &ObjectName) -> Result<(), BlobError> {
        match self.objects.delete(&name.path()).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(source) => Err(BlobError::Delete(name.clone(), source)),
        }
    }

    /// Every object there is, in no order.
    pub fn list(&self) -> BoxStream<'static, Result<Listed, BlobError>> {
        let listed = self.objects.list(None).map_err(|source| BlobError::List("/".to_owned(), source));
        let listed = listed.map_ok(|meta| Listed {
            name: ObjectName(meta.location.to_string()),
            written_ms: TimestampMs::from_millis(meta.last_modified.timestamp_millis()),
        });
        listed.boxed()
    }

    /// Removes what writes that never ended left behind, last touched before `before`. Stores other than a folder do so
    /// by a rule of their own.
    ///
    /// # Errors
    /// [`BlobError::Leftovers`] if the folder cannot be searched.
    pub async fn remove_leftovers(&self, before: TimestampMs) -> Result<u64, BlobError> {
        let Some(folder) = self.folder.clone() else { return Ok(0) };
        let searched = tokio::task::spawn_blocking(move || leftovers::remove(&folder, before)).await;
        searched.unwrap_or_else(|panic| Err(io::Error::other(panic))).map_err(BlobError::Leftovers)
    }

    /// Whether the store takes writes now.
    ///
    /// # Errors
    /// [`BlobError`] if it does not.
    pub async fn check(&self) -> Result<(), BlobError> {
        let name = ObjectName(format!("checks/{}", uuid::Uuid::new_v4().simple()));
        self.write(&name, Bytes::from_static(b"ok")).await?;
        self.delete(&name).await
    }
}

fn read_error(name: &ObjectName, source: object_store::Error) -> BlobError {
    if matches!(source, object_store::Error::NotFound { .. }) {
        BlobError::Missing(name.clone())
    } else {
        BlobError::Read(name.clone(), source)
    }
}

/// Counts and hashes what comes in.
struct Intake {
    expected: Expected,
    hasher: sha2::Sha256,
    bytes: u64,
}

impl Intake {
    fn new(expected: Expected) -> Self {
        Self { expected, hasher: sha2::Sha256::new(), bytes: 0 }
    }

    fn take<E: Into<BodyError>>(&mut self, piece: Result<Bytes, E>) -> Result<Bytes, PutError> {
        let piece = piece.map_err(|error| PutError::Body(error.into()))?;
        self.bytes += piece.len() as u64;
        if self.bytes > self.expected.bytes_max {
            return Err(PutError::TooLarge { bytes_max: self.expected.bytes_max });
        }
        self.hasher.update(&piece);
        Ok(piece)
    }

    fn finish(self) -> Result<Written, PutError> {
        let found = Sha256::from_bytes(self.hasher.finalize().into());
        match self.expected.sha256 {
            Some(expected) if expected != found => Err(PutError::Mismatch { expected, found }),
            Some(_) | None => Ok(Written { sha256: found, bytes: self.bytes }),
        }
    }
}

#[cfg(test)]
mod tests;
