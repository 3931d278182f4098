//! An agent under test.

use std::{fs, path::Path, sync::Arc, time::Duration};

use headframe_agent::{
    Agent, AgentConfig,
    agent::EngineSource,
    challenge::{NoProvers, ProverSource, Provers},
    idle::{FakeProbe, Sign},
    runner::{Adopted, Command, Ending, FakeEngine, Found, Known, RunEvent, RunEventKind, Runner},
    telemetry::{FakeGpus, GpuReading},
};
use headframe_protocol::{control::Snapshot, session::AttemptRef};
use tempfile::TempDir;
use tokio::{sync::mpsc, time::timeout};

use crate::coordinator::{FakeCoordinator, PATIENCE};

pub(crate) struct Rig {
    pub(crate) agent: Agent,
    pub(crate) engine: FakeEngine,
    pub(crate) owner: FakeProbe,
    pub(crate) power: FakeProbe,
}

/// A data directory with settings for `coordinator`, whose owner has pressed Start and is away.
pub(crate) fn home(coordinator: &FakeCoordinator) -> TempDir {
    let home = tempfile::tempdir().expect("a folder");
    let settings = format!(
        "[coordinator]\nurl = \"{}\"\n[start]\nautomatically = true\n[timers]\ndivisor = 20\n[rig]\nname = \"cellar\"\n",
        coordinator.url()
    );
    fs::write(home.path().join("agent.toml"), settings).expect("written");
    home
}

impl Rig {
    /// Begins a life in `home`.
    pub(crate) async fn begin(home: &Path) -> Self {
        Self::begin_with(home, Runner::fake(), Vec::new(), Arc::new(NoProvers)).await
    }

    /// Begins a first life on a PC with a card of 24 GiB that draws 300 W.
    pub(crate) async fn with_card(home: &Path, provers: Arc<dyn Provers>) -> Self {
        let cards = vec![GpuReading { power_milliwatts: Some(300_000), ..GpuReading::named("GPU-1", "a card") }];
        let mut rig = Self::begin_with(home, Runner::fake_giving_gpus(), cards, provers).await;
        assert!(rig.adopts(Found::Missing).await.is_empty(), "nothing is left of a life that never was");
        rig
    }

    async fn begin_with(
        home: &Path,
        (runner, events, engine): (Runner, mpsc::Receiver<RunEvent>, FakeEngine),
        cards: Vec<GpuReading>,
        provers: Arc<dyn Provers>,
    ) -> Self {
        let gpus = FakeGpus::default();
        gpus.set(cards);
        let owner = FakeProbe::new(Duration::from_secs(1_000_000));
        let power = FakeProbe::seeing(Sign::OnBattery(false));
        let config = AgentConfig {
            data_dir: Some(home.to_owned()),
            probes: vec![Box::new(owner.clone()), Box::new(power.clone())],
            gpus: Box::new(gpus),
            engine: EngineSource::Given(runner, events),
            provers: ProverSource::Given(provers),
        };
        let agent = Agent::bind(config).await.expect("an agent");
        Self { agent, engine, owner, power }
    }

    /// Begins a life in which an earlier one left nothing.
    pub(crate) async fn fresh(home: &Path) -> Self {
        let mut rig = Self::begin(home).await;
        assert!(rig.adopts(Found::Missing).await.is_empty(), "nothing is left of a life that never was");
        rig
    }

    async fn command(&mut self) -> Command {
        timeout(PATIENCE, self.engine.commands.recv()).await.expect("the agent orders something").expect("the agent lives")
    }

    /// The engine is asked what is left, and finds `found` of everything.
    pub(crate) async fn adopts(&mut self, found: Found) -> Vec<Known> {
        match self.command().await {
            Command::Adopt { known, kept: _, found: reply } => {
                let adopted = known.iter().map(|known| Adopted { at: known.assignment.at, found }).collect();
                reply.send(adopted).expect("the agent waits for it");
                known
            }
            other => panic!("adoption comes first, not {other:?}"),
        }
    }

    pub(crate) async fn starts(&mut self) -> AttemptRef {
        match self.command().await {
            Command::Start(assignment) => assignment.at,
            other => panic!("a start was due, not {other:?}"),
        }
    }

    pub(crate) async fn stops(&mut self) -> (AttemptRef, Duration) {
        match self.command().await {
            Command::Stop { at, grace } => (at, grace),
            other => panic!("a stop was due, not {other:?}"),
        }
    }

    pub(crate) async fn discards(&mut self) -> AttemptRef {
        loop {
            match self.command().await {
                Command::Discard { at, .. } => return at,
                // The engine of these tests is slow to stop; patience ends now and then.
                Command::Stop { .. } => {}
                other => panic!("a discard was due, not {other:?}"),
            }
        }
    }

    pub(crate) async fn tell(&self, at: AttemptRef, kind: RunEventKind) {
        self.engine.events.send(RunEvent { at, kind }).await.expect("the agent listens");
    }

    /// `at` runs, and has for `running_ms`.
    pub(crate) async fn runs(&self, at: AttemptRef, running_ms: u64) {
        self.tell(at, RunEventKind::Started).await;
        self.tell(at, RunEventKind::Running { running_ms }).await;
    }

    pub(crate) async fn succeeds(&self, at: AttemptRef, running_ms: u64) {
        self.tell(at, RunEventKind::Exited { code: 0 }).await;
        self.tell(at, RunEventKind::Ended(Ending::Succeeded { outputs: Vec::new(), running_ms, log_bytes: 12 })).await;
    }

    pub(crate) async fn is_stopped(&self, at: AttemptRef, running_ms: u64) {
        self.tell(at, RunEventKind::Ended(Ending::Stopped { running_ms, log_bytes: 12 })).await;
    }

    /// Waits until the snapshot is as `wanted`.
    pub(crate) async fn shows(&self, wanted: impl Fn(&Snapshot) -> bool) {
        let mut snapshots = self.agent.handle().snapshots();
        let shown = timeout(PATIENCE, snapshots.wait_for(|snapshot| wanted(snapshot))).await;
        if shown.is_err() {
            panic!("never shown; last: {:#?}", self.agent.handle().snapshot());
        }
    }
}
