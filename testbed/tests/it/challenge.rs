//! A real agent proves to a real coordinator what its card can do; there is no engine and no card, and the processor does the work: as the
//! reference does it, or through the program that proves on cards, on one that is a program.

use std::{fs, path::Path, sync::Arc, time::Duration};

use clap::Parser as _;
use headframe_agent::{
    Agent, AgentConfig,
    agent::EngineSource,
    benchmark::child::Measurer,
    challenge::{CardNames, MeasuredCards, ProverSource, Provers, References},
    idle::{FakeProbe, Sign},
    runner::{Command, FakeEngine, Runner},
    telemetry::{FakeGpus, GpuReading},
};
use headframe_coordinator::{
    Config, Coordinator,
    admin::{self, AdminArgs},
    store::challenges::{self, ChallengeRecord},
};
use headframe_protocol::{DeviceId, benchmark::CardClass, control::Phase};
use headframe_testbed::process::workspace_binary;
use serde_json::{Value, json};
use tokio::{
    sync::watch,
    time::{Instant, sleep, timeout},
};

/// How long anything may take. Generous: a busy machine is not a failure.
const PATIENCE: Duration = Duration::from_secs(60);

/// A network whose cards are asked for little, and have minutes for it.
fn unhurried(dir: &Path) -> Config {
    let mut config = Config::on_loopback(dir, 20);
    config.challenge.size_max = 128;
    config.challenge.ops_per_s_at_1000_fu = 10_000_000;
    config.challenge.read_bytes_per_s_at_1000_fu = 100_000;
    config.timers.challenge_opening = PATIENCE;
    config
}

struct Rig {
    agent: Agent,
    owner: FakeProbe,
    engine: FakeEngine,
}

async fn rig(dir: &Path, coordinator: &Coordinator, provers: Arc<dyn Provers>) -> Rig {
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
        provers: ProverSource::Given(provers),
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

/// What `admin <line> --json` says.
async fn admin(config: &Config, line: &str) -> Value {
    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        args: AdminArgs,
    }
    let words = ["admin"].into_iter().chain(line.split_whitespace()).chain(["--json"]);
    let mut out = Vec::new();
    admin::run(config, Line::parse_from(words).args, &mut out).await.expect("an answer");
    serde_json::from_slice(&out).expect("JSON")
}

/// A rig proves by `provers` what its card can do, and the operator sees it.
async fn proves(provers: Arc<dyn Provers>) {
    let (theirs, ours) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let config = unhurried(theirs.path());
    let coordinator = Coordinator::bind(config.clone()).await.expect("a coordinator");
    let Rig { agent, owner: _owner, engine: _engine } = rig(ours.path(), &coordinator, provers).await;
    let device = agent.handle().device();
    want(&coordinator, device).await;
    let record = over(&coordinator).await;
    assert_eq!(record.reason.as_deref(), Some("passed"), "{record:?}");
    assert_eq!((record.gpu.as_str(), record.size), ("GPU-1", 64), "who claims nothing is asked for little");
    let cards = admin(&config, &format!("rig cards {device}")).await;
    assert_eq!((&cards[0]["gpu"], &cards[0]["tier"], &cards[0]["suspect"]), (&json!("GPU-1"), &json!("verified"), &json!(false)));
    let mut snapshots = agent.handle().snapshots();
    let quiet = timeout(PATIENCE, snapshots.wait_for(|now| now.rig.gpus.iter().all(|gpu| !gpu.proving))).await;
    quiet.expect("the card is free again").expect("it lives");
    agent.abandon().await;
    coordinator.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_agent_proves_what_its_card_can_do() {
    proves(Arc::new(References)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_proves_itself_through_the_program_that_measures() {
    let program = workspace_binary("HEADFRAME_BENCHMARK_BIN", "headframe-benchmark").expect("a built program");
    let cards = Measurer::at(&program).cards().await.expect("a look");
    let software = cards.into_iter().find(|card| card.class == CardClass::Software);
    let software = software.expect("a software adapter; on Debian `apt-get install mesa-vulkan-drivers libvulkan1`");
    let names = CardNames::from([("GPU-1".to_owned(), software.id)]);
    proves(Arc::new(MeasuredCards::new(program, watch::channel(names).1))).await;
}
