//! Leases heard of by this replica: kept in RAM, written down once a second for all of them together.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
};

use headframe_protocol::{
    AttemptId, DeviceId,
    job::{AttemptState, Reason},
    session::AttemptRef,
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{
    Sessions,
    amnesty::{Act, Amnesty},
};
use crate::{
    Timers,
    dispatch::Dispatch,
    error::Chain,
    market::Verdict,
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
pub struct Leases {
    known: Arc<Mutex<HashMap<AttemptId, Lease>>>,
    amnesty: Amnesty,
}

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

    /// Whether leases that look lapsed are.
    pub(crate) fn amnesty(&self) -> &Amnesty {
        &self.amnesty
    }

    /// How many attempts a rig has, as far as is known here.
    #[must_use]
    pub(crate) fn held_by(&self, device: DeviceId) -> usize {
        self.lock().values().filter(|lease| lease.device == device).count()
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

    /// What was heard could not be written down.
    fn still_heard(&self, attempts: &[AttemptId]) {
        let mut leases = self.lock();
        for attempt in attempts {
            if let Some(lease) = leases.get_mut(attempt) {
                lease.heard = true;
            }
        }
    }

    fn remove(&self, attempt: AttemptId) -> Option<(DeviceId, AttemptRef)> {
        self.lock().remove(&attempt).map(|lease| (lease.device, AttemptRef { attempt, epoch: lease.epoch }))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<AttemptId, Lease>> {
        // The map is whole after every statement, so a panic elsewhere leaves nothing half done.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where the flushes go.
pub(crate) struct Flushing {
    pub(crate) store: Store,
    pub(crate) sessions: Sessions,
    pub(crate) dispatch: Dispatch,
    pub(crate) timers: Timers,
}

/// Writes heartbeats down until told to stop, and tells rigs whose leases the database no longer knows as live.
pub(crate) async fn keep_flushing(flushing: Flushing, stop: CancellationToken) {
    let mut clock = tokio::time::interval(flushing.timers.lease_flush);
    clock.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            _ = clock.tick() => {}
        }
        flushing.flush().await;
    }
}

impl Flushing {
    async fn flush(&self) {
        let leases = &self.sessions.leases;
        let heard = leases.heard();
        if heard.is_empty() {
            return;
        }
        match self.write(&heard).await {
            Ok(live) => {
                leases.amnesty.worked(Act::WriteHeartbeats, self.timers.requeue_slack, Instant::now());
                for attempt in heard.into_iter().filter(|attempt| !live.contains(attempt)) {
                    self.over(attempt).await;
                }
            }
            Err(error) => {
                leases.amnesty.failed(Act::WriteHeartbeats, Instant::now());
                leases.still_heard(&heard);
                tracing::warn!(error = %Chain(&error), leases = heard.len(), "Could not write heartbeats down; trying again");
            }
        }
    }

    async fn write(&self, heard: &[AttemptId]) -> Result<HashSet<AttemptId>, StoreError> {
        let mut tx = self.store.begin().await?;
        let until = self.store.now().after(self.timers.lease_ttl);
        let live = attempts::prolong(&mut tx, heard, until).await?;
        commit(tx, "write heartbeats down").await?;
        Ok(live)
    }

    /// Somebody ended it and could not say so here: the rig's slot is free, and the rig should know.
    async fn over(&self, attempt: AttemptId) {
        let Some((device, at)) = self.sessions.leases.remove(attempt) else { return };
        self.dispatch.released(device, attempt, Verdict::Void, None).await;
        self.sessions.ended(device, at, Some(Some(Reason::LeaseLapsed)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_not_be_written_down_is_written_next_time() {
        let (leases, device) = (Leases::default(), DeviceId([1; 20].into()));
        let at = AttemptRef { attempt: AttemptId::generate(), epoch: 1 };
        let over = AttemptId::generate();
        leases.taken(device, at);
        assert_eq!(leases.heard(), [at.attempt]);
        assert!(leases.heard().is_empty());
        leases.still_heard(&[at.attempt, over]);
        assert_eq!(leases.heard(), [at.attempt], "what is over in the meantime is not brought back");
    }
}
