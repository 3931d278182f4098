//! The operator's acts a network needs before anything can happen: a customer with a key and money, and approved images.

use anyhow::{Context as _, Result};
use headframe_cli::ApiKey;
use headframe_coordinator::{
    Config,
    admin::acts::{self, By},
    store::{Store, prices},
};
use headframe_protocol::{CustomerId, ImageRef, Micros};

/// Acts on the coordinator's database, as the operator's own program does.
#[derive(Debug)]
pub struct Operator {
    store: Store,
    config: Config,
    by: By,
}

/// A new customer.
#[derive(Debug, Clone)]
pub struct Customer {
    /// The account.
    pub id: CustomerId,
    /// The part of the registry that is his.
    pub namespace: String,
    /// His key.
    pub key: ApiKey,
}

impl Operator {
    /// Of the coordinator with this configuration.
    ///
    /// # Errors
    /// If the database does not open.
    pub async fn of(config: &Config) -> Result<Self> {
        let store = Store::open(config).await.context("could not open the coordinator's database")?;
        Ok(Self { store, config: config.clone(), by: By::new("testbed", "a network for a test or a demo")? })
    }

    /// Makes a customer and gives him `grant` to spend.
    ///
    /// # Errors
    /// If the database refuses.
    pub async fn customer(&self, name: &str, grant: Micros) -> Result<Customer> {
        let record = acts::create_customer(&self.store, &self.config.limits, &self.by, name, None).await?;
        let key = acts::create_key(&self.store, &self.by, record.id, "testbed").await?;
        if grant > Micros::ZERO {
            acts::grant(&self.store, &self.by, record.id, grant, "first").await?;
        }
        let key = ApiKey::parse(&key.key).context("a key of the operator is a key")?;
        Ok(Customer { id: record.id, namespace: record.namespace, key })
    }

    /// Lets `image` run.
    ///
    /// # Errors
    /// If the database refuses.
    pub async fn approve(&self, image: &ImageRef) -> Result<()> {
        acts::approve_image(&self.store, &self.by, image.digest()).await.context("could not approve an image")
    }

    /// Says what HFR is worth, as both observers.
    ///
    /// # Errors
    /// If the database refuses.
    pub async fn observe_price(&self, picos: u64) -> Result<()> {
        for source in [prices::Source::Twap, prices::Source::Oracle] {
            acts::observe_price(&self.store, &self.by, source, picos).await.context("could not observe a price")?;
        }
        Ok(())
    }

    /// Takes the newest payout of a chain back, after a watcher's veto.
    ///
    /// # Errors
    /// If there is none that was vetoed.
    pub async fn undo_payout(&self, chain: u64) -> Result<u64> {
        acts::undo_payout(&self.store, &self.by, chain).await.context("the payout was not undone")
    }

    /// Closes the database.
    pub async fn close(self) {
        self.store.close().await;
    }
}
