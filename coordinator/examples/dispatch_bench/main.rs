//! How fast the coordinator assigns, and whether matching stays as cheap in a large network as in a small one.
//!
//! Prints one JSON line per figure, `{"id","value","unit","note"}`. The database is the argument (`postgres://…`), or a SQLite file
//! in a temporary folder; its kind is part of the figure's id. Matching is measured with `match` as the argument.

#![allow(clippy::print_stdout, reason = "figures are this program's output")]

use std::time::{Duration, Instant};

use alloy::signers::{SignerSync as _, local::PrivateKeySigner};
use anyhow::Context as _;
use futures_util::{SinkExt as _, StreamExt as _};
use headframe_coordinator::{
    Config, Coordinator,
    admin::{By, acts},
    store::{
        amount::Amount,
        jobs::{self, NewJob},
        purses::Purse,
        switches::{self, Switch},
    },
};
use headframe_protocol::{
    ApiKeyId, CustomerId, DeviceId, JobId, Micros, PROTOCOL_VERSION, Sha256,
    api::Pot,
    auth::{self, DeviceSignature, Handshake},
    job::JobSpec,
    rig::{Os, Refusals, RigReport},
    session::{AgentMessage, CoordinatorMessage, Hello},
};
use tokio::{net::TcpStream, task::JoinSet};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async, tungstenite::Message};

mod hours;
mod matching;

/// Jobs assigned in one measurement.
const JOBS: usize = 20_000;

/// Attempts one rig takes: the most there may be.
const SLOTS: u8 = 16;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    match std::env::args().nth(1).as_deref() {
        Some("match") => matching::measure(),
        database => assignments(database).await,
    }
}

fn print(id: &str, value: f64, unit: &str, note: &str) {
    println!("{}", serde_json::json!({ "id": id, "value": value, "unit": unit, "note": note }));
}

fn spec() -> anyhow::Result<JobSpec> {
    let digest = Sha256::of(b"bench");
    let spec = serde_json::json!({ "image": format!("127.0.0.1:5000/a/b@sha256:{digest}"), "max_price_per_hour": "3600000", "timeout_s": 1 });
    serde_json::from_value(spec).context("the bench's own job")
}

fn report(slots: u8, floor: i64) -> RigReport {
    RigReport {
        name: String::new(),
        os: Os::Linux,
        cpu_cores: 8,
        cpu_model: String::new(),
        memory_bytes: 16 << 30,
        disk_bytes: 100 << 30,
        gpus: Vec::new(),
        floor_per_hour: Micros::new(floor),
        slots,
        images: Vec::new(),
        engine: String::new(),
        egress_bytes_max: 0,
        refuses: Refusals::default(),
    }
}

fn device(number: u64) -> DeviceId {
    let mut bytes = [0; 20];
    bytes[12..].copy_from_slice(&number.to_be_bytes());
    DeviceId(bytes.into())
}

/// Durable assignments per second: from jobs waiting in the queue and rigs connected over real WebSockets to the last
/// attempt committed. Offers are pushed while the clock runs; the rigs read them and do nothing, for their answer is no
/// part of an assignment.
async fn assignments(database: Option<&str>) -> anyhow::Result<()> {
    let folder = tempfile::tempdir().context("a folder")?;
    let mut config = Config::on_loopback(folder.path(), 1);
    config.database_url = database.map(str::to_owned);
    config.images.require_approval = false;
    // Offers nobody answers must not be given out again while the clock runs.
    config.timers.offer_ack = Duration::from_secs(600);
    let coordinator = Coordinator::bind(config).await.context("the coordinator")?;
    let app = coordinator.app();
    let by = By::new("bench", "measure")?;
    let name = format!("b{}", CustomerId::generate().to_string().replace("cus_", ""));
    let customer = acts::create_customer(&app.store, &app.config.limits, &by, &name, None).await?.id;
    set_stopped(&coordinator, true).await?;
    queue(&coordinator, customer).await?;
    let mut rigs = JoinSet::new();
    // As many slots as jobs, so that nothing waits for a rig to become free.
    for _ in 0..JOBS / usize::from(SLOTS) {
        let socket = connect(&format!("http://{}", coordinator.local_addr())).await?;
        rigs.spawn(listen(socket));
    }
    while app.dispatch.waiting().await < JOBS {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let started = Instant::now();
    set_stopped(&coordinator, false).await?;
    let took = until_assigned(&coordinator, started).await?;
    let kind = app.store.dialect();
    let note = format!("{JOBS} durable assignments in {:.2} s, {} rigs on loopback sockets", took.as_secs_f64(), rigs.len());
    print(&format!("dispatch.assign_per_s.{kind}"), (JOBS as f64 / took.as_secs_f64()).round(), "1/s", &note);
    rigs.abort_all();
    coordinator.shutdown().await;
    Ok(())
}

/// Stops the network or lets it go on, as the operator does, without waiting until the coordinator looks.
async fn set_stopped(coordinator: &Coordinator, stopped: bool) -> anyhow::Result<()> {
    let store = &coordinator.app().store;
    let mut tx = store.begin().await?;
    switches::set(&mut tx, Switch::NetworkStopped, stopped, store.now()).await?;
    tx.commit().await?;
    coordinator.app().dispatch.stopped(stopped).await;
    Ok(())
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A rig with a key of its own, welcomed and ready.
async fn connect(url: &str) -> anyhow::Result<Socket> {
    let (mut socket, _) = connect_async(format!("{}/v1/agent/session", url.replace("http://", "ws://"))).await?;
    let CoordinatorMessage::Challenge(challenge) = hear(&mut socket).await? else { anyhow::bail!("no challenge") };
    let key = PrivateKeySigner::random();
    let handshake = Handshake {
        nonce: (*challenge.nonce.as_bytes()).into(),
        device: key.address(),
        network: challenge.network,
        origin: url.to_owned(),
        protocolVersion: PROTOCOL_VERSION,
    };
    let hello = Hello {
        device: DeviceId(key.address()),
        version: PROTOCOL_VERSION,
        agent: "bench".to_owned(),
        origin: url.to_owned(),
        signature: DeviceSignature(key.sign_hash_sync(&auth::signing_hash(&handshake))?),
        rig: report(SLOTS, 900_000),
        leases: Vec::new(),
        ready: true,
        challenges: Vec::new(),
    };
    socket.send(Message::text(serde_json::to_string(&AgentMessage::Hello(Box::new(hello)))?)).await?;
    let CoordinatorMessage::Welcome(_) = hear(&mut socket).await? else { anyhow::bail!("not welcomed") };
    Ok(socket)
}

async fn hear(socket: &mut Socket) -> anyhow::Result<CoordinatorMessage> {
    loop {
        if let Message::Text(text) = socket.next().await.context("the socket is closed")?? {
            return Ok(serde_json::from_str(&text)?);
        }
    }
}

async fn listen(mut socket: Socket) {
    while let Some(Ok(_)) = socket.next().await {}
}

async fn queue(coordinator: &Coordinator, customer: CustomerId) -> anyhow::Result<()> {
    let (app, spec) = (coordinator.app(), std::sync::Arc::new(spec()?));
    let new: Vec<NewJob> = (0..JOBS)
        .map(|_| NewJob { id: JobId::generate(), spec: spec.clone(), array_index: None, held: Amount::default() })
        .collect();
    let mut tx = app.store.begin().await?;
    let now = app.store.now();
    jobs::insert(&mut tx, (customer, ApiKeyId::generate()), &new, &Purse::practice(1_000), now).await?;
    tx.commit().await?;
    app.dispatch.queued(new.iter().map(|job| job.queued(customer, Pot::Available, now)).collect()).await;
    Ok(())
}

/// Asks the database itself how many attempts there are.
async fn until_assigned(coordinator: &Coordinator, started: Instant) -> anyhow::Result<Duration> {
    let store = &coordinator.app().store;
    loop {
        let mut connection = store.read().await?;
        let (count,): (i64,) = sqlx::query_as("SELECT CAST(COUNT(*) AS BIGINT) FROM attempt")
            .fetch_one(&mut *connection)
            .await
            .context("counting")?;
        drop(connection);
        let took = started.elapsed();
        if count >= i64::try_from(JOBS)? {
            return Ok(took);
        }
        anyhow::ensure!(took < Duration::from_secs(120), "only {count} jobs were assigned");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
