//! The network as a whole: started in the order in which parts need one another, ended in the other.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result};
use headframe_cli::Client;
use headframe_coordinator::{Config, Timers, config::NetworkConfig};
use headframe_protocol::{ImageRef, Micros};
use url::Url;

use crate::{
    books,
    coordinator::{self, Coordinator},
    engine::Engine,
    image::{self, Ballast},
    line::Line,
    money::{Money, MoneyOptions},
    operator::{Customer, Operator},
    process::wait_for,
    registry::{self, Registry},
    rig::{self, Rig, RigSettings},
};

/// The least time an agent gets to answer an offer. A round trip between two busy processes does not get shorter by dividing it.
const OFFER_ACK_MIN: Duration = Duration::from_millis(750);

/// How often earnings become payouts, chains are looked at, and transactions are sent again.
const PAYOUT: Duration = Duration::from_secs(3);
const CHAIN_POLL: Duration = Duration::from_millis(200);
const CHAIN_RESEND: Duration = Duration::from_secs(5);

/// How long after its agent the last container may go.
const CONTAINERS_GONE_LIMIT: Duration = Duration::from_secs(30);

/// The name of every network made here.
const NETWORK: &str = "testbed";

/// What kind of network.
#[derive(Debug, Clone)]
pub struct Options {
    /// How many rigs.
    pub agents: usize,
    /// Where the agents live.
    pub agent_home: rig::Home,
    /// Where the coordinator lives.
    pub coordinator_home: coordinator::Home,
    /// Every lease and deadline is divided by this.
    pub timers_divisor: u32,
    /// Rigs may give work back the moment it has begun, and are offered more at once: owners come back every second here.
    pub owners_are_restless: bool,
    /// The coordinator's database; `None` for a SQLite file of its own.
    pub database_url: Option<String>,
    /// What the first customer gets to spend.
    pub grant: Micros,
    /// Which engine the rigs use.
    pub engine: EngineChoice,
    /// Disk each rig offers, in GiB.
    pub disk_gib: u32,
    /// Where rigs dial the coordinator; `None` for any free port.
    pub listen: Option<SocketAddr>,
    /// Where everything is kept; `None` for a temporary folder.
    pub dir: Option<PathBuf>,
    /// Chains with the network's contracts; `None` for a network that keeps practice money only.
    pub money: Option<MoneyOptions>,
}

/// Which engine the rigs use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EngineChoice {
    /// The one of this computer.
    #[default]
    Shared,
    /// One that only this testbed uses and may stop.
    Private,
}

impl Default for Options {
    /// One rig, everything in this process, real timers.
    fn default() -> Self {
        Self {
            agents: 1,
            agent_home: rig::Home::default(),
            coordinator_home: coordinator::Home::default(),
            timers_divisor: 1,
            owners_are_restless: false,
            database_url: None,
            grant: Micros::dollars(1_000),
            engine: EngineChoice::default(),
            disk_gib: 60,
            listen: None,
            dir: None,
            money: None,
        }
    }
}

/// A running network. End it with [`Testbed::shutdown`]; dropped instead, it leaves nothing running but keeps its folder.
#[derive(Debug)]
pub struct Testbed {
    /// The engine of the rigs.
    pub engine: Engine,
    /// Between rigs (with their engine) and coordinator.
    pub line: Line,
    /// Between everyone and the registry.
    pub registry_line: Line,
    /// The control plane.
    pub coordinator: Coordinator,
    /// The rigs.
    pub rigs: Vec<Rig>,
    /// Who runs the network.
    pub operator: Operator,
    /// The first customer.
    pub customer: Customer,
    /// The chains, if there are any.
    pub money: Option<Box<Money>>,
    registry: Registry,
    dir: Folder,
}

/// The network's folder. A temporary one is removed by [`Folder::finish`] only: a failed test keeps its logs and its database,
/// and says where.
#[derive(Debug)]
struct Folder {
    path: PathBuf,
    temporary: bool,
    finished: bool,
}

impl Folder {
    fn make(given: Option<PathBuf>) -> Result<Self> {
        if let Some(dir) = given {
            std::fs::create_dir_all(&dir).with_context(|| format!("could not make {}", dir.display()))?;
            let path = std::path::absolute(&dir).context("the current folder is gone")?;
            return Ok(Self { path, temporary: false, finished: false });
        }
        let made =
            tempfile::Builder::new().prefix("headframe-testbed-").tempdir().context("could not make a temporary folder")?;
        Ok(Self { path: made.keep(), temporary: true, finished: false })
    }

    fn finish(mut self) -> Result<()> {
        self.finished = true;
        if self.temporary { std::fs::remove_dir_all(&self.path).context("could not remove the testbed's folder") } else { Ok(()) }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.temporary && !self.finished {
            tracing::warn!(dir = %self.path.display(), "The testbed did not end well; its logs and databases are in {}", self.path.display());
        }
    }
}

impl Testbed {
    /// Starts a network and waits until every rig takes work.
    ///
    /// # Errors
    /// Which part did not start.
    pub async fn start(options: Options) -> Result<Self> {
        let dir = Folder::make(options.dir.clone())?;
        let root = &dir.path;
        let engine = match options.engine {
            EngineChoice::Shared => Engine::of_this_computer().await?,
            EngineChoice::Private => Engine::private(&root.join("engine")).await?,
        };
        let line = match options.listen {
            Some(address) => Line::open_at(address).await?,
            None => Line::open().await?,
        };
        let registry_line = Line::open().await?;
        let public_url = coordinator::url(line.address())?;
        let mut config = coordinator_config(&options, root, &public_url, &registry_line)?;
        let money = match options.money {
            Some(money) => Some(Box::new(Box::pin(Money::start(&root.join("chains"), money)).await?)),
            None => None,
        };
        config.chains = money.as_ref().map(|money| money.configs()).unwrap_or_default();
        let registry = Registry::start(root, &config.data_dir, &registry_line, &public_url).await?;
        let coordinator = Coordinator::start(options.coordinator_home, config, root).await?;
        line.lead_to(coordinator.address());
        let operator = Operator::of(coordinator.config()).await?;
        let customer = operator.customer("acme", options.grant).await?;
        let mut testbed =
            Self { engine, line, registry_line, coordinator, rigs: Vec::new(), operator, customer, money, registry, dir };
        for number in 1..=options.agents {
            testbed.add_rig(&options, number).await?;
        }
        for rig in &testbed.rigs {
            rig.ready().await?;
        }
        Ok(testbed)
    }

    /// The folder of everything.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir.path
    }

    /// A customer's client, straight to the coordinator: cutting [`Self::line`] does not cut it.
    ///
    /// # Errors
    /// If there is no TLS on this computer.
    pub fn client(&self) -> Result<Client> {
        self.client_of(&self.customer)
    }

    /// The same for another customer.
    ///
    /// # Errors
    /// If there is no TLS on this computer.
    pub fn client_of(&self, customer: &Customer) -> Result<Client> {
        Ok(Client::new(coordinator::url(self.coordinator.address())?, customer.key.clone())?)
    }

    /// The address of the coordinator for customers.
    ///
    /// # Errors
    /// Never, for an address there is.
    pub fn coordinator_url(&self) -> Result<Url> {
        coordinator::url(self.coordinator.address())
    }

    /// Where rigs dial it.
    ///
    /// # Errors
    /// If the address is none.
    pub fn rigs_url(&self) -> Result<Url> {
        coordinator::url(self.line.address())
    }

    /// A tiny image with busybox, pushed by the first customer and approved.
    ///
    /// # Errors
    /// If engine or registry refuse.
    pub async fn tiny_image(&self, ballast: Ballast) -> Result<ImageRef> {
        self.tiny_image_of(&self.customer, ballast).await
    }

    /// The same in another customer's part of the registry.
    ///
    /// # Errors
    /// If engine or registry refuse.
    pub async fn tiny_image_of(&self, customer: &Customer, ballast: Ballast) -> Result<ImageRef> {
        let archive = image::busybox_tar(ballast)?;
        let local = format!("headframe-testbed/tiny:{}", uuid::Uuid::new_v4().simple());
        image::import(self.engine.docker(), archive, &local).await?;
        let pushed = self.publish_of(customer, &local, "tiny").await;
        image::forget(self.engine.docker(), &local).await?;
        pushed
    }

    /// Pushes an image of the engine under `name` and approves it.
    ///
    /// # Errors
    /// If engine or registry refuse.
    pub async fn publish(&self, local: &str, name: &str) -> Result<ImageRef> {
        self.publish_of(&self.customer, local, name).await
    }

    async fn publish_of(&self, customer: &Customer, local: &str, name: &str) -> Result<ImageRef> {
        let repository = format!("{}/{}/{name}", self.registry_line.address(), customer.namespace);
        let image = image::push(self.engine.docker(), local, &repository, customer.key.expose()).await?;
        self.operator.approve(&image).await?;
        Ok(image)
    }

    /// Fails unless no job was lost, none has two results and the ledger sums to zero.
    ///
    /// # Errors
    /// What is not in order.
    pub async fn check_books(&self) -> Result<()> {
        books::check(self.coordinator.config()).await
    }

    /// Ends everything. The folder is removed if it was temporary.
    ///
    /// # Errors
    /// Which part could not be ended.
    pub async fn shutdown(self) -> Result<()> {
        Box::pin(self.end()).await?.finish()
    }

    /// Ends everything after something went wrong: the folder stays, with the logs and databases that say what.
    ///
    /// # Errors
    /// Which part could not be ended.
    pub async fn shutdown_keeping_folder(self) -> Result<()> {
        Box::pin(self.end()).await.map(drop)
    }

    /// Ends one part after the other, also when one of them cannot be ended: nothing is left running because of another.
    async fn end(self) -> Result<Folder> {
        let Self { mut engine, line, registry_line, coordinator, mut rigs, operator, customer: _, money, mut registry, dir } =
            self;
        let mut ended = Ok(());
        for rig in &mut rigs {
            ended = ended.and(rig.shutdown().await);
        }
        // Those that could not be ended lose their containers here.
        drop(rigs);
        if !engine.is_private() {
            // What was pulled from a registry that is gone would stay in everybody's engine for ever. An agent that ends leaves
            // no container, but the engine may still be busy removing the last one.
            let host = registry_line.address().to_string();
            let forget = async || image::forget_all_of(engine.docker(), &host).await.map(Some);
            ended = ended.and(wait_for("images are still in use", CONTAINERS_GONE_LIMIT, forget).await);
        }
        operator.close().await;
        ended = ended.and(coordinator.shutdown().await);
        if let Some(mut money) = money {
            ended = ended.and(money.shutdown().await);
        }
        ended = ended.and(registry.shutdown().await).and(engine.shutdown().await);
        line.shutdown().await;
        registry_line.shutdown().await;
        ended.map(|()| dir)
    }

    async fn add_rig(&mut self, options: &Options, number: usize) -> Result<()> {
        let settings = RigSettings {
            coordinator: coordinator::url(self.line.address())?,
            name: format!("rig-{number}"),
            engine: self.engine.address().to_owned(),
            disk_gib: options.disk_gib,
            timers_divisor: options.timers_divisor,
        };
        let dir = self.dir().join(format!("rig-{number}"));
        self.rigs.push(Rig::start(options.agent_home, &dir, &settings).await?);
        Ok(())
    }
}

/// Who runs it, for those who look before they join.
fn network() -> NetworkConfig {
    NetworkConfig {
        name: NETWORK.to_owned(),
        operator: "Whoever started this testbed".to_owned(),
        support: "Ask the one who started it".to_owned(),
        content_policy: "Whatever its customers on this PC send: it is there to try things out.".to_owned(),
        ..NetworkConfig::default()
    }
}

fn coordinator_config(options: &Options, root: &Path, public_url: &Url, registry_line: &Line) -> Result<Config> {
    let mut config = Config::on_loopback(&root.join("coordinator"), options.timers_divisor);
    config.listen = registry::free_address()?;
    config.public_url = Some(public_url.clone());
    config.database_url.clone_from(&options.database_url);
    config.network = network();
    config.timers = Timers { offer_ack: config.timers.offer_ack.max(OFFER_ACK_MIN), ..config.timers };
    if options.owners_are_restless {
        config.timers = Timers { early_yield: Duration::from_millis(1), ..config.timers };
    }
    if options.money.is_some() {
        // Practice money comes the same day: a person waits for it.
        config.timers = Timers { payout: PAYOUT, chain_poll: CHAIN_POLL, chain_resend: CHAIN_RESEND, ..config.timers };
    }
    config.registry = registry::config(registry_line);
    std::fs::create_dir_all(&config.data_dir).context("could not make the coordinator's folder")?;
    Ok(config)
}
