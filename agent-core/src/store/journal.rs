//! The lease journal: what is about to happen is written down, and only what is written down happens.
//!
//! Entries go in by a queue and are written in its order, many in one transaction; each is confirmed by a [`Written`].

use std::{sync::Arc, time::Duration};

use headframe_protocol::{
    TimestampMs,
    job::{AttemptState, Reason},
    session::{AttemptRef, Offer, Outcome, Settled},
};
use serde::{Deserialize, Serialize};
use sqlx::SqlitePool;
use tokio::sync::mpsc;
use tracing::error;

use super::{CardDrawn, Saved, StoreError, Yield, attempts};
use crate::{clock, fault, tasks::Tasks};

/// Entries waiting for the disk. A rig with 16 attempts makes a handful at a time.
const QUEUE_MAX: usize = 256;

/// Entries written in one transaction: one flush to the disk for all that waited for the last.
const GROUP_MAX: usize = 64;

/// Something to be written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// The offer is taken.
    Accepted(Arc<Offer>),
    /// The attempt has moved on.
    Stage {
        /// Which.
        at: AttemptRef,
        /// Where it is now.
        stage: AttemptState,
    },
    /// The coordinator has answered a heartbeat: the lease lives on.
    Renewed {
        /// Which attempt's.
        at: AttemptRef,
        /// When that heartbeat was sent.
        sent_ms: TimestampMs,
    },
    /// Whose offer it is.
    From {
        /// Which attempt.
        at: AttemptRef,
        /// The network's name.
        network: String,
    },
    /// Its cards have drawn power since the last such entry.
    Drew {
        /// Which attempt.
        at: AttemptRef,
        /// Each of its cards.
        cards: Vec<CardDrawn>,
    },
    /// The container has been told to stop.
    Parting {
        /// Which.
        at: AttemptRef,
        /// What will be said when it has.
        parting: Parting,
    },
    /// A receipt is about to be signed.
    Receipt {
        /// Which attempt.
        at: AttemptRef,
        /// The receipt's number.
        sequence: u64,
        /// What it claims.
        running_ms: u64,
    },
    /// The attempt has ended on this rig.
    Ended {
        /// Which.
        at: AttemptRef,
        /// How.
        outcome: Outcome,
        /// The last receipt's number.
        sequence: u64,
        /// What the last receipt claims.
        running_ms: u64,
        /// Bytes of log brought.
        log_bytes: u64,
        /// How long what it left as its checkpoint is kept, if it is.
        keep_for: Option<Duration>,
    },
    /// What an attempt left as its checkpoint has been brought, or nothing was there.
    CheckpointSaved {
        /// Which attempt.
        at: AttemptRef,
        /// What was brought.
        saved: Saved,
    },
    /// Nothing more is done about an attempt's checkpoint.
    CheckpointEnded(AttemptRef),
    /// The PC was given back.
    Yielded {
        /// By which attempt.
        at: AttemptRef,
        /// How.
        made: Yield,
    },
    /// The coordinator has written it down too.
    Settled(Settled),
    /// Nothing more is said about the attempt: it was taken away, or it is no longer ours.
    Dropped {
        /// Which.
        at: AttemptRef,
        /// What it counts as in the history.
        state: AttemptState,
        /// Why.
        reason: Reason,
    },
    /// What the owner chose.
    Choice(Choice),
}

/// What is said about an attempt once its container has stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Parting {
    /// Report this.
    Report {
        /// The outcome, unless the container ended well first.
        outcome: Outcome,
    },
    /// Say nothing: the attempt is no longer ours.
    Silence {
        /// Why it was taken away.
        reason: Reason,
    },
}

/// Whether the owner wants the rig to work; kept across restarts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Choice {
    /// Never started.
    Off,
    /// Started.
    On,
    /// Finish what runs, then pause.
    Finishing,
    /// Paused.
    Paused {
        /// Since when; absent in what older agents wrote.
        #[serde(default)]
        since_ms: Option<TimestampMs>,
        /// Until then; absent until the owner says so.
        until_ms: Option<TimestampMs>,
    },
}

/// What has become of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// The acceptance is on disk.
    Accepted(AttemptRef),
    /// The receipt's number and claim are on disk.
    Receipt {
        /// Which attempt.
        at: AttemptRef,
        /// The receipt's number.
        sequence: u64,
        /// What it claims.
        running_ms: u64,
    },
    /// The outcome is on disk.
    Ended(AttemptRef),
    /// The acceptance could not be written; the disk is full or broken.
    NotAccepted(AttemptRef),
    /// The outcome could not be written.
    NotEnded(AttemptRef),
    /// What was brought of a checkpoint is on disk.
    CheckpointSaved(AttemptRef),
    /// It could not be written.
    CheckpointNotSaved(AttemptRef),
    /// The coordinator's settlement is on disk.
    Settled(AttemptRef),
    /// A choice is on disk, or could not be written: it holds for this life either way.
    Choice,
}

/// Writes entries in order.
#[derive(Debug)]
pub struct Journal {
    writer: SqlitePool,
}

impl Journal {
    pub(super) const fn new(writer: SqlitePool) -> Self {
        Self { writer }
    }

    /// Starts writing. Ends when the sender is dropped and everything sent has been written.
    #[must_use]
    pub fn start(self, tasks: &Tasks) -> (mpsc::Sender<Entry>, mpsc::Receiver<Written>) {
        let (entries, inbox) = mpsc::channel(QUEUE_MAX);
        let (outbox, written) = mpsc::channel(QUEUE_MAX);
        tasks.spawn("journal", self.run(inbox, outbox));
        (entries, written)
    }

    async fn run(self, mut inbox: mpsc::Receiver<Entry>, outbox: mpsc::Sender<Written>) {
        let mut group = Vec::with_capacity(GROUP_MAX);
        while inbox.recv_many(&mut group, GROUP_MAX).await > 0 {
            let outcome = self.write(&group).await;
            if let Err(failure) = &outcome {
                error!(error = %Chain(failure), entries = group.len(), "Could not write to the lease journal: {}", Chain(failure));
            }
            for entry in group.drain(..) {
                if let Some(written) = answer(&entry, outcome.is_ok()) {
                    // Nobody listens any more while the agent ends; the entries themselves are still written.
                    outbox.send(written).await.ok();
                }
            }
        }
        self.writer.close().await;
    }

    /// Writes `group` entirely or not at all.
    pub(super) async fn write(&self, group: &[Entry]) -> Result<(), StoreError> {
        fault::point("journal.begin");
        let mut transaction = self.writer.begin().await.map_err(StoreError::Write)?;
        for entry in group {
            attempts::apply(&mut transaction, entry, clock::wall()).await.map_err(StoreError::Write)?;
        }
        transaction.commit().await.map_err(StoreError::Write)?;
        group.iter().filter_map(point_of).for_each(fault::point);
        Ok(())
    }
}

const fn point_of(entry: &Entry) -> Option<&'static str> {
    Some(match entry {
        Entry::Accepted(_) => "journal.accepted",
        Entry::Stage { .. } => "journal.stage",
        Entry::Renewed { .. } => "journal.renewed",
        Entry::From { .. } => "journal.from",
        // Only rigs with cards write it, in front of a receipt or an end that has its own.
        Entry::Drew { .. } => return None,
        Entry::Parting { .. } => "journal.parting",
        Entry::Receipt { .. } => "journal.receipt",
        Entry::Ended { .. } => "journal.ended",
        Entry::Yielded { .. } => "journal.yielded",
        Entry::CheckpointSaved { .. } => "journal.checkpoint_saved",
        Entry::CheckpointEnded(_) => "journal.checkpoint_ended",
        Entry::Settled(_) => "journal.settled",
        Entry::Dropped { .. } => "journal.dropped",
        Entry::Choice(_) => "journal.choice",
    })
}

fn answer(entry: &Entry, safe: bool) -> Option<Written> {
    match (entry, safe) {
        (Entry::Accepted(offer), true) => Some(Written::Accepted(offer.at)),
        (Entry::Accepted(offer), false) => Some(Written::NotAccepted(offer.at)),
        (Entry::Receipt { at, sequence, running_ms }, true) => {
            Some(Written::Receipt { at: *at, sequence: *sequence, running_ms: *running_ms })
        }
        (Entry::Ended { at, .. }, true) => Some(Written::Ended(*at)),
        (Entry::Ended { at, .. }, false) => Some(Written::NotEnded(*at)),
        (Entry::CheckpointSaved { at, .. }, true) => Some(Written::CheckpointSaved(*at)),
        (Entry::CheckpointSaved { at, .. }, false) => Some(Written::CheckpointNotSaved(*at)),
        (Entry::Settled(settled), true) => Some(Written::Settled(settled.at)),
        (Entry::Choice(_), _) => Some(Written::Choice),
        // A receipt that is not on disk is not signed; the next heartbeat makes another.
        (Entry::Receipt { .. } | Entry::Settled(_), false)
        // A checkpoint's end that is not on disk is found out again by the next life.
        | (
            Entry::CheckpointEnded(_)
            | Entry::Stage { .. }
            | Entry::Renewed { .. }
            | Entry::From { .. }
            | Entry::Drew { .. }
            | Entry::Parting { .. }
            | Entry::Yielded { .. }
            | Entry::Dropped { .. },
            _,
        ) => None,
    }
}

/// An error with its causes in one line. Some libraries repeat the cause in their own text; it is not said twice.
pub(crate) struct Chain<'a>(pub(crate) &'a dyn std::error::Error);

impl std::fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut said = self.0.to_string();
        f.write_str(&said)?;
        let mut cause = self.0.source();
        while let Some(next) = cause {
            let text = next.to_string();
            if !said.ends_with(&text) {
                write!(f, ": {text}")?;
            }
            said = text;
            cause = next.source();
        }
        Ok(())
    }
}
