//! Writes down which rigs are connected here and which have left, so that any replica can tell their owners.

use headframe_protocol::{DeviceId, TimestampMs};

use super::Run;
use crate::{
    App,
    store::{StoreError, commit, rigs},
};

/// Rigs written together: no other write waits for more.
const BATCH_MAX: usize = 512;

pub(super) async fn note(app: App) -> Run {
    let left = app.sessions.take_left();
    for (nth, batch) in left.chunks(BATCH_MAX).enumerate() {
        if let Err(error) = note_left(&app, batch).await {
            app.sessions.still_left(left[nth * BATCH_MAX..].to_vec());
            return Err(error.into());
        }
    }
    let here = app.sessions.devices();
    for batch in here.chunks(BATCH_MAX) {
        let worth: Vec<(DeviceId, u32)> = batch.iter().map(|device| (*device, app.challenges.worth(&app, *device))).collect();
        let mut tx = app.store.begin().await?;
        rigs::heard(&mut tx, &worth, app.store.now()).await?;
        commit(tx, "note which rigs are connected").await?;
    }
    Ok(left.len() as u64)
}

async fn note_left(app: &App, batch: &[(DeviceId, TimestampMs)]) -> Result<(), StoreError> {
    let mut tx = app.store.begin().await?;
    for (device, at) in batch {
        rigs::left(&mut tx, *device, *at).await?;
    }
    commit(tx, "note which rigs have left").await
}
