//! Background tasks that read what is and what should be, and close the gap.
//!
//! A reconciler takes no input, may run twice at once, here or on another replica, and has no retry: its next run is
//! that. What they do to attempts goes through the [`crate::journal`], like everything rigs report, so that they can only
//! do what a report could.

use std::{
    collections::BTreeMap,
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde::Serialize;
use tokio::time::MissedTickBehavior;

use crate::{App, error::Chain};

mod attempts;
mod audit;
pub(crate) mod cards;
mod chains;
mod challenges;
mod clock;
mod operator;
mod presence;
mod prune;
mod queue;
mod sweep;
mod verify;
mod webhooks;

/// What one reconciler did last.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Status {
    /// How often it ran.
    pub runs: u64,
    /// How many gaps it has closed in all.
    pub closed: u64,
    /// Whether its last run failed.
    pub failing: bool,
}

/// What all reconcilers did last, by name.
#[derive(Debug, Clone, Default)]
pub struct Statuses(Arc<Mutex<BTreeMap<&'static str, Status>>>);

impl Statuses {
    /// A copy.
    #[must_use]
    pub fn read(&self) -> BTreeMap<&'static str, Status> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, name: &'static str, closed: Option<u64>) {
        let mut statuses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let status = statuses.entry(name).or_default();
        status.runs += 1;
        status.closed += closed.unwrap_or_default();
        status.failing = closed.is_none();
    }
}

/// Why a run stopped half way. The next one goes on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReconcileError {
    /// The database.
    #[error("the database failed")]
    Store(#[source] crate::store::StoreError),
    /// The journal.
    #[error("the journal failed")]
    Journal(#[source] crate::journal::JournalError),
    /// A chain, or the books about it.
    #[error("settlement failed")]
    Settlement(#[source] crate::settlement::SettlementError),
    /// The artifact store.
    #[error("the artifact store failed")]
    Blobs(#[source] crate::blobs::BlobError),
    /// The sweep.
    #[error("the sweep failed")]
    Sweep(#[source] crate::sweep::SweepError),
}

// Each of the five is one act of every reconciler, so converting them loses nothing.
impl From<crate::store::StoreError> for ReconcileError {
    fn from(source: crate::store::StoreError) -> Self {
        Self::Store(source)
    }
}

impl From<crate::settlement::SettlementError> for ReconcileError {
    fn from(source: crate::settlement::SettlementError) -> Self {
        Self::Settlement(source)
    }
}

impl From<crate::journal::JournalError> for ReconcileError {
    fn from(source: crate::journal::JournalError) -> Self {
        Self::Journal(source)
    }
}

impl From<crate::blobs::BlobError> for ReconcileError {
    fn from(source: crate::blobs::BlobError) -> Self {
        Self::Blobs(source)
    }
}

impl From<crate::sweep::SweepError> for ReconcileError {
    fn from(source: crate::sweep::SweepError) -> Self {
        Self::Sweep(source)
    }
}

type Run = Result<u64, ReconcileError>;

/// Starts all of them.
pub(crate) fn start(app: &App) {
    let timers = &app.config.timers;
    every(app, "lapsed", timers.reconcile, Duration::ZERO, attempts::lapsed);
    every(app, "overdue", timers.reconcile, Duration::ZERO, attempts::overdue);
    every(app, "asked_to_end", timers.operator, Duration::ZERO, attempts::asked_to_end);
    every(app, "queue", timers.reconcile, Duration::ZERO, queue::waited_too_long);
    every(app, "webhooks", timers.reconcile, Duration::ZERO, webhooks::deliver);
    every(app, "operator", timers.operator, Duration::ZERO, operator::tell_rigs);
    every(app, "presence", timers.presence, Duration::ZERO, presence::note);
    every(app, "jobs_to_end", timers.operator, Duration::ZERO, operator::end_jobs);
    every(app, "audit", timers.audit, Duration::ZERO, audit::books);
    every(app, "prune", timers.audit, Duration::ZERO, prune::answers);
    every(app, "clock", timers.audit, timers.audit, clock::measure);
    if app.chains.iter().next().is_some() {
        every(app, "deposits", timers.audit, Duration::ZERO, cards::claim);
        every(app, "chains", timers.chain_poll, Duration::ZERO, chains::look);
        // After the first look, which books what happened while nobody looked.
        every(app, "chain_audit", timers.chain_audit, timers.chain_poll * 5, chains::compare);
    }
    every(app, "challenges", timers.challenge, Duration::ZERO, challenges::ask);
    every(app, "challenges_abandoned", timers.reconcile, Duration::ZERO, challenges::close_abandoned);
    every(app, "challenges_old", timers.audit, Duration::ZERO, challenges::prune);
    every(app, "reversals", timers.reconcile, Duration::ZERO, cards::recover);
    every(app, "maturing", timers.reconcile, Duration::ZERO, cards::mature);
    if app.fiat.is_some() {
        every(app, "links", timers.operator, Duration::ZERO, cards::link);
    }
    every(app, "trials", timers.reconcile, Duration::ZERO, verify::judge);
    every(app, "unchecked", timers.check_look, Duration::ZERO, verify::check_late);
    every(app, "withheld", timers.reconcile, Duration::ZERO, verify::let_go);
    every(app, "given_back", timers.check_look, Duration::ZERO, verify::settle_given_back);
    every(app, "sweep", timers.sweep, timers.sweep, sweep::sweep);
}

/// Runs one reconciler, first after `pause`, until the coordinator stops.
fn every<F, R>(app: &App, name: &'static str, interval: Duration, pause: Duration, run: F)
where
    F: Fn(App) -> R + Send + 'static,
    R: Future<Output = Run> + Send,
{
    let (app, stop) = (app.clone(), app.tasks.stopping());
    let tasks = app.tasks.clone();
    tasks.spawn_core(name, async move {
        let mut clock = tokio::time::interval_at(tokio::time::Instant::now() + pause, interval);
        clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                _ = clock.tick() => {}
            }
            match run(app.clone()).await {
                Ok(closed) => app.reconcilers.note(name, Some(closed)),
                Err(error) => {
                    app.reconcilers.note(name, None);
                    tracing::warn!(reconciler = name, error = %Chain(&error), "A reconciler stopped half way; it will run again");
                }
            }
        }
    });
}
