//! Keeps the diary: looks at what the probes say, and writes it down now and then.

use std::{path::PathBuf, time::Duration};

use tokio::{sync::watch, time::MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::{
    clock::{self, Moment},
    idle::{IdleState, Rules, diary},
    store::{Chain, Span, Store, StoreError},
    tasks::apart,
};

/// The least time between two writes while things change.
const WRITE_EVERY: Duration = Duration::from_secs(60);

/// The most time between two writes while nothing does. A crash forgets so much at most; it is unknown afterwards.
const WRITE_AT_LEAST_EVERY: Duration = Duration::from_secs(15 * 60);

/// Spans that wait for a disk that does not take them. There are at most twelve a minute.
const WAITING_MAX: usize = 1_000;

/// What is kept, by whose rules, and where.
pub(super) struct Diarist {
    pub(super) store: Store,
    pub(super) idle: watch::Receiver<IdleState>,
    pub(super) data_dir: PathBuf,
}

/// What has been seen and is not written yet.
#[derive(Default)]
struct Desk {
    diary: diary::Diary,
    waiting: Vec<Span>,
    written: Option<Moment>,
}

impl Diarist {
    /// Writes until told to stop; then once more.
    pub(super) async fn keep(self, stop: CancellationToken) {
        let mut desk = Desk::default();
        let mut rules = self.rules().await;
        let mut rules_read = clock::now().moment;
        let mut beat = tokio::time::interval(diary::LOOK_EVERY);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                _ = beat.tick() => {}
            }
            let now = clock::now();
            if now.moment.since(rules_read) >= WRITE_EVERY {
                (rules, rules_read) = (self.rules().await, now.moment);
            }
            let ended = desk.diary.look(&self.idle.borrow().probes, rules.as_ref(), now);
            desk.waiting.extend(ended);
            if desk.is_due(now.moment)
                && let Err(error) = self.write(&mut desk, now.moment).await
            {
                warn!("{}", Chain(&error));
            }
        }
        // The journal may have closed the database first; then the last minutes are missing.
        if let Err(error) = self.write(&mut desk, clock::now().moment).await {
            debug!("{}", Chain(&error));
        }
    }

    /// Without rules that are understood no program is named.
    async fn rules(&self) -> Option<Rules> {
        let data_dir = self.data_dir.clone();
        apart(move || Rules::load(&data_dir).ok()).await.flatten()
    }

    async fn write(&self, desk: &mut Desk, now: Moment) -> Result<(), StoreError> {
        desk.written = Some(now);
        let spans: Vec<Span> = desk.waiting.iter().chain(desk.diary.open()).cloned().collect();
        let written = self.store.keep_sightings(&spans, clock::wall()).await;
        // Where it did not work, the newest matter more: the oldest are the first to be removed anyway.
        let kept = if written.is_ok() { 0 } else { WAITING_MAX };
        desk.waiting.drain(..desk.waiting.len().saturating_sub(kept));
        written
    }
}

impl Desk {
    fn is_due(&self, now: Moment) -> bool {
        let least = if self.waiting.is_empty() { WRITE_AT_LEAST_EVERY } else { WRITE_EVERY };
        self.written.is_none_or(|written| now.since(written) >= least)
    }
}
