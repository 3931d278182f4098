//! The coordinator as a whole: bind, join, shut down.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use tokio::net::TcpListener;
use url::Url;

use crate::{
    App, Config,
    app::Parts,
    blobs::{BlobError, Blobs},
    chain::{ChainError, Chains},
    challenge::Challenges,
    dispatch::{self, Terms},
    fiat::{Till, TillError},
    journal::{Listeners, Writer},
    logs::Logs,
    market::{Backoff, Market},
    metrics,
    networks::{Networks, NetworksError},
    payouts::OpenClaims,
    probes::Probes,
    profile::{IssueError, OperatorKey},
    pseudonyms::{Pseudonyms, PseudonymsError},
    reconcile,
    registry::{Registry, RegistryError},
    router,
    sessions::{self, Changes, Sessions},
    staging::Staging,
    store::{Store, StoreError},
    tasks::Tasks,
    webhooks::{Webhooks, WebhooksError},
};

mod connections;

/// Why there is no coordinator.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The configuration is not right.
    #[error("the configuration is not right")]
    Config(#[source] crate::config::ConfigError),
    /// The data directory cannot be made.
    #[error("could not make the data directory {path}")]
    DataDir {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The address is taken, or not ours.
    #[error("could not listen on {address}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The database is out of reach or newer than this program.
    #[error("could not open the database")]
    Store(#[source] StoreError),
    /// The artifact store cannot be used.
    #[error("could not open the artifact store")]
    Blobs(#[source] BlobError),
    /// The registry's keys cannot be used.
    #[error("could not open the registry's keys")]
    Registry(#[source] RegistryError),
    /// A chain's profile or a key cannot be used.
    #[error("could not open the chains")]
    Chains(#[source] ChainError),
    /// Payments by card cannot be taken.
    #[error("could not set up payments by card")]
    Fiat(#[source] TillError),
    /// Networks cannot be told apart.
    #[error("could not open the key of networks")]
    Networks(#[source] NetworksError),
    /// Customers cannot be named to rigs.
    #[error("could not open the key of pseudonyms")]
    Pseudonyms(#[source] PseudonymsError),
    /// The network's profile cannot be signed.
    #[error("could not open the key of the network's profile")]
    Operator(#[source] IssueError),
    /// Webhooks cannot be sent.
    #[error("could not set up webhooks")]
    Webhooks(#[source] WebhooksError),
    /// The address we listen on makes no address to dial.
    #[error("`public_url` is needed: {listen} is not an address anybody can dial")]
    PublicUrl {
        /// What we listen on.
        listen: SocketAddr,
        /// Why.
        #[source]
        source: url::ParseError,
    },
}

/// A running coordinator. Dropping it without [`Coordinator::shutdown`] leaves its tasks to the runtime.
#[derive(Debug)]
pub struct Coordinator {
    app: App,
    address: SocketAddr,
    serving: tokio::task::JoinHandle<()>,
}

impl Coordinator {
    /// Opens the database, listens, and starts everything.
    ///
    /// # Errors
    /// [`BindError`] saying which part could not be started.
    pub async fn bind(config: Config) -> Result<Self, BindError> {
        config.check().map_err(BindError::Config)?;
        metrics::install();
        std::fs::create_dir_all(&config.data_dir)
            .map_err(|source| BindError::DataDir { path: config.data_dir.clone(), source })?;
        let listen = |source| BindError::Listen { address: config.listen, source };
        let listener = TcpListener::bind(config.listen).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let public_url = match &config.public_url {
            Some(url) => url.clone(),
            None => {
                Url::parse(&format!("http://{address}")).map_err(|source| BindError::PublicUrl { listen: address, source })?
            }
        };
        let limits = connections::Limits { connections: config.limits.connections_max, head: connections::HEAD_TIME_MAX };
        let app = assemble(config, public_url).await?;
        reconcile::start(&app);
        let connections = connections::serve(listener, router::router(app.clone()), app.tasks.clone(), limits);
        let serving = app.tasks.spawn("http", connections);
        tracing::info!(
            http.listen = %address, http.public_url = %app.public_url, database = app.store.dialect(), network = %app.config.network.name,
            "The coordinator is ready",
        );
        Ok(Self { app, address, serving })
    }

    /// Where it listens.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// What handlers can reach; for tests, the testbed and the operator's own process.
    #[must_use]
    pub fn app(&self) -> &App {
        &self.app
    }

    /// Waits until it ends by itself, which is only when listening fails or a task has ended that nothing works without.
    ///
    /// # Errors
    /// Why listening failed, or which task has ended.
    pub async fn join(&mut self) -> std::io::Result<()> {
        tokio::select! {
            served = &mut self.serving => served.map_err(std::io::Error::other),
            name = self.app.tasks.break_down() => Err(std::io::Error::other(format!("the task `{name}` has ended"))),
        }
    }

    /// Stops taking requests, says goodbye to rigs, writes down what is on its way, closes the database.
    pub async fn shutdown(self) {
        self.app.tasks.shutdown().await;
        self.app.store.close().await;
        tracing::info!("The coordinator has stopped");
    }
}

/// None for an operator who has not said who he is.
fn operator_key(config: &Config) -> Result<Option<OperatorKey>, BindError> {
    match OperatorKey::open(&config.data_dir, &config.network) {
        Ok(key) => Ok(Some(key)),
        Err(IssueError::NoOperator) => Ok(None),
        Err(error) => Err(BindError::Operator(error)),
    }
}

fn terms(config: &Config) -> Terms {
    let timers = &config.timers;
    Terms {
        fee_bps: config.network.fee_bps,
        lease_ttl: timers.lease_ttl,
        offer_ack: timers.offer_ack,
        // Twice the time and a lease flush: this replica's own timer comes first.
        answer_by: timers.offer_ack * 2 + timers.lease_flush,
        poll: timers.poll,
        queue_pass: timers.queue_pass,
        learn: timers.learn,
    }
}

/// Puts the parts together. The market needs the sessions, the journal needs the market's handle, and the market's
/// actor gets the journal last.
pub(crate) async fn assemble(config: Config, public_url: Url) -> Result<App, BindError> {
    let store = Store::open(&config).await.map_err(BindError::Store)?;
    let blobs = Blobs::local(&config.data_dir.join("blobs")).map_err(BindError::Blobs)?;
    let logs = Logs::new(store.clone(), blobs.clone(), config.limits.log_bytes_max);
    let registry = Registry::open(&config.data_dir, &config.registry).map_err(BindError::Registry)?.map(Arc::new);
    let webhooks =
        Webhooks::open(&config.data_dir, &config.webhooks, config.timers.webhook_timeout).map_err(BindError::Webhooks)?;
    let chains = Chains::open(&config.chains).map_err(BindError::Chains)?;
    let fiat = Till::open(&config.fiat, &chains).map_err(BindError::Fiat)?;
    let networks = Networks::open(&config.data_dir, config.fiat.proxies).map_err(BindError::Networks)?;
    let operator = operator_key(&config)?;
    let pseudonyms = Pseudonyms::open(&config.data_dir).map_err(BindError::Pseudonyms)?;
    let (tasks, changes) = (Tasks::default(), Changes::default());
    let sessions = Sessions::new(public_url.clone(), registry.clone(), pseudonyms, store.clock().clone());
    let timers = &config.timers;
    let millis = |duration: Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
    let backoff = Backoff {
        first_ms: millis(timers.rig_backoff),
        max_ms: millis(timers.rig_backoff_max),
        window_ms: millis(timers.rig_window),
    };
    let market = Market::new(backoff, rand::random());
    let (actor, dispatch) = dispatch::Actor::new(market, terms(&config), store.clone(), sessions.clone(), tasks.clone());
    let rules = config.rules();
    let listeners = Listeners { dispatch: dispatch.clone(), sessions: sessions.clone(), changes: changes.clone() };
    let (writer, journal) = Writer::new(store.clone(), rules, listeners);
    let stop = tasks.stopping();
    tasks.spawn_core("journal", writer.run(stop.clone()));
    tasks.spawn_core("dispatch", actor.run(journal.clone(), stop.clone()));
    let flushing = sessions::Flushing {
        store: store.clone(),
        sessions: sessions.clone(),
        dispatch: dispatch.clone(),
        timers: timers.clone(),
    };
    tasks.spawn_core("leases", sessions::keep_flushing(flushing, stop));
    Ok(App::new(Parts {
        config,
        public_url,
        store,
        blobs,
        staging: Staging::default(),
        logs,
        registry,
        webhooks,
        sessions,
        dispatch,
        journal,
        changes,
        reconcilers: reconcile::Statuses::default(),
        probes: Probes::default(),
        chains,
        claims: OpenClaims::default(),
        fiat,
        challenges: Challenges::default(),
        networks,
        operator,
        tasks,
    }))
}
