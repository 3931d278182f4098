//! Whether the engine is still there. An owner may stop it at any time, and a rig without one must not go on taking jobs.

use std::time::Duration;

use bollard::Docker;
use tokio::{
    sync::watch,
    time::{MissedTickBehavior, interval, timeout},
};
use tokio_util::sync::CancellationToken;

/// Between two beats.
const BEAT_EVERY: Duration = Duration::from_secs(5);

/// How long the engine may take to answer one. It does nothing for it; a busy disk may hold it up all the same.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// Beats in a row that must be missed. A restart of the engine that is over at once is nobody's business.
const MISSED: u32 = 2;

/// Asks the engine for as long as it is used, and tells when it stops answering and when it answers again.
pub(super) async fn feel(docker: Docker, pulse: watch::Sender<bool>, stop: CancellationToken) {
    let mut beat = interval(BEAT_EVERY);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut missed = 0;
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            _ = beat.tick() => {}
        }
        match timeout(ANSWER_MAX, docker.ping()).await {
            Ok(Ok(_)) => missed = 0,
            Ok(Err(_)) | Err(_) => missed += 1,
        }
        let alive = missed < MISSED;
        pulse.send_if_modified(|known| std::mem::replace(known, alive) != alive);
    }
}
