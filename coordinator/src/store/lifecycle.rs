//! Every change of a job's state after it was assigned: attempts move on, end, are paid, and leave the job finished or
//! back in the queue. One transaction each.
//!
//! Whoever reports is believed only if the attempt is live and holds the job in the epoch he names. Everything else
//! changes nothing, which is what makes duplicates, late messages and two replicas at once harmless.
//!
//! Every function returns what others should hear ([`Nudge`]). Nudges make things sooner, never right: each is also found
//! in the database by a poll or a reconciler.

use headframe_protocol::{
    AttemptId, CustomerId, DeviceId, JobId, Micros, TimestampMs,
    job::{AttemptState, Fault, JobSpec, JobState, Reason},
    receipt::SignedReceipt,
    session::{AttemptRef, OutputFile, Settled},
};

use super::{
    Doing as _, StoreError, Tx,
    amount::Amount,
    artifacts, as_i64, document,
    ledger::{self, Account, Kind, Leg, Transfer},
    outbox, parsed, verify, written,
};
use crate::{
    config::Timers,
    market::{QueuedJob, Ran, Verdict, Want},
};

mod asked;
mod case;
mod checkpoint;
mod end;
mod judged;
mod parked;
mod pay;
mod redress;
mod verdict;

pub use asked::{ask_to_end, fail_waiting, request_end};
pub use case::Case;
pub use checkpoint::{Brought, checkpoint_path, is_awaited, take_checkpoint};
pub use end::end;
pub use judged::{Verdicts, judged};
pub(crate) use parked::overruled;
pub use pay::{most, promised};
pub use redress::{give_back_lapsed, lapsed};

/// What others should hear after the commit.
#[derive(Debug, Clone)]
pub enum Nudge {
    /// A job waits for a rig.
    Queued(Box<QueuedJob>),
    /// A queued job is gone.
    Unqueued(JobId),
    /// A job changed.
    Changed(JobId),
    /// An attempt is over.
    Ended {
        /// The rig.
        device: DeviceId,
        /// Which.
        at: AttemptRef,
        /// What it says about the rig.
        verdict: Verdict,
        /// How long the rig worked on it.
        ran: Option<Ran>,
        /// Whether the rig was the one to say so, and needs no telling.
        rig_knows: bool,
        /// Why.
        reason: Option<Reason>,
    },
    /// A result that its rig was told is good is not, after all.
    Overruled {
        /// The rig.
        device: DeviceId,
        /// What holds now.
        settled: Settled,
    },
    /// The rig should end an attempt.
    AskedToEnd {
        /// The rig.
        device: DeviceId,
        /// Which.
        at: AttemptRef,
        /// Why.
        reason: Reason,
    },
    /// A message for a webhook is due.
    Outbox,
}

/// Rules every change follows.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Every lease and deadline.
    pub timers: Timers,
    /// Interruptions after which a job is given up.
    pub interruptions_max: u32,
    /// The network's name, part of every receipt.
    pub network: String,
    /// How results are checked.
    pub verification: verify::Rules,
}

/// How an attempt ends.
#[derive(Debug, Clone, Default)]
pub struct Ending {
    /// Why, where there is a reason.
    pub reason: Option<Reason>,
    /// A line more for the customer.
    pub detail: Option<String>,
    /// The program's exit code.
    pub exit_code: Option<i64>,
    /// The files of the result.
    pub outputs: Vec<OutputFile>,
    /// The rig that reported it; absent if it is our own decision. Another rig than the attempt's is not believed.
    pub by: Option<DeviceId>,
}

/// What came of a report that an attempt moved on.
#[derive(Debug, Clone)]
pub struct Advanced {
    /// False: the attempt is not the rig's any more.
    pub held: bool,
    /// What others should hear.
    pub nudges: Vec<Nudge>,
}

/// The attempt has moved on to `to`. Going back or standing still changes nothing.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn advance(
    tx: &mut Tx,
    rules: &Rules,
    device: DeviceId,
    at: AttemptRef,
    to: AttemptState,
    now: TimestampMs,
) -> Result<Advanced, StoreError> {
    let Some(case) = case::to_change(tx, at).await?.filter(|case| case.is_live() && case.device == device) else {
        return Ok(Advanced { held: false, nudges: Vec::new() });
    };
    let mut nudges = Vec::new();
    if step(to) > step(case.state) && !to.is_final() {
        let deadline = now.after(match to {
            AttemptState::Running => case.spec.timeout() + rules.timers.running_slack,
            AttemptState::Uploading => rules.timers.uploading,
            AttemptState::Offered
            | AttemptState::Accepted
            | AttemptState::Preparing
            | AttemptState::Succeeded
            | AttemptState::Failed
            | AttemptState::Yielded
            | AttemptState::Lost
            | AttemptState::Withdrawn
            | AttemptState::Cancelled => rules.timers.preparing,
        });
        // Once asked to end, only the shorter deadline counts.
        let deadline = if case.end_reason.is_some() { case.deadline.min(deadline) } else { deadline };
        let started = case.started.or((to == AttemptState::Running).then_some(now));
        let done = sqlx::query(
            "UPDATE attempt SET state = $1, changed_ms = $2, deadline_ms = $3, started_ms = $4
             WHERE id = $5 AND epoch = $6 AND state = $7",
        )
        .bind(to.as_str())
        .bind(now.as_millis())
        .bind(deadline.as_millis())
        .bind(started.map(TimestampMs::as_millis))
        .bind(at.attempt.to_string())
        .bind(as_i64(at.epoch))
        .bind(case.state.as_str())
        .execute(&mut **tx)
        .await
        .doing("move an attempt on")?;
        if done.rows_affected() == 1 {
            move_job(tx, &case, job_state(to), now).await?;
            nudges.push(Nudge::Changed(case.job));
        }
    }
    Ok(Advanced { held: true, nudges })
}

/// The rig says that all is brought and the result is about to be checked. Only the job shows it: the attempt stays where it
/// is, and its lease and deadline are the way out if the check is never finished.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn verify(tx: &mut Tx, device: DeviceId, at: AttemptRef, now: TimestampMs) -> Result<Advanced, StoreError> {
    let Some(case) = case::to_change(tx, at).await?.filter(|case| case.is_live() && case.device == device) else {
        return Ok(Advanced { held: false, nudges: Vec::new() });
    };
    let held = move_job(tx, &case, JobState::Verifying, now).await?;
    Ok(Advanced { held, nudges: if held { vec![Nudge::Changed(case.job)] } else { Vec::new() } })
}

/// How far an attempt has come. Only what leads further counts; a report of an earlier state is an old one.
pub(crate) const fn step(state: AttemptState) -> u8 {
    match state {
        AttemptState::Offered => 0,
        AttemptState::Accepted => 1,
        AttemptState::Preparing => 2,
        AttemptState::Running => 3,
        AttemptState::Uploading => 4,
        AttemptState::Succeeded
        | AttemptState::Failed
        | AttemptState::Yielded
        | AttemptState::Lost
        | AttemptState::Withdrawn
        | AttemptState::Cancelled => 5,
    }
}

/// The job's state while its attempt is in `state`.
const fn job_state(state: AttemptState) -> JobState {
    match state {
        AttemptState::Offered => JobState::Assigned,
        AttemptState::Accepted | AttemptState::Preparing => JobState::Preparing,
        AttemptState::Running => JobState::Running,
        AttemptState::Uploading => JobState::Uploading,
        AttemptState::Succeeded => JobState::Succeeded,
        AttemptState::Failed => JobState::Failed,
        AttemptState::Yielded | AttemptState::Lost | AttemptState::Withdrawn => JobState::Queued,
        AttemptState::Cancelled => JobState::Cancelled,
    }
}

/// False if the attempt does not hold the job: what is over is never moved again.
async fn move_job(tx: &mut Tx, case: &Case, to: JobState, now: TimestampMs) -> Result<bool, StoreError> {
    if case.job_state == to {
        return Ok(true);
    }
    let done = sqlx::query(
        "UPDATE job SET state = $1, changed_ms = $2
         WHERE id = $3 AND attempt_id = $4 AND state NOT IN ('succeeded', 'failed', 'cancelled')",
    )
    .bind(to.as_str())
    .bind(now.as_millis())
    .bind(case.job.to_string())
    .bind(case.at.attempt.to_string())
    .execute(&mut **tx)
    .await
    .doing("move a job on")?;
    Ok(done.rows_affected() == 1)
}

/// Takes a receipt, if it is the rig's own, of a live attempt, and newer than the last. Returns the newest sequence there is,
/// or nothing if the attempt is not the rig's.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn take_receipt(
    tx: &mut Tx,
    rules: &Rules,
    device: DeviceId,
    signed: &SignedReceipt,
) -> Result<Option<u64>, StoreError> {
    let receipt = &signed.receipt;
    let at = AttemptRef { attempt: receipt.attempt, epoch: receipt.epoch };
    // The job's row first, though only the attempt's changes: the same commit may go on to end the attempt.
    let Some(case) = case::to_change(tx, at).await? else { return Ok(None) };
    let genuine =
        receipt.device == device && receipt.job == case.job && receipt.network == rules.network && signed.verify().is_ok();
    if case.device != device || !genuine {
        return Ok(None);
    }
    if !case.is_live() || receipt.sequence <= case.receipt_sequence {
        // An old one: the newest stands, also if it claims less than one before it.
        return Ok(Some(case.receipt_sequence));
    }
    sqlx::query("UPDATE attempt SET receipt = $1, receipt_sequence = $2, signed_ms = $3 WHERE id = $4 AND receipt_sequence < $5")
        .bind(written(signed, "receipt")?)
        .bind(as_i64(receipt.sequence))
        .bind(as_i64(receipt.running_ms))
        .bind(at.attempt.to_string())
        .bind(as_i64(receipt.sequence))
        .execute(&mut **tx)
        .await
        .doing("write a receipt down")?;
    Ok(Some(receipt.sequence))
}

/// How an attempt was written down, if it was.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn settled(tx: &mut Tx, at: AttemptRef, device: DeviceId) -> Result<Option<Settled>, StoreError> {
    let Some(case) = case::of(tx, at).await?.filter(|case| case.device == device) else { return Ok(None) };
    Ok(Some(if case.is_parked() { parked::settled(&case)? } else { case.settled() }))
}

/// The live attempt's specification and outputs wanted, for checking a result before it is accepted.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn outputs_wanted(connection: &mut sqlx::AnyConnection, at: AttemptRef) -> Result<Option<Vec<String>>, StoreError> {
    Ok(spec_of(connection, at, "read a job's outputs").await?.map(|spec| spec.outputs))
}

/// The specification of an attempt's job.
async fn spec_of(connection: &mut sqlx::AnyConnection, at: AttemptRef, act: &'static str) -> Result<Option<JobSpec>, StoreError> {
    let row: Option<(String,)> = sqlx::query_as(
        "SELECT job.spec FROM attempt JOIN job ON job.id = attempt.job_id WHERE attempt.id = $1 AND attempt.epoch = $2",
    )
    .bind(at.attempt.to_string())
    .bind(as_i64(at.epoch))
    .fetch_optional(connection)
    .await
    .doing(act)?;
    row.map(|(spec,)| document(&spec, "job specification")).transpose()
}
