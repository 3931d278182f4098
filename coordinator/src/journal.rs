//! Writes down what rigs report and what is decided about attempts, many reports to one commit.
//!
//! One actor per replica. While one commit is on its way to the disk the next reports gather, so that a commit is shared
//! by more the busier it is, and nobody waits for a timer. Because every change of an attempt passes through here, two
//! of one replica never cross in the database.

use std::{sync::Arc, time::Duration};

use headframe_protocol::{
    DeviceId, JobId,
    job::{AttemptState, Reason},
    receipt::SignedReceipt,
    session::{AttemptRef, Settled},
};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::{
    dispatch::Dispatch,
    error::Chain,
    sessions::{Changes, Sessions},
    store::{
        Store, StoreError, Tx, commit,
        lifecycle::{self, Brought, Ending, Nudge, Rules, Verdicts},
        verify::Trial,
    },
};

/// Reports that may wait. More means the database is slower than the rigs; sessions then wait, and their rigs with them.
const INBOX_MAX: usize = 4_096;

/// Reports in one commit: as many as claims, for the same reason.
const REPORTS_PER_COMMIT_MAX: usize = 256;

/// How often a commit is begun that crossed another, or whose answer was lost. All reports are conditions and a change: done
/// twice, the second finds nothing to change and answers the same. Crossing twice in a row is rare, three times no accident.
const TRIES_MAX: u32 = 3;

/// Before the next try, times the number of tries: two that crossed do not meet again in step.
const PAUSE: Duration = Duration::from_millis(10);

/// Something to be written down.
#[derive(Debug, Clone)]
pub enum Report {
    /// An attempt has moved on.
    Advance {
        /// The rig that says so.
        device: DeviceId,
        /// Which.
        at: AttemptRef,
        /// Where to.
        to: AttemptState,
    },
    /// An attempt's result is about to be checked.
    Verify {
        /// The rig that brought it.
        device: DeviceId,
        /// Which.
        at: AttemptRef,
    },
    /// A receipt.
    Receipt {
        /// The rig that brought it.
        device: DeviceId,
        /// What it claims, and its proof.
        signed: Box<SignedReceipt>,
    },
    /// An attempt ends.
    End {
        /// Which.
        at: AttemptRef,
        /// How.
        state: AttemptState,
        /// Why, and what comes with it.
        ending: Box<Ending>,
        /// The last receipt.
        receipt: Option<Box<SignedReceipt>>,
    },
    /// An attempt that yielded has left a checkpoint, or none.
    Checkpoint {
        /// The rig that says so.
        device: DeviceId,
        /// Which attempt's.
        at: AttemptRef,
        /// What it has brought.
        brought: Box<Brought>,
    },
    /// Results of the same work were compared.
    Judge {
        /// The trial, as it was judged.
        trial: Box<Trial>,
        /// What was found.
        verdicts: Box<Verdicts>,
    },
    /// Somebody wants a job ended.
    RequestEnd {
        /// Which.
        job: JobId,
        /// Why.
        reason: Reason,
    },
    /// A rig should end an attempt, while its job goes on.
    AskToEnd {
        /// Which.
        at: AttemptRef,
        /// Why.
        reason: Reason,
    },
    /// A job that waited is given up.
    FailWaiting {
        /// Which.
        job: JobId,
        /// Why.
        reason: Reason,
    },
}

/// What came of a report.
#[derive(Debug, Clone)]
pub enum Answer {
    /// To [`Report::Advance`] and [`Report::Verify`]: whether the attempt is still the rig's.
    Advanced {
        /// False: it should stop.
        held: bool,
    },
    /// To [`Report::Receipt`]: the newest sequence there is; nothing if the attempt is not the rig's.
    Receipt(Option<u64>),
    /// To [`Report::End`]: how the attempt is written down; nothing if the rig has no such attempt.
    Ended(Option<Settled>),
    /// To [`Report::Checkpoint`]: whether it was accepted. To the others: whether there was something to change.
    Done(bool),
}

/// The journal could not write a report down: the database failed, or we are stopping. It may be sent again.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The database. One refusal may be the answer to many reports.
    #[error("a report could not be written down")]
    Store(#[source] Arc<StoreError>),
    /// We are stopping.
    #[error("the journal is closed")]
    Closed,
}

struct Entry {
    report: Report,
    answer: oneshot::Sender<Result<Answer, JournalError>>,
}

/// The journal's handle.
#[derive(Debug, Clone)]
pub struct Journal {
    inbox: mpsc::Sender<Entry>,
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.report.fmt(f)
    }
}

impl Journal {
    /// Writes a report down; returns when it is durable.
    ///
    /// # Errors
    /// [`JournalError`] if it was not.
    pub async fn write(&self, report: Report) -> Result<Answer, JournalError> {
        let (answer, answered) = oneshot::channel();
        self.inbox.send(Entry { report, answer }).await.map_err(|_| JournalError::Closed)?;
        answered.await.map_err(|_| JournalError::Closed)?
    }
}

/// Whom the journal tells.
#[derive(Debug, Clone)]
pub(crate) struct Listeners {
    pub(crate) dispatch: Dispatch,
    pub(crate) sessions: Sessions,
    pub(crate) changes: Changes,
}

/// The actor behind a [`Journal`].
pub(crate) struct Writer {
    store: Store,
    rules: Rules,
    listeners: Listeners,
    inbox: mpsc::Receiver<Entry>,
}

impl Writer {
    pub(crate) fn new(store: Store, rules: Rules, listeners: Listeners) -> (Self, Journal) {
        let (sender, inbox) = mpsc::channel(INBOX_MAX);
        (Self { store, rules, listeners, inbox }, Journal { inbox: sender })
    }

    /// Writes until told to stop; what had arrived by then is still written.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let mut entries = Vec::with_capacity(REPORTS_PER_COMMIT_MAX);
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled(), if !self.inbox.is_closed() => self.inbox.close(),
                count = self.inbox.recv_many(&mut entries, REPORTS_PER_COMMIT_MAX) => {
                    if count == 0 {
                        break;
                    }
                    self.write_group(std::mem::take(&mut entries)).await;
                }
            }
        }
    }

    /// One commit for all. If the database refuses it, one for each, so that one bad report fails alone. If it is out of
    /// reach, all have failed: asking it once for each would only make everybody wait longer.
    async fn write_group(&self, entries: Vec<Entry>) {
        let error = match self.commit(&entries).await {
            Ok(answers) => {
                for (entry, answer) in entries.into_iter().zip(answers) {
                    drop(entry.answer.send(Ok(answer)));
                }
                return;
            }
            Err(error) => error,
        };
        if entries.len() == 1 || is_out_of_reach(&error) {
            tracing::warn!(error = %Chain(&error), reports = entries.len(), "Could not write reports down");
            let error = Arc::new(error);
            for entry in entries {
                drop(entry.answer.send(Err(JournalError::Store(error.clone()))));
            }
            return;
        }
        tracing::debug!(error = %Chain(&error), reports = entries.len(), "A group of reports did not commit; writing one by one");
        for entry in entries {
            let answer = self.commit(std::slice::from_ref(&entry)).await;
            let answer = answer.map_err(|error| JournalError::Store(Arc::new(error)));
            let answer = answer.and_then(|mut answers| answers.pop().ok_or(JournalError::Closed));
            drop(entry.answer.send(answer));
        }
    }

    /// Begins anew what crossed another transaction, or broke off.
    async fn commit(&self, entries: &[Entry]) -> Result<Vec<Answer>, StoreError> {
        let mut tries = 1;
        loop {
            match self.commit_once(entries).await {
                Err(error) if tries < TRIES_MAX && (error.has_crossed() || has_broken_off(&error)) => {
                    tracing::debug!(error = %Chain(&error), reports = entries.len(), "Reports did not commit; trying again");
                    tokio::time::sleep(PAUSE * tries).await;
                    tries += 1;
                }
                done => return done,
            }
        }
    }

    async fn commit_once(&self, entries: &[Entry]) -> Result<Vec<Answer>, StoreError> {
        let mut tx = self.store.begin().await?;
        let (mut answers, mut nudges) = (Vec::with_capacity(entries.len()), Vec::new());
        for entry in entries {
            answers.push(self.apply(&mut tx, &entry.report, &mut nudges).await?);
        }
        commit(tx, "write reports down").await?;
        answers.iter().for_each(pass_points);
        for nudge in nudges {
            self.tell(nudge).await;
        }
        Ok(answers)
    }

    async fn apply(&self, tx: &mut Tx, report: &Report, nudges: &mut Vec<Nudge>) -> Result<Answer, StoreError> {
        let (rules, now) = (&self.rules, self.store.now());
        match report {
            Report::Advance { device, at, to } => {
                let advanced = lifecycle::advance(tx, rules, *device, *at, *to, now).await?;
                nudges.extend(advanced.nudges);
                Ok(Answer::Advanced { held: advanced.held })
            }
            Report::Verify { device, at } => {
                let advanced = lifecycle::verify(tx, *device, *at, now).await?;
                nudges.extend(advanced.nudges);
                Ok(Answer::Advanced { held: advanced.held })
            }
            Report::Receipt { device, signed } => Ok(Answer::Receipt(lifecycle::take_receipt(tx, rules, *device, signed).await?)),
            Report::End { at, state, ending, receipt } => {
                if let (Some(signed), Some(device)) = (receipt, ending.by) {
                    lifecycle::take_receipt(tx, rules, device, signed).await?;
                }
                let ended = lifecycle::end(tx, rules, *at, *state, (**ending).clone(), now).await?;
                nudges.extend(ended.nudges);
                Ok(Answer::Ended(ended.settled))
            }
            Report::Checkpoint { device, at, brought } => {
                let (accepted, told) = lifecycle::take_checkpoint(tx, rules, *device, *at, brought, now).await?;
                nudges.extend(told);
                Ok(Answer::Done(accepted))
            }
            Report::Judge { trial, verdicts } => {
                let (judged, told) = lifecycle::judged(tx, rules, trial, verdicts, now).await?;
                nudges.extend(told);
                Ok(Answer::Done(judged))
            }
            Report::RequestEnd { job, reason } => {
                let (open, told) = lifecycle::request_end(tx, rules, *job, *reason, now).await?;
                nudges.extend(told);
                Ok(Answer::Done(open))
            }
            Report::AskToEnd { at, reason } => {
                let told = lifecycle::ask_to_end(tx, rules, *at, *reason, now).await?;
                let changed = !told.is_empty();
                nudges.extend(told);
                Ok(Answer::Done(changed))
            }
            Report::FailWaiting { job, reason } => {
                let told = lifecycle::fail_waiting(tx, *job, *reason, now).await?;
                let changed = !told.is_empty();
                nudges.extend(told);
                Ok(Answer::Done(changed))
            }
        }
    }

    async fn tell(&self, nudge: Nudge) {
        let Listeners { dispatch, sessions, changes } = &self.listeners;
        match nudge {
            Nudge::Queued(job) => dispatch.queued(vec![*job]).await,
            Nudge::Unqueued(job) => dispatch.unqueued(job).await,
            Nudge::Changed(job) => changes.tell(job),
            Nudge::Ended { device, at, verdict, ran, rig_knows, reason } => {
                dispatch.released(device, at.attempt, verdict, ran).await;
                sessions.ended(device, at, (!rig_knows).then_some(reason));
            }
            Nudge::Overruled { device, settled } => sessions.overruled(device, settled),
            Nudge::AskedToEnd { device, at, reason } => sessions.ask_to_end(device, at, reason),
            // Found by its reconciler within a second.
            Nudge::Outbox => {}
        }
    }
}

/// Whether the connection broke: nobody knows whether the commit was done, and a new connection may be better.
fn has_broken_off(error: &StoreError) -> bool {
    match error {
        StoreError::Database { source, .. } => {
            matches!(source, sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed)
        }
        StoreError::Corrupt { .. } | StoreError::Migrate(_) => false,
    }
}

/// Whether there is no database to ask, whatever the report.
fn is_out_of_reach(error: &StoreError) -> bool {
    let no_connection = match error {
        StoreError::Database { source, .. } => matches!(source, sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed),
        StoreError::Corrupt { .. } | StoreError::Migrate(_) => false,
    };
    no_connection || has_broken_off(error)
}

/// An attempt's charge and its job's promotion are one transaction, so that the moments after them are the same.
fn pass_points(answer: &Answer) {
    match answer {
        Answer::Ended(Some(settled)) => {
            crate::fail::point("capture_committed");
            if settled.state == AttemptState::Succeeded {
                crate::fail::point("promote_committed");
            }
        }
        Answer::Ended(None) | Answer::Advanced { .. } | Answer::Receipt(_) | Answer::Done(_) => {}
    }
}
