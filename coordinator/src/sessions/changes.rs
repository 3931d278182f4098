//! Tells those who wait for a job that it changed.

use std::{sync::Arc, time::Duration};

use headframe_protocol::JobId;
use tokio::sync::{Notify, broadcast};

use crate::logs::Bells;

/// Changes kept for a waiting call that is slow to look. One that missed some looks at its job anyway.
const WAITING_CHANGES_MAX: usize = 1_024;

/// Tells those who wait for a job on this replica that it changed. Who misses one looks again after a while anyway.
#[derive(Debug, Clone)]
pub struct Changes {
    sender: broadcast::Sender<JobId>,
    bells: Bells<JobId>,
}

impl Default for Changes {
    fn default() -> Self {
        Self { sender: broadcast::channel(WAITING_CHANGES_MAX).0, bells: Bells::default() }
    }
}

impl Changes {
    /// A job changed.
    pub fn tell(&self, job: JobId) {
        // No one may be waiting; that is no error.
        drop(self.sender.send(job));
        self.bells.ring(job);
    }

    /// Rung when the job changes on this replica. For those who listen long: they are woken for their own job only.
    #[must_use]
    pub fn bell(&self, job: JobId) -> Arc<Notify> {
        self.bells.of(job)
    }

    /// Returns when `job` may have changed, `at_most` later at the latest.
    pub async fn wait(listening: &mut broadcast::Receiver<JobId>, job: JobId, at_most: Duration) {
        let told = async {
            loop {
                match listening.recv().await {
                    Ok(changed) if changed != job => {}
                    Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => break,
                    Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
                }
            }
        };
        drop(tokio::time::timeout(at_most, told).await);
    }

    /// Begins to listen; what changes from now on is heard.
    #[must_use]
    pub fn listen(&self) -> broadcast::Receiver<JobId> {
        self.sender.subscribe()
    }
}
