//! What every handler can reach.

use std::{ops::Deref, sync::Arc};

use url::Url;

use crate::{
    blobs::Blobs,
    chain::Chains,
    challenge::Challenges,
    config::Config,
    dispatch::Dispatch,
    fiat::Till,
    journal::Journal,
    logs::Logs,
    networks::Networks,
    payouts::OpenClaims,
    probes::Probes,
    profile::OperatorKey,
    reconcile::Statuses,
    registry::Registry,
    sessions::{Changes, Sessions},
    staging::Staging,
    store::Store,
    tasks::Tasks,
    webhooks::Webhooks,
};

/// The parts of one running coordinator, shared by all handlers.
#[derive(Debug, Clone)]
pub struct App(Arc<Parts>);

/// See [`App`].
#[derive(Debug)]
pub struct Parts {
    /// What the operator decided.
    pub config: Config,
    /// What customers and agents dial, without a slash at the end.
    pub public_url: Url,
    /// The truth.
    pub store: Store,
    /// Bytes of uploads, results and logs.
    pub blobs: Blobs,
    /// How much of results is on its way.
    pub staging: Staging,
    /// Logs of attempts.
    pub logs: Logs,
    /// The network's own image registry, if it has one.
    pub registry: Option<Arc<Registry>>,
    /// Sends messages to customers' webhooks.
    pub webhooks: Webhooks,
    /// The agents connected to this replica.
    pub sessions: Sessions,
    /// Gives jobs to rigs.
    pub dispatch: Dispatch,
    /// Writes down what rigs report.
    pub journal: Journal,
    /// Tells those who wait that a job has changed.
    pub changes: Changes,
    /// What the reconcilers did last.
    pub reconcilers: Statuses,
    /// What was answered last to those who ask without a key.
    pub probes: Probes,
    /// The chains money is settled on.
    pub chains: Chains,
    /// Claims on the newest payouts.
    pub claims: OpenClaims,
    /// Where payments by card are taken, if they are.
    pub fiat: Option<Till>,
    /// What cards must prove.
    pub challenges: Challenges,
    /// From where customers and rigs come.
    pub networks: Networks,
    /// Signs the network's profile, if the operator has said who he is.
    pub operator: Option<OperatorKey>,
    /// Everything that runs.
    pub tasks: Tasks,
}

impl App {
    pub(crate) fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// Whether it matters who comes from the same network: where cards are taken, and where rigs check one another.
    pub(crate) fn notes_networks(&self) -> bool {
        self.fiat.is_some() || self.config.verification.checks
    }

    /// `public_url` as agents sign it: without a slash at the end.
    #[must_use]
    pub fn origin(&self) -> &str {
        self.public_url.as_str().trim_end_matches('/')
    }
}

impl Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}
