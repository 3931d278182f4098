//! The line from the agent's socket to the page: what is true now goes out as events, and is kept for the page that
//! has just been loaded.

use std::{sync::Arc, time::Duration};

use headframe_control::{AgentPaths, Client, ClientError, spawn};
use headframe_protocol::control::{ControlError, Snapshot};
use tauri::{AppHandle, Emitter as _};
use tokio::sync::{Notify, watch};
use tracing::{info, warn};

use crate::error;

/// The agent's state has changed. At most four a second: the agent counts.
const SNAPSHOT: &str = "snapshot";

/// No agent answers; the payload says why.
const AGENT_GONE: &str = "agent-gone";

/// How often a missing agent is looked for. Somebody may start it from a terminal, and a look costs microseconds.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// What is known of the agent: nothing yet, its snapshot, or why there is none.
type Present = Option<Result<Snapshot, ControlError>>;

/// The window's side of one agent. Cheap to clone; all clones are the same.
#[derive(Clone)]
pub(crate) struct Bridge {
    paths: AgentPaths,
    present: watch::Sender<Present>,
    look_now: Arc<Notify>,
}

impl Bridge {
    /// Nothing happens until [`Bridge::run`].
    pub(crate) fn new(paths: AgentPaths) -> Self {
        Self { paths, present: watch::Sender::new(None), look_now: Arc::new(Notify::new()) }
    }

    /// Starts an agent if there is none, then brings its words to the page until the window closes. An agent that goes
    /// later is not started again unasked: whoever ended it may have meant it.
    pub(crate) async fn run(self, app: AppHandle) {
        if let Err(failed) = spawn::agent(&self.paths).await {
            warn!(error = &failed as &dyn std::error::Error, "No agent answers and none could be started");
        }
        loop {
            let end = self.follow(&app).await;
            self.tell_gone(&app, end.into());
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => {}
                () = self.look_now.notified() => {}
            }
        }
    }

    /// What is true now, as soon as anything is known.
    pub(crate) async fn present(&self) -> Result<Snapshot, ControlError> {
        let mut present = self.present.subscribe();
        let known = present.wait_for(Option::is_some).await;
        // Neither can be missing: the sender lives in `self`, and `wait_for` has just seen a value.
        known.ok().and_then(|known| known.clone()).unwrap_or_else(|| Err(ClientError::Gone(None).into()))
    }

    /// A conversation with the agent.
    pub(crate) async fn agent(&self) -> Result<Client, ControlError> {
        Ok(Client::connect(&self.paths).await?)
    }

    /// Starts an agent if there is none.
    pub(crate) async fn start_agent(&self) -> Result<(), ControlError> {
        spawn::agent(&self.paths).await.map_err(|failed| error::not_started(&failed))?;
        // What was said of the agent before is no longer true; the page waits for what is.
        self.present.send_if_modified(|present| matches!(present, Some(Err(_))) && present.take().is_some());
        self.look_now.notify_one();
        Ok(())
    }

    /// Passes on snapshots until there are no more.
    async fn follow(&self, app: &AppHandle) -> ClientError {
        let watch = async { Client::connect(&self.paths).await?.watch().await };
        let mut watch = match watch.await {
            Ok(watch) => watch,
            Err(end) => return end,
        };
        info!("Connected to the agent");
        loop {
            match watch.next().await {
                Ok(snapshot) => {
                    emit(app, SNAPSHOT, &snapshot);
                    self.present.send_replace(Some(Ok(snapshot)));
                }
                Err(end) => return end,
            }
        }
    }

    /// Tells the page, unless it knows: the loop looks twice a second and the news stays the same.
    fn tell_gone(&self, app: &AppHandle, gone: ControlError) {
        let known = matches!(&*self.present.borrow(), Some(Err(known)) if known.code == gone.code);
        if !known {
            warn!(agent.code = ?gone.code, "The agent is gone: {}", gone.message);
            emit(app, AGENT_GONE, &gone);
            self.present.send_replace(Some(Err(gone)));
        }
    }
}

fn emit<P: serde::Serialize + Clone>(app: &AppHandle, event: &str, payload: &P) {
    if let Err(error) = app.emit(event, payload) {
        warn!(error = &error as &dyn std::error::Error, "Could not bring `{event}` to the page");
    }
}
