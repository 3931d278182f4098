//! Throws away what nobody needs any more: uploads and results whose time is over, bytes that nothing refers to, what
//! attempts staged and did not deliver, logs of long ago.
//!
//! Like a reconciler it takes no input, may run twice at once, and its next run is its retry. Bytes go in two steps:
//! first the database forgets them, then the objects are deleted. A crash in between leaves objects that nothing
//! refers to, which the next run finds by listing the artifact store.

use std::collections::BTreeMap;

use futures_util::{StreamExt as _, TryStreamExt as _};
use headframe_protocol::{AttemptId, TimestampMs};
use serde::Serialize;

use crate::{
    blobs::{BlobError, Blobs, Listed, ObjectName},
    config::Timers,
    store::{Store, StoreError, artifacts, blobs, commit, customers, logs, outbox, reservations, uploads},
};

/// Rows per transaction: short enough that no request waits for it.
const ROWS_MAX: i64 = 200;

/// Objects looked up at once.
const OBJECTS_MAX: usize = 500;

/// What went.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Swept {
    /// Uploads whose time was over.
    pub uploads: u64,
    /// Results whose time was over.
    pub results: u64,
    /// Objects deleted.
    pub objects: u64,
    /// Files of unfinished writes removed.
    pub leftovers: u64,
    /// Rooms given back that were reserved for bytes nobody brings any more.
    pub reservations: u64,
    /// Webhook messages whose time was over.
    pub messages: u64,
    /// Accounts whose storage was counted wrongly.
    pub recounted: u64,
}

/// Why a sweep stopped half way. What it did stays done.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    /// The database refused.
    #[error("the database could not say what is needed")]
    Store(#[source] StoreError),
    /// The artifact store refused.
    #[error("the artifact store could not be swept")]
    Blob(#[source] BlobError),
}

/// One sweep.
///
/// # Errors
/// [`SweepError`]; the next sweep goes on.
pub async fn sweep(store: &Store, objects: &Blobs, timers: &Timers) -> Result<Swept, SweepError> {
    let mut swept = Swept { uploads: expired_uploads(store, timers).await.map_err(SweepError::Store)?, ..Swept::default() };
    swept.results = old_results(store, timers).await.map_err(SweepError::Store)?;
    swept.objects = unreferenced(store, objects, timers).await? + strays(store, objects, timers).await?;
    swept.leftovers = objects.remove_leftovers(store.now().before(timers.blob_grace)).await.map_err(SweepError::Blob)?;
    swept.reservations = old_reservations(store).await.map_err(SweepError::Store)?;
    swept.messages = old_messages(store, timers).await.map_err(SweepError::Store)?;
    let mut tx = store.begin().await.map_err(SweepError::Store)?;
    swept.recounted = customers::recount_storage(&mut tx).await.map_err(SweepError::Store)?;
    commit(tx, "count storage again").await.map_err(SweepError::Store)?;
    Ok(swept)
}

async fn expired_uploads(store: &Store, timers: &Timers) -> Result<u64, StoreError> {
    let mut removed = 0;
    loop {
        let now = store.now();
        let mut tx = store.begin().await?;
        let expired = uploads::expired(&mut tx, now, ROWS_MAX).await?;
        if expired.is_empty() {
            return Ok(removed);
        }
        for (customer, upload) in expired {
            if uploads::is_used(&mut tx, customer, upload).await? {
                uploads::keep_until(&mut tx, upload, now.after(timers.blob_grace)).await?;
            } else if uploads::delete(&mut tx, customer, upload).await? {
                removed += 1;
            }
        }
        commit(tx, "remove uploads whose time is over").await?;
    }
}

async fn old_results(store: &Store, timers: &Timers) -> Result<u64, StoreError> {
    let mut removed = 0;
    loop {
        let mut tx = store.begin().await?;
        let jobs = artifacts::delete_ended_before(&mut tx, store.now().before(timers.result_keep), ROWS_MAX).await?;
        commit(tx, "remove results whose time is over").await?;
        removed += jobs;
        if jobs == 0 {
            return Ok(removed);
        }
    }
}

async fn old_reservations(store: &Store) -> Result<u64, StoreError> {
    let mut removed = 0;
    loop {
        let mut tx = store.begin().await?;
        let expired = reservations::expire(&mut tx, store.now(), ROWS_MAX).await?;
        commit(tx, "give room back that nobody uses").await?;
        removed += expired;
        if expired == 0 {
            return Ok(removed);
        }
    }
}

async fn old_messages(store: &Store, timers: &Timers) -> Result<u64, StoreError> {
    let mut removed = 0;
    loop {
        let mut tx = store.begin().await?;
        let pruned = outbox::prune(&mut tx, store.now().before(timers.outbox_keep), ROWS_MAX).await?;
        commit(tx, "remove webhook messages whose time is over").await?;
        removed += pruned;
        if pruned == 0 {
            return Ok(removed);
        }
    }
}

async fn unreferenced(store: &Store, objects: &Blobs, timers: &Timers) -> Result<u64, SweepError> {
    let mut removed = 0;
    loop {
        let mut tx = store.begin().await.map_err(SweepError::Store)?;
        let before = store.now().before(timers.blob_grace);
        let forgotten = blobs::forget_unreferenced(&mut tx, before, ROWS_MAX).await.map_err(SweepError::Store)?;
        commit(tx, "forget unreferenced content").await.map_err(SweepError::Store)?;
        if forgotten.is_empty() {
            return Ok(removed);
        }
        for name in &forgotten {
            objects.delete(name).await.map_err(SweepError::Blob)?;
        }
        removed += forgotten.len() as u64;
    }
}

/// Deletes objects that nothing refers to and nothing will: left by a crash, by a write that lost to another, or by an
/// attempt whose result was not accepted.
async fn strays(store: &Store, objects: &Blobs, timers: &Timers) -> Result<u64, SweepError> {
    let mut removed = 0;
    let mut listed = objects.list().chunks(OBJECTS_MAX);
    while let Some(chunk) = listed.next().await {
        let chunk: Vec<Listed> = futures_util::stream::iter(chunk).try_collect().await.map_err(SweepError::Blob)?;
        // The artifact store's clock may differ from the database's; the grace is long enough for both.
        let before = store.now().before(timers.blob_grace);
        let old: Vec<ObjectName> =
            chunk.into_iter().filter(|object| object.written_ms < before).map(|object| object.name).collect();
        for name in needless(store, old, timers).await.map_err(SweepError::Store)? {
            objects.delete(&name).await.map_err(SweepError::Blob)?;
            removed += 1;
        }
    }
    Ok(removed)
}

/// Which of these objects nobody needs.
async fn needless(store: &Store, names: Vec<ObjectName>, timers: &Timers) -> Result<Vec<ObjectName>, StoreError> {
    let mut tx = store.begin().await?;
    let known = blobs::known(&mut tx, &names).await?;
    let mut ended: BTreeMap<AttemptId, Option<TimestampMs>> = BTreeMap::new();
    let mut found = Vec::new();
    for name in names.into_iter().filter(|name| !known.contains(name)) {
        let Some(attempt) = name.attempt() else {
            found.push(name);
            continue;
        };
        let ended_ms = match ended.get(&attempt) {
            Some(ended_ms) => *ended_ms,
            None => *ended.entry(attempt).or_insert(logs::ended_ms(&mut tx, attempt).await?),
        };
        let keep = if name.is_log() { timers.log_keep } else { timers.blob_grace };
        if ended_ms.is_some_and(|ended_ms| ended_ms.after(keep) < store.now()) {
            if name.is_log() {
                logs::forget(&mut tx, attempt).await?;
            }
            found.push(name);
        }
    }
    commit(tx, "forget old logs").await?;
    Ok(found)
}
