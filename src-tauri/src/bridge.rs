//! The line from the agent's socket to the page: what is true now goes out as events, and is kept for the page that
//! has just been loaded.

use std::{
    ops::{Deref, DerefMut},
    sync::Arc,
    time::Duration,
};

use headframe_control::{AgentPaths, Client, ClientError, spawn};
use headframe_protocol::control::{AgentState, ControlCode, ControlError, Present};
use tauri::{AppHandle, Emitter as _};
use tokio::sync::{Mutex, Notify, OwnedSemaphorePermit, Semaphore, watch};
use tracing::{info, warn};

use crate::error;

/// The one event of the page: what is known of the agent has changed. At most four a second: the agent counts.
const PRESENT: &str = "present";

/// How often a missing agent is looked for. Somebody may start it from a terminal, and a look costs microseconds.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Conversations at a time. A page that asks for a thousand things gets them all, and leaves the agent room for others.
const LINES_MAX: usize = 4;

/// The window's side of one agent. Cheap to clone; all clones are the same.
#[derive(Clone)]
pub(crate) struct Bridge {
    paths: AgentPaths,
    known: watch::Sender<Known>,
    /// Held while an agent is being started, with why there is none if that failed.
    starting: Arc<Mutex<Option<ControlError>>>,
    lines: Arc<Semaphore>,
    look_now: Arc<Notify>,
}

/// What is known of the agent: nothing yet, or what the page was told last.
#[derive(Default)]
struct Known {
    seq: u32,
    agent: Option<AgentState>,
}

/// A conversation with the agent, and the right to have it.
pub(crate) struct Line {
    client: Client,
    _right: OwnedSemaphorePermit,
}

impl Bridge {
    /// Nothing happens until [`Bridge::run`].
    pub(crate) fn new(paths: AgentPaths) -> Self {
        Self {
            paths,
            known: watch::Sender::new(Known::default()),
            starting: Arc::default(),
            lines: Arc::new(Semaphore::new(LINES_MAX)),
            look_now: Arc::default(),
        }
    }

    /// The places of the agent.
    pub(crate) const fn paths(&self) -> &AgentPaths {
        &self.paths
    }

    /// Starts an agent if there is none, then brings its words to the page until the window closes. An agent that goes
    /// later is not started again unasked: whoever ended it may have meant it.
    pub(crate) async fn run(self, app: AppHandle) {
        self.start().await.ok();
        loop {
            let end = self.follow(&app).await;
            self.tell_gone(&app, end).await;
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => {}
                () = self.look_now.notified() => {}
            }
        }
    }

    /// What is true now, as soon as anything is known.
    pub(crate) async fn present(&self) -> Result<Present, ControlError> {
        let mut known = self.known.subscribe();
        let known = known.wait_for(|known| known.agent.is_some()).await;
        // Neither can be missing: the sender lives in `self`, and `wait_for` has just seen a value.
        let present = known.ok().and_then(|known| Some(Present { seq: known.seq, agent: known.agent.clone()? }));
        present.ok_or_else(|| ClientError::Gone(None).into())
    }

    /// A conversation with the agent, when it is our turn.
    pub(crate) async fn agent(&self) -> Result<Line, ControlError> {
        let right = Arc::clone(&self.lines).acquire_owned().await.map_err(|_closed| ClientError::Gone(None))?;
        Ok(Line { client: Client::connect(&self.paths).await?, _right: right })
    }

    /// Starts an agent if there is none, for an owner who waits for it.
    pub(crate) async fn start_agent(&self) -> Result<(), ControlError> {
        let started = self.start().await;
        // What was said of the agent before is no longer true; the page waits for what is.
        self.known.send_if_modified(|known| matches!(known.agent, Some(AgentState::Gone { .. })) && known.agent.take().is_some());
        self.look_now.notify_one();
        started
    }

    /// One at a time: whoever comes second finds the agent of the first.
    async fn start(&self) -> Result<(), ControlError> {
        let mut failed = self.starting.lock().await;
        *failed = spawn::agent(&self.paths).await.err().map(|failed| {
            warn!(error = &failed as &dyn std::error::Error, "No agent answers and none could be started");
            error::not_started(&failed)
        });
        failed.clone().map_or(Ok(()), Err)
    }

    /// Passes on snapshots until there are no more.
    async fn follow(&self, app: &AppHandle) -> ClientError {
        let watch = async { Client::connect(&self.paths).await?.watch().await };
        let mut watch = match watch.await {
            Ok(watch) => watch,
            Err(end) => return end,
        };
        info!("Connected to the agent");
        *self.starting.lock().await = None;
        loop {
            match watch.next().await {
                Ok(snapshot) => self.tell(app, AgentState::Here { snapshot: Box::new(snapshot) }),
                Err(end) => return end,
            }
        }
    }

    /// Tells the page, unless it knows: the loop looks twice a second and the news stays the same.
    async fn tell_gone(&self, app: &AppHandle, end: ClientError) {
        let mut gone = ControlError::from(end);
        if gone.code == ControlCode::AgentGone
            && let Some(failed) = &*self.starting.lock().await
        {
            // Nobody has stopped answering; nobody ever came up.
            gone = failed.clone();
        }
        let known = matches!(&self.known.borrow().agent, Some(AgentState::Gone { error }) if *error == gone);
        if !known {
            warn!(agent.code = ?gone.code, "The agent is gone: {}", gone.message);
            self.tell(app, AgentState::Gone { error: gone });
        }
    }

    /// Kept first, then told: a page that asks in between gets this or something newer, never something older.
    fn tell(&self, app: &AppHandle, agent: AgentState) {
        let mut seq = 0;
        self.known.send_modify(|known| {
            known.seq = known.seq.wrapping_add(1);
            known.agent = Some(agent.clone());
            seq = known.seq;
        });
        if let Err(error) = app.emit(PRESENT, Present { seq, agent }) {
            warn!(error = &error as &dyn std::error::Error, "Could not bring `{PRESENT}` to the page");
        }
    }
}

impl Deref for Line {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl DerefMut for Line {
    fn deref_mut(&mut self) -> &mut Client {
        &mut self.client
    }
}
