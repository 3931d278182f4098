//! Jobs no rig has taken for too long.

use headframe_protocol::job::Reason;

use super::Run;
use crate::{App, journal::Report, store::jobs};

/// Jobs handled in one run: a commit's worth.
const BATCH_MAX: u32 = 256;

/// Gives them up, so that their money is free again and their customers know.
pub(super) async fn waited_too_long(app: App) -> Run {
    let before = app.store.now().before(app.config.timers.queue);
    let mut connection = app.store.read().await?;
    let jobs = jobs::waiting_since_before(&mut connection, before, BATCH_MAX).await?;
    drop(connection);
    let count = jobs.len() as u64;
    for job in jobs {
        app.journal.write(Report::FailWaiting { job, reason: Reason::NoRig }).await?;
    }
    Ok(count)
}
