//! Writes down what was learnt of how rigs are interrupted, some at a time.
//!
//! What is lost when the coordinator dies is the last few seconds of it, which no decision depends on.

use tokio::task::JoinHandle;

use super::{DeviceId, Duration, Instant, Ran, actor::finished};
use crate::{
    error::Chain,
    market::interrupts::Learnt,
    store::{Store, StoreError, commit, rig_histories},
    tasks::Tasks,
};

/// Ends of attempts in one transaction. Each takes three short statements, and others wait for the database meanwhile.
const WRITTEN_AT_ONCE: usize = 200;

type Batch = Vec<(DeviceId, Ran)>;

/// What is not written down yet.
#[derive(Debug)]
pub(super) struct Habits {
    learnt: Learnt,
    every: Duration,
    next: Instant,
    writing: Option<JoinHandle<Result<(), (Batch, StoreError)>>>,
}

impl Habits {
    pub(super) fn new(every: Duration) -> Self {
        Self { learnt: Learnt::default(), every, next: Instant::now(), writing: None }
    }

    pub(super) fn keep(&mut self, device: DeviceId, ran: Ran) {
        if self.learnt.keep(device, ran) {
            metrics::counter!("headframe_rig_histories_dropped_total").increment(1);
        }
    }

    /// Begins to write some of it, if it is time and nothing is being written.
    pub(super) fn write(&mut self, store: &Store, tasks: &Tasks) {
        if self.writing.is_some() || self.learnt.is_empty() || Instant::now() < self.next {
            return;
        }
        self.next = Instant::now() + self.every;
        let (batch, store) = (self.learnt.take(WRITTEN_AT_ONCE), store.clone());
        self.writing = Some(tasks.spawn("habits", async move { write(&store, batch).await }));
    }

    /// Waits until what is being written is; for ever if nothing is.
    pub(super) async fn written(&mut self) {
        let written = finished(&mut self.writing).await;
        self.settle(written);
    }

    fn settle(&mut self, written: Option<Result<(), (Batch, StoreError)>>) {
        match written {
            // More than a batch waits: the next need not.
            Some(Ok(())) => {}
            Some(Err((batch, error))) => {
                tracing::debug!(error = %Chain(&error), attempts = batch.len(), "Could not write down how rigs were interrupted; again soon");
                self.learnt.give_back(batch);
            }
            None => {}
        }
    }

    /// Writes all of it, as far as the database takes it.
    pub(super) async fn write_all(&mut self, store: &Store) {
        if self.writing.is_some() {
            self.written().await;
        }
        while !self.learnt.is_empty() {
            let batch = self.learnt.take(WRITTEN_AT_ONCE);
            if let Err((_, error)) = write(store, batch).await {
                tracing::warn!(error = %Chain(&error), "Could not write down how rigs were interrupted lately");
                break;
            }
        }
    }
}

async fn write(store: &Store, batch: Batch) -> Result<(), (Batch, StoreError)> {
    let done = async {
        let mut tx = store.begin().await?;
        rig_histories::learn(&mut tx, &batch).await?;
        commit(tx, "write down how rigs were interrupted").await
    };
    done.await.map_err(|error| (batch, error))
}
