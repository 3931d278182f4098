//! Whether the engine is still there. An owner may stop it at any time, and a rig without one must not go on taking jobs.

use std::time::Duration;

use bollard::Docker;
use tokio::{
    sync::watch,
    time::{Instant, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::pace::Pace;

/// Between two beats.
const BEAT_EVERY: Duration = Duration::from_secs(5);

/// The same while no work can begin: nobody is offered anything that an engine is needed for.
const RESTING_BEAT_EVERY: Duration = Duration::from_secs(60);

/// How long the engine may take to answer one. It does nothing for it; a busy disk may hold it up all the same.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// Beats in a row that must be missed. A restart of the engine that is over at once is nobody's business.
const MISSED: u32 = 2;

/// Asks the engine for as long as it is used, and tells when it stops answering and when it answers again.
pub(super) async fn feel(docker: Docker, mut pace: watch::Receiver<Pace>, pulse: watch::Sender<bool>, stop: CancellationToken) {
    let (mut missed, mut asked_at) = (0, Instant::now());
    loop {
        let every = match *pace.borrow_and_update() {
            Pace::Resting if missed == 0 => RESTING_BEAT_EVERY,
            Pace::Resting | Pace::Watched | Pace::Ready | Pace::Working | Pace::Yielding => BEAT_EVERY,
        };
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = sleep_until(asked_at + every) => {}
            Ok(()) = pace.changed() => continue,
        }
        asked_at = Instant::now();
        match timeout(ANSWER_MAX, docker.ping()).await {
            Ok(Ok(_)) => missed = 0,
            Ok(Err(_)) | Err(_) => missed += 1,
        }
        let alive = missed < MISSED;
        pulse.send_if_modified(|known| std::mem::replace(known, alive) != alive);
    }
}
