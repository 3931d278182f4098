//! Owns every task of the coordinator: each has a name, is told to stop, and is waited for.

use std::{
    future::Future,
    sync::{Arc, OnceLock},
    time::Duration,
};

use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::Instrument as _;

/// How long tasks may take to wind down after they were told to stop.
const GRACE: Duration = Duration::from_secs(10);

/// The tasks of one coordinator. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Tasks {
    tracker: TaskTracker,
    stop: CancellationToken,
    /// The first core task that ended though nobody had told it to.
    broken: Arc<OnceLock<&'static str>>,
    breaks: CancellationToken,
}

/// Held by a core task: dropped when it ends, also by a panic.
struct Core {
    name: &'static str,
    tasks: Tasks,
}

impl Drop for Core {
    fn drop(&mut self) {
        let Self { name, tasks } = self;
        if tasks.stop.is_cancelled() {
            return;
        }
        tracing::error!(task.name = name, "A task has ended that nothing works without; the coordinator has to be started anew");
        tasks.broken.get_or_init(|| name);
        tasks.breaks.cancel();
    }
}

impl Tasks {
    /// Starts `task`. It must end soon after [`Tasks::stopping`] is cancelled.
    #[expect(clippy::disallowed_methods, reason = "the one place that starts tasks")]
    pub fn spawn<F>(&self, name: &'static str, task: F) -> tokio::task::JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        tokio::spawn(self.tracker.track_future(task).instrument(tracing::debug_span!("task", task.name = name)))
    }

    /// Starts a task that nothing works without. If it ends before [`Tasks::stopping`] is cancelled, all is over.
    pub fn spawn_core<F>(&self, name: &'static str, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let core = Core { name, tasks: self.clone() };
        self.spawn(name, async move {
            task.await;
            drop(core);
        });
    }

    /// The core task that has ended unexpectedly, if one has.
    #[must_use]
    pub fn broken(&self) -> Option<&'static str> {
        self.broken.get().copied()
    }

    /// Returns the name of a core task once one has ended unexpectedly.
    pub async fn break_down(&self) -> &'static str {
        self.breaks.cancelled().await;
        self.broken().unwrap_or("core")
    }

    /// Cancelled when the coordinator stops.
    #[must_use]
    pub fn stopping(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Asks all tasks to stop and waits for them, for a grace.
    pub async fn shutdown(&self) {
        self.stop.cancel();
        self.tracker.close();
        if tokio::time::timeout(GRACE, self.tracker.wait()).await.is_err() {
            tracing::warn!(tasks.left = self.tracker.len(), "Tasks did not end within the grace; ending without them");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_core_task_that_panics_or_gives_up_is_noticed() {
        let tasks = Tasks::default();
        tasks.spawn_core("panics", async { panic!("a test's own") });
        assert_eq!(tasks.break_down().await, "panics");
        let tasks = Tasks::default();
        tasks.spawn_core("gives up", async {});
        assert_eq!(tasks.break_down().await, "gives up");
        assert_eq!(tasks.broken(), Some("gives up"));
    }

    #[tokio::test]
    async fn a_core_task_that_ends_when_told_to_is_no_fault() {
        let tasks = Tasks::default();
        let stop = tasks.stopping();
        tasks.spawn_core("obeys", async move { stop.cancelled().await });
        tasks.shutdown().await;
        assert_eq!(tasks.broken(), None);
    }
}
