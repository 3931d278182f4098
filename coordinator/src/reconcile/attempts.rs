//! Attempts that lapsed, that are past their deadline, or that should be ended.

use headframe_protocol::{
    job::{AttemptState, Reason},
    session::AttemptRef,
};

use super::Run;
use crate::{
    App,
    journal::{JournalError, Report},
    store::{attempts, lifecycle::Ending},
};

/// Attempts handled in one run: a commit's worth.
const BATCH_MAX: u32 = 256;

/// Takes jobs back from rigs that have not been heard of for a lease and the slack after it.
pub(super) async fn lapsed(app: App) -> Run {
    let before = app.store.now().before(app.config.timers.requeue_slack);
    let mut connection = app.store.read().await?;
    let lapsed = attempts::lapsed(&mut connection, before, BATCH_MAX).await?;
    drop(connection);
    let endings = lapsed.into_iter().map(|due| match due.state {
        AttemptState::Offered => (due.at, AttemptState::Withdrawn, Reason::NoAnswer),
        AttemptState::Accepted
        | AttemptState::Preparing
        | AttemptState::Running
        | AttemptState::Uploading
        | AttemptState::Succeeded
        | AttemptState::Failed
        | AttemptState::Yielded
        | AttemptState::Lost
        | AttemptState::Withdrawn
        | AttemptState::Cancelled => (due.at, AttemptState::Lost, Reason::LeaseLapsed),
    });
    end_all(&app, endings.collect()).await
}

/// Ends attempts that should have left their state by now: every state has an exit.
pub(super) async fn overdue(app: App) -> Run {
    let now = app.store.now();
    let mut connection = app.store.read().await?;
    let overdue = attempts::overdue(&mut connection, now, BATCH_MAX).await?;
    let mut endings = Vec::with_capacity(overdue.len());
    for due in overdue {
        let asked = attempts::end_reason(&mut connection, due.at).await?;
        let (state, reason) = match (asked, due.state) {
            (_, AttemptState::Offered) => (AttemptState::Withdrawn, Reason::NoAnswer),
            (Some(reason), _) => (AttemptState::Cancelled, reason),
            (None, AttemptState::Running) => (AttemptState::Failed, Reason::TimedOut),
            (None, AttemptState::Uploading) => (AttemptState::Failed, Reason::UploadFailed),
            (
                None,
                AttemptState::Accepted
                | AttemptState::Preparing
                | AttemptState::Succeeded
                | AttemptState::Failed
                | AttemptState::Yielded
                | AttemptState::Lost
                | AttemptState::Withdrawn
                | AttemptState::Cancelled,
            ) => (AttemptState::Failed, Reason::PullFailed),
        };
        endings.push((due.at, state, reason));
    }
    drop(connection);
    end_all(&app, endings).await
}

/// Tells rigs again what they should end, in case they did not hear it or another process asked for it.
pub(super) async fn asked_to_end(app: App) -> Run {
    let mut connection = app.store.read().await?;
    let asked = attempts::asked_to_end(&mut connection, BATCH_MAX).await?;
    drop(connection);
    for (device, at, reason) in &asked {
        app.sessions.ask_to_end(*device, *at, *reason);
    }
    // Nothing is closed by telling; the rig's report closes it, or the deadline.
    Ok(0)
}

/// Sends all endings at once, so that the journal writes them in one commit.
async fn end_all(app: &App, endings: Vec<(AttemptRef, AttemptState, Reason)>) -> Run {
    let count = endings.len() as u64;
    let writes = endings.into_iter().map(|(at, state, reason)| {
        let ending = Box::new(Ending { reason: Some(reason), ..Ending::default() });
        app.journal.write(Report::End { at, state, ending, receipt: None })
    });
    let written: Result<Vec<_>, JournalError> = futures_util::future::join_all(writes).await.into_iter().collect();
    written?;
    Ok(count)
}
