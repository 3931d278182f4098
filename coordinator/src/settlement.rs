//! From the ledger to the chains: what should be there, one step at a time.
//!
//! [`events`] reads what happened on a chain and books it, each event once. [`plan`] compares what is with what should be and
//! records the steps that are missing. [`drive`] signs, sends and follows them. Each of the three takes no input, may be broken off
//! anywhere and run again, here or on another replica.

use crate::{
    App,
    chain::{Chain, ChainError},
    store::StoreError,
};

mod book;
pub(crate) mod compare;
mod drive;
mod events;
#[cfg(test)]
mod histories;
mod plan;
mod reasons;

/// One look at every chain: book what happened, plan what is missing, bring it on its way. Returns how much was done. A chain that
/// does not answer holds up no other.
pub(crate) async fn look(app: &App) -> Result<u64, SettlementError> {
    let mut done = 0;
    let mut failed = None;
    for chain in app.chains.iter() {
        match look_at(app, chain).await {
            Ok(more) => done += more,
            Err(error) => {
                tracing::warn!(chain.id = chain.id(), error = %crate::error::Chain(&error), "Could not look after a chain");
                failed = Some(error);
            }
        }
    }
    failed.map_or(Ok(done), Err)
}

async fn look_at(app: &App, chain: &Chain) -> Result<u64, SettlementError> {
    Ok(events::read(app, chain).await? + plan::plan(app, chain).await? + drive::drive(app, chain).await?)
}

/// Why a run of settlement stopped half way. The next one goes on.
#[derive(Debug, thiserror::Error)]
pub enum SettlementError {
    /// The database.
    #[error("the database failed")]
    Store(#[source] StoreError),
    /// A chain.
    #[error("a chain failed")]
    Chain(#[source] ChainError),
    /// A chain or the books hold what cannot be.
    #[error("chain {chain} and the books do not fit: {what}")]
    Unknown {
        /// Which chain.
        chain: u64,
        /// What.
        what: String,
    },
    /// A payout's file cannot be read or made.
    #[error("the payout file of chain {chain} is not right")]
    File {
        /// Which chain's.
        chain: u64,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

// Both are one act of every run, so converting them loses nothing.
impl From<StoreError> for SettlementError {
    fn from(source: StoreError) -> Self {
        Self::Store(source)
    }
}

impl From<ChainError> for SettlementError {
    fn from(source: ChainError) -> Self {
        Self::Chain(source)
    }
}

impl crate::store::Crossing for SettlementError {
    fn has_crossed(&self) -> bool {
        match self {
            Self::Store(error) => error.has_crossed(),
            Self::Chain(_) | Self::File { .. } | Self::Unknown { .. } => false,
        }
    }
}
