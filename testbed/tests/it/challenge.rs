//! A real agent proves to a real coordinator what its card can do; there is no engine and no card, and the processor does the work.

use std::{fs, path::Path, sync::Arc, time::Duration};

use headframe_agent::{
    Agent, AgentConfig,
    agent::EngineSource,
    challenge::References,
    idle::{FakeProbe, Sign},
    runner::{Command, FakeEngine, Runner},
    telemetry::{FakeGpus, GpuReading},
};
use headframe_coordinator::{
    Config, Coordinator,
    store::challenges::{self, ChallengeRecord},
};
use headframe_protocol::{DeviceId, control::Phase};
use tokio::time::{Instant, sleep, timeout};

/// How long anything may take. Generous: a busy machine is not a failure.
const PATIENCE: Duration = Duration::from_secs(60);

async fn coordinator(dir: &Path) -> Coordinator {
    let mut config = Config::on_loopback(dir, 20);
    config.challenge.size_max = 128;
    config.challenge.ops_per_s_at_1000_fu = 500_000_000;
    config.challenge.read_bytes_per_s_at_1000_fu = 100_000;
    config.timers.challenge_opening = PATIENCE;
    Coordinator::bind(config).await.expect("a coordinator")
}

struct Rig {
    agent: Agent,
    owner: FakeProbe,
    engine: FakeEngine,
}

async fn rig(dir: &Path, coordinator: &Coordinator) -> Rig {
    let url = format!("http://{}", coordinator.local_addr());
    let settings = format!(
        "[coordinator]\nurl = \"{url}\"\n[start]\nautomatically = true\n[benchmark]\nautomatically = false\n[timers]\ndivisor = 20\n"
    );
    fs::write(dir.join("agent.toml"), settings).expect("written");
    let (runner, events, mut engine) = Runner::fake_giving_gpus();
    let owner = FakeProbe::new(Duration::from_secs(1_000_000));
    let gpus = FakeGpus::default();
    gpus.set(vec![GpuReading::named("GPU-1", "a card")]);
    let config = AgentConfig {
        data_dir: Some(dir.to_owned()),
        probes: vec![Box::new(owner.clone()), Box::new(FakeProbe::seeing(Sign::OnBattery(false)))],
        gpus: Box::new(gpus),
        engine: EngineSource::Given(runner, events),
        provers: Arc::new(References),
    };
    let agent = Agent::bind(config).await.expect("an agent");
    let Some(Command::Adopt { found, .. }) = engine.commands.recv().await else { panic!("adoption comes first") };
    found.send(Vec::new()).expect("the agent waits for it");
    let mut snapshots = agent.handle().snapshots();
    let ready = timeout(PATIENCE, snapshots.wait_for(|now| now.phase == Phase::Ready)).await;
    ready.expect("it becomes ready").expect("it lives");
    Rig { agent, owner, engine }
}

async fn want(coordinator: &Coordinator, device: DeviceId) {
    let store = &coordinator.app().store;
    let started = Instant::now();
    loop {
        let mut tx = store.begin().await.expect("a transaction");
        let known = challenges::want(&mut tx, device, store.now()).await.expect("written");
        tx.commit().await.expect("written");
        if known {
            return;
        }
        assert!(started.elapsed() < PATIENCE, "the rig never came");
        sleep(Duration::from_millis(20)).await;
    }
}

async fn over(coordinator: &Coordinator) -> ChallengeRecord {
    let started = Instant::now();
    loop {
        let mut connection = coordinator.app().store.read().await.expect("a connection");
        let records = challenges::list(&mut connection, None, 10).await.expect("a list");
        if let Some(record) = records.iter().find(|record| record.outcome.is_some()) {
            return record.clone();
        }
        assert!(started.elapsed() < PATIENCE, "no challenge came to an end: {records:?}");
        drop(connection);
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_agent_proves_what_its_card_can_do() {
    let (theirs, ours) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let coordinator = coordinator(theirs.path()).await;
    let Rig { agent, owner: _owner, engine: _engine } = rig(ours.path(), &coordinator).await;
    want(&coordinator, agent.handle().device()).await;
    let record = over(&coordinator).await;
    assert_eq!(record.reason.as_deref(), Some("passed"), "{record:?}");
    assert_eq!((record.gpu.as_str(), record.size), ("GPU-1", 64), "who claims nothing is asked for little");
    agent.abandon().await;
    coordinator.shutdown().await;
}
