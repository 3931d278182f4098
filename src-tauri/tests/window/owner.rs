//! What the agent says to its owner, asked beside the window.

use std::time::{Duration, Instant};

use headframe_control::Client;
use headframe_protocol::control::{JobCard, Snapshot};

use crate::stage::{SOON, Stage};

async fn snapshot(stage: &Stage) -> Snapshot {
    Client::connect(&stage.paths).await.expect("the agent answers").status().await.expect("at once")
}

/// The job that runs.
pub(crate) async fn running_job(stage: &Stage) -> JobCard {
    snapshot(stage).await.working.first().expect("a job runs").clone()
}

/// The job that runs, as soon as it has printed more than `before`.
pub(crate) async fn job_with_more_log(stage: &Stage, before: &JobCard) -> JobCard {
    let deadline = Instant::now() + SOON;
    loop {
        let now = running_job(stage).await;
        if now.log_bytes > before.log_bytes {
            return now;
        }
        assert!(Instant::now() < deadline, "the job has stopped at {} bytes of log", now.log_bytes);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
