//! Takes offers back that no rig will do.

use super::{AttemptRef, JobId, Reason};
use crate::{
    error::Chain,
    journal::{Journal, Report},
    sessions::TooLong,
    store::lifecycle::Ending,
};
use headframe_protocol::{FRAME_BYTES_MAX, job::AttemptState};

/// The rig is gone or does not answer; the job goes to the next.
pub(super) async fn withdraw(journal: &Journal, at: AttemptRef) {
    let ending = Ending { reason: Some(Reason::NoAnswer), ..Ending::default() };
    end(journal, at, ending).await;
}

/// The job can be offered to no rig: it ends with the attempt. Should we die in between, the offer's deadline is the end of both.
pub(super) async fn give_up(journal: &Journal, job: JobId, at: AttemptRef, TooLong { bytes }: TooLong) {
    tracing::warn!(job.id = %job, offer.bytes = bytes, "A job is too long to be offered to a rig; it fails");
    if let Err(error) = journal.write(Report::RequestEnd { job, reason: Reason::NotRunnable }).await {
        tracing::warn!(job.id = %job, error = %Chain(&error), "Could not end a job now; its offer's deadline puts it back");
        return;
    }
    let detail = format!("An offer of it has {bytes} bytes, and at most {FRAME_BYTES_MAX} can be sent to a rig.");
    end(journal, at, Ending { reason: Some(Reason::NotRunnable), detail: Some(detail), ..Ending::default() }).await;
}

async fn end(journal: &Journal, at: AttemptRef, ending: Ending) {
    let report = Report::End { at, state: AttemptState::Withdrawn, ending: Box::new(ending), receipt: None };
    if let Err(error) = journal.write(report).await {
        tracing::debug!(attempt.id = %at.attempt, error = %Chain(&error), "Could not take an offer back now; its deadline will");
    }
}
