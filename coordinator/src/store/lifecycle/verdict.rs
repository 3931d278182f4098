//! What the end of an attempt says about its rig, and whether it counts against its job. Pure.

use super::{AttemptState, Case, Ending, Fault, Ran, Reason, Rules, TimestampMs, Verdict};

/// What the next offers to the rig depend on.
pub(super) fn of(rules: &Rules, case: &Case, state: AttemptState, ending: &Ending, now: TimestampMs) -> Verdict {
    let job = case.job;
    match state {
        AttemptState::Succeeded => Verdict::Fine,
        AttemptState::Failed | AttemptState::Lost => by_fault(case, ending.reason),
        AttemptState::Withdrawn => match (ending.reason, ending.by) {
            (Some(Reason::NoAnswer), _) => Verdict::RigFailed,
            (Some(Reason::Unwanted), Some(_)) => Verdict::Unwanted { job },
            (_, Some(_)) => Verdict::Unwilling { job },
            (_, None) => Verdict::Void,
        },
        AttemptState::Yielded | AttemptState::Cancelled => {
            match (of_its_own_will(case, ending), has_hardly_begun(rules, case, now)) {
                (false, _) => Verdict::Void,
                (true, true) if ending.reason == Some(Reason::Unwanted) => Verdict::Unwanted { job },
                (true, true) => Verdict::Unwilling { job },
                (true, false) => Verdict::Yielded { job },
            }
        }
        AttemptState::Offered
        | AttemptState::Accepted
        | AttemptState::Preparing
        | AttemptState::Running
        | AttemptState::Uploading => Verdict::Void,
    }
}

fn by_fault(case: &Case, reason: Option<Reason>) -> Verdict {
    match reason.map(Reason::fault) {
        Some(Fault::Job) => Verdict::JobFailed { job: case.job },
        Some(Fault::Rig) => Verdict::RigFailed,
        Some(Fault::Nobody) | None => Verdict::Void,
    }
}

/// How long the rig worked on it, and whether it was the rig that ended it; nothing if the program never began.
pub(super) fn ran(case: &Case, state: AttemptState, ending: &Ending, now: TimestampMs) -> Option<Ran> {
    let ours = case.end_reason.is_some() || case.job_end_reason.is_some();
    let by_the_rig = match state {
        AttemptState::Yielded | AttemptState::Lost => true,
        AttemptState::Cancelled => ending.by.is_some(),
        AttemptState::Failed => ending.reason.is_some_and(|reason| reason.fault() == Fault::Rig),
        AttemptState::Succeeded
        | AttemptState::Withdrawn
        | AttemptState::Offered
        | AttemptState::Accepted
        | AttemptState::Preparing
        | AttemptState::Running
        | AttemptState::Uploading => false,
    };
    case.started.map(|from| Ran { from, to: now, interrupted: by_the_rig && !ours })
}

/// Whether the job was interrupted. Not by an offer that came to nothing nor by work given back before there was any, or rigs
/// that take jobs only to give them back could make an end of every job; and not by the operator's stop of the network.
pub(super) fn is_interruption(rules: &Rules, case: &Case, state: AttemptState, ending: &Ending, now: TimestampMs) -> bool {
    if case.end_reason == Some(Reason::NetworkStopped) {
        return false;
    }
    match state {
        AttemptState::Yielded | AttemptState::Cancelled => !(of_its_own_will(case, ending) && has_hardly_begun(rules, case, now)),
        AttemptState::Failed | AttemptState::Lost => true,
        AttemptState::Succeeded
        | AttemptState::Withdrawn
        | AttemptState::Offered
        | AttemptState::Accepted
        | AttemptState::Preparing
        | AttemptState::Running
        | AttemptState::Uploading => false,
    }
}

/// Whether nobody had asked the rig for it, whatever the rig says.
fn of_its_own_will(case: &Case, ending: &Ending) -> bool {
    ending.by.is_some() && case.end_reason.is_none() && case.job_end_reason.is_none()
}

fn has_hardly_begun(rules: &Rules, case: &Case, now: TimestampMs) -> bool {
    case.started.is_none_or(|started| now.since(started) < rules.timers.early_yield)
}
