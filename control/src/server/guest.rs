//! One guest, from its greeting to its end.

use std::{fmt, sync::Arc, time::Duration};

use futures_util::{StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
use headframe_protocol::control::{
    ALIVE_EVERY, Answer, CONTROL_VERSION, Call, ControlCode, ControlError, Event, Request, SNAPSHOTS_PER_S_MAX, Snapshot,
};
use interprocess::local_socket::tokio::Stream;
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::{Instant, timeout},
};

use super::{Ask, Life, Pulse, pulse::Watching};
use crate::{
    client::ClientError,
    wire::{Broken, Lines},
};

/// Requests of one guest that may wait for their answers. At this many, its next line is left unread.
const OPEN_CALLS_MAX: usize = 8;

/// How long a guest may leave what we write unread. A window in the background still reads; this one hangs.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a new connection may take to say who it is.
const GREETING_TIMEOUT: Duration = Duration::from_secs(5);

/// The least time between two snapshots.
const SNAPSHOT_SPACING: Duration = Duration::from_millis(1000 / SNAPSHOTS_PER_S_MAX as u64);

/// Why a connection ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The guest closed it.
    Left,
    /// It did not greet, or greeted in another version.
    NotGreeted,
    /// It sent what is not a line.
    BrokenLine,
    /// It did not read what we sent.
    Stalled,
    /// The agent is ending.
    AgentEnds,
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Left => "left",
            Self::NotGreeted => "not greeted",
            Self::BrokenLine => "broken line",
            Self::Stalled => "stalled",
            Self::AgentEnds => "agent ends",
        })
    }
}

/// One connection and what the agent shares with it.
pub(super) struct Guest {
    lines: Lines,
    agent_version: &'static str,
    life: Life,
    asks: mpsc::Sender<Ask>,
    open: FuturesUnordered<BoxFuture<'static, (u64, Answer)>>,
    /// When it was last sent something of the present; nothing until the guest watches.
    told_at: Option<Instant>,
    watching: Option<Watching>,
}

/// What a watching guest is sent unasked.
enum News {
    Changed(Arc<Snapshot>),
    Alive,
}

impl Guest {
    pub(super) fn new(stream: Stream, agent_version: &'static str, life: Life, asks: mpsc::Sender<Ask>) -> Self {
        Self {
            lines: Lines::new(stream),
            agent_version,
            life,
            asks,
            open: FuturesUnordered::new(),
            told_at: None,
            watching: None,
        }
    }

    /// Serves the guest to its end.
    pub(super) async fn serve(mut self) -> End {
        match self.greet().await {
            Ok(()) => self.answer_calls().await,
            Err(end) => end,
        }
    }

    /// The first line must be a `Hello` of our version, or of any version that the agent shall end: whoever has just been updated ends
    /// the one before him so. The shape of that line never changes.
    async fn greet(&mut self) -> Result<(), End> {
        let line = timeout(GREETING_TIMEOUT, self.lines.next()).await.map_err(|_| End::NotGreeted)?;
        let line = match line {
            Ok(line) => line,
            Err(broken) => return Err(self.broken(broken).await),
        };
        let call = match read_call(&line) {
            Ok(call) => call,
            Err((id, answer)) => return self.answer(id, answer).await.and(Err(End::NotGreeted)),
        };
        let answer = match call.request {
            Request::Hello { version: CONTROL_VERSION } => {
                let hello = Answer::Hello { version: CONTROL_VERSION, agent: self.agent_version.to_owned() };
                return self.answer(call.id, hello).await;
            }
            Request::Hello { version } => failed(
                ControlCode::VersionMismatch,
                format!(
                    "The agent ({}) speaks version {CONTROL_VERSION}, this program version {version}. Restart both.",
                    self.agent_version
                ),
            ),
            Request::Status
            | Request::Watch
            | Request::Start
            | Request::Pause(_)
            | Request::Finish
            | Request::Jobs(_)
            | Request::Log(_)
            | Request::Yields
            | Request::Doctor(_)
            | Request::Measure
            | Request::Network { .. }
            | Request::Simulate(_)
            | Request::Demand
            | Request::Fleet(_)
            | Request::Cards
            | Request::MeasureAgain(_)
            | Request::Rules
            | Request::SetRules(_)
            | Request::Block(_)
            | Request::Unblock(_)
            | Request::Earnings { .. }
            | Request::Notices
            | Request::SetNotices(_)
            | Request::Support
            | Request::Wallet { .. } => failed(ControlCode::BadRequest, "Say hello first.".into()),
            Request::Quit => return self.take(&line).await,
        };
        self.answer(call.id, answer).await?;
        Err(End::NotGreeted)
    }

    async fn answer_calls(&mut self) -> End {
        loop {
            let done = tokio::select! {
                biased;
                Some((id, answer)) = self.open.next() => self.answer(id, answer).await,
                line = self.lines.next(), if self.open.len() < OPEN_CALLS_MAX => match line {
                    Ok(line) => self.take(&line).await,
                    Err(broken) => Err(self.broken(broken).await),
                },
                news = next_news(&mut self.life, self.told_at) => match news {
                    Some(news) => self.tell(news).await,
                    None => Err(End::AgentEnds),
                },
            };
            if let Err(end) = done {
                return end;
            }
        }
    }

    /// Answers one call, or hands it to the agent.
    async fn take(&mut self, line: &str) -> Result<(), End> {
        let Call { id, request } = match read_call(line) {
            Ok(call) => call,
            Err((id, answer)) => return self.answer(id, answer).await,
        };
        match request {
            Request::Hello { .. } => self.answer(id, failed(ControlCode::BadRequest, "Hello was said already.".into())).await,
            // What it last published is not the present any more.
            Request::Status | Request::Watch if self.life.pulse.is_lost() => {
                self.answer(id, Answer::Failed { error: ClientError::Silent.into() }).await
            }
            Request::Status => {
                let snapshot = Box::new(Snapshot::clone(&self.life.snapshots.borrow()));
                self.answer(id, Answer::Status { snapshot }).await
            }
            Request::Watch => {
                let snapshot = Box::new(Snapshot::clone(&self.life.snapshots.borrow_and_update()));
                self.told_at = Some(Instant::now());
                self.watching.get_or_insert_with(|| self.life.pulse.watch());
                self.answer(id, Answer::Status { snapshot }).await
            }
            request @ (Request::Start
            | Request::Pause(_)
            | Request::Finish
            | Request::Jobs(_)
            | Request::Log(_)
            | Request::Yields
            | Request::Doctor(_)
            | Request::Measure
            | Request::Network { .. }
            | Request::Simulate(_)
            | Request::Demand
            | Request::Fleet(_)
            | Request::Cards
            | Request::MeasureAgain(_)
            | Request::Rules
            | Request::SetRules(_)
            | Request::Block(_)
            | Request::Unblock(_)
            | Request::Earnings { .. }
            | Request::Notices
            | Request::SetNotices(_)
            | Request::Support
            | Request::Wallet { .. }
            | Request::Quit) => {
                self.open.push(Box::pin(ask(self.asks.clone(), id, request)));
                Ok(())
            }
        }
    }

    async fn tell(&mut self, news: News) -> Result<(), End> {
        self.told_at = Some(Instant::now());
        match news {
            News::Changed(snapshot) => self.send(&Event::Snapshot { snapshot: Box::new(Snapshot::clone(&snapshot)) }).await,
            News::Alive => self.send(&Event::Alive).await,
        }
    }

    async fn answer(&mut self, id: u64, answer: Answer) -> Result<(), End> {
        self.send(&Event::Answer { id, answer }).await
    }

    async fn send(&mut self, event: &Event) -> Result<(), End> {
        match timeout(WRITE_TIMEOUT, self.lines.send(event)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(End::Left),
            Err(_) => Err(End::Stalled),
        }
    }

    /// Says what was wrong, where there is still somebody to hear it, and how it ended.
    async fn broken(&mut self, broken: Broken) -> End {
        match broken {
            Broken::Gone(_) => End::Left,
            Broken::NotALine => {
                let answer = failed(ControlCode::BadRequest, "A line is UTF-8 and at most 512 KiB long.".into());
                self.answer(0, answer).await.err().unwrap_or(End::BrokenLine)
            }
        }
    }
}

/// What a guest that was last told something at `told_at` is told next; never, where nothing is watched. Nothing at all
/// once the agent ends.
async fn next_news(life: &mut Life, told_at: Option<Instant>) -> Option<News> {
    let Some(told_at) = told_at else { return std::future::pending().await };
    let Life { snapshots, pulse } = life;
    tokio::select! {
        biased;
        changed = next_snapshot(snapshots, told_at + SNAPSHOT_SPACING) => changed.map(News::Changed),
        () = next_sign_of_life(pulse, told_at + ALIVE_EVERY) => Some(News::Alive),
    }
}

/// The snapshot after `push_at` and after a change.
async fn next_snapshot(snapshots: &mut watch::Receiver<Arc<Snapshot>>, push_at: Instant) -> Option<Arc<Snapshot>> {
    // First the change, then the wait: what is sent is the latest at the moment of sending.
    if snapshots.changed().await.is_err() {
        return None;
    }
    snapshots.mark_changed();
    tokio::time::sleep_until(push_at).await;
    Some(Arc::clone(&snapshots.borrow_and_update()))
}

/// Not before `due`, and not while the agent's loop stands still.
async fn next_sign_of_life(pulse: &Pulse, due: Instant) {
    tokio::time::sleep_until(due).await;
    while !pulse.is_fresh() {
        tokio::time::sleep(SNAPSHOT_SPACING).await;
    }
}

/// Puts a request before the agent and waits for its answer.
async fn ask(asks: mpsc::Sender<Ask>, id: u64, request: Request) -> (u64, Answer) {
    let (reply, answer) = oneshot::channel();
    let ending = || failed(ControlCode::AgentGone, "The agent is ending.".into());
    if asks.send(Ask { request, reply }).await.is_err() {
        return (id, ending());
    }
    (id, answer.await.unwrap_or_else(|_| ending()))
}

/// A call, or the answer to what is none. The id is taken from the wreck where it can be.
fn read_call(line: &str) -> Result<Call, (u64, Answer)> {
    serde_json::from_str(line).map_err(|error| {
        let wreck: Option<serde_json::Value> = serde_json::from_str(line).ok();
        let id = wreck.as_ref().and_then(|value| value.get("id")?.as_u64()).unwrap_or(0);
        (id, failed(ControlCode::BadRequest, format!("This request cannot be read: {error}.")))
    })
}

fn failed(code: ControlCode, message: String) -> Answer {
    Answer::Failed { error: ControlError { code, message } }
}
