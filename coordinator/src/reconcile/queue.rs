//! Jobs no rig has taken for too long.

use headframe_protocol::job::Reason;

use super::Run;
use crate::{
    App,
    journal::{JournalError, Report},
    store::{
        jobs,
        switches::{self, Switch},
    },
};

/// Jobs handled in one run: a commit's worth.
const BATCH_MAX: u32 = 256;

/// Gives them up, so that their money is free again and their customers know. Only time in which rigs could take them
/// counts: while the operator has the network stopped nobody is given up, and afterwards all begin to wait anew.
pub(super) async fn waited_too_long(app: App) -> Run {
    let before = app.store.now().before(app.config.timers.queue);
    let mut connection = app.store.read().await?;
    let stopped = switches::is_on(&mut connection, Switch::NetworkStopped).await?;
    let turned = switches::turned(&mut connection, Switch::NetworkStopped).await?;
    if stopped || turned.is_some_and(|turned| turned >= before) {
        return Ok(0);
    }
    let jobs = jobs::waiting_since_before(&mut connection, before, BATCH_MAX).await?;
    drop(connection);
    let count = jobs.len() as u64;
    let writes = jobs.into_iter().map(|job| app.journal.write(Report::FailWaiting { job, reason: Reason::NoRig }));
    futures_util::future::join_all(writes).await.into_iter().collect::<Result<Vec<_>, JournalError>>()?;
    Ok(count)
}
