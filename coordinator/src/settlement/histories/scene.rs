//! A coordinator with a database of its own, two chains, and the people of a history.
//!
//! Starting a coordinator and bringing its database up to date costs as much as a history. So it is done once for each worker, people
//! included, and a history begins by emptying every other table.

use std::path::Path;

use alloy::signers::{SignerSync as _, local::PrivateKeySigner};
use alloy_primitives::{Address, B256, keccak256};
use headframe_protocol::{
    AttemptId, CustomerId, DeviceId, JobId, Micros, TimestampMs, auth::DeviceSignature, chain::ChainProfile, rig::RigReport,
    session::AttemptRef, spending::SignedOrder,
};
use serde_json::json;
use sqlx::AssertSqlSafe;

use super::{acts::Story, cards::Charge, node::Node, waiting};
use crate::{
    App, Config,
    admin::{By, acts},
    auth::Customer,
    chain::Role,
    config::ChainConfig,
    server::assemble,
    store::{Doing as _, StoreError, commit, ledger::Coin, lifecycle::Rules, portable, rigs, verify},
};

/// The chain our token lives on; its dollar has six decimals.
pub(super) const HOME: usize = 0;

/// The other one; its dollar has eighteen.
pub(super) const ISLAND: usize = 1;

pub(super) const CUSTOMERS: usize = 3;
pub(super) const WALLETS: usize = 2;
pub(super) const RIGS: usize = 4;
pub(super) const OWNERS: usize = 3;

/// How long customers may dispute, and watchers object, in seconds.
pub(super) const WINDOW_S: u64 = 600;

/// A digest nobody has the image of.
const DIGEST: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// When every history begins: a time at which orders of this age are valid and ids of today are not odd.
const BEGINNING_MS: i64 = 1_900_000_000_000;

/// A customer and his wallets. Whether a wallet is known to be his is in the books.
#[derive(Debug, Clone)]
pub(super) struct Person {
    pub(super) account: Customer,
    pub(super) wallets: [PrivateKeySigner; WALLETS],
}

/// A rig's key.
#[derive(Debug, Clone)]
pub(super) struct Rig {
    pub(super) key: PrivateKeySigner,
}

impl Rig {
    pub(super) fn device(&self) -> DeviceId {
        DeviceId(self.key.address())
    }
}

/// An attempt that runs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Running {
    pub(super) at: AttemptRef,
    pub(super) job: JobId,
    pub(super) rig: usize,
    pub(super) started: TimestampMs,
}

/// What histories of one worker begin with.
pub(super) struct Template {
    app: App,
    people: Vec<Person>,
    _folder: tempfile::TempDir,
}

/// A history, as far as it has come.
pub(super) struct World {
    pub(super) app: App,
    pub(super) now: TimestampMs,
    pub(super) nodes: Vec<Node>,
    pub(super) people: Vec<Person>,
    pub(super) rigs: Vec<Rig>,
    pub(super) owners: Vec<PrivateKeySigner>,
    pub(super) orders: Vec<(usize, SignedOrder)>,
    pub(super) jobs: Vec<JobId>,
    pub(super) running: Vec<Running>,
    pub(super) charges: Vec<Charge>,
    /// Makes names nobody has used.
    pub(super) used: u64,
    /// Whether earnings wait for checks.
    pub(super) withhold: bool,
}

/// A key that is the same in every history.
fn key(kind: &str, number: usize) -> PrivateKeySigner {
    let bytes = keccak256(format!("{kind} {number}"));
    PrivateKeySigner::from_slice(bytes.as_slice()).expect("a sum is a key")
}

pub(super) fn sign(key: &PrivateKeySigner, hash: B256) -> DeviceSignature {
    DeviceSignature(key.sign_hash_sync(&hash).expect("keys in memory sign"))
}

pub(super) fn treasury() -> Address {
    Address::repeat_byte(0x77)
}

/// Who puts the operator's own coins into the Distributor.
pub(super) fn operator() -> Address {
    Address::repeat_byte(0x0f)
}

fn profile(at: usize) -> ChainProfile {
    let asset = |byte: u8, symbol: &str, decimals: u8, kind: &str, fee_bps: u16| {
        json!({
            "address": Address::repeat_byte(byte), "symbol": symbol, "decimals": decimals, "kind": kind, "feeBps": fee_bps,
            "eip712": null, "permit": "none", "authorization": "none",
        })
    };
    let (id, name, assets) = match at {
        HOME => (31_337, "Home", vec![asset(0x21, "USDC", 6, "stable", 1_000), asset(0x20, "HFR", 18, "hfr", 600)]),
        _ => (31_338, "Island", vec![asset(0x31, "DAI", 18, "stable", 1_237)]),
    };
    let contract = |byte: u8| Address::repeat_byte(byte + u8::from(at != HOME));
    let profile = json!({
        "version": 1, "name": name, "chainId": id, "rpc": ["http://127.0.0.1:9"], "finalityBlocks": 0,
        "contracts": {
            "accessManager": contract(0xa0), "timelock": contract(0xb0), "hfr": null,
            "market": contract(0xc0), "distributor": contract(0xd0),
        },
        "windows": { "disputeSeconds": WINDOW_S, "challengeSeconds": WINDOW_S + 60 },
        "assets": assets, "explorer": null, "features": { "rigSales": false }, "deployedAtBlock": 0,
    });
    serde_json::from_value(profile).expect("a profile")
}

/// In memory where there is such a place: what a history costs is mostly that every commit is made to last.
fn folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    made.expect("a folder")
}

/// Everything under `folder`, with timers that model time passes in a few acts.
fn config(folder: &Path) -> Config {
    let minutes = std::time::Duration::from_mins;
    let mut config = Config::on_loopback(folder, 1);
    config.network.name = "test".to_owned();
    config.images.require_approval = false;
    config.limits.database_connections_max = 1;
    config.limits.interruptions_max = 3;
    config.timers.payout = minutes(60);
    config.timers.payout_change = minutes(600);
    // What runs beside a history would only cost it time.
    (config.timers.poll, config.timers.queue_pass, config.timers.lease_flush) = (minutes(600), minutes(600), minutes(600));
    for at in [HOME, ISLAND] {
        let path = folder.join(format!("chain-{at}.json"));
        let text = serde_json::to_vec(&profile(at)).expect("a profile");
        std::fs::write(&path, text).expect("a file");
        config.chains.push(ChainConfig::new(path, folder.join("keys"), at == HOME));
    }
    config
}

impl Template {
    pub(super) async fn new() -> Self {
        let folder = folder();
        let url = "http://127.0.0.1:9".parse().expect("an address");
        let app = assemble(config(folder.path()), url).await.expect("a coordinator");
        let by = By::new("test", "a history needs it").expect("a reason");
        let mut people = Vec::new();
        for number in 0..CUSTOMERS {
            let record = acts::create_customer(&app.store, &app.config.limits, &by, &format!("c{number}"), None).await;
            let record = record.expect("an account");
            let made = acts::create_key(&app.store, &by, record.id, "test").await.expect("a key");
            let account = crate::auth::customer_of(&app, &made.key).await.expect("an account");
            let wallets = std::array::from_fn(|wallet| key("wallet", number * WALLETS + wallet));
            people.push(Person { account, wallets });
        }
        let mut tx = app.store.begin().await.expect("a transaction");
        for rig in rigs_of_all() {
            rigs::seen(&mut tx, rig.device(), (&report(), "test"), app.store.now()).await.expect("a rig");
        }
        commit(tx, "note rigs").await.expect("a commit");
        Self { app, people, _folder: folder }
    }

    async fn empty(&self) -> Result<(), StoreError> {
        let mut tx = self.app.store.begin().await?;
        for table in portable::TABLES.into_iter().rev().filter(|table| !["customer", "api_key", "rig"].contains(table)) {
            sqlx::query(AssertSqlSafe(format!("DELETE FROM {table}"))).execute(&mut *tx).await.doing("empty a table")?;
        }
        sqlx::query("UPDATE customer SET charged = 0").execute(&mut *tx).await.doing("empty a table")?;
        commit(tx, "begin anew").await
    }

    /// The beginning of a history, on chains that take nothing back after so many blocks.
    pub(super) async fn begin(&self, &Story { finality_blocks, withhold, .. }: &Story) -> World {
        self.empty().await.expect("empty tables");
        let owners: Vec<PrivateKeySigner> = (0..OWNERS).map(|number| key("owner", number)).collect();
        let wallets = self.people.iter().flat_map(|person| &person.wallets).map(PrivateKeySigner::address);
        let rich: Vec<Address> = wallets.chain([operator(), Node::address_of(Role::Fiat)]).collect();
        let profiles = self.app.chains.iter().map(|chain| ChainProfile { finality_blocks, ..chain.profile().clone() });
        let mut world = World {
            app: self.app.clone(),
            now: TimestampMs::from_millis(BEGINNING_MS),
            nodes: profiles.map(|profile| Node::new(profile, treasury(), &rich)).collect(),
            people: self.people.clone(),
            rigs: rigs_of_all(),
            owners,
            orders: Vec::new(),
            jobs: Vec::new(),
            running: Vec::new(),
            charges: Vec::new(),
            used: 0,
            withhold,
        };
        world.pass(0);
        world
    }

    pub(super) async fn end(self) {
        self.app.tasks.shutdown().await;
        self.app.store.close().await;
    }
}

fn rigs_of_all() -> Vec<Rig> {
    (0..RIGS).map(|number| Rig { key: key("rig", number) }).collect()
}

fn report() -> RigReport {
    let report = json!({
        "name": "rig", "os": "linux", "cpu_cores": 8, "cpu_model": "a processor", "memory_bytes": 1_u64 << 34,
        "disk_bytes": 1_u64 << 38, "gpus": [], "floor_per_hour": "1", "slots": 1, "images": [], "engine": "Docker 28",
    });
    serde_json::from_value(report).expect("a report")
}

/// The least job that costs so much an hour at most and runs for so long.
pub(super) fn job(per_hour: Micros, timeout_s: u32) -> serde_json::Value {
    json!({
        "image": format!("127.0.0.1:5000/test/tool@sha256:{DIGEST}"), "max_price_per_hour": per_hour, "timeout_s": timeout_s,
        "max_failures": 2,
    })
}

impl World {
    /// Time passes, everywhere.
    pub(super) fn pass(&mut self, ms: i64) {
        self.now = TimestampMs::from_millis(self.now.as_millis() + ms);
        self.app.store.clock().stop_at(self.now);
        for node in &mut self.nodes {
            node.now = self.now.as_millis().unsigned_abs() / 1_000;
        }
    }

    pub(super) fn rules(&self) -> Rules {
        let config = &self.app.config;
        let (timers, network) = (config.timers.clone(), config.network.name.clone());
        Rules {
            timers,
            interruptions_max: config.limits.interruptions_max,
            network,
            verification: verify::Rules { withhold: self.withhold, terms: waiting::TERMS, ..verify::Rules::off() },
        }
    }

    /// Bytes nobody has used.
    pub(super) fn unused(&mut self) -> B256 {
        self.used += 1;
        keccak256(self.used.to_be_bytes())
    }

    /// The token of a coin, where the chain has it.
    pub(super) fn token(&self, coin: Coin) -> Option<Address> {
        self.app.chains.get(coin.chain)?.asset(coin).map(|asset| asset.address)
    }

    pub(super) fn customer(&self, person: usize) -> CustomerId {
        self.people[person].account.id
    }
}

/// An attempt nobody has made.
pub(super) fn new_attempt() -> AttemptId {
    AttemptId::generate()
}
