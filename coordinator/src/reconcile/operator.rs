//! Carries out what the operator has decided. He decides in the database, by another process, on any machine; every
//! replica finds it there.
//!
//! In two reconcilers, so that a stop, a revocation and a quarantine never wait behind the thousand jobs of a suspended
//! account. In each, rigs are told before anything is written: what is written is what must be right, and takes its time.

use std::future::Future;

use headframe_protocol::{job::Reason, session::RefusedCode};

use super::Run;
use crate::{
    App,
    journal::{Journal, JournalError, Report},
    store::{
        attempts, images, jobs, rigs,
        switches::{self, Switch},
    },
};

/// Jobs or attempts read and written together: a commit's worth.
const BATCH_MAX: u32 = 256;

/// Batches of one run. What is left after so many waits for the next, so that no run lasts for ever.
const BATCHES_MAX: u32 = 64;

/// Rigs that must go, images that must stop, the network's stop.
pub(super) async fn tell_rigs(app: App) -> Run {
    let mut connection = app.store.read().await?;
    let stopped = switches::is_on(&mut connection, Switch::NetworkStopped).await?;
    app.dispatch.stopped(stopped).await;
    for device in rigs::quarantined(&mut connection).await? {
        app.sessions.refuse(device, RefusedCode::Quarantined);
    }
    // Told again each time: a rig that connects later, or missed it, hears it with the next run. The list is short, for a
    // revocation is rare, and rigs forget images that are not theirs.
    for image in images::revoked_since(&mut connection, app.store.now().before(app.config.timers.lease_ttl * 4)).await? {
        app.sessions.revoke_image(image);
    }
    drop(connection);
    if !stopped {
        return Ok(0);
    }
    in_batches(|| async {
        let mut connection = app.store.read().await?;
        let live = attempts::not_asked_to_end(&mut connection, BATCH_MAX).await?;
        drop(connection);
        let reports = live.into_iter().map(|at| Report::AskToEnd { at, reason: Reason::NetworkStopped });
        write_all(&app.journal, reports).await
    })
    .await
}

/// Open jobs of suspended accounts, and jobs whose image was revoked.
pub(super) async fn end_jobs(app: App) -> Run {
    in_batches(|| async {
        let mut connection = app.store.read().await?;
        let ending = jobs::to_be_ended(&mut connection, BATCH_MAX).await?;
        drop(connection);
        write_all(&app.journal, ending.into_iter().map(|(job, reason)| Report::RequestEnd { job, reason })).await
    })
    .await
}

/// Runs `batch` until it finds less than it could take.
async fn in_batches<R: Future<Output = Run>>(batch: impl Fn() -> R) -> Run {
    let mut closed = 0;
    for _ in 0..BATCHES_MAX {
        let found = batch().await?;
        closed += found;
        if found < u64::from(BATCH_MAX) {
            break;
        }
    }
    Ok(closed)
}

/// Hands all reports over at once, so that the journal writes them in one commit.
async fn write_all(journal: &Journal, reports: impl Iterator<Item = Report>) -> Run {
    let written = futures_util::future::join_all(reports.map(|report| journal.write(report))).await;
    let count = written.len() as u64;
    written.into_iter().collect::<Result<Vec<_>, JournalError>>()?;
    Ok(count)
}
