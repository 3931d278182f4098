//! Every task of the agent has an owner, a name and an end. This is the owner, and the only place that spawns.

use std::{future::Future, time::Duration};

use tokio::task::JoinHandle;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{Instrument as _, error, info_span};

/// Tasks that belong together, live under one signal and are waited for together.
#[derive(Debug, Clone, Default)]
pub struct Tasks {
    tracker: TaskTracker,
    stop: CancellationToken,
}

impl Tasks {
    /// No tasks yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Tasks with a signal of their own that also end when these do.
    #[must_use]
    pub fn child(&self) -> Self {
        Self { tracker: TaskTracker::new(), stop: self.stop.child_token() }
    }

    /// Starts a task. It should end soon after [`Tasks::stopped`] does.
    ///
    /// A panic in it is logged here and turned into the end of that task; the parts that cannot live without it notice by
    /// their channel to it.
    pub fn spawn<F>(&self, name: &'static str, future: F) -> JoinHandle<()>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        #[expect(clippy::disallowed_methods, reason = "this is the owner others must ask")]
        let inner = tokio::spawn(future.instrument(info_span!("task", name)));
        #[expect(clippy::disallowed_methods, reason = "this is the owner others must ask")]
        tokio::spawn(self.tracker.track_future(async move {
            if let Err(failure) = inner.await
                && failure.is_panic()
            {
                error!(task.name = name, "Task {name} panicked; this is a mistake in Headframe");
            }
        }))
    }

    /// Starts a task that may be dropped at any await, and is when [`Tasks::stopped`] says so.
    pub fn spawn_until_stopped<F>(&self, name: &'static str, future: F) -> JoinHandle<()>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let stop = self.stopped();
        self.spawn(name, async move { stop.run_until_cancelled(future).await.unwrap_or_default() })
    }

    /// The signal to end.
    #[must_use]
    pub fn stopped(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Signals all tasks to end and waits for them, but not for ever. Returns whether all did.
    pub async fn shutdown(&self, grace: Duration) -> bool {
        self.stop.cancel();
        self.tracker.close();
        tokio::time::timeout(grace, self.tracker.wait()).await.is_ok()
    }
}

/// Runs `work` on a thread where waiting for the system does no harm. Nothing comes back of work that panics.
pub async fn apart<T, F>(work: F) -> Option<T>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    tokio::task::spawn_blocking(work).await.ok()
}
