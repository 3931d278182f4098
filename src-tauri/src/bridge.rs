//! The line from the agent's socket to the page: what is true now goes out as events, and is kept for the page that
//! has just been loaded.

use std::{
    ops::{Deref, DerefMut},
    sync::Arc,
    time::Duration,
};

use headframe_control::{
    AgentPaths, Client, ClientError,
    spawn::{self, SpawnError},
};
use headframe_protocol::control::{AgentState, ControlCode, ControlError, Present};
use tauri::{AppHandle, Emitter as _};
use tokio::{
    sync::{Mutex, Notify, OwnedSemaphorePermit, Semaphore, watch},
    time::timeout,
};
use tracing::{info, warn};

use crate::error;

/// The one event of the page: what is known of the agent has changed. At most four a second: the agent counts.
const PRESENT: &str = "present";

/// How often a missing agent is looked for. Somebody may start it from a terminal, and a look costs microseconds.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Conversations of one kind at a time. A page that asks for a thousand things gets them all, and leaves the agent room for others.
const LINES_MAX: usize = 4;

/// How long a conversation may wait for those before it. Longer than any of them takes by itself, but one that looks at the PC.
const TURN_MAX: Duration = Duration::from_secs(60);

/// What a conversation is for. Those of one kind wait for one another when there are many, and never for those of another: an agent that asks
/// a chain which does not answer must not keep an owner from his PC.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Errand {
    /// What he wants done at once.
    Order,
    /// What the agent has at hand.
    Look,
    /// What it must ask others for, or work out.
    Inquiry,
}

/// As many conversations as there may be, by what they are for.
#[derive(Clone)]
struct Lines {
    orders: Arc<Semaphore>,
    looks: Arc<Semaphore>,
    inquiries: Arc<Semaphore>,
}

/// The window's side of one agent. Cheap to clone; all clones are the same.
#[derive(Clone)]
pub(crate) struct Bridge {
    paths: AgentPaths,
    known: watch::Sender<Known>,
    /// Held while an agent is being started, with why there is none if that failed.
    starting: Arc<Mutex<Option<ControlError>>>,
    lines: Lines,
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
            lines: Lines::new(),
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
        self.start(spawn::agent(&self.paths)).await.ok();
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
    pub(crate) async fn agent(&self, errand: Errand) -> Result<Line, ControlError> {
        let turn = timeout(TURN_MAX, self.lines.of(errand).acquire_owned()).await.map_err(|_| ClientError::Silent)?;
        let right = turn.map_err(|_closed| ClientError::Gone(None))?;
        Ok(Line { client: Client::connect(&self.paths).await?, _right: right })
    }

    /// Starts an agent if there is none of our version, for an owner who waits for it.
    pub(crate) async fn start_agent(&self) -> Result<(), ControlError> {
        let started = self.start(spawn::in_place_of_another(&self.paths)).await;
        // What was said of the agent before is no longer true; the page waits for what is.
        self.known.send_if_modified(|known| matches!(known.agent, Some(AgentState::Gone { .. })) && known.agent.take().is_some());
        self.look_now.notify_one();
        started
    }

    /// One at a time: whoever comes second finds the agent of the first.
    async fn start(&self, spawning: impl Future<Output = Result<(), SpawnError>>) -> Result<(), ControlError> {
        let mut failed = self.starting.lock().await;
        *failed = spawning.await.err().map(|failed| {
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

impl Lines {
    fn new() -> Self {
        let line = || Arc::new(Semaphore::new(LINES_MAX));
        Self { orders: line(), looks: line(), inquiries: line() }
    }

    fn of(&self, errand: Errand) -> Arc<Semaphore> {
        Arc::clone(match errand {
            Errand::Order => &self.orders,
            Errand::Look => &self.looks,
            Errand::Inquiry => &self.inquiries,
        })
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

#[cfg(test)]
mod tests {
    use headframe_control::{
        lock::AgentLock,
        server::{self, Ask, Life, Listener, Pulse},
    };
    use headframe_protocol::control::{Answer, Event, PauseArgs, Request, WalletRequest};
    use tokio::sync::mpsc;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);

    const SNAPSHOT: &str = include_str!("../../protocol/tests/wire/event-snapshot.json");

    /// Answers orders alone, and counts the others.
    async fn act(mut inbox: mpsc::Receiver<Ask>, kept: &watch::Sender<usize>) {
        let mut others = Vec::new();
        while let Some(Ask { request, reply }) = inbox.recv().await {
            if let Request::Pause(_) = request {
                reply.send(Answer::Done).expect("somebody waits");
            } else {
                others.push(reply);
                kept.send_replace(others.len());
            }
        }
    }

    #[tokio::test]
    async fn an_owner_gets_his_pc_back_while_others_questions_wait() {
        let home = tempfile::tempdir().expect("a folder");
        let paths = AgentPaths::resolve(Some(home.path().join("agent"))).expect("absolute");
        let lock = AgentLock::acquire(&paths).expect("nobody else is there");
        let listener = Listener::bind(&lock).expect("a fresh folder");
        let Ok(Event::Snapshot { snapshot }) = serde_json::from_str(SNAPSHOT) else { panic!("it is one") };
        let (_publish, snapshots) = watch::channel(Arc::new(*snapshot));
        let (asks, inbox) = mpsc::channel(server::ASKS_MAX);
        let (kept, mut held) = watch::channel(0);
        let bridge = Bridge::new(paths);
        let ask = || async { bridge.agent(Errand::Inquiry).await.expect("its turn").wallet(WalletRequest::Show).await };
        let owner = async {
            held.wait_for(|held| *held == LINES_MAX).await.expect("they ask");
            bridge.agent(Errand::Order).await.expect("at once").pause(PauseArgs { minutes: None }).await
        };
        tokio::select! {
            () = server::serve(listener, "0.1.0-test", Life { snapshots, pulse: Pulse::default() }, asks) => panic!("it serves for ever"),
            () = act(inbox, &kept) => panic!("it answers for ever"),
            _ = async { tokio::join!(ask(), ask(), ask(), ask(), ask(), ask()) } => panic!("nobody answers these"),
            paused = timeout(PATIENCE, owner) => paused.expect("he waits for nobody").expect("paused"),
        }
    }
}
