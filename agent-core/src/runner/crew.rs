//! Takes the commands and gives each attempt a task of its own. One loop; nothing in it waits for a container.

use std::{collections::HashMap, io, sync::Arc, time::Duration};

use headframe_protocol::{AttemptId, Sha256, job::Reason, session::AttemptRef};
use left::{LeftBehind, clear, remove_container};
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::{AbortHandle, Id, JoinError, JoinSet},
    time::{Instant, MissedTickBehavior},
};
use tokio_util::sync::CancellationToken;

use super::{
    Adopted, Assignment, Command, EngineDescription, EngineMissing, EngineTried, Found, Known, RunEvent, RunEventKind,
    RunnerConfig, WhyNot,
    attempt::{Attempt, Begin, Order, Teller},
    bandwidth::Line,
    checkpoint,
    coordinator::Counter,
    egress::RelayVolume,
    engine::{self, Engine},
    failure::Failure,
    fetch::Fetcher,
    image::Shelf,
    log,
    rate::Rate,
    sandbox,
    work::Works,
};

mod left;

/// An owner may read what a job printed for this long after it has ended; then it goes like the rest of the customer's data.
const LOG_KEPT: Duration = Duration::from_secs(15 * 60);
/// Between two rounds of tidying up.
const TIDY_EVERY: Duration = Duration::from_secs(60);
/// What a discarded attempt may take to come to its end by itself. The longest thing it cannot leave half done is one request to
/// the engine; an engine that takes longer than this is broken, and what it makes then is removed at the next start.
const LET_GO_MAX: Duration = Duration::from_secs(150);
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
    pub(super) relay: RelayVolume,
    /// Of all attempts' ways out together.
    pub(super) pace: Arc<Rate>,
    /// What the rig itself sends and fetches for jobs.
    pub(super) line: Arc<Line>,
}

impl Site {
    /// Who speaks with the coordinator for an attempt.
    pub(super) fn counter(&self, assignment: &Assignment) -> Result<Counter, Failure> {
        let Assignment { base, token, .. } = assignment;
        Counter::new(self.http.clone(), base.clone(), token, Arc::clone(&self.line))
            .ok_or_else(|| Failure::because(Reason::EngineFailed, "The offer's token is not one."))
    }
}

/// Everyone at work.
#[derive(Debug)]
pub(super) struct Crew {
    site: Arc<Site>,
    events: mpsc::Sender<RunEvent>,
    hands: HashMap<AttemptRef, Hand>,
    /// Checkpoints on their way.
    saves: HashMap<AttemptRef, AbortHandle>,
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
        let line = Arc::new(Line::new(config.bandwidth.clone()));
        let (relay, pace) = (RelayVolume::default(), Arc::default());
        let site = Arc::new(Site { config, engine, works, shelf, http, fetcher, relay, pace, line });
        Ok(Self { site, events, hands: HashMap::new(), saves: HashMap::new(), tasks: JoinSet::new() })
    }

    pub(super) fn description(&self) -> Arc<EngineDescription> {
        let Engine { name, address, notes, gives_gpus, tried, docker: _, same_kernel: _, data_root: _ } =
            self.site.engine.clone();
        Arc::new(EngineDescription { name, address, disk_limit: self.site.works.limit(), notes, gives_gpus, tried })
    }

    pub(super) fn docker(&self) -> bollard::Docker {
        self.site.engine.docker.clone()
    }

    pub(super) fn images_present(&self) -> watch::Receiver<Vec<Sha256>> {
        self.site.shelf.present()
    }

    /// The loop. When it ends, tasks are let go of and containers go on.
    pub(super) async fn work(mut self, mut commands: mpsc::Receiver<Command>, stop: CancellationToken) {
        // Not at once: whose logs and images are still in use is known only after the adoption.
        let mut tidy = tokio::time::interval_at(Instant::now() + TIDY_EVERY, TIDY_EVERY);
        tidy.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                command = commands.recv() => match command {
                    Some(command) => self.obey(command, &stop).await,
                    None => break,
                },
                Some(ended) = self.tasks.join_next_with_id() => self.note_end(ended).await,
                _ = tidy.tick() => self.tidy(),
            }
        }
        self.tasks.shutdown().await;
    }

    async fn obey(&mut self, command: Command, stop: &CancellationToken) {
        match command {
            Command::Start(assignment) => self.start(*assignment, Begin::Fresh),
            Command::Stop { at, grace } => {
                if let Some(hand) = self.hands.get(&at) {
                    hand.orders.send_replace(Order::Stop { grace });
                }
            }
            Command::Save(assignment) => self.save(*assignment),
            Command::Discard { at, done } => self.discard(at, done),
            Command::Adopt { known, kept, found } => {
                // Everything else waits for it: what is ours must be known before anything is started or removed.
                let Some(left) = stop.run_until_cancelled(LeftBehind::list(&self.site)).await else { return };
                let adopted = self.adopt(known, kept, &left).await;
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
            let orders = orders_rx.clone();
            let attempt = Attempt { site: &site, assignment: &assignment, teller: teller.clone(), orders: orders_rx };
            let ending = Box::pin(attempt.run(begin)).await;
            // Whoever discards it knows that it ends.
            if *orders.borrow() != Order::LetGo {
                teller.tell(RunEventKind::Ended(ending)).await;
            }
        });
        self.hands.insert(at, Hand { orders, task, ended });
    }

    /// Brings what an attempt left. It has ended: nobody writes there any more.
    fn save(&mut self, assignment: Assignment) {
        let at = assignment.at;
        if self.saves.get(&at).is_some_and(|save| !save.is_finished()) {
            return;
        }
        let (site, teller) = (Arc::clone(&self.site), Teller { at, events: self.events.clone() });
        let task = self.tasks.spawn(async move {
            let saved = Box::pin(checkpoint::save(&site, &assignment)).await;
            teller.tell(RunEventKind::Saved(saved)).await;
        });
        self.saves.insert(at, task);
    }

    /// Ends the attempt's task if it still goes, then removes what is left of it.
    fn discard(&mut self, at: AttemptRef, done: Option<oneshot::Sender<()>>) {
        let hand = self.hands.remove(&at);
        if let Some(save) = self.saves.remove(&at) {
            save.abort();
        }
        let site = Arc::clone(&self.site);
        self.tasks.spawn(async move {
            if let Some(hand) = hand {
                hand.let_go().await;
            }
            clear(&site, at, done).await;
        });
    }

    async fn adopt(&mut self, known: Vec<Known>, kept: Vec<AttemptId>, left: &[LeftBehind]) -> Vec<Adopted> {
        let mut adopted = Vec::new();
        let mut keep = kept;
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
            let gone = remove_container(&self.site, &orphan.name).await;
            if let Some(attempt) = orphan.attempt.filter(|_| !gone) {
                self.discard(AttemptRef { attempt, epoch: 0 }, None);
            }
        }
        self.site.works.sweep(&keep).await;
        adopted
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
        let live = self.hands.iter().filter(|(_, hand)| !hand.task.is_finished()).map(|(at, _)| at.attempt).collect();
        self.tasks.spawn(async move {
            log::prune(&site.config.data_dir, LOG_KEPT, &live).await;
            site.shelf.make_room(&site.engine.docker).await;
        });
    }
}

impl Hand {
    /// Ends the task. It is told to end and not cut off: what it has asked the engine to make would be made all the same,
    /// after we had looked for it.
    async fn let_go(self) {
        let Self { orders, task, mut ended } = self;
        orders.send_replace(Order::LetGo);
        // Closed without a word, always: only the closing counts.
        if tokio::time::timeout(LET_GO_MAX, &mut ended).await.is_err() {
            task.abort();
            ended.await.ok();
        }
    }
}
