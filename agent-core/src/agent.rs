//! The agent itself: puts the parts together, runs the loop that feeds [`crate::duty`], carries out what it decides and
//! publishes the view.
//!
//! `bind(config)`, `join()`, `shutdown(self)`; a [`Handle`] asks it for things meanwhile.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use headframe_control::{
    AgentPaths,
    lock::{AgentLock, LockError},
    paths::PathsError,
    server::{self, Life, Listener, Pulse},
};
use headframe_protocol::{
    DeviceId,
    control::{Link, Snapshot},
    rig::RigReport,
};
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::JoinHandle,
};
use tracing::{info, warn};

use crate::{
    challenge::{self, Answerable, Free, ProverSource, Provers, Proving},
    clock,
    control_server::{Asking, Cards, Demand, Fleet, Guests},
    coordinator::{self, LineConfig, RightTime, Said, Say, Standing},
    device_key::{DeviceKey, DeviceKeyError},
    duty::{Ask, Duty, Past},
    idle::{self, IdleProbe, IdleState, Policy},
    ledger::Ledger,
    memory,
    pace::Pace,
    practice,
    settings::{Settings, SettingsError, Timers},
    store::{self, Choice, Store, StoreError},
    tasks::Tasks,
    telemetry::{self, GpuProbe, Load, Telemetry},
    wallet::{Payroll, Wallet, WalletConfig},
};

mod actor;
mod diarist;
mod drawn;
mod engine_room;
mod gpu_use;
mod measuring;
mod offered;
mod power;
mod wake;

pub use engine_room::EngineSource;
pub(crate) use measuring::Again;

use actor::{Actor, Parts};
use diarist::Diarist;

/// Requests waiting for the loop. It takes each in microseconds.
const ASKS_MAX: usize = 64;

/// How long the parts may take to end once the loop has: the last words to the coordinator, the last entries to disk.
const WIND_DOWN: Duration = Duration::from_secs(10);

/// What an agent is started with.
pub struct AgentConfig {
    /// Its data directory; absent for the environment's or the platform's.
    pub data_dir: Option<PathBuf>,
    /// What tells whether the owner is away.
    pub probes: Vec<Box<dyn IdleProbe>>,
    /// What reads the GPUs.
    pub gpus: Box<dyn GpuProbe>,
    /// Where the container engine comes from.
    pub engine: EngineSource,
    /// What proves what its cards can do.
    pub provers: ProverSource,
}

impl std::fmt::Debug for AgentConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AgentConfig").field("data_dir", &self.data_dir).finish_non_exhaustive()
    }
}

impl AgentConfig {
    /// The parts of this PC.
    #[must_use]
    pub fn new(data_dir: Option<PathBuf>) -> Self {
        Self {
            data_dir,
            probes: idle::platform_probes(),
            gpus: telemetry::platform_gpus(idle::is_ours),
            engine: EngineSource::Find,
            provers: ProverSource::Measured,
        }
    }
}

/// Why there is no agent.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// There is no place for its data.
    #[error("the data directory cannot be used")]
    Paths(#[source] PathsError),
    /// Another agent runs in the same directory, or its lock cannot be taken.
    #[error("this data directory is not free")]
    Lock(#[source] LockError),
    /// The owner's settings are wrong.
    #[error("the settings are not right")]
    Settings(#[source] SettingsError),
    /// There is no device key.
    #[error("the rig has no key")]
    Key(#[source] DeviceKeyError),
    /// The local database does not open.
    #[error("the agent's memory cannot be read")]
    Store(#[source] StoreError),
    /// The PC cannot be measured.
    #[error("this system does not tell what the PC does")]
    Telemetry(#[source] sysinfo::Error),
    /// The control socket does not open.
    #[error("window and command line could not reach the agent")]
    Socket(#[source] server::BindError),
    /// Challenges cannot be answered.
    #[error("there is no way to bring proofs to the coordinator")]
    Challenges(#[source] reqwest::Error),
    /// The address of the practice network is none.
    #[error("there is no address for a practice network")]
    Practice(#[source] url::ParseError),
    /// The wallet cannot speak to anybody.
    #[error("the wallet cannot be opened")]
    Wallet(#[source] reqwest::Error),
}

/// A running agent.
#[derive(Debug)]
pub struct Agent {
    handle: Handle,
    tasks: Tasks,
    actor: JoinHandle<()>,
    paths: AgentPaths,
    /// Kept until everything has ended: only then may another agent begin.
    _lock: AgentLock,
}

/// Asks a running agent for things. Cheap to copy.
#[derive(Debug, Clone)]
pub struct Handle {
    asks: mpsc::Sender<(Ask, oneshot::Sender<()>)>,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    device: DeviceId,
    again: Arc<AtomicBool>,
}

/// The agent has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the agent has ended")]
pub struct Ended;

impl Handle {
    /// Asks, and returns once it is decided; what follows shows in the snapshots.
    ///
    /// # Errors
    /// [`Ended`] if there is nobody to ask.
    pub async fn ask(&self, ask: Ask) -> Result<(), Ended> {
        let (reply, decided) = oneshot::channel();
        self.asks.send((ask, reply)).await.map_err(|_| Ended)?;
        decided.await.map_err(|_| Ended)
    }

    /// Asks the agent to end so that another one begins in its place, with settings that are read anew: see [`Agent::begins_again`].
    ///
    /// # Errors
    /// [`Ended`] if there is nobody to ask.
    pub async fn begin_again(&self) -> Result<(), Ended> {
        self.again.store(true, Ordering::Release);
        self.ask(Ask::Quit).await
    }

    /// The present, and each change of it.
    #[must_use]
    pub fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshots.clone()
    }

    /// The present.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshots.borrow())
    }

    /// The rig's name on the network.
    #[must_use]
    pub const fn device(&self) -> DeviceId {
        self.device
    }
}

impl Agent {
    /// Starts an agent. It works, reconnects and recovers by itself until it is asked to quit.
    ///
    /// # Errors
    /// [`BindError`]: what keeps it from being an agent at all. A missing engine or coordinator does not; those show in
    /// the snapshot.
    pub async fn bind(AgentConfig { data_dir, probes, gpus, engine, provers }: AgentConfig) -> Result<Self, BindError> {
        let paths = AgentPaths::resolve(data_dir).map_err(BindError::Paths)?;
        let lock = AgentLock::acquire(&paths).map_err(BindError::Lock)?;
        let tasks = Tasks::new();
        let (settings, home) = settle(&paths, &tasks)?;
        let key = Arc::new(DeviceKey::load_or_create(paths.data_dir()).map_err(BindError::Key)?);
        let (store, journal) = store::open(&home).await.map_err(BindError::Store)?;
        let past = past(&store, &settings).await.map_err(BindError::Store)?;
        let listener = Listener::bind(&lock).map_err(BindError::Socket)?;
        info!(device.id = %key.device(), data.dir = %paths.data_dir().display(), "Rig {} begins", key.device());
        let mut telemetry = Telemetry::new(paths.data_dir(), gpus).map_err(BindError::Telemetry)?;
        let hardware = telemetry.hardware();
        let (pace_out, pace) = keep_pace(&tasks);
        let (load, idle) = look(telemetry, probes, &paths, settings.timers, &pace, &tasks);
        let offered = offered::Offered::new(&settings, &hardware, idle.borrow().terms);
        keep_diary(&settings, &store, &idle, &paths, &tasks).await.map_err(BindError::Store)?;
        let duty = Duty::new(offered.capacity(), settings.timers, past, clock::now());
        let measuring = measuring::open(&paths, &settings, &tasks);
        let (standing_out, standing) = watch::channel(duty.standing());
        let refuses = idle.borrow().refuses.clone().unwrap_or_default();
        let first = offered.report("", (&[], &measuring.scores), &[], load.borrow().disk_free_bytes, (None, &refuses));
        let (rig_out, rig) = watch::channel(first);
        let (entries, written) = journal.start(&tasks);
        let ledger = Ledger::open(store.clone(), &tasks);
        let (timers, device, cards) = (settings.timers, key.device(), Cards::new(&hardware.gpus, measuring.again.clone()));
        let line = speak(&settings, Arc::clone(&key), (standing, rig), provers.open(&measuring.names), &tasks)?;
        let (runner, owner) = engine_room::runner_config(paths.data_dir(), device, &settings, pace);
        let (orders, news) = engine_room::open(engine, runner, timers, hardware.uuids(), &tasks);
        let ((asks, asked), pulse) = (mpsc::channel(ASKS_MAX), Pulse::default());
        let (actor, snapshots) = Actor::new(Parts {
            duty,
            device,
            offered,
            hardware,
            timers,
            ledger,
            idle,
            load,
            pace: pace_out,
            standing: standing_out,
            rig: rig_out,
            challenges: line.challenges,
            owner,
            entries,
            written,
            say: line.say,
            said: line.said,
            time: line.time,
            orders,
            news,
            measuring,
            asks: asked,
            pulse: pulse.clone(),
        });
        let handle = Handle { asks, snapshots, device, again: Arc::default() };
        let actor = tasks.spawn("agent", actor.run(tasks.stopped()));
        let asking = ask_for_guests(&paths, &settings, key, &store, &handle, &tasks).map_err(BindError::Wallet)?;
        serve_guests(listener, pulse, Guests::new(handle.clone(), store, (asking, cards), paths.clone()), &tasks);
        Ok(Self { handle, tasks, actor, paths, _lock: lock })
    }

    /// Asks the agent for things while it runs.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Where it keeps its things.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        self.paths.data_dir()
    }

    /// Returns when the agent has been asked to quit and has.
    pub async fn join(&mut self) {
        // The owner of the task has logged a panic; an agent without its loop is over either way.
        (&mut self.actor).await.ok();
        self.wind_down().await;
    }

    /// Whether, once it has ended, another agent is to be started in its place.
    #[must_use]
    pub fn begins_again(&self) -> bool {
        self.handle.again.load(Ordering::Acquire)
    }

    /// Asks it to quit and waits until it has: containers are stopped within the grace and reported.
    pub async fn shutdown(mut self) {
        if self.handle.ask(Ask::Quit).await.is_ok() {
            self.join().await;
        } else {
            self.wind_down().await;
        }
    }

    /// Ends at once and leaves containers as they are for the next life, as a crash would, but with the journal closed.
    pub async fn abandon(self) {
        self.wind_down().await;
    }

    async fn wind_down(&self) {
        if !self.tasks.shutdown(WIND_DOWN).await {
            warn!("Some part of the agent did not end in time");
        }
    }
}

/// The settings, and where the agent's memory is. One who practises has another memory and dials another coordinator, whether that comes up or not: the network
/// he has joined is not worked for behind his back.
fn settle(paths: &AgentPaths, tasks: &Tasks) -> Result<(Settings, PathBuf), BindError> {
    let data_dir = paths.data_dir();
    let mut settings = Settings::load(data_dir).map_err(BindError::Settings)?;
    if !settings.coordinator.practice {
        return Ok((settings, data_dir.to_owned()));
    }
    settings.coordinator.url = practice::begin(data_dir, tasks).map_err(BindError::Practice)?;
    Ok((settings, data_dir.join(practice::FOLDER)))
}

/// The loop's ends of the line to the coordinator.
struct Speaking {
    say: mpsc::Sender<Say>,
    said: mpsc::Receiver<Said>,
    time: watch::Receiver<Option<RightTime>>,
    challenges: challenge::Ends,
}

/// Speaks with the coordinator from now on, and answers its challenges with `provers` while the cards are free.
fn speak(
    settings: &Settings,
    key: Arc<DeviceKey>,
    (standing, rig): (watch::Receiver<Standing>, watch::Receiver<RigReport>),
    provers: Arc<dyn Provers>,
    tasks: &Tasks,
) -> Result<Speaking, BindError> {
    let (url, timers) = (settings.coordinator.url.clone(), settings.timers);
    let (asks, heard) = challenge::channel();
    let (answerable, challenges) = Answerable::of(Arc::clone(&provers));
    let (learns, time) = watch::channel(None);
    let line = LineConfig { url: url.clone(), key, standing, rig, challenges, asks, time: learns, timers };
    let (say, said) = coordinator::connect(line, tasks);
    let (free, which) = watch::channel(Free::default());
    let (proves, proving) = watch::channel(Proving::default());
    let answering = challenge::Config { provers, coordinator: url, say: say.clone(), heard, free: which, proving: proves };
    challenge::answer(answering, tasks).map_err(BindError::Challenges)?;
    Ok(Speaking { say, said, time, challenges: challenge::Ends { free, answerable, proving } })
}

/// Keeps what the probes say, or forgets what was kept, as the owner wants it.
async fn keep_diary(
    settings: &Settings,
    store: &Store,
    idle: &watch::Receiver<idle::IdleState>,
    paths: &AgentPaths,
    tasks: &Tasks,
) -> Result<(), StoreError> {
    if !settings.diary.keep {
        return store.forget_sightings().await;
    }
    let diarist = Diarist { store: store.clone(), idle: idle.clone(), data_dir: paths.data_dir().to_owned() };
    tasks.spawn("diary", diarist.keep(tasks.stopped()));
    Ok(())
}

/// By which everything learns what is at stake; memory is given back while nothing is.
fn keep_pace(tasks: &Tasks) -> (watch::Sender<Pace>, watch::Receiver<Pace>) {
    let (out, pace) = watch::channel(Pace::default());
    memory::give_back_at_rest(pace.clone(), tasks);
    (out, pace)
}

/// Looks at the PC and its owner from now on.
fn look(
    telemetry: Telemetry,
    probes: Vec<Box<dyn IdleProbe>>,
    paths: &AgentPaths,
    timers: Timers,
    pace: &watch::Receiver<Pace>,
    tasks: &Tasks,
) -> (watch::Receiver<Load>, watch::Receiver<IdleState>) {
    let load = telemetry.watch(pace.clone(), tasks);
    let probes = probes.into_iter().chain([gpu_use::probe(load.clone())]).collect();
    let idle = idle::watch_owner(Policy::default(), probes, paths.data_dir(), timers, pace.clone(), tasks);
    (load, idle)
}

fn serve_guests(listener: Listener, pulse: Pulse, guests: Guests, tasks: &Tasks) {
    let (asks, inbox) = mpsc::channel(server::ASKS_MAX);
    let life = Life { snapshots: guests.snapshots(), pulse };
    tasks.spawn_until_stopped("control", server::serve(listener, env!("CARGO_PKG_VERSION"), life, asks));
    tasks.spawn_until_stopped("guests", guests.serve(inbox));
}

/// What asks the coordinator for guests: the wallet, and what says which work there is and which rigs are the owner's.
fn ask_for_guests(
    paths: &AgentPaths,
    settings: &Settings,
    key: Arc<DeviceKey>,
    store: &Store,
    handle: &Handle,
    tasks: &Tasks,
) -> Result<Asking, reqwest::Error> {
    let snapshots = handle.snapshots();
    let network = move || match &snapshots.borrow().link {
        Link::Connected { network } => Some(network.clone()),
        Link::Connecting | Link::Waiting { .. } | Link::Refused => None,
    };
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
    let url = &settings.coordinator.url;
    let payroll = Payroll::new(url.clone(), http);
    let demand = Demand::new(payroll.clone(), handle.device());
    let fleet = Fleet::new(payroll, url, Arc::clone(&key));
    let config = WalletConfig {
        data_dir: paths.data_dir().to_owned(),
        coordinator: url.clone(),
        key,
        store: store.clone(),
        network: Box::new(network),
        keystore_log_n: settings.wallet.keystore_log_n,
        timers: settings.timers,
    };
    Ok(Asking { wallet: Wallet::open(config, tasks)?, demand, fleet })
}

/// What the journal knows of earlier lives.
async fn past(store: &Store, settings: &Settings) -> Result<Past, StoreError> {
    let first = if settings.start.automatically { Choice::On } else { Choice::Off };
    let choice = store.choice().await?.unwrap_or(first);
    let paused_until = match choice {
        Choice::Paused { until_ms, .. } => until_ms.map(clock::at_wall),
        Choice::Off | Choice::On | Choice::Finishing => None,
    };
    let open = store.open_attempts().await?;
    if !open.is_empty() {
        info!(attempts = open.len(), "An earlier life left {} attempts", open.len());
    }
    let checkpoints = store.open_checkpoints().await?.into_iter().map(|past| {
        let until = clock::at_wall(past.until_ms);
        (past, until)
    });
    Ok(Past { choice, paused_until, open, checkpoints: checkpoints.collect() })
}
