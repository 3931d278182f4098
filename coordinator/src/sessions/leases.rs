//! Leases heard of by this replica: kept in RAM, written down once a second for all of them together.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use headframe_protocol::{
    AttemptId, DeviceId,
    job::{AttemptState, Reason},
    session::AttemptRef,
};
use tokio_util::sync::CancellationToken;

use super::Sessions;
use crate::{
    error::Chain,
    store::{Store, StoreError, attempts, commit, lifecycle::step},
};

/// A lease as last heard of.
#[derive(Debug, Clone, Copy)]
struct Lease {
    epoch: u64,
    device: DeviceId,
    state: AttemptState,
    /// Heard of since the last flush.
    heard: bool,
}

/// The leases of the rigs connected here. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Leases(Arc<Mutex<HashMap<AttemptId, Lease>>>);

/// What a heartbeat says about a lease, compared with what is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heard {
    /// Known, nothing new.
    Same,
    /// Known, and it has moved on.
    MovedOn,
    /// Not known here: ask the database.
    Unknown,
}

impl Leases {
    /// A rig has an attempt.
    pub(crate) fn taken(&self, device: DeviceId, at: AttemptRef) {
        self.restored(device, at, AttemptState::Offered);
    }

    /// A rig has an attempt, which is in `state`.
    pub(super) fn restored(&self, device: DeviceId, at: AttemptRef, state: AttemptState) {
        self.lock().insert(at.attempt, Lease { epoch: at.epoch, device, state, heard: true });
    }

    /// A rig says that it still has an attempt.
    pub(super) fn hear(&self, device: DeviceId, at: AttemptRef, state: AttemptState) -> Heard {
        let mut leases = self.lock();
        let Some(lease) = leases.get_mut(&at.attempt).filter(|lease| lease.device == device && lease.epoch == at.epoch) else {
            return Heard::Unknown;
        };
        lease.heard = true;
        if step(state) > step(lease.state) && !state.is_final() {
            lease.state = state;
            return Heard::MovedOn;
        }
        Heard::Same
    }

    /// An attempt is over.
    pub(crate) fn forget(&self, attempt: AttemptId) {
        self.lock().remove(&attempt);
    }

    /// A rig's session is over; its leases run on in the database until they lapse.
    pub(super) fn forget_all_of(&self, device: DeviceId) {
        self.lock().retain(|_, lease| lease.device != device);
    }

    /// How many are known here.
    #[must_use]
    pub fn count(&self) -> usize {
        self.lock().len()
    }

    /// Those heard of since the last call.
    fn heard(&self) -> Vec<AttemptId> {
        let mut leases = self.lock();
        let heard = leases.iter_mut().filter(|(_, lease)| lease.heard);
        heard
            .map(|(attempt, lease)| {
                lease.heard = false;
                *attempt
            })
            .collect()
    }

    fn remove(&self, attempt: AttemptId) -> Option<(DeviceId, AttemptRef)> {
        self.lock().remove(&attempt).map(|lease| (lease.device, AttemptRef { attempt, epoch: lease.epoch }))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<AttemptId, Lease>> {
        // The map is whole after every statement, so a panic elsewhere leaves nothing half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes heartbeats down until told to stop, and tells rigs whose leases the database no longer knows as live.
pub(crate) async fn keep_flushing(store: Store, sessions: Sessions, every: Duration, ttl: Duration, stop: CancellationToken) {
    let mut clock = tokio::time::interval(every);
    clock.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            _ = clock.tick() => {}
        }
        let heard = sessions.leases.heard();
        if heard.is_empty() {
            continue;
        }
        match flush(&store, &heard, ttl).await {
            Ok(live) => {
                for attempt in heard.into_iter().filter(|attempt| !live.contains(attempt)) {
                    if let Some((device, at)) = sessions.leases.remove(attempt) {
                        sessions.ended(device, at, Some(Some(Reason::LeaseLapsed)));
                    }
                }
            }
            // The next heartbeat is the retry; the lease is longer than several of them.
            Err(error) => tracing::warn!(error = %Chain(&error), leases = heard.len(), "Could not write heartbeats down"),
        }
    }
}

async fn flush(store: &Store, heard: &[AttemptId], ttl: Duration) -> Result<HashSet<AttemptId>, StoreError> {
    let mut tx = store.begin().await?;
    let until = store.now().after(ttl);
    let live = attempts::prolong(&mut tx, heard, until).await?;
    commit(tx, "write heartbeats down").await?;
    Ok(live)
}
