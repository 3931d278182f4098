//! Takes the commands and gives each attempt a task of its own. One loop; nothing in it waits for a container.

use std::{collections::HashMap, io, sync::Arc, time::Duration};

use bollard::query_parameters::{ListContainersOptionsBuilder, RemoveContainerOptionsBuilder};
use headframe_protocol::{AttemptId, Sha256, job::Reason, session::AttemptRef};
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::{AbortHandle, Id, JoinError, JoinSet},
    time::MissedTickBehavior,
};
use tokio_util::sync::CancellationToken;

use super::{
    Adopted, Assignment, Command, EngineDescription, EngineMissing, EngineTried, Found, Known, RunEvent, RunEventKind,
    RunnerConfig, WhyNot,
    attempt::{Attempt, Begin, Order, Teller},
    engine::{self, Engine},
    fetch::Fetcher,
    image::Shelf,
    log, sandbox,
    work::Works,
};

/// An owner may read what a job printed for this long after it has ended; then it goes like the rest of the customer's data.
const LOG_KEPT: Duration = Duration::from_secs(15 * 60);
/// Between two rounds of tidying up.
const TIDY_EVERY: Duration = Duration::from_secs(60);
/// A container that could not be removed is tried again after these; an engine's restart takes seconds, an update of it minutes.
const REMOVE_AGAIN: [Duration; 6] = [
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_secs(15),
    Duration::from_secs(30),
    Duration::from_secs(60),
    Duration::from_secs(180),
];
/// A coordinator that does not take a connection within this is not there.
const CONNECT_MAX: Duration = Duration::from_secs(10);
/// One that sends nothing for this long will not send more.
const STALL_MAX: Duration = Duration::from_secs(60);

/// What all attempts of a rig share.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) config: RunnerConfig,
    pub(super) engine: Engine,
    pub(super) works: Works,
    pub(super) shelf: Shelf,
    pub(super) http: reqwest::Client,
    pub(super) fetcher: Fetcher,
}

/// Everyone at work.
#[derive(Debug)]
pub(super) struct Crew {
    site: Arc<Site>,
    events: mpsc::Sender<RunEvent>,
    hands: HashMap<AttemptRef, Hand>,
    tasks: JoinSet<()>,
}

/// One attempt at work, or ended and not discarded.
#[derive(Debug)]
struct Hand {
    orders: watch::Sender<Order>,
    task: AbortHandle,
    /// Closed when the task has ended, however it did.
    ended: oneshot::Receiver<()>,
}

impl Crew {
    pub(super) async fn make_ready(config: RunnerConfig, events: mpsc::Sender<RunEvent>) -> Result<Self, EngineMissing> {
        let engine = engine::find(config.socket.as_deref()).await?;
        let made = async {
            let works = Works::make_ready(&config, &engine).await?;
            let http = reqwest::Client::builder().connect_timeout(CONNECT_MAX).read_timeout(STALL_MAX).build();
            let fetcher = Fetcher::new(config.input_hosts);
            Ok::<_, io::Error>((works, http.map_err(io::Error::other)?, fetcher.map_err(io::Error::other)?))
        };
        let (works, http, fetcher) = made.await.map_err(|error| {
            let why = WhyNot::Mute { detail: format!("the agent's own data directory cannot be used: {error}") };
            EngineMissing { tried: vec![EngineTried { name: engine.name.clone(), address: engine.address.clone(), why }] }
        })?;
        let shelf = Shelf::open(&config.data_dir, config.image_cap_bytes, &engine.docker).await;
        let site = Arc::new(Site { config, engine, works, shelf, http, fetcher });
        Ok(Self { site, events, hands: HashMap::new(), tasks: JoinSet::new() })
    }

    pub(super) fn description(&self) -> Arc<EngineDescription> {
        let Engine { name, address, notes, tried, docker: _, same_kernel: _ } = self.site.engine.clone();
        Arc::new(EngineDescription { name, address, disk_limit: self.site.works.limit(), notes, tried })
    }

    pub(super) fn images_present(&self) -> watch::Receiver<Vec<Sha256>> {
        self.site.shelf.present()
    }

    /// The loop. When it ends, tasks are let go of and containers go on.
    pub(super) async fn work(mut self, mut commands: mpsc::Receiver<Command>, stop: CancellationToken) {
        let mut tidy = tokio::time::interval(TIDY_EVERY);
        tidy.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                command = commands.recv() => match command {
                    Some(command) => self.obey(command).await,
                    None => break,
                },
                Some(ended) = self.tasks.join_next_with_id() => self.note_end(ended).await,
                _ = tidy.tick() => self.tidy(),
            }
        }
        self.tasks.shutdown().await;
    }

    async fn obey(&mut self, command: Command) {
        match command {
            Command::Start(assignment) => self.start(*assignment, Begin::Fresh),
            Command::Stop { at, grace } => {
                if let Some(hand) = self.hands.get(&at) {
                    hand.orders.send_replace(Order::Stop { grace });
                }
            }
            Command::Discard { at, done } => self.discard(at, done),
            Command::Adopt { known, found } => {
                let adopted = self.adopt(known).await;
                // The asker may have gone; what was adopted is followed all the same.
                found.send(adopted).ok();
            }
        }
    }

    fn start(&mut self, assignment: Assignment, begin: Begin) {
        let at = assignment.at;
        if self.hands.contains_key(&at) {
            return;
        }
        let (orders, orders_rx) = watch::channel(Order::Run);
        let (ending, ended) = oneshot::channel();
        let (site, teller) = (Arc::clone(&self.site), Teller { at, events: self.events.clone() });
        let task = self.tasks.spawn(async move {
            let _ending: oneshot::Sender<()> = ending;
            let attempt = Attempt { site: &site, assignment: &assignment, teller: teller.clone(), orders: orders_rx };
            let ending = Box::pin(attempt.run(begin)).await;
            teller.tell(RunEventKind::Ended(ending)).await;
        });
        self.hands.insert(at, Hand { orders, task, ended });
    }

    /// Ends the attempt's task if it still goes, then removes what is left of it.
    fn discard(&mut self, at: AttemptRef, done: Option<oneshot::Sender<()>>) {
        let hand = self.hands.remove(&at);
        let site = Arc::clone(&self.site);
        self.tasks.spawn(async move {
            if let Some(hand) = hand {
                hand.task.abort();
                // Closed without a word, always: only the closing counts.
                hand.ended.await.ok();
            }
            let name = sandbox::name(at);
            let mut gone = remove_container(&site, &name).await;
            if gone {
                site.works.remove(at.attempt).await;
            }
            if let Some(done) = done {
                done.send(()).ok();
            }
            // An engine that is being restarted answers again soon; what it keeps is a customer's data.
            for wait in REMOVE_AGAIN {
                if gone {
                    return;
                }
                tokio::time::sleep(wait).await;
                gone = remove_container(&site, &name).await;
                if gone {
                    site.works.remove(at.attempt).await;
                }
            }
        });
    }

    async fn adopt(&mut self, known: Vec<Known>) -> Vec<Adopted> {
        let left = self.left_behind().await;
        let mut adopted = Vec::new();
        let mut keep = Vec::new();
        for Known { assignment, running_ms, stopping } in known {
            let at = assignment.at;
            let found = left.iter().find(|left| left.attempt == Some(at.attempt)).map_or(Found::Missing, |left| left.found);
            match found {
                Found::Running | Found::Exited => {
                    keep.push(at.attempt);
                    self.start(assignment, Begin::Adopted { running_ms, stopping });
                }
                Found::NotStarted | Found::Missing => {}
            }
            adopted.push(Adopted { at, found });
        }
        for orphan in left.iter().filter(|left| left.attempt.is_none_or(|attempt| !keep.contains(&attempt))) {
            tracing::info!(container.name = orphan.name, "Removing {}, left by an earlier life of the agent", orphan.name);
            remove_container(&self.site, &orphan.name).await;
        }
        self.site.works.sweep(&keep).await;
        adopted
    }

    async fn left_behind(&self) -> Vec<LeftBehind> {
        let ours = format!("{}={}", sandbox::label::DEVICE, self.site.config.device);
        let options = ListContainersOptionsBuilder::new().all(true).filters(&HashMap::from([("label", vec![ours])])).build();
        let listed = match self.site.engine.docker.list_containers(Some(options)).await {
            Ok(listed) => listed,
            Err(error) => {
                tracing::warn!(%error, "Could not list what an earlier life of the agent left");
                return Vec::new();
            }
        };
        listed.into_iter().filter_map(LeftBehind::of).collect()
    }

    async fn note_end(&mut self, ended: Result<(Id, ()), JoinError>) {
        let Err(error) = ended else { return };
        let Some(at) = self.hands.iter().find(|(_, hand)| hand.task.id() == error.id()).map(|(at, _)| *at) else { return };
        if error.is_panic() {
            tracing::error!(attempt.id = %at.attempt, "The task of attempt {} panicked; this is a mistake in Headframe", at.attempt);
            let failure = super::failure::Failure::because(Reason::EngineFailed, "The rig's agent made a mistake.");
            let ending = super::Ending::Failed {
                reason: failure.reason,
                exit_code: None,
                detail: failure.detail,
                running_ms: 0,
                log_bytes: 0,
            };
            self.events.send(RunEvent { at, kind: RunEventKind::Ended(ending) }).await.ok();
        }
    }

    fn tidy(&mut self) {
        let site = Arc::clone(&self.site);
        self.tasks.spawn(async move {
            log::prune(&site.config.data_dir, LOG_KEPT).await;
            site.shelf.make_room(&site.engine.docker).await;
        });
    }
}

/// A container with our label.
#[derive(Debug)]
struct LeftBehind {
    name: String,
    attempt: Option<AttemptId>,
    found: Found,
}

impl LeftBehind {
    fn of(container: bollard::models::ContainerSummary) -> Option<Self> {
        use bollard::models::ContainerSummaryStateEnum as State;
        let attempt = container.labels.as_ref().and_then(|labels| labels.get(sandbox::label::ATTEMPT)?.parse().ok());
        let found = match container.state {
            Some(State::RUNNING | State::PAUSED | State::RESTARTING) => Found::Running,
            Some(State::EXITED | State::DEAD | State::STOPPING | State::REMOVING) => Found::Exited,
            Some(State::CREATED | State::EMPTY) | None => Found::NotStarted,
        };
        Some(Self { name: container.id?, attempt, found })
    }
}

/// Whether nothing of the container is left.
async fn remove_container(site: &Site, container: &str) -> bool {
    let force = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
    match site.engine.docker.remove_container(container, Some(force)).await {
        // 409: another call is removing it right now.
        Ok(()) | Err(bollard::errors::Error::DockerResponseServerError { status_code: 404 | 409, .. }) => true,
        Err(error) => {
            tracing::warn!(%error, container.name = container, "Could not remove {container}; trying again later and at the next start");
            false
        }
    }
}
