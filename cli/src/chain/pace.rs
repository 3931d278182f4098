//! How a chain is followed: how often it is looked at, how long something is waited for, and when a fee is raised.

use std::time::Duration;

use alloy_primitives::{Address, B256};
use tokio::time::Instant;

use super::{Chain, ChainError, sending::Fate};
use crate::{
    error::MoneyError,
    wallet::{SignedTransaction, WalletKey},
};

/// Versions of one transaction. The last pays some seventy times what the first did; beyond that something else is wrong.
const VERSIONS_MAX: usize = 20;

/// How often a node that is away is asked again before that is told.
const TRIES: u32 = 10;

/// How a chain is followed.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Between the first two looks. Each further one is twice as long after the one before.
    pub soon: Duration,
    /// Between two looks at most.
    pub look: Duration,
    /// How long a transaction may stay out of every block before one that pays more takes its place.
    pub dearer_after: Duration,
    /// How long something may stay out of every block, and how long the network may take to reserve money.
    pub patience: Duration,
}

impl Pace {
    /// For a person who waits: in the end a block of a fast chain a look, and five minutes before he is told to come back.
    pub const PERSON: Self = Self {
        soon: Duration::from_millis(200),
        look: Duration::from_secs(2),
        dearer_after: Duration::from_secs(60),
        patience: Duration::from_secs(300),
    };
}

/// A wait for something that may happen between two looks.
#[derive(Debug, Clone, Copy)]
pub struct Wait {
    pace: Pace,
    next: Duration,
    since: Instant,
}

impl Wait {
    /// Until the next look.
    pub async fn pause(&mut self) {
        tokio::time::sleep(self.next).await;
        self.next = (self.next * 2).min(self.pace.look);
    }

    /// Whether it has lasted longer than somebody should have to watch.
    #[must_use]
    pub fn is_too_long(&self) -> bool {
        self.since.elapsed() > self.pace.patience
    }
}

impl Pace {
    /// A wait that begins now.
    #[must_use]
    pub fn wait(self) -> Wait {
        Wait { pace: self, next: self.soon, since: Instant::now() }
    }

    /// Asks the chain, and again if it is away for a moment.
    ///
    /// # Errors
    /// What the chain said last.
    pub async fn patiently<T>(&self, mut ask: impl AsyncFnMut() -> Result<T, ChainError>) -> Result<T, ChainError> {
        let (mut left, mut wait) = (TRIES, self.wait());
        loop {
            match ask().await {
                Err(error) if error.may_pass() && left > 0 => left -= 1,
                answered => return answered,
            }
            wait.pause().await;
        }
    }

    /// Waits until everything a wallet has sent is in a block: what is signed before that is signed on a guess.
    ///
    /// # Errors
    /// [`ChainError::Busy`] if it takes too long.
    pub async fn until_quiet(&self, chain: &Chain, wallet: Address) -> Result<(), ChainError> {
        let mut wait = self.wait();
        while self.patiently(async || chain.is_busy(wallet).await).await? {
            if wait.is_too_long() {
                return Err(ChainError::Busy { chain: chain.name().to_owned(), wallet });
            }
            wait.pause().await;
        }
        Ok(())
    }

    /// Sends a transaction and follows it until nothing takes it back.
    ///
    /// # Errors
    /// [`MoneyError::Slow`] if it stays out of every block, [`ChainError::Reverted`] or [`ChainError::Replaced`] if it came to
    /// nothing.
    pub async fn see_through(
        &self,
        chain: &Chain,
        key: &WalletKey,
        first: SignedTransaction,
        act: &'static str,
        tell: impl Fn(Fate),
    ) -> Result<B256, MoneyError> {
        let (wallet, name, transaction) = (key.address(), chain.name().to_owned(), first.hash);
        let mut versions = vec![first];
        let (mut last, mut wait) = (None, self.wait());
        chain.send(&versions[0], act).await?;
        loop {
            let fate = self.patiently(async || chain.fate(wallet, &versions).await).await?;
            match fate {
                Fate::Final { worked: true } => return Ok(chain.taken(&versions).await?),
                Fate::Final { worked: false } => return Err(ChainError::Reverted { chain: name, act, transaction }.into()),
                Fate::Replaced => return Err(ChainError::Replaced { chain: name, act, transaction }.into()),
                Fate::Waiting | Fate::Included { .. } => tell(fate),
            }
            if last != Some(fate) {
                (last, wait) = (Some(fate), self.wait());
            }
            if wait.is_too_long() {
                return Err(MoneyError::Slow { chain: name, transaction });
            }
            let newest = &versions[versions.len() - 1];
            if fate == Fate::Waiting
                && self.wants_dearer(wait, versions.len())
                && let Some(dearer) = chain.dearer(wallet, newest).await?
            {
                let next = key.transaction(dearer)?;
                chain.send(&next, act).await?;
                versions.push(next);
            }
            wait.pause().await;
        }
    }

    /// Whether a transaction that is in no block should be made again for a higher fee, after `made` versions: each gets its time.
    #[must_use]
    pub fn wants_dearer(&self, wait: Wait, made: usize) -> bool {
        let turn = u32::try_from(made).unwrap_or(u32::MAX);
        made < VERSIONS_MAX && wait.since.elapsed() > self.dearer_after.saturating_mul(turn)
    }
}
