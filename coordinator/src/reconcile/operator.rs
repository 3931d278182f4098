//! Carries out what the operator has decided. He decides in the database, by another process, on any machine; every
//! replica finds it there.

use headframe_protocol::{job::Reason, session::RefusedCode};

use super::Run;
use crate::{
    App,
    journal::Report,
    store::{
        attempts, images, jobs, rigs,
        switches::{self, Switch},
    },
};

/// Jobs or attempts handled in one run.
const BATCH_MAX: u32 = 256;

/// One run: the network's stop, jobs that must end, images that must stop, rigs that must go.
pub(super) async fn carry_out(app: App) -> Run {
    let mut connection = app.store.read().await?;
    let stopped = switches::is_on(&mut connection, Switch::NetworkStopped).await?;
    let live = if stopped { attempts::not_asked_to_end(&mut connection, BATCH_MAX).await? } else { Vec::new() };
    let ending = jobs::to_be_ended(&mut connection, BATCH_MAX).await?;
    // Told again each time: a rig that connects later, or missed it, hears it with the next run. The list is short, for a
    // revocation is rare, and rigs forget images that are not theirs.
    let revoked = images::revoked_since(&mut connection, app.store.now().before(app.config.timers.lease_ttl * 4)).await?;
    let quarantined = rigs::quarantined(&mut connection).await?;
    drop(connection);

    app.dispatch.stopped(stopped).await;
    for image in revoked {
        app.sessions.revoke_image(image);
    }
    for device in quarantined {
        app.sessions.refuse(device, RefusedCode::Quarantined);
    }
    let closed = (live.len() + ending.len()) as u64;
    for at in live {
        app.journal.write(Report::AskToEnd { at, reason: Reason::NetworkStopped }).await?;
    }
    for (job, reason) in ending {
        app.journal.write(Report::RequestEnd { job, reason }).await?;
    }
    Ok(closed)
}
