//! The one place that spawns. Tasks end when their owner says so, or is dropped.

use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Tasks that end together.
#[derive(Debug, Default)]
pub struct Tasks {
    running: TaskTracker,
    stop: CancellationToken,
}

impl Tasks {
    /// Runs `work` until it ends or the tasks are stopped.
    pub fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        #[expect(clippy::disallowed_methods, reason = "this is the module that spawns")]
        let _owned_by_the_tracker = tokio::spawn(self.running.track_future(async move {
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                () = work => {}
            }
        }));
    }

    /// Stops all tasks and waits for them.
    pub async fn shutdown(&self) {
        self.stop.cancel();
        self.running.close();
        self.running.wait().await;
    }
}

impl Drop for Tasks {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
