//! How attempts and jobs end, and the money that moves with it.

use super::{
    Amount, AttemptRef, AttemptState, Case, Ending, Fault, JobId, JobSpec, JobState, Micros, Nudge, QueuedJob, Reason, Rules,
    Settled, StoreError, TimestampMs, Transfer, Tx, Verdict, Want, artifacts, as_i64,
    asked::final_state,
    case, ledger, outbox, parked,
    pay::{self, Charge, Split},
    verdict,
};
use crate::{
    store::{
        Doing as _, checkpoints,
        customers::{self, Storage},
        line, reservations,
        verify::given_back,
    },
    verify::Basis,
};

/// The most of a rig's own words that is kept: what a person reads of an error.
const DETAIL_CHARS_MAX: usize = 500;

/// What came of a report that an attempt ended.
#[derive(Debug, Clone)]
pub struct Ended {
    /// How it is written down; nothing if there is no such attempt.
    pub settled: Option<Settled>,
    /// What others should hear.
    pub nudges: Vec<Nudge>,
}

/// Where a job goes when its attempt has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Final(JobState, Option<Reason>),
    /// Back in the queue, not before this, with what counts against it.
    Queue {
        not_before: TimestampMs,
        failed: bool,
        interrupted: bool,
    },
}

/// An attempt ends as `state`. If it is over already, or another holds the job, nothing changes and the answer says how
/// it was written down then.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn end(
    tx: &mut Tx,
    rules: &Rules,
    at: AttemptRef,
    state: AttemptState,
    ending: Ending,
    now: TimestampMs,
) -> Result<Ended, StoreError> {
    assert!(state.is_final(), "an attempt ends in a final state");
    let theirs = |case: &Case| ending.by.is_none_or(|device| device == case.device);
    let Some(case) = case::to_change(tx, at).await?.filter(theirs) else {
        return Ok(Ended { settled: None, nudges: Vec::new() });
    };
    // A rig declines what it has not answered. Afterwards it can only bring, fail or give back.
    let answered = state == AttemptState::Withdrawn && ending.by.is_some() && case.state != AttemptState::Offered;
    if !case.is_live() || answered {
        let settled = if case.is_parked() { parked::settled(&case)? } else { case.settled() };
        return Ok(Ended { settled: Some(settled), nudges: said_again(&case, &ending) });
    }
    let charge = pay::charge(&case, state, now)?;
    if state == AttemptState::Succeeded
        && let Some(nudges) = parked::compared(tx, rules, &case, &ending, now).await?
    {
        return parked::park(tx, &case, (&ending, charge), nudges, now).await;
    }
    conclude(tx, rules, Conclusion { case, state, ending, charge, confirmed: false }, now).await
}

/// How an attempt is over, when nothing more is to be found out.
pub(super) struct Conclusion {
    pub(super) case: Case,
    pub(super) state: AttemptState,
    pub(super) ending: Ending,
    pub(super) charge: Charge,
    /// Whether its result was compared and found right.
    pub(super) confirmed: bool,
}

/// Writes it down, with all that hangs on it.
pub(super) async fn conclude(tx: &mut Tx, rules: &Rules, over: Conclusion, now: TimestampMs) -> Result<Ended, StoreError> {
    let Conclusion { case, state, ending, charge, confirmed } = over;
    let at = case.at;
    let next = next(rules, &case, state, &ending, now);
    let succeeded = state == AttemptState::Succeeded;
    let links = if succeeded { given_back::chain(tx, at.attempt).await? } else { Vec::new() };
    let basis = basis(tx, (&case, succeeded), &links, now).await?;
    let split = pay::split(tx, &case, charge, now).await?;
    let split = split.withheld_if(tx, &rules.verification, &case, (basis, confirmed), now).await?;
    write_end(tx, &case, state, &ending, split, now).await?;
    pay::settle(tx, &case, matches!(next, Next::Final(..)), split, (confirmed, succeeded), now).await?;
    if succeeded {
        artifacts::accept(tx, (case.job, at.attempt), &ending.outputs, now).await?;
        given_back::speak_for(tx, at.attempt, &links).await?;
    }
    let kept = if succeeded { ending.outputs.iter().map(|file| file.bytes).sum() } else { 0 };
    let reserved = reservations::drop_of_attempt(tx, at.attempt).await?;
    customers::settle(tx, case.customer, charge.amount.dollars, Storage { kept, reserved }).await?;
    let mut nudges = vec![
        Nudge::Changed(case.job),
        Nudge::Ended {
            device: case.device,
            at,
            verdict: verdict::of(rules, &case, state, &ending, now),
            ran: verdict::ran(&case, state, &ending, now),
            rig_knows: ending.by.is_some(),
            reason: ending.reason,
        },
    ];
    match next {
        Next::Final(to, reason) => {
            let last = Last { to, reason, detail: ending.detail.as_deref(), charged: charge.amount };
            nudges.extend(finish(tx, &case, last, now).await?);
        }
        Next::Queue { .. } => nudges.push(requeue(tx, &case, next, charge.amount, now).await?),
    }
    let settled = Case { state, reason: ending.reason, charged_ms: charge.ms, credit: split.credit, ..case }.settled();
    Ok(Ended { settled: Some(settled), nudges })
}

/// What would speak for what an attempt earned.
async fn basis(
    tx: &mut Tx,
    (case, succeeded): (&Case, bool),
    links: &[given_back::Link],
    now: TimestampMs,
) -> Result<Basis, StoreError> {
    Ok(match succeeded {
        false => Basis::GivenBack,
        true if given_back::other_makers(tx, links, case.device, now).await?.is_empty() => Basis::Result,
        true => Basis::Shared,
    })
}

/// An attempt that is over is over for every index: whoever wrote its end down may have died, or never have heard that the
/// commit was done, before he could say so.
fn said_again(case: &Case, ending: &Ending) -> Vec<Nudge> {
    if !case.state.is_final() {
        return Vec::new();
    }
    vec![Nudge::Ended {
        device: case.device,
        at: case.at,
        verdict: Verdict::Void,
        ran: None,
        rig_knows: ending.by.is_some(),
        reason: case.reason,
    }]
}

async fn write_end(
    tx: &mut Tx,
    case: &Case,
    state: AttemptState,
    ending: &Ending,
    split: Split,
    now: TimestampMs,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE attempt SET state = $1, reason = $2, detail = $3, exit_code = $4, changed_ms = $5, ended_ms = $6, charged_ms = $7,
                charged = $8, credit = $9, used_before = $10, charged_hfr = $11, hfr_per_hour = $12 WHERE id = $13 AND epoch = $14",
    )
    .bind(state.as_str())
    .bind(ending.reason.map(Reason::as_str))
    .bind(ending.detail.as_deref().map(|text| line(text, DETAIL_CHARS_MAX)))
    .bind(ending.exit_code)
    .bind(now.as_millis())
    .bind(now.as_millis())
    .bind(as_i64(split.charge.ms))
    .bind(split.charge.amount.dollars.get())
    .bind(split.credit.get())
    .bind(split.used_before.map(Micros::get))
    .bind(split.charge.amount.hfr.map(Micros::get))
    .bind(split.charge.per_hour.hfr.map(Micros::get))
    .bind(case.at.attempt.to_string())
    .bind(as_i64(case.at.epoch))
    .execute(&mut **tx)
    .await
    .doing("end an attempt")?;
    Ok(())
}

/// Held money covers what is taken of it by construction; if it does not, the books are wrong and nothing may be written.
pub(super) async fn book(tx: &mut Tx, transfers: &[Transfer], now: TimestampMs) -> Result<(), StoreError> {
    match ledger::post(tx, transfers, now).await? {
        ledger::Posted::Yes => Ok(()),
        ledger::Posted::NotCovered(account) => {
            let ids: Vec<&str> = transfers.iter().map(|transfer| transfer.id.as_str()).collect();
            Err(StoreError::Corrupt { what: "balance", value: format!("{account} does not cover {}", ids.join(", ")) })
        }
    }
}

fn next(rules: &Rules, case: &Case, state: AttemptState, ending: &Ending, now: TimestampMs) -> Next {
    if state == AttemptState::Succeeded {
        return Next::Final(JobState::Succeeded, None);
    }
    if let Some(wanted) = case.job_end_reason {
        return Next::Final(final_state(wanted), Some(wanted));
    }
    let reason = ending.reason;
    let job_failed = state == AttemptState::Failed && reason.is_some_and(|reason| reason.fault() == Fault::Job);
    if job_failed {
        let failures = case.failures + 1;
        if failures >= u32::from(case.spec.max_failures) {
            return Next::Final(JobState::Failed, reason);
        }
        let pause = rules.timers.job_backoff * 2_u32.saturating_pow(failures - 1);
        return Next::Queue { not_before: now.after(pause), failed: true, interrupted: false };
    }
    let interrupted = verdict::is_interruption(rules, case, state, ending, now);
    if interrupted && case.interruptions + 1 >= rules.interruptions_max {
        return Next::Final(JobState::Failed, Some(Reason::TooManyInterruptions));
    }
    let waits = waits_for_checkpoint(case, state, ending);
    let not_before = if waits { now.after(rules.timers.checkpoint_wait) } else { TimestampMs::default() };
    Next::Queue { not_before, failed: false, interrupted }
}

/// Whether the rig is about to bring what the attempt left, or to say that there is nothing.
fn waits_for_checkpoint(case: &Case, state: AttemptState, ending: &Ending) -> bool {
    state == AttemptState::Yielded && ending.by.is_some() && case.started.is_some() && case.spec.checkpoint.is_some()
}

/// How a job ends with its last attempt.
struct Last<'a> {
    to: JobState,
    reason: Option<Reason>,
    /// A line more for the customer.
    detail: Option<&'a str>,
    /// What the attempt cost, already taken of the hold.
    charged: Amount,
}

/// The job ends, and its webhook is told.
async fn finish(tx: &mut Tx, case: &Case, last: Last<'_>, now: TimestampMs) -> Result<Option<Nudge>, StoreError> {
    let Last { to, reason, detail, charged } = last;
    let failed = u32::from(to == JobState::Failed && reason.is_some_and(|reason| reason.fault() == Fault::Job));
    let interrupted = u32::from(reason == Some(Reason::TooManyInterruptions));
    sqlx::query(
        "UPDATE job SET state = $1, reason = $2, detail = $3, failures = $4, interruptions = $5, held = 0, charged = charged + $6,
                held_hfr = held_hfr - held_hfr, charged_hfr = charged_hfr + $7, changed_ms = $8, ended_ms = $9
         WHERE id = $10 AND attempt_id = $11",
    )
    .bind(to.as_str())
    .bind(reason.map(Reason::as_str))
    .bind(detail.map(|text| line(text, DETAIL_CHARS_MAX)))
    .bind(i64::from(case.failures + failed))
    .bind(i64::from(case.interruptions + interrupted))
    .bind(charged.dollars.get())
    .bind(charged.hfr.map(Micros::get))
    .bind(now.as_millis())
    .bind(now.as_millis())
    .bind(case.job.to_string())
    .bind(case.at.attempt.to_string())
    .execute(&mut **tx)
    .await
    .doing("end a job")?;
    if case.spec.checkpoint.is_some() {
        checkpoints::delete_all(tx, case.customer, case.job).await?;
    }
    let told = tell_webhook(tx, &case.spec, case.job, to, reason, now).await?;
    crate::fail::point("promote");
    Ok(told.then_some(Nudge::Outbox))
}

/// True if there is a webhook to tell.
pub(super) async fn tell_webhook(
    tx: &mut Tx,
    spec: &JobSpec,
    job: JobId,
    state: JobState,
    reason: Option<Reason>,
    now: TimestampMs,
) -> Result<bool, StoreError> {
    let data = serde_json::json!({
        "job": job.to_string(), "name": spec.name, "state": state.as_str(), "reason": reason.map(Reason::as_str),
    });
    tell(tx, spec, job, (&format!("job.{state}"), data), now).await
}

/// The same of something else that happened to a job.
pub(super) async fn tell(
    tx: &mut Tx,
    spec: &JobSpec,
    job: JobId,
    (kind, data): (&str, serde_json::Value),
    now: TimestampMs,
) -> Result<bool, StoreError> {
    let Some(url) = &spec.webhook else { return Ok(false) };
    let body = serde_json::json!({ "type": kind, "timestamp_ms": now.as_millis(), "data": data });
    let message = outbox::Message {
        id: format!("msg_{}", uuid::Uuid::now_v7().simple()),
        job,
        url: url.to_string(),
        body: body.to_string(),
        tries: 0,
    };
    outbox::add(tx, &message, now).await?;
    Ok(true)
}

async fn requeue(tx: &mut Tx, case: &Case, next: Next, charged: Amount, now: TimestampMs) -> Result<Nudge, StoreError> {
    let (not_before, failed, interrupted) = match next {
        Next::Queue { not_before, failed, interrupted } => (not_before, failed, interrupted),
        Next::Final(..) => (TimestampMs::default(), false, false),
    };
    // What was given back before it began has waited all the while, or it could be passed around for ever.
    let waiting = if failed || interrupted || case.end_reason.is_some() { now } else { case.waiting };
    sqlx::query(
        "UPDATE job SET state = 'queued', attempt_id = NULL, failures = failures + $1, interruptions = interruptions + $2,
                held = held - $3, charged = charged + $4, held_hfr = held_hfr - $5, charged_hfr = charged_hfr + $6, changed_ms = $7,
                queued_ms = $8, waiting_ms = $9, not_before_ms = $10
         WHERE id = $11 AND attempt_id = $12",
    )
    .bind(i64::from(failed))
    .bind(i64::from(interrupted))
    .bind(charged.dollars.get())
    .bind(charged.dollars.get())
    .bind(charged.hfr.map(Micros::get))
    .bind(charged.hfr.map(Micros::get))
    .bind(now.as_millis())
    .bind(now.as_millis())
    .bind(waiting.as_millis())
    .bind(not_before.as_millis())
    .bind(case.job.to_string())
    .bind(case.at.attempt.to_string())
    .execute(&mut **tx)
    .await
    .doing("put a job back in the queue")?;
    Ok(Nudge::Queued(Box::new(QueuedJob {
        id: case.job,
        epoch: case.at.epoch,
        customer: case.customer,
        want: Want::of(&case.spec).paid_from(case.purse.pot),
        image: case.spec.image.digest(),
        queued_ms: now,
        not_before_ms: not_before,
    })))
}
