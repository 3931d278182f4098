//! A chain that does what the coordinator has recorded, when a test says so: a JSON-RPC endpoint that knows blocks and events, and nothing
//! else. No contract runs; what one would do with card money is a few lines.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use alloy::sol_types::{SolCall as _, SolEvent};
use alloy_primitives::{Address, B256, U256};
use axum::{Json, Router, extract::State, routing::post};
use headframe_contracts::{IERC20Metadata, IMarket};
use headframe_coordinator::{
    App, Config,
    config::ChainConfig,
    store::steps::{self, Outcome, Step},
};
use serde_json::{Value, json};

/// The id of the network's home chain.
pub(crate) const CHAIN: u64 = 31_337;

/// The id of another, on which there is no HFR.
pub(crate) const ISLAND: u64 = 31_338;

/// Its Market.
pub(crate) const MARKET: Address = Address::repeat_byte(0x11);

/// Its Distributor.
const DISTRIBUTOR: Address = Address::repeat_byte(0x55);

/// Its dollar.
pub(crate) const DOLLAR: Address = Address::repeat_byte(0x22);

/// Its HFR, where it has any.
pub(crate) const HFR: Address = Address::repeat_byte(0x66);

/// What was said on the chain, a block for each.
type Logs = Arc<Mutex<Vec<Value>>>;

/// A chain and its endpoint, for as long as the test lives.
#[derive(Debug, Clone)]
pub(crate) struct StubChain {
    id: u64,
    url: String,
    logs: Logs,
    /// What was proposed of sessions and is not final.
    proposed: Arc<Mutex<BTreeMap<B256, u128>>>,
}

impl StubChain {
    /// Starts the home chain's endpoint.
    pub(crate) async fn start() -> Self {
        Self::start_as(CHAIN).await
    }

    /// Starts the endpoint of the chain with this id.
    pub(crate) async fn start_as(id: u64) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/", listener.local_addr().expect("an address"));
        let logs = Logs::default();
        let router = Router::new().route("/", post(answer)).with_state((id, Arc::clone(&logs)));
        #[expect(clippy::disallowed_methods, reason = "a test's own server ends with its runtime")]
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { id, url, logs, proposed: Arc::default() }
    }

    /// Makes it a chain of the network, on which dollars are paid. The coordinator holds no keys there: what it wants done it only
    /// records.
    pub(crate) fn join(&self, config: &mut Config) {
        join_as(config, self.id, &profile_of(self.id, &self.url));
    }

    /// The same for one on which HFR is paid too.
    pub(crate) fn join_with_hfr(&self, config: &mut Config) {
        join_as(config, self.id, &with_hfr(profile_of(self.id, &self.url)));
    }

    /// Does every step that is recorded. Returns how many there were.
    pub(crate) async fn obey(&self, app: &App) -> usize {
        let open = steps::open(&mut app.store.read().await.expect("a connection"), self.id, 1_000).await.expect("steps");
        for step in &open {
            self.carry_out(step);
            let mut tx = app.store.begin().await.expect("a transaction");
            let outcome = Outcome::Final { hash: B256::repeat_byte(1), block: 1 };
            steps::note(&mut tx, &step.id, &outcome, app.store.now()).await.expect("noted");
            tx.commit().await.expect("committed");
        }
        open.len()
    }

    fn carry_out(&self, step: &Step) {
        let Some(selector) = step.data.first_chunk::<4>().copied() else { return };
        match selector {
            IMarket::creditFiatCall::SELECTOR => {
                let IMarket::creditFiatCall { r#ref, customer, asset, amount } = decoded(step);
                self.say(&IMarket::FiatCredited { r#ref, customer, asset, amount: U256::from(amount) });
            }
            IMarket::reverseFiatCall::SELECTOR => {
                let IMarket::reverseFiatCall { r#ref, amount } = decoded(step);
                self.say(&IMarket::FiatReversed { r#ref, customer: Address::ZERO, asset: DOLLAR, amount: U256::from(amount) });
            }
            IMarket::reserveCreditCall::SELECTOR => {
                let IMarket::reserveCreditCall { customer, asset, session, amount, settleBy } = decoded(step);
                let amount = U256::from(amount);
                self.say(&IMarket::SessionReserved {
                    session,
                    customer,
                    orderId: B256::ZERO,
                    asset,
                    amount,
                    feeBps: 1_000,
                    settleBy,
                });
            }
            IMarket::giveBackCall::SELECTOR => {
                let IMarket::giveBackCall { session, amount } = decoded(step);
                self.say(&IMarket::GivenBack { session, amount: U256::from(amount) });
            }
            IMarket::proposeBatchCall::SELECTOR => {
                let IMarket::proposeBatchCall { settlements } = decoded(step);
                let mut proposed = self.proposed.lock().expect("nobody panics with it");
                proposed.extend(settlements.into_iter().map(|settlement| (settlement.session, settlement.used)));
            }
            IMarket::finalizeCall::SELECTOR => {
                let IMarket::finalizeCall { sessions } = decoded(step);
                for session in sessions {
                    let used = self.proposed.lock().expect("nobody panics with it").remove(&session);
                    let used = U256::from(used.expect("it was proposed"));
                    self.say(&IMarket::Settled { session, used, toSuppliers: U256::ZERO, fee: U256::ZERO });
                }
            }
            IERC20Metadata::approveCall::SELECTOR => {}
            // Payouts are another test's.
            _ => {}
        }
    }

    /// Something has happened to the Market.
    pub(crate) fn say<E: SolEvent>(&self, event: &E) {
        self.say_of(MARKET, event);
    }

    /// Something has happened to the Distributor.
    pub(crate) fn say_of_payouts<E: SolEvent>(&self, event: &E) {
        self.say_of(DISTRIBUTOR, event);
    }

    fn say_of<E: SolEvent>(&self, contract: Address, event: &E) {
        let mut logs = self.logs.lock().expect("nobody panics with it");
        let (log, number) = (event.encode_log_data(), logs.len() + 1);
        logs.push(json!({
            "address": contract,
            "topics": log.topics(),
            "data": log.data,
            "blockNumber": format!("{number:#x}"),
            "blockHash": B256::repeat_byte(2),
            "transactionHash": B256::repeat_byte(3),
            "transactionIndex": "0x0",
            "logIndex": "0x0",
            "removed": false,
        }));
    }
}

/// The home chain at `url`, whoever is there.
pub(crate) fn join(config: &mut Config, url: &str) {
    join_as(config, CHAIN, &profile_of(CHAIN, url));
}

fn join_as(config: &mut Config, id: u64, described: &Value) {
    let (profile, keys) = (config.data_dir.join(format!("chain-{id}.json")), config.data_dir.join("keys"));
    std::fs::create_dir_all(&keys).expect("a folder");
    std::fs::write(&profile, described.to_string()).expect("a profile");
    config.chains.push(ChainConfig::new(profile, keys, id == CHAIN));
}

fn decoded<C: alloy::sol_types::SolCall>(step: &Step) -> C {
    C::abi_decode(&step.data).expect("a call of ours")
}

async fn answer(State((id, logs)): State<(u64, Logs)>, Json(asked): Json<Value>) -> Json<Value> {
    let logs = logs.lock().expect("nobody panics with it");
    let number = |text: &Value| u64::from_str_radix(text.as_str().unwrap_or("0x0").trim_start_matches("0x"), 16).unwrap_or(0);
    let filter = &asked["params"][0];
    let result = match asked["method"].as_str() {
        Some("eth_blockNumber") => json!(format!("{:#x}", logs.len())),
        Some("eth_chainId") => json!(format!("{id:#x}")),
        // The Market's; nobody has put anything into the Distributor.
        Some("eth_getLogs") if filter["topics"].as_array().is_none_or(|topics| topics.iter().all(Value::is_null)) => {
            let (from, to) = (number(&filter["fromBlock"]), number(&filter["toBlock"]));
            json!(logs.iter().filter(|log| (from..=to).contains(&number(&log["blockNumber"]))).collect::<Vec<_>>())
        }
        Some("eth_getLogs") => json!([]),
        Some(_) | None => {
            let error = json!({ "code": -32_601, "message": "the stub does not know that" });
            return Json(json!({ "jsonrpc": "2.0", "id": asked["id"], "error": error }));
        }
    };
    Json(json!({ "jsonrpc": "2.0", "id": asked["id"], "result": result }))
}

fn profile_of(id: u64, url: &str) -> Value {
    let address = |byte: u8| Address::repeat_byte(byte);
    json!({
        "version": 1,
        "name": "Stub",
        "chainId": id,
        "rpc": [url],
        "finalityBlocks": 0,
        "contracts": {
            "accessManager": address(0x33), "timelock": address(0x44), "hfr": null, "market": MARKET, "distributor": DISTRIBUTOR,
        },
        "windows": { "disputeSeconds": 1, "challengeSeconds": 1 },
        "assets": [{
            "address": DOLLAR, "symbol": "USDC", "decimals": 6, "kind": "stable", "feeBps": 1_000,
            "eip712": null, "permit": "none", "authorization": "none",
        }],
        "explorer": null,
        "features": { "rigSales": false },
        "deployedAtBlock": 0,
    })
}

fn with_hfr(mut profile: Value) -> Value {
    let hfr = json!({
        "address": HFR, "symbol": "HFR", "decimals": 18, "kind": "hfr", "feeBps": 600,
        "eip712": null, "permit": "none", "authorization": "none",
    });
    profile["contracts"]["hfr"] = json!(HFR);
    profile["assets"].as_array_mut().expect("a list").push(hfr);
    profile
}
