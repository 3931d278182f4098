//! Attempts that lapsed, that are past their deadline, or that should be ended.

use headframe_protocol::{
    TimestampMs,
    job::{AttemptState, Reason},
    session::AttemptRef,
};
use tokio::time::Instant;

use super::Run;
use crate::{
    App,
    journal::{JournalError, Report},
    sessions::Act,
    store::{StoreError, attempts, lifecycle::Ending},
};

/// Attempts handled in one run: a commit's worth.
const BATCH_MAX: u32 = 256;

/// Takes jobs back from rigs that have not been heard of for a lease and the slack after it. Not before heartbeats could be
/// heard and written down for a whole lease.
pub(super) async fn lapsed(app: App) -> Run {
    let (timers, amnesty) = (&app.config.timers, app.sessions.leases().amnesty());
    let lapsed = match find_lapsed(&app).await {
        Ok(lapsed) => {
            amnesty.worked(Act::ReadLeases, timers.requeue_slack, Instant::now());
            lapsed
        }
        Err(error) => {
            amnesty.failed(Act::ReadLeases, Instant::now());
            return Err(error.into());
        }
    };
    if amnesty.steady_for(Instant::now()) < timers.lease_ttl {
        return Ok(0);
    }
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

async fn find_lapsed(app: &App) -> Result<Vec<attempts::Due>, StoreError> {
    let before = app.store.now().before(app.config.timers.requeue_slack);
    let mut connection = app.store.read().await?;
    attempts::lapsed(&mut connection, before, BATCH_MAX).await
}

/// Ends attempts that should have left their state by now: every state has an exit. During an amnesty only those that have
/// moved since it began: the rigs of the others may have the news with them that they could not bring.
pub(super) async fn overdue(app: App) -> Run {
    let now = app.store.now();
    let steady = app.sessions.leases().amnesty().steady_for(Instant::now());
    let moved_since = if steady < app.config.timers.lease_ttl { now.before(steady) } else { TimestampMs::default() };
    let mut connection = app.store.read().await?;
    let overdue = attempts::overdue(&mut connection, now, moved_since, BATCH_MAX).await?;
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
