//! Money for a network on this computer: chains with the contracts on them, the operator's keys, and wallets with practice dollars.

use std::{
    collections::BTreeMap,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use alloy::signers::local::PrivateKeySigner;
use alloy_primitives::Address;
use anyhow::{Context as _, Result, ensure};
use headframe_coordinator::config::ChainConfig;
use headframe_protocol::{Micros, chain::ChainProfile};
use serde_json::json;

use crate::{
    chain::{Node, NodeOptions, contracts_dir, read_profile},
    process::command,
};

/// The home chain's id: the one developers know.
pub const HOME: u64 = 31_337;

/// The island's.
pub const ISLAND: u64 = 31_338;

/// Roles whose keys the coordinator holds.
const OURS: [&str; 5] = ["matcher", "settler", "fiat", "proposer", "relayer"];

/// Roles somebody else holds.
const OTHERS: [&str; 4] = ["arbiter", "watcher", "guardian", "params"];

/// HFR the operator has at the start.
const PREMINT: u64 = 1_000_000;

/// How the chains are.
#[derive(Debug, Clone, Copy)]
pub struct MoneyOptions {
    /// Whether there is a second chain, with another dollar.
    pub island: bool,
    /// Seconds between blocks; `None` for a block with every transaction.
    pub block_s: Option<u64>,
    /// Blocks after which nothing is taken back.
    pub finality_blocks: u64,
    /// How long customers and watchers have to object, in seconds.
    pub window_s: u64,
    /// From which worth on earnings are brought to outside addresses.
    pub carry_least: Micros,
}

impl Default for MoneyOptions {
    fn default() -> Self {
        Self { island: false, block_s: None, finality_blocks: 0, window_s: 1, carry_least: Micros::dollars(1) }
    }
}

impl MoneyOptions {
    /// A chain that makes a block a second, with time between the steps of a payout: a person can watch it.
    #[must_use]
    pub fn to_watch() -> Self {
        Self { block_s: Some(1), finality_blocks: 1, window_s: 2, ..Self::default() }
    }
}

/// One chain with the contracts on it.
#[derive(Debug)]
pub struct Place {
    /// The chain.
    pub node: Node,
    /// What the deployment has written.
    pub profile: ChainProfile,
    config: ChainConfig,
}

/// Chains, keys and wallets.
#[derive(Debug)]
pub struct Money {
    /// The home chain.
    pub home: Place,
    /// The other one.
    pub island: Option<Place>,
    /// The operator's own money.
    pub treasury: PrivateKeySigner,
    /// The customer's wallet; it has practice dollars on every chain.
    pub customer: PrivateKeySigner,
    /// Every role's key.
    pub roles: BTreeMap<String, PrivateKeySigner>,
}

impl Money {
    /// Starts the chains and deploys the contracts.
    ///
    /// # Errors
    /// Which part did not work.
    pub async fn start(dir: &Path, options: MoneyOptions) -> Result<Self> {
        std::fs::create_dir_all(dir).with_context(|| format!("could not make {}", dir.display()))?;
        let named = OURS.iter().chain(&OTHERS).map(|role| ((*role).to_owned(), PrivateKeySigner::random()));
        let roles: BTreeMap<String, PrivateKeySigner> = named.collect();
        let (treasury, customer) = (PrivateKeySigner::random(), PrivateKeySigner::random());
        let keys = dir.join("keys");
        std::fs::create_dir_all(&keys).context("could not make the folder of keys")?;
        for role in OURS {
            let key = roles.get(role).context("every role has a key")?;
            write_key(&keys.join(format!("{role}.key")), key)?;
        }
        let deployment =
            Deployment { dir, keys, roles: &roles, treasury: treasury.address(), customer: customer.address(), options };
        let home = deployment.place(HOME).await?;
        let island = if options.island { Some(deployment.place(ISLAND).await?) } else { None };
        Ok(Self { home, island, treasury, customer, roles })
    }

    /// What the coordinator is told of the chains.
    #[must_use]
    pub fn configs(&self) -> Vec<ChainConfig> {
        std::iter::once(&self.home).chain(&self.island).map(|place| place.config.clone()).collect()
    }

    /// Every chain there is.
    pub fn places(&self) -> impl Iterator<Item = &Place> {
        std::iter::once(&self.home).chain(&self.island)
    }

    /// Ends the chains.
    ///
    /// # Errors
    /// If one cannot be ended.
    pub async fn shutdown(&mut self) -> Result<()> {
        let home = self.home.node.shutdown().await;
        match &mut self.island {
            Some(island) => home.and(island.node.shutdown().await),
            None => home,
        }
    }
}

struct Deployment<'a> {
    dir: &'a Path,
    keys: PathBuf,
    roles: &'a BTreeMap<String, PrivateKeySigner>,
    treasury: Address,
    customer: Address,
    options: MoneyOptions,
}

impl Deployment<'_> {
    async fn place(&self, id: u64) -> Result<Place> {
        let MoneyOptions { block_s, carry_least, .. } = self.options;
        let node = Node::start(self.dir, NodeOptions { id, block_s }).await?;
        let everybody = self.roles.values().map(PrivateKeySigner::address).chain([self.treasury, self.customer]);
        for account in everybody {
            node.give_gas(account).await?;
        }
        let profile_path = self.deploy(&node).await?;
        let profile = read_profile(&profile_path)?;
        let config = ChainConfig { carry_least, ..ChainConfig::new(profile_path, self.keys.clone(), id == HOME) };
        Ok(Place { node, profile, config })
    }

    /// Runs the script an operator runs. Returns where it has written the profile.
    async fn deploy(&self, node: &Node) -> Result<PathBuf> {
        let parameters = self.dir.join(format!("parameters-{}.json", node.id()));
        let profile = self.dir.join(format!("chain-{}.json", node.id()));
        let text = serde_json::to_string_pretty(&self.parameters(node)).context("could not write the parameters")?;
        std::fs::write(&parameters, &text).context("could not write the parameters")?;
        let mut deploy = command("node");
        deploy.arg(contracts_dir().join("bin/deploy")).arg("--parameters").arg(&parameters).arg("--profile").arg(&profile);
        deploy.args(["--rpc-url", node.url().as_str(), "--unlocked", "--sender", &node.unlocked().await?.to_string()]);
        let done = deploy.output().await.context("could not run the deployment")?;
        let said = || format!("{}\n{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
        ensure!(done.status.success(), "the contracts could not be deployed:\n{}", said());
        Ok(profile)
    }

    fn parameters(&self, node: &Node) -> serde_json::Value {
        let home = node.id() == HOME;
        let holders: BTreeMap<&String, [Address; 1]> = self.roles.iter().map(|(role, key)| (role, [key.address()])).collect();
        let fiat = self.roles.get("fiat").map(PrivateKeySigner::address);
        let mut parameters = json!({
            "name": if home { "Practice home" } else { "Practice island" },
            "table": "small",
            "practice": {
                "mintTo": [self.customer, self.treasury, fiat],
                "dollar": if home { "usdc" } else { "plain" },
            },
            "treasury": self.treasury,
            "governance": [self.treasury],
            "roles": holders,
            "disputeSeconds": self.options.window_s,
            "challengeSeconds": self.options.window_s,
            "timelockSeconds": 0,
            "paramsDelaySeconds": 0,
            "stables": [],
            "stableFeeBps": 1_000,
            "rpc": [node.url()],
            "finalityBlocks": self.options.finality_blocks,
            "rigSales": false,
        });
        if home {
            // Emission is not there yet; nobody has the key of this address.
            parameters["hfr"] = json!({ "minter": Address::repeat_byte(0xe1), "premint": PREMINT, "feeBps": 600 });
        }
        parameters
    }
}

fn write_key(path: &Path, key: &PrivateKeySigner) -> Result<()> {
    use std::io::Write as _;
    let mut open = std::fs::OpenOptions::new();
    let file = open.write(true).create_new(true).mode(0o600).open(path);
    let mut file = file.with_context(|| format!("could not make {}", path.display()))?;
    writeln!(file, "{:x}", key.to_bytes()).with_context(|| format!("could not write {}", path.display()))
}
