//! How attempts and jobs end, and the money that moves with it.

use headframe_protocol::api::Pot;

use super::{
    Account, AttemptRef, AttemptState, Case, CustomerId, Ending, Fault, JobId, JobSpec, JobState, Kind, Leg, Micros, Nudge,
    QueuedJob, Reason, Rules, Settled, StoreError, TimestampMs, Transfer, Tx, Verdict, Want, artifacts, as_i64,
    asked::final_state, case, ledger, outbox, verdict,
};
use crate::store::{
    Doing as _,
    customers::{self, Storage},
    line,
    maturing::{self, Maturing},
    purses::Purse,
    reservations, tabs,
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
        return Ok(Ended { settled: Some(case.settled()), nudges: said_again(&case, &ending) });
    }
    let (charged_ms, charged) = charge(&case, state, now);
    let next = next(rules, &case, state, &ending, now);
    let split = split(tx, &case, charged, now).await?;
    write_end(tx, &case, state, &ending, (charged_ms, split), now).await?;
    settle(tx, &case, next, split, now).await?;
    if state == AttemptState::Succeeded {
        artifacts::accept(tx, (case.job, at.attempt), &ending.outputs, now).await?;
    }
    let kept = if state == AttemptState::Succeeded { ending.outputs.iter().map(|file| file.bytes).sum() } else { 0 };
    let reserved = reservations::drop_of_attempt(tx, at.attempt).await?;
    customers::settle(tx, case.customer, charged, Storage { kept, reserved }).await?;
    let mut nudges = vec![
        Nudge::Changed(case.job),
        Nudge::Ended {
            device: case.device,
            at,
            verdict: verdict::of(rules, &case, state, &ending, now),
            rig_knows: ending.by.is_some(),
            reason: ending.reason,
        },
    ];
    match next {
        Next::Final(to, reason) => {
            let last = Last { to, reason, detail: ending.detail.as_deref(), charged };
            nudges.extend(finish(tx, &case, last, now).await?);
        }
        Next::Queue { .. } => nudges.push(requeue(tx, &case, next, charged, now).await?),
    }
    let settled = Case { state, reason: ending.reason, charged_ms, credit: split.credit, ..case }.settled();
    Ok(Ended { settled: Some(settled), nudges })
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
        rig_knows: ending.by.is_some(),
        reason: case.reason,
    }]
}

async fn write_end(
    tx: &mut Tx,
    case: &Case,
    state: AttemptState,
    ending: &Ending,
    (charged_ms, split): (u64, Split),
    now: TimestampMs,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE attempt SET state = $1, reason = $2, detail = $3, exit_code = $4, changed_ms = $5, ended_ms = $6, charged_ms = $7,
                charged = $8, credit = $9, used_before = $10 WHERE id = $11 AND epoch = $12",
    )
    .bind(state.as_str())
    .bind(ending.reason.map(Reason::as_str))
    .bind(ending.detail.as_deref().map(|text| line(text, DETAIL_CHARS_MAX)))
    .bind(ending.exit_code)
    .bind(now.as_millis())
    .bind(now.as_millis())
    .bind(as_i64(charged_ms))
    .bind(split.charged.get())
    .bind(split.credit.get())
    .bind(split.used_before.map(Micros::get))
    .bind(case.at.attempt.to_string())
    .bind(as_i64(case.at.epoch))
    .execute(&mut **tx)
    .await
    .doing("end an attempt")?;
    Ok(())
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

/// A charge, and what of it is the rig's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Split {
    charged: Micros,
    credit: Micros,
    /// What was used before of the tab it is charged to.
    used_before: Option<Micros>,
}

/// Splits a charge into the rig's part and the fee. Of a tab the fee is counted on all that was ever used of it and rounded down, as
/// the contract counts: so the books and the chain never differ, and the remainder is the rigs'.
async fn split(tx: &mut Tx, case: &Case, charged: Micros, now: TimestampMs) -> Result<Split, StoreError> {
    let (fee, used_before) = match case.purse.tab.as_ref().filter(|_| charged > Micros::ZERO) {
        Some(tab) => {
            let before = tabs::charge(tx, tab, charged, now).await?;
            let after = Micros::new(before.get().saturating_add(charged.get()));
            (after.fee(case.fee_bps).get() - before.fee(case.fee_bps).get(), Some(before))
        }
        None => (charged.fee(case.fee_bps).get(), None),
    };
    Ok(Split { charged, credit: Micros::new(charged.get() - fee), used_before })
}

/// Moves the money: what the attempt is paid, and if the job ends with it, what is left of its hold. In one posting, so that
/// the accounts are taken in their order.
async fn settle(tx: &mut Tx, case: &Case, next: Next, split: Split, now: TimestampMs) -> Result<(), StoreError> {
    let rest = match next {
        Next::Final(..) => Micros::new(case.held.get() - split.charged.get()),
        Next::Queue { .. } => Micros::ZERO,
    };
    let released = release(case.customer, case.job, &case.purse, rest);
    let transfers: Vec<Transfer> = capture(case, split).into_iter().chain(released).collect();
    book(tx, &transfers, now).await?;
    wait(tx, case, split, now).await?;
    crate::fail::point("capture");
    Ok(())
}

/// What was earned from a card's payment waits, for as long as the payment is easily taken back.
async fn wait(tx: &mut Tx, case: &Case, split: Split, now: TimestampMs) -> Result<(), StoreError> {
    if case.purse.pot != Pot::Fiat || split.charged == Micros::ZERO {
        return Ok(());
    }
    let earned = Maturing {
        attempt: case.at.attempt,
        job: case.job,
        customer: case.customer,
        device: case.device,
        coin: case.purse.coin,
        charged: split.charged,
        amount: split.credit,
        covered: Micros::ZERO,
        reversed: Micros::ZERO,
        earned: now,
    };
    maturing::insert(tx, &earned).await
}

/// What an attempt is paid, taken of its job's hold; nothing if that is nothing.
fn capture(case: &Case, Split { charged, credit, used_before: _ }: Split) -> Option<Transfer> {
    let coin = case.purse.coin;
    let (earned, kept) = match case.purse.pot {
        Pot::Available => (Account::Credit(case.device), Account::Fee),
        // A card payment may be taken back for some time, and with it what was earned by it.
        Pot::Fiat => (Account::Maturing(case.device), Account::Fee),
        // Earnings lie in the Distributor, and so does the fee on spending them.
        Pot::Earned => (Account::Credit(case.device), Account::Inventory),
        // Nothing is paid from what a customer may take away at any time.
        Pot::Free => (Account::Credit(case.device), Account::Fee),
    };
    let fee = Micros::new(charged.get() - credit.get());
    (charged > Micros::ZERO).then(|| Transfer {
        id: format!("{}:{}", Kind::Capture.as_str(), case.at.attempt),
        kind: Kind::Capture,
        job: Some(case.job),
        attempt: Some(case.at.attempt),
        memo: None,
        legs: vec![
            Leg::new(Account::Held(case.customer), coin, charged.negated()),
            Leg::new(earned, coin, credit),
            Leg::new(kept, coin, fee),
        ],
    })
}

/// What is left of a hold goes back to where it came from; nothing if that is nothing.
pub(super) fn release(customer: CustomerId, job: JobId, purse: &Purse, rest: Micros) -> Option<Transfer> {
    let (held, back) = (Account::Held(customer), purse.account(customer));
    let amount = (purse.coin, rest);
    (rest > Micros::ZERO).then(|| Transfer::between(Kind::Release, &job.to_string(), held, back, amount).for_job(job))
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
    Next::Queue { not_before: TimestampMs::default(), failed: false, interrupted }
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

/// The job ends, and its webhook is told.
async fn finish(tx: &mut Tx, case: &Case, last: Last<'_>, now: TimestampMs) -> Result<Option<Nudge>, StoreError> {
    let Last { to, reason, detail, charged } = last;
    let failed = u32::from(to == JobState::Failed && reason.is_some_and(|reason| reason.fault() == Fault::Job));
    let interrupted = u32::from(reason == Some(Reason::TooManyInterruptions));
    sqlx::query(
        "UPDATE job SET state = $1, reason = $2, detail = $3, failures = $4, interruptions = $5, held = 0, charged = charged + $6,
                changed_ms = $7, ended_ms = $8 WHERE id = $9 AND attempt_id = $10",
    )
    .bind(to.as_str())
    .bind(reason.map(Reason::as_str))
    .bind(detail.map(|text| line(text, DETAIL_CHARS_MAX)))
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

async fn requeue(tx: &mut Tx, case: &Case, next: Next, charged: Micros, now: TimestampMs) -> Result<Nudge, StoreError> {
    let (not_before, failed, interrupted) = match next {
        Next::Queue { not_before, failed, interrupted } => (not_before, failed, interrupted),
        Next::Final(..) => (TimestampMs::default(), false, false),
    };
    // What was given back before it began has waited all the while, or it could be passed around for ever.
    let waiting = if failed || interrupted || case.end_reason.is_some() { now } else { case.waiting };
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
        want: Want::of(&case.spec).paid_from(case.purse.pot),
        image: case.spec.image.digest(),
        queued_ms: now,
        not_before_ms: not_before,
    })))
}
