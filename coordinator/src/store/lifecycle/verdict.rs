//! What the end of an attempt says about its rig, and whether it counts against its job. Pure.

use super::{AttemptState, Case, Ending, Fault, Reason, Rules, TimestampMs, Verdict};

/// What the next offers to the rig depend on.
pub(super) fn of(rules: &Rules, case: &Case, state: AttemptState, ending: &Ending, now: TimestampMs) -> Verdict {
    let job = case.job;
    match state {
        AttemptState::Succeeded => Verdict::Fine,
        AttemptState::Failed | AttemptState::Lost => by_fault(ending.reason),
        AttemptState::Withdrawn => match (ending.reason, ending.by) {
            (Some(Reason::NoAnswer), _) => Verdict::RigFailed,
            (_, Some(_)) => Verdict::Unwilling { job },
            (_, None) => Verdict::Void,
        },
        AttemptState::Yielded | AttemptState::Cancelled => {
            match (of_its_own_will(case, ending), has_hardly_begun(rules, case, now)) {
                (false, _) => Verdict::Void,
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

fn by_fault(reason: Option<Reason>) -> Verdict {
    match reason.map(Reason::fault) {
        Some(Fault::Job) => Verdict::JobFailed,
        Some(Fault::Rig) => Verdict::RigFailed,
        Some(Fault::Nobody) | None => Verdict::Void,
    }
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
