//! Results that wait to be compared: their rig is done, their job is `verifying`, nothing is paid yet.

use headframe_protocol::{Micros, job::Verify, session::AttemptRef};

use super::{
    AttemptState, Case, Ending, JobState, Nudge, Reason, Rules, Settled, StoreError, TimestampMs, Tx, Verdict, as_i64, case,
    end::{Conclusion, Ended, conclude},
    move_job,
    pay::{self, Charge},
    verdict,
};
use crate::{
    market::QueuedJob,
    store::{
        Doing as _, jobs,
        verify::{self, Asked, Brought},
    },
    verify::Chance,
};

/// Results known for this long are given to rigs as work whose result is known: afterwards their inputs may be gone.
const KNOWN_FOR: std::time::Duration = std::time::Duration::from_hours(3 * 24);

/// What others should hear if the result is to be compared before it is accepted; nothing if it is accepted as it is.
pub(super) async fn compared(
    tx: &mut Tx,
    rules: &Rules,
    case: &Case,
    ending: &Ending,
    now: TimestampMs,
) -> Result<Option<Vec<Nudge>>, StoreError> {
    if case.job_end_reason.is_some() {
        return Ok(None);
    }
    let class = verify::class_of(tx, case.device, &case.spec).await?;
    let known = verify::of_job(tx, case.job).await?;
    let (trial, nudges) = match known {
        Some(trial) => (trial, Vec::new()),
        None => match draw(tx, rules, case, ending, now).await? {
            Drawn::Trial(trial, copy) => (trial, vec![Nudge::Queued(copy)]),
            Drawn::Nothing => return Ok(None),
        },
    };
    let brought = Brought { at: case.at, device: case.device, class, outputs: ending.outputs.clone() };
    verify::bring(tx, &trial, case.job, &brought, now).await?;
    Ok(Some(nudges))
}

/// What a lot has come to.
enum Drawn {
    /// The result is compared.
    Trial(String, Box<QueuedJob>),
    /// It is taken as it is.
    Nothing,
}

/// Draws a lot, now that the result is named, and begins a trial if it says so. Of a rig that is believed, every other check is work
/// whose result is known instead, for whatever rig takes it: a canary finds out also who brings what others will bring. It is heard of by the
/// next poll of the queue.
async fn draw(tx: &mut Tx, rules: &Rules, case: &Case, ending: &Ending, now: TimestampMs) -> Result<Drawn, StoreError> {
    let checks = &rules.verification;
    if !checks.checks || verify::is_house(case.customer) || case.spec.verify == Verify::None {
        return Ok(Drawn::Nothing);
    }
    let class = verify::class_of(tx, case.device, &case.spec).await?;
    let chance = verify::chance_of(tx, case.device, &class, now).await?;
    if !chance.draws(rand::random()) {
        return Ok(Drawn::Nothing);
    }
    let compare = verify::checkable(&case.spec, &ending.outputs);
    let instead = compare.is_none() || (chance < Chance::ALWAYS && rand::random());
    if instead && let Some(known) = verify::late::draw_known(tx, now.before(KNOWN_FOR), rand::random(), now).await? {
        verify::begin_canary(tx, checks, (&known.asked(), &known.answer()), now).await?;
        return Ok(Drawn::Nothing);
    }
    let Some(compare) = compare else { return Ok(Drawn::Nothing) };
    let recipe = verify::recipe(&case.spec);
    if verify::is_unreproducible(tx, &recipe, now.before(verify::UNREPRODUCIBLE_FOR)).await?
        || !verify::is_checker_there(tx, (case.device, case.customer), (&case.spec, compare), now).await?
    {
        return Ok(Drawn::Nothing);
    }
    let array_index = jobs::array_index(tx, case.job).await?;
    let (job, customer, spec, coin) = (case.job, case.customer, &case.spec, case.purse.coin);
    let asked = Asked { job, customer, spec, compare, array_index, coin };
    let begun = verify::begin(tx, checks, &asked, now).await?;
    Ok(begun.map_or(Drawn::Nothing, |(trial, copy)| Drawn::Trial(trial, Box::new(copy))))
}

/// The rig is done: its slot is free, and it may forget the attempt. What is to be paid is fixed here, and paid when the result is found
/// right.
pub(super) async fn park(
    tx: &mut Tx,
    case: &Case,
    (ending, charge): (&Ending, Charge),
    mut nudges: Vec<Nudge>,
    now: TimestampMs,
) -> Result<Ended, StoreError> {
    sqlx::query(
        "UPDATE attempt SET state = $1, exit_code = $2, changed_ms = $3, ended_ms = $4, charged_ms = $5 WHERE id = $6 AND epoch = $7",
    )
    .bind(AttemptState::Succeeded.as_str())
    .bind(ending.exit_code)
    .bind(now.as_millis())
    .bind(now.as_millis())
    .bind(as_i64(charge.ms))
    .bind(case.at.attempt.to_string())
    .bind(as_i64(case.at.epoch))
    .execute(&mut **tx)
    .await
    .doing("park a result")?;
    move_job(tx, case, JobState::Verifying, now).await?;
    nudges.push(Nudge::Changed(case.job));
    nudges.push(Nudge::Ended {
        device: case.device,
        at: case.at,
        verdict: Verdict::Fine,
        ran: verdict::ran(case, AttemptState::Succeeded, ending, now),
        rig_knows: ending.by.is_some(),
        reason: None,
    });
    let parked = Case { state: AttemptState::Succeeded, charged_ms: charge.ms, ..case.clone() };
    Ok(Ended { settled: Some(settled(&parked)?), nudges })
}

/// What the rig is told: what it will have earned. Said the same of results that are compared and of those that are not, so that
/// nobody learns which is which.
pub(super) fn settled(case: &Case) -> Result<Settled, StoreError> {
    let credit = pay::expected(case, &pay::charge_again(case)?)?;
    Ok(Settled { at: case.at, state: AttemptState::Succeeded, reason: None, credit, paid_ms: case.charged_ms })
}

/// What the rig of an outvoted result is told. It was told otherwise before.
pub(crate) const fn overruled(at: AttemptRef) -> Settled {
    Settled { at, state: AttemptState::Failed, reason: Some(Reason::ResultMismatch), credit: Micros::ZERO, paid_ms: 0 }
}

/// What was found out about a parked result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// It was compared, and is right.
    Right,
    /// It was outvoted.
    Wrong,
    /// Nothing: it is taken as it is.
    Nothing,
}

/// Ends a parked attempt. `again` says whether its job waits for another rig if the result was wrong. Nothing if it is not parked.
pub(super) async fn unpark(
    tx: &mut Tx,
    rules: &Rules,
    (brought, found, again): (&Brought, Found, bool),
    now: TimestampMs,
) -> Result<Option<(Case, Vec<Nudge>)>, StoreError> {
    let Some(case) = case::to_change(tx, brought.at).await?.filter(Case::is_parked) else { return Ok(None) };
    let ended = matches!(found, Found::Right | Found::Nothing).then_some(case.job_end_reason).flatten();
    let (state, reason) = match (found, ended) {
        // Its customer did not want to wait; the work is done and paid.
        (Found::Right | Found::Nothing, Some(wanted)) => (AttemptState::Cancelled, Some(wanted)),
        (Found::Right | Found::Nothing, None) => (AttemptState::Succeeded, None),
        (Found::Wrong, _) => (AttemptState::Failed, Some(Reason::ResultMismatch)),
    };
    let charge = if found == Found::Wrong { pay::charge_nothing(&case)? } else { pay::charge_again(&case)? };
    let job_end_reason = case.job_end_reason.or((found == Found::Wrong && !again).then_some(Reason::ResultMismatch));
    let outputs = if state == AttemptState::Succeeded { brought.outputs.clone() } else { Vec::new() };
    let ending = Ending { reason, exit_code: Some(0), outputs, by: Some(brought.device), ..Ending::default() };
    let case = Case { job_end_reason, ..case };
    let over = Conclusion { case: case.clone(), state, ending, charge, confirmed: found == Found::Right };
    let mut ended = conclude(tx, rules, over, now).await?;
    if found == Found::Wrong {
        ended.nudges.push(Nudge::Overruled { device: case.device, settled: overruled(case.at) });
    }
    Ok(Some((case, ended.nudges)))
}
