//! How attempts and jobs end, and the money that moves with it.

use super::{
    Account, AttemptRef, AttemptState, Case, CustomerId, Ending, Fault, JobId, JobSpec, JobState, Kind, Micros, Nudge, QueuedJob,
    Reason, Rules, Settled, StoreError, TimestampMs, Transfer, Tx, Verdict, Want, artifacts, as_i64, asked::final_state, case,
    ledger, outbox,
};
use crate::store::Doing as _;

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
    let Some(case) = case::of(tx, at).await?.filter(theirs) else { return Ok(Ended { settled: None, nudges: Vec::new() }) };
    if !case.is_live() || !write_end(tx, &case, state, &ending, now).await? {
        return Ok(Ended { settled: Some(case.settled()), nudges: Vec::new() });
    }
    let (charged_ms, charged) = charge(&case, state, now);
    capture(tx, &case, charged_ms, charged, now).await?;
    if state == AttemptState::Succeeded {
        artifacts::accept(tx, (case.customer, case.job, at.attempt), &ending.outputs, now).await?;
    }
    let next = next(rules, &case, state, ending.reason, now);
    let mut nudges = vec![
        Nudge::Changed(case.job),
        Nudge::Ended {
            device: case.device,
            at,
            verdict: verdict(state, ending.reason),
            rig_knows: ending.by.is_some(),
            reason: ending.reason,
        },
    ];
    match next {
        Next::Final(to, reason) => {
            let last = Last { to, reason, detail: ending.detail.as_deref(), charged };
            nudges.extend(finish(tx, &case, last, now).await?);
        }
        Next::Queue { .. } => nudges.push(requeue(tx, &case, next, state, charged, now).await?),
    }
    let settled = Case { state, reason: ending.reason, charged_ms, charged, ..case }.settled();
    Ok(Ended { settled: Some(settled), nudges })
}

/// False if somebody else ended it in the meantime.
async fn write_end(tx: &mut Tx, case: &Case, state: AttemptState, ending: &Ending, now: TimestampMs) -> Result<bool, StoreError> {
    let detail: Option<String> = ending.detail.as_ref().map(|text| text.chars().take(500).collect());
    let done = sqlx::query(
        "UPDATE attempt SET state = $1, reason = $2, detail = $3, exit_code = $4, changed_ms = $5, ended_ms = $6
         WHERE id = $7 AND epoch = $8 AND ended_ms IS NULL",
    )
    .bind(state.as_str())
    .bind(ending.reason.map(Reason::as_str))
    .bind(detail)
    .bind(ending.exit_code)
    .bind(now.as_millis())
    .bind(now.as_millis())
    .bind(case.at.attempt.to_string())
    .bind(as_i64(case.at.epoch))
    .execute(&mut **tx)
    .await
    .doing("end an attempt")?;
    Ok(done.rows_affected() == 1)
}

/// What is paid: for work that was done or given back in order, the time the rig signed for, as far as we saw it ourselves.
/// Failed and lost work is paid to its last accepted checkpoint, and none is accepted yet.
fn charge(case: &Case, state: AttemptState, now: TimestampMs) -> (u64, Micros) {
    let paid = match state {
        AttemptState::Succeeded | AttemptState::Yielded | AttemptState::Cancelled => true,
        AttemptState::Failed | AttemptState::Lost | AttemptState::Withdrawn => false,
        AttemptState::Offered
        | AttemptState::Accepted
        | AttemptState::Preparing
        | AttemptState::Running
        | AttemptState::Uploading => false,
    };
    let observed_ms = case.started.map_or(0, |started| u64::try_from(now.since(started).as_millis()).unwrap_or(u64::MAX));
    let charged_ms = if paid { case.signed_ms.min(observed_ms) } else { 0 };
    (charged_ms, case.price_per_hour.per_hour_for(charged_ms).min(case.held))
}

async fn capture(tx: &mut Tx, case: &Case, charged_ms: u64, charged: Micros, now: TimestampMs) -> Result<(), StoreError> {
    if charged > Micros::ZERO {
        let fee = charged.fee(case.fee_bps);
        let credit = Micros::new(charged.get() - fee.get());
        let transfer = Transfer {
            id: format!("{}:{}", Kind::Capture.as_str(), case.at.attempt),
            kind: Kind::Capture,
            job: Some(case.job),
            attempt: Some(case.at.attempt),
            memo: None,
            legs: vec![
                (Account::Held(case.customer), charged.negated()),
                (Account::Credit(case.device), credit),
                (Account::Fee, fee),
            ],
        };
        book(tx, transfer, now).await?;
    }
    sqlx::query("UPDATE attempt SET charged_ms = $1, charged = $2 WHERE id = $3")
        .bind(as_i64(charged_ms))
        .bind(charged.get())
        .bind(case.at.attempt.to_string())
        .execute(&mut **tx)
        .await
        .doing("charge an attempt")?;
    crate::fail::point("capture");
    Ok(())
}

/// Held money covers what is taken of it by construction; if it does not, the books are wrong and nothing may be written.
async fn book(tx: &mut Tx, transfer: Transfer, now: TimestampMs) -> Result<(), StoreError> {
    match ledger::post(tx, std::slice::from_ref(&transfer), now).await? {
        ledger::Posted::Yes => Ok(()),
        ledger::Posted::NotCovered(account) => {
            Err(StoreError::Corrupt { what: "balance", value: format!("{account} does not cover {}", transfer.id) })
        }
    }
}

fn next(rules: &Rules, case: &Case, state: AttemptState, reason: Option<Reason>, now: TimestampMs) -> Next {
    if state == AttemptState::Succeeded {
        return Next::Final(JobState::Succeeded, None);
    }
    if let Some(wanted) = case.job_end_reason {
        return Next::Final(final_state(wanted), Some(wanted));
    }
    let job_failed = state == AttemptState::Failed && reason.is_some_and(|reason| reason.fault() == Fault::Job);
    if job_failed {
        let failures = case.failures + 1;
        if failures >= u32::from(case.spec.max_failures) {
            return Next::Final(JobState::Failed, reason);
        }
        let pause = rules.timers.job_backoff * 2_u32.saturating_pow(failures - 1);
        return Next::Queue { not_before: now.after(pause), failed: true, interrupted: false };
    }
    // An offer that came to nothing is no interruption: nothing had begun. Nor is the operator's stop of the network.
    let interrupted = state != AttemptState::Withdrawn && reason != Some(Reason::NetworkStopped);
    if interrupted && case.interruptions + 1 >= rules.interruptions_max {
        return Next::Final(JobState::Failed, Some(Reason::TooManyInterruptions));
    }
    Next::Queue { not_before: TimestampMs::default(), failed: false, interrupted }
}

fn verdict(state: AttemptState, reason: Option<Reason>) -> Verdict {
    let by_reason = match reason.map(Reason::fault) {
        Some(Fault::Job) => Verdict::JobFailed,
        Some(Fault::Rig) => Verdict::RigFailed,
        Some(Fault::Nobody) | None => Verdict::Void,
    };
    match state {
        AttemptState::Succeeded | AttemptState::Yielded => Verdict::Fine,
        AttemptState::Failed | AttemptState::Lost | AttemptState::Withdrawn => by_reason,
        AttemptState::Cancelled => Verdict::Void,
        AttemptState::Offered
        | AttemptState::Accepted
        | AttemptState::Preparing
        | AttemptState::Running
        | AttemptState::Uploading => Verdict::Void,
    }
}

/// How a job ends with its last attempt.
struct Last<'a> {
    to: JobState,
    reason: Option<Reason>,
    /// A line more for the customer.
    detail: Option<&'a str>,
    /// What the attempt cost, already taken of the hold.
    charged: Micros,
}

/// The job ends: what was not used of its hold goes back, its webhook is told.
async fn finish(tx: &mut Tx, case: &Case, last: Last<'_>, now: TimestampMs) -> Result<Option<Nudge>, StoreError> {
    let Last { to, reason, detail, charged } = last;
    let rest = Micros::new(case.held.get() - charged.get());
    release(tx, case.customer, case.job, rest, now).await?;
    let detail: Option<String> = detail.map(|text| text.chars().take(500).collect());
    let failed = u32::from(to == JobState::Failed && reason.is_some_and(|reason| reason.fault() == Fault::Job));
    let interrupted = u32::from(reason == Some(Reason::TooManyInterruptions));
    sqlx::query(
        "UPDATE job SET state = $1, reason = $2, detail = $3, failures = $4, interruptions = $5, held = 0, charged = charged + $6,
                changed_ms = $7, ended_ms = $8 WHERE id = $9 AND attempt_id = $10",
    )
    .bind(to.as_str())
    .bind(reason.map(Reason::as_str))
    .bind(detail)
    .bind(i64::from(case.failures + failed))
    .bind(i64::from(case.interruptions + interrupted))
    .bind(charged.get())
    .bind(now.as_millis())
    .bind(now.as_millis())
    .bind(case.job.to_string())
    .bind(case.at.attempt.to_string())
    .execute(&mut **tx)
    .await
    .doing("end a job")?;
    let told = tell_webhook(tx, &case.spec, case.job, to, reason, now).await?;
    crate::fail::point("promote");
    Ok(told.then_some(Nudge::Outbox))
}

pub(super) async fn release(
    tx: &mut Tx,
    customer: CustomerId,
    job: JobId,
    rest: Micros,
    now: TimestampMs,
) -> Result<(), StoreError> {
    if rest > Micros::ZERO {
        let transfer =
            Transfer::between(Kind::Release, &job.to_string(), Account::Held(customer), Account::Available(customer), rest);
        book(tx, transfer.for_job(job), now).await?;
    }
    Ok(())
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
    let Some(url) = &spec.webhook else { return Ok(false) };
    let body = serde_json::json!({
        "type": format!("job.{state}"),
        "timestamp_ms": now.as_millis(),
        "data": { "job": job.to_string(), "name": spec.name, "state": state.as_str(), "reason": reason.map(Reason::as_str) },
    });
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

async fn requeue(
    tx: &mut Tx,
    case: &Case,
    next: Next,
    state: AttemptState,
    charged: Micros,
    now: TimestampMs,
) -> Result<Nudge, StoreError> {
    let (not_before, failed, interrupted) = match next {
        Next::Queue { not_before, failed, interrupted } => (not_before, failed, interrupted),
        Next::Final(..) => (TimestampMs::default(), false, false),
    };
    let waiting = if state == AttemptState::Withdrawn { case.waiting } else { now };
    sqlx::query(
        "UPDATE job SET state = 'queued', attempt_id = NULL, failures = failures + $1, interruptions = interruptions + $2,
                held = held - $3, charged = charged + $4, changed_ms = $5, queued_ms = $6, waiting_ms = $7, not_before_ms = $8
         WHERE id = $9 AND attempt_id = $10",
    )
    .bind(i64::from(failed))
    .bind(i64::from(interrupted))
    .bind(charged.get())
    .bind(charged.get())
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
        want: Want::of(&case.spec),
        image: case.spec.image.digest(),
        queued_ms: now,
        not_before_ms: not_before,
    })))
}
