//! Runs one attempt's container from image to result, and tells what happens as it happens.
//!
//! The runner decides nothing: it starts what it is given, stops what it is told to stop, and keeps what is left
//! until it is told to discard it. Whether the rig should work, what a lease is, and what is signed and reported
//! is for others. It knows the attempt's token only to fetch inputs and bring log and outputs; the container
//! never sees it.
//!
//! Reading order: [`sandbox`] is the contract every container is held to; [`attempt`] is the life of one attempt;
//! [`engine`] finds the container engine on the PC and says why others were not taken.

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use headframe_protocol::{
    AttemptId, DeviceId, JobId, Sha256,
    job::{JobSpec, Reason},
    session::{AttemptRef, OutputFile, RegistryLogin},
};
use tokio::sync::{mpsc, oneshot, watch};
use url::Url;
use zeroize::Zeroizing;

use crate::{pace::Pace, store::Saved, tasks::Tasks};

mod adopt;
mod archive;
mod attempt;
mod checkpoint;
mod coordinator;
mod bandwidth;
mod crew;
mod egress;
pub mod engine;
mod failure;
mod fetch;
mod image;
mod inputs;
mod log;
mod outputs;
mod patience;
mod pulse;
mod rate;
pub mod sandbox;
mod watch_over;
mod work;

pub use adopt::{Adopted, Found, Known};
pub use bandwidth::Bandwidth;
pub use egress::{EgressCaps, EgressConfig, Internet, World};
pub use engine::{EngineMissing, EngineTried, WhyNot};
pub use work::DiskLimit;

/// Commands waiting to be taken up. A rig has at most 16 attempts and each sees a handful of commands.
const COMMANDS_MAX: usize = 64;

/// Events waiting to be read. Progress is dropped when it is full; endings wait.
const EVENTS_MAX: usize = 256;

/// How long the runner may take to let go. It only closes connections.
const SHUTDOWN_MAX: Duration = Duration::from_secs(5);

/// Everything needed to run one attempt.
#[derive(Debug, Clone)]
pub struct Assignment {
    /// The attempt and the job's epoch it holds.
    pub at: AttemptRef,
    /// The job it belongs to.
    pub job: JobId,
    /// What to run.
    pub spec: JobSpec,
    /// Position in an array job.
    pub array_index: Option<u32>,
    /// Where inputs, log and outputs of this attempt are fetched and brought.
    pub base: Url,
    /// Bearer token for `base`.
    pub token: SecretToken,
    /// What the registry asks before it serves the image.
    pub registry: Option<RegistryLogin>,
    /// The files of the checkpoint it goes on from.
    pub checkpoint: Vec<OutputFile>,
    /// The graphics cards it gets, by the driver's UUIDs; none for a job that needs none.
    pub gpus: Vec<String>,
}

/// A bearer token. Prints nothing, and is wiped from memory when dropped.
#[derive(Clone)]
pub struct SecretToken(Zeroizing<String>);

impl SecretToken {
    /// Takes the token in.
    #[must_use]
    pub fn new(token: String) -> Self {
        Self(Zeroizing::new(token))
    }

    /// The token itself, for a request's header or the lease journal. Nothing else may ask.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretToken(..)")
    }
}

/// Something happened to an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunEvent {
    /// Which attempt.
    pub at: AttemptRef,
    /// What.
    pub kind: RunEventKind,
}

/// What happened to an attempt. `Started`, `Exited` and `Ended` always arrive and in this order, unless there is no such
/// moment: a container that had ended when it was adopted does not start. The others may be left out when the reader is slow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunEventKind {
    /// Image and inputs are being fetched.
    Preparing {
        /// How much of it is done, where known.
        permille: Option<u16>,
    },
    /// The container runs. Also sent once when a container is adopted that still runs.
    Started,
    /// The container has written to its log.
    Log {
        /// Bytes written so far.
        bytes_total: u64,
    },
    /// The container still runs. About once a second.
    Running {
        /// How long it has run, on a clock that stops while the PC sleeps.
        running_ms: u64,
    },
    /// The container has ended by itself.
    Exited {
        /// The program's exit code.
        code: i64,
    },
    /// Outputs are on their way.
    Uploading {
        /// How much has been brought.
        permille: u16,
    },
    /// Nothing more comes by itself; container and work volume are kept until discarded.
    Ended(Ending),
    /// The answer to [`Runner::save`].
    Saved(Saved),
}

/// How an attempt ended on this rig.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// Exit code 0, every output brought.
    Succeeded {
        /// What was brought.
        outputs: Vec<OutputFile>,
        /// How long the container ran.
        running_ms: u64,
        /// How many bytes of log were brought.
        log_bytes: u64,
    },
    /// It ended badly.
    Failed {
        /// Why.
        reason: Reason,
        /// The program's exit code, if it ended by itself.
        exit_code: Option<i64>,
        /// A line more for the customer, at most 500 characters.
        detail: Option<String>,
        /// How long the container ran.
        running_ms: u64,
        /// How many bytes of log were brought.
        log_bytes: u64,
    },
    /// It was stopped because [`Runner::stop`] or [`Runner::kill`] asked.
    Stopped {
        /// How long the container ran.
        running_ms: u64,
        /// How many bytes of log were brought.
        log_bytes: u64,
    },
}

/// What the runner may use and where it keeps things.
#[derive(Debug, Clone)]
pub struct RunnerConfig {
    /// The agent's data directory; the runner owns `work/`, `logs/` and `images.json` in it.
    pub data_dir: PathBuf,
    /// Whose containers these are. Others' are never touched.
    pub device: DeviceId,
    /// Use this engine and no other: `unix:///…`, `npipe:////./pipe/…`, `http://…` or a path. None looks for one.
    pub socket: Option<String>,
    /// What the owner gives to images. Least recently used ones leave when it is full.
    pub image_cap_bytes: u64,
    /// What must stay free on the owner's disk whatever happens.
    pub disk_reserve_bytes: u64,
    /// Where inputs named by address may come from.
    pub input_hosts: InputHosts,
    /// Hold jobs' disk use to its limit in this way. None takes the best this machine can do.
    pub disk_limit: Option<DiskLimit>,
    /// How soon it must be noticed that the engine has gone.
    pub pace: watch::Receiver<Pace>,
    /// Whether and how jobs that name hosts may reach them.
    pub egress: EgressConfig,
    /// How much of the owner's line the rig itself may use for jobs.
    pub bandwidth: watch::Receiver<Bandwidth>,
}

impl RunnerConfig {
    /// Kept free by default: enough for a desktop to go on working and for its logs.
    pub const DISK_RESERVE_BYTES: u64 = 2 << 30;
}

/// Where inputs named by address may come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputHosts {
    /// The public internet only: a customer must not reach the owner's own network through his PC.
    Public,
    /// Anywhere. For networks in one house, and for tests.
    Any,
}

/// The engine in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineDescription {
    /// Name and version, such as `Docker 20.10.24`.
    pub name: String,
    /// The socket or address it answers at.
    pub address: String,
    /// How a job's disk use is held to its limit.
    pub disk_limit: DiskLimit,
    /// What the owner should know, such as a limit that is weaker than it could be.
    pub notes: Vec<engine::Note>,
    /// Whether it gives containers graphics cards.
    pub gives_gpus: bool,
    /// The engines that were looked at before, and why each was not taken.
    pub tried: Vec<EngineTried>,
}

/// What can be asked of a runner. The fake answers the same.
#[derive(Debug)]
pub enum Command {
    /// Run this.
    Start(Box<Assignment>),
    /// End it: SIGTERM, `grace`, SIGKILL.
    Stop {
        /// Which.
        at: AttemptRef,
        /// How long it may take to end by itself.
        grace: Duration,
    },
    /// Bring what it left as its checkpoint.
    Save(Box<Assignment>),
    /// Remove everything of it.
    Discard {
        /// Which.
        at: AttemptRef,
        /// Told when nothing is left.
        done: Option<oneshot::Sender<()>>,
    },
    /// Take up what an earlier life of the agent left.
    Adopt {
        /// What the journal says is ours.
        known: Vec<Known>,
        /// Attempts that are over and whose work volumes stay nevertheless.
        kept: Vec<AttemptId>,
        /// What was found of each.
        found: oneshot::Sender<Vec<Adopted>>,
    },
}

/// Runs containers. A cheap handle: the work happens in tasks it owns, and each call hands over and returns.
///
/// Dropping it leaves containers as they are; the next life adopts them.
#[derive(Debug, Clone)]
pub struct Runner {
    commands: mpsc::Sender<Command>,
    engine: Arc<EngineDescription>,
    images: watch::Receiver<Vec<Sha256>>,
    pulse: watch::Receiver<bool>,
    tasks: Tasks,
}

impl Runner {
    /// Finds an engine that can hold a container to its limits, and makes ready.
    ///
    /// # Errors
    /// [`EngineMissing`] names every engine looked at and why it was not taken.
    pub async fn connect(config: RunnerConfig) -> Result<(Self, mpsc::Receiver<RunEvent>), EngineMissing> {
        let (events, events_rx) = mpsc::channel(EVENTS_MAX);
        let (commands, commands_rx) = mpsc::channel(COMMANDS_MAX);
        let pace = config.pace.clone();
        let ready = crew::Crew::make_ready(config, events).await?;
        let tasks = Tasks::new();
        let (beat, pulse) = watch::channel(true);
        tasks.spawn("engine pulse", pulse::feel(ready.docker(), pace, beat, tasks.stopped()));
        let runner = Self { commands, engine: ready.description(), images: ready.images_present(), pulse, tasks };
        runner.tasks.spawn("runner", ready.work(commands_rx, runner.tasks.stopped()));
        Ok((runner, events_rx))
    }

    /// A runner without an engine, for tests of what stands above it: the test reads the commands and sends the events.
    #[must_use]
    pub fn fake() -> (Self, mpsc::Receiver<RunEvent>, FakeEngine) {
        Self::fake_engine(false)
    }

    /// The same with an engine that gives containers graphics cards.
    #[must_use]
    pub fn fake_giving_gpus() -> (Self, mpsc::Receiver<RunEvent>, FakeEngine) {
        Self::fake_engine(true)
    }

    fn fake_engine(gives_gpus: bool) -> (Self, mpsc::Receiver<RunEvent>, FakeEngine) {
        let (events, events_rx) = mpsc::channel(EVENTS_MAX);
        let (commands, commands_rx) = mpsc::channel(COMMANDS_MAX);
        let (images, images_rx) = watch::channel(Vec::new());
        let (pulse, pulse_rx) = watch::channel(true);
        let engine = EngineDescription {
            name: "Fake 1.0".to_owned(),
            address: "fake".to_owned(),
            disk_limit: DiskLimit::LoopExt4,
            notes: Vec::new(),
            gives_gpus,
            tried: Vec::new(),
        };
        let runner = Self { commands, engine: Arc::new(engine), images: images_rx, pulse: pulse_rx, tasks: Tasks::new() };
        (runner, events_rx, FakeEngine { commands: commands_rx, events, images, pulse })
    }

    /// Runs `assignment`. Twice the same attempt is once.
    pub async fn start(&self, assignment: Assignment) {
        self.hand_over(Command::Start(Box::new(assignment))).await;
    }

    /// Ends an attempt: SIGTERM, which is also the sign to write a checkpoint, then SIGKILL after `grace`.
    pub async fn stop(&self, at: AttemptRef, grace: Duration) {
        self.hand_over(Command::Stop { at, grace }).await;
    }

    /// Ends an attempt at once.
    pub async fn kill(&self, at: AttemptRef) {
        self.hand_over(Command::Stop { at, grace: Duration::ZERO }).await;
    }

    /// Brings what an attempt that has ended left as its checkpoint, one file after the other and slowly, for as long as it
    /// takes or until it is discarded: somebody works at this PC.
    pub async fn save(&self, assignment: Assignment) {
        self.hand_over(Command::Save(Box::new(assignment))).await;
    }

    /// Removes container, work volume and everything else the customer left here.
    pub async fn discard(&self, at: AttemptRef) {
        self.hand_over(Command::Discard { at, done: None }).await;
    }

    /// Like [`Runner::discard`], and returns when nothing is left.
    pub async fn discarded(&self, at: AttemptRef) {
        let (done, gone) = oneshot::channel();
        self.hand_over(Command::Discard { at, done: Some(done) }).await;
        // An error means the runner is ending; the next life removes what is left.
        gone.await.ok();
    }

    /// Takes up what an earlier life of the agent left: containers of `known` attempts are followed on, all others of
    /// this device are removed with their volumes, but for what `kept` attempts left. Call once, before anything is started.
    pub async fn adopt(&self, known: Vec<Known>, kept: Vec<AttemptId>) -> Vec<Adopted> {
        let (found, answer) = oneshot::channel();
        self.hand_over(Command::Adopt { known, kept, found }).await;
        answer.await.unwrap_or_default()
    }

    /// The engine in use.
    #[must_use]
    pub fn engine(&self) -> &EngineDescription {
        &self.engine
    }

    /// How a job's disk use is held to its limit on this rig.
    #[must_use]
    pub fn disk_limit(&self) -> DiskLimit {
        self.engine.disk_limit
    }

    /// Digests of the images that are here, most recently used first.
    #[must_use]
    pub fn images(&self) -> Vec<Sha256> {
        self.images.borrow().clone()
    }

    /// Whether the engine answers, and each change of that.
    #[must_use]
    pub fn pulse(&self) -> watch::Receiver<bool> {
        self.pulse.clone()
    }

    /// Ends the runner's tasks and returns when they have ended. Containers go on; the next life adopts them.
    pub async fn shutdown(self) {
        if !self.tasks.shutdown(SHUTDOWN_MAX).await {
            tracing::warn!("The runner did not end in time; what it was doing is taken up at the next start");
        }
    }

    async fn hand_over(&self, command: Command) {
        if self.commands.send(command).await.is_err() {
            // Only while the agent is ending: the crew outlives every handle but not a shutdown.
            tracing::debug!("The runner has ended; a command to it was dropped");
        }
    }
}

/// The other side of [`Runner::fake`].
#[derive(Debug)]
pub struct FakeEngine {
    /// What was asked.
    pub commands: mpsc::Receiver<Command>,
    /// What the test says happens.
    pub events: mpsc::Sender<RunEvent>,
    /// What images the test says are here.
    pub images: watch::Sender<Vec<Sha256>>,
    /// Whether the test says that the engine answers.
    pub pulse: watch::Sender<bool>,
}
