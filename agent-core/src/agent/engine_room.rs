//! Finds the container engine, for as long as it takes, and stands between the loop and the runner.

use std::{path::Path, time::Duration};

use headframe_protocol::{
    AttemptId, DeviceId, Sha256,
    control::{EngineTried, EngineView},
    session::AttemptRef,
};
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{
    duty::{EngineState, Order, assignment},
    pace::Pace,
    runner::{
        Adopted, Bandwidth, EgressCaps, EgressConfig, EngineMissing, InputHosts, Known, RunEvent, Runner, RunnerConfig, WhyNot,
    },
    settings::{Settings, Timers},
    tasks::Tasks,
};

/// How often an engine is looked for while there is none.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// How long an agent that ends waits until what its jobs left is off the disk. The next start removes what is left then.
const CLEAR_UP_MAX: Duration = Duration::from_secs(4);

/// Orders waiting for the runner, and news waiting for the loop. Each attempt makes a few at a time.
const QUEUE_MAX: usize = 256;

/// Where the container engine comes from.
#[derive(Debug)]
pub enum EngineSource {
    /// Looked for on this PC.
    Find,
    /// Given, as by tests.
    Given(Runner, mpsc::Receiver<RunEvent>),
}

/// What the loop wants of the runner.
#[derive(Debug)]
pub(super) enum Wanted {
    /// What duty decided.
    Order(Order),
    /// Look at what an earlier life left.
    Adopt {
        /// Attempts that are not over.
        known: Vec<Known>,
        /// Attempts that are over and have left something that is still needed.
        kept: Vec<AttemptId>,
    },
}

/// What the loop hears of engine and runner.
#[derive(Debug)]
pub(super) enum News {
    /// None can be used.
    Missing(EngineState, EngineView),
    /// One is there; next comes [`Wanted::Adopt`].
    Found {
        /// What the owner sees of it.
        view: EngineView,
        /// Whether it gives containers graphics cards.
        gives_gpus: bool,
    },
    /// It had stopped answering and answers again.
    Back(EngineView),
    /// What an earlier life left.
    Adopted(Vec<Adopted>),
    /// What happened to a container.
    Run(RunEvent),
    /// Which images are here, if that changed.
    Images(Vec<Sha256>),
}

/// By which hands the runner learns what the owner's rules let jobs use.
pub(super) struct Owner {
    /// How far they may reach the internet.
    pub(super) egress: watch::Sender<Option<EgressCaps>>,
    /// How much of the line.
    pub(super) bandwidth: watch::Sender<Bandwidth>,
}

/// What the runner is started with, and what of it may change.
pub(super) fn runner_config(
    data_dir: &Path,
    device: DeviceId,
    settings: &Settings,
    pace: watch::Receiver<Pace>,
) -> (RunnerConfig, Owner) {
    let (egress, caps) = watch::channel(None);
    let (bandwidth, limits) = watch::channel(Bandwidth::default());
    let config = RunnerConfig {
        data_dir: data_dir.to_owned(),
        device,
        socket: Some(settings.engine.socket.clone()).filter(|socket| !socket.is_empty()),
        image_cap_bytes: u64::from(settings.limits.disk_gib) << 30,
        disk_reserve_bytes: RunnerConfig::DISK_RESERVE_BYTES,
        disk_limit: None,
        pace,
        egress: EgressConfig::internet(caps),
        bandwidth: limits,
        input_hosts: if settings.inputs.allow_private_addresses { InputHosts::Any } else { InputHosts::Public },
    };
    (config, Owner { egress, bandwidth })
}

/// Opens the room. Ends when the tasks are stopped; containers go on.
pub(super) fn open(
    source: EngineSource,
    config: RunnerConfig,
    timers: Timers,
    gpus: Vec<String>,
    tasks: &Tasks,
) -> (mpsc::Sender<Wanted>, mpsc::Receiver<News>) {
    let (orders, wanted) = mpsc::channel(QUEUE_MAX);
    let (news, heard) = mpsc::channel(QUEUE_MAX);
    let room = Room { config, timers, wanted, news, images: Vec::new(), gpus, discards: JoinSet::new() };
    tasks.spawn("engine", room.run(source, tasks.stopped()));
    (orders, heard)
}

struct Room {
    config: RunnerConfig,
    timers: Timers,
    wanted: mpsc::Receiver<Wanted>,
    news: mpsc::Sender<News>,
    images: Vec<Sha256>,
    /// The card of each slot, by its UUID.
    gpus: Vec<String>,
    /// What is being removed: a customer's data must not stay because the owner ends the agent.
    discards: JoinSet<()>,
}

impl Room {
    async fn run(mut self, source: EngineSource, stop: CancellationToken) {
        let found = match source {
            EngineSource::Given(runner, events) => Some((runner, events)),
            EngineSource::Find => self.find(&stop).await,
        };
        let Some((runner, events)) = found else { return };
        self.work(&runner, events, &stop).await;
        self.clear_up(&runner).await;
        runner.shutdown().await;
    }

    async fn find(&self, stop: &CancellationToken) -> Option<(Runner, mpsc::Receiver<RunEvent>)> {
        let mut told: Option<Vec<crate::runner::EngineTried>> = None;
        loop {
            let look = tokio::select! {
                biased;
                () = stop.cancelled() => return None,
                look = Runner::connect(self.config.clone()) => look,
            };
            let missing = match look {
                Ok(found) => return Some(found),
                Err(missing) => missing,
            };
            if told.as_ref() != Some(&missing.tried) {
                warn!("No container engine yet: {missing}");
                self.tell(News::Missing(state(&missing), view(None, &missing.tried))).await;
                told = Some(missing.tried);
            }
            tokio::time::timeout(self.timers.scaled(LOOK_EVERY), stop.cancelled()).await.ok();
        }
    }

    async fn work(&mut self, runner: &Runner, mut events: mpsc::Receiver<RunEvent>, stop: &CancellationToken) {
        let engine = runner.engine();
        info!(engine.name = %engine.name, engine.address = %engine.address, "Using {}", engine.name);
        let view = view(Some(&engine.name), &engine.tried);
        self.tell(News::Found { view, gives_gpus: engine.gives_gpus }).await;
        self.tell_images(runner).await;
        let mut pulse = runner.pulse();
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                Ok(()) = pulse.changed() => {
                    let alive = *pulse.borrow_and_update();
                    self.tell_pulse(runner, alive).await;
                }
                wanted = self.wanted.recv() => match wanted {
                    Some(wanted) => self.pass_on(runner, wanted).await,
                    None => return,
                },
                Some(_) = self.discards.join_next() => {}
                event = events.recv() => match event {
                    Some(event) => {
                        self.tell(News::Run(event)).await;
                        self.tell_images(runner).await;
                    }
                    None => return,
                },
            }
        }
    }

    /// What was decided just before the end is still carried out, if it is a removal; all else is for the next life.
    async fn clear_up(&mut self, runner: &Runner) {
        while let Ok(wanted) = self.wanted.try_recv() {
            if let Wanted::Order(Order::Discard(at)) = wanted {
                self.discard(runner, at);
            }
        }
        let discards = std::mem::take(&mut self.discards);
        if tokio::time::timeout(CLEAR_UP_MAX, discards.join_all()).await.is_err() {
            warn!("Some of what a job left is still here; the next start removes it");
        }
    }

    fn discard(&mut self, runner: &Runner, at: AttemptRef) {
        let runner = runner.clone();
        self.discards.spawn(async move { runner.discarded(at).await });
    }

    async fn pass_on(&mut self, runner: &Runner, wanted: Wanted) {
        match wanted {
            Wanted::Adopt { known, kept } => self.tell(News::Adopted(runner.adopt(known, kept).await)).await,
            Wanted::Order(Order::Start { offer, cards }) => {
                let gpus = cards.iter().filter_map(|slot| self.gpus.get(usize::from(*slot))).cloned().collect();
                runner.start(assignment(&offer, gpus)).await;
            }
            Wanted::Order(Order::Stop { at, grace }) => runner.stop(at, grace).await,
            Wanted::Order(Order::Kill(at)) => runner.kill(at).await,
            Wanted::Order(Order::Save(offer)) => runner.save(assignment(&offer, Vec::new())).await,
            Wanted::Order(Order::Discard(at)) => self.discard(runner, at),
        }
    }

    async fn tell_pulse(&self, runner: &Runner, alive: bool) {
        let engine = runner.engine();
        if alive {
            info!("{} answers again", engine.name);
            self.tell(News::Back(view(Some(&engine.name), &engine.tried))).await;
            return;
        }
        let message = format!("{} at {} has stopped answering; start it again", engine.name, engine.address);
        warn!("{message}");
        let why = WhyNot::Mute { detail: "it has stopped answering".to_owned() };
        let silent = crate::runner::EngineTried { name: engine.name.clone(), address: engine.address.clone(), why };
        self.tell(News::Missing(EngineState::Unusable { message }, view(None, &[silent]))).await;
    }

    async fn tell_images(&mut self, runner: &Runner) {
        let images = runner.images();
        if images != self.images {
            self.images.clone_from(&images);
            self.tell(News::Images(images)).await;
        }
    }

    async fn tell(&self, news: News) {
        // Nobody listens any more only while the agent ends.
        self.news.send(news).await.ok();
    }
}

/// Nothing installed is one thing; installed and unusable is another, which the owner can mend.
fn state(missing: &EngineMissing) -> EngineState {
    let unusable = missing.tried.iter().find(|tried| match tried.why {
        WhyNot::NoSocket => false,
        WhyNot::Refused | WhyNot::Denied | WhyNot::Mute { .. } | WhyNot::BadAddress { .. } | WhyNot::Unfit(_) => true,
    });
    unusable.map_or(EngineState::Missing, |tried| EngineState::Unusable { message: tried.to_string() })
}

fn view(found: Option<&str>, tried: &[crate::runner::EngineTried]) -> EngineView {
    let tried = tried
        .iter()
        .map(|tried| EngineTried { place: format!("{} ({})", tried.name, tried.address), result: tried.why.to_string() });
    EngineView { found: found.map(ToOwned::to_owned), tried: tried.collect() }
}
