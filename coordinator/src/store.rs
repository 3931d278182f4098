//! The database: the truth of everything. One file of SQL per aggregate; rows are private to their file.
//!
//! One SQL text serves SQLite and PostgreSQL. SQLite has one writer, so all writes go through [`Store::begin`], which
//! on SQLite queues for the single writing connection; reads go through [`Store::read`]. The functions of the aggregates
//! take a connection, so that several of them can share one transaction.

use std::time::Duration;

use headframe_protocol::TimestampMs;
use sqlx::{Any, AnyConnection, AnyPool, Executor as _, Row as _, any::AnyPoolOptions, pool::PoolConnection};

use crate::{
    clock::{self, Clock},
    config::Config,
};

pub mod amount;
pub mod artifacts;
pub mod attempt_io;
pub mod attempts;
pub mod audit;
pub mod backing;
pub mod blobs;
pub mod card_money;
pub mod chain_events;
pub mod challenges;
pub mod checkpoints;
pub mod claims;
pub mod customers;
pub mod demand;
pub mod earnings;
pub mod fiat;
pub mod figures;
pub mod fleet;
pub mod grants;
pub mod idempotency;
pub mod images;
pub mod jobs;
pub mod keys;
pub mod ledger;
pub mod lifecycle;
pub mod links;
pub mod logs;
pub mod maturing;
pub mod outbox;
pub mod payouts;
pub mod portable;
pub mod prices;
pub mod purses;
pub mod registry;
pub mod reservations;
pub mod rig_histories;
pub mod rigs;
pub mod steps;
pub mod switches;
pub mod tabs;
mod text;
mod tries;
pub mod uploads;
pub mod usage;
pub mod verify;
pub mod wallets;

pub(crate) use text::{Rows, as_i64, document, line, parsed, written};
pub(crate) use tries::{Crossing, until_uncrossed};

/// A write transaction. Dropped without a commit, it is rolled back.
pub type Tx = sqlx::Transaction<'static, Any>;

/// How long a request waits for the database before it is told to come back later.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);

/// Set on every SQLite connection. WAL lets readers go on while the one writer writes; FULL makes a commit durable.
const SQLITE_PRAGMAS: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; \
     PRAGMA busy_timeout = 10000; PRAGMA cache_size = -65536; PRAGMA temp_store = MEMORY;";

/// Which of the two databases it is. Asked only where the one permitted difference, or the clock, is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dialect {
    Sqlite,
    Postgres,
}

/// Why the database could not do something.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database refused or was out of reach.
    #[error("the database could not {act}")]
    Database {
        /// What was tried, such as `read a job`.
        act: &'static str,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
    /// A row holds what we never write.
    #[error("the database holds a {what} that cannot be read: {value}")]
    Corrupt {
        /// What it should be.
        what: &'static str,
        /// What it is.
        value: String,
    },
    /// The schema could not be brought up to date.
    #[error("the database schema could not be brought up to date")]
    Migrate(#[source] sqlx::migrate::MigrateError),
}

impl StoreError {
    /// Whether the same act may succeed when tried again as it is: a lock was taken, or two transactions crossed.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        let no_connection = match self {
            Self::Database { source: sqlx::Error::PoolTimedOut, .. } => true,
            Self::Database { .. } | Self::Corrupt { .. } | Self::Migrate(_) => false,
        };
        no_connection || self.has_crossed()
    }

    /// Whether the transaction was given up because it crossed another: the same one, begun anew, may well succeed at once.
    #[must_use]
    pub fn has_crossed(&self) -> bool {
        match self {
            Self::Database { source: sqlx::Error::Database(error), .. } => {
                // PostgreSQL: serialization failure, deadlock. SQLite: busy, busy snapshot, locked.
                matches!(error.code().as_deref(), Some("40001" | "40P01" | "5" | "517" | "6"))
            }
            Self::Database { .. } | Self::Corrupt { .. } | Self::Migrate(_) => false,
        }
    }
}

/// Says what was being done when the database refused.
pub trait Doing<T> {
    /// `act` completes the sentence "the database could not …".
    ///
    /// # Errors
    /// The same error, with the act.
    fn doing(self, act: &'static str) -> Result<T, StoreError>;
}

impl<T> Doing<T> for Result<T, sqlx::Error> {
    fn doing(self, act: &'static str) -> Result<T, StoreError> {
        self.map_err(|source| StoreError::Database { act, source })
    }
}

/// The database. Clones share its connections.
#[derive(Debug, Clone)]
pub struct Store {
    readers: AnyPool,
    writers: AnyPool,
    dialect: Dialect,
    clock: Clock,
}

impl Store {
    /// Connects, and brings the schema up to date.
    ///
    /// # Errors
    /// [`StoreError`] if the database is out of reach or newer than this program.
    pub async fn open(config: &Config) -> Result<Self, StoreError> {
        sqlx::any::install_default_drivers();
        let url = config.database_url();
        let dialect = if url.starts_with("postgres") { Dialect::Postgres } else { Dialect::Sqlite };
        let connections = config.limits.database_connections_max;
        let (readers, writers) = match dialect {
            Dialect::Postgres => {
                let pool =
                    AnyPoolOptions::new().max_connections(connections).acquire_timeout(ACQUIRE_TIMEOUT).connect(&url).await;
                let pool = pool.doing("connect")?;
                (pool.clone(), pool)
            }
            Dialect::Sqlite => {
                let url = if url.contains('?') { url } else { format!("{url}?mode=rwc") };
                let writers = sqlite_pool(1).connect(&url).await.doing("open the file")?;
                (sqlite_pool(connections).connect(&url).await.doing("open the file")?, writers)
            }
        };
        let store = Self { readers, writers, dialect, clock: Clock::default() };
        store.migrate().await?;
        store.measure_clock().await?;
        Ok(store)
    }

    async fn migrate(&self) -> Result<(), StoreError> {
        sqlx::migrate!("./migrations").run(&self.writers).await.map_err(StoreError::Migrate)
    }

    /// A connection for reading.
    ///
    /// # Errors
    /// [`StoreError`] if none is free in time.
    pub async fn read(&self) -> Result<PoolConnection<Any>, StoreError> {
        self.readers.acquire().await.doing("give a connection")
    }

    /// Begins a write transaction.
    ///
    /// # Errors
    /// [`StoreError`] if no connection is free in time.
    pub async fn begin(&self) -> Result<Tx, StoreError> {
        // A SQLite transaction that reads first and writes later cannot wait for another process's write; IMMEDIATE
        // takes the lock at once, where the busy timeout works.
        let begun = match self.dialect {
            Dialect::Sqlite => self.writers.begin_with("BEGIN IMMEDIATE").await,
            Dialect::Postgres => self.writers.begin().await,
        };
        begun.doing("begin a transaction")
    }

    /// The database's clock.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Now, on the database's clock.
    #[must_use]
    pub fn now(&self) -> TimestampMs {
        self.clock.now()
    }

    /// Measures how far this machine's clock is from the database's. Done at start and again from time to time.
    ///
    /// # Errors
    /// [`StoreError`] if the database does not answer.
    pub async fn measure_clock(&self) -> Result<(), StoreError> {
        // The one question the two databases have no common words for.
        let question = match self.dialect {
            Dialect::Sqlite => "SELECT CAST((julianday('now') - 2440587.5) * 86400000.0 AS BIGINT)",
            Dialect::Postgres => "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)",
        };
        let mut connection = self.read().await?;
        let asked_ms = clock::machine_ms();
        let row = sqlx::query(question).fetch_one(&mut *connection).await.doing("tell the time")?;
        let database_ms: i64 = row.try_get(0).doing("tell the time")?;
        self.clock.synchronise(asked_ms, clock::machine_ms(), database_ms);
        Ok(())
    }

    /// What follows the sub-select of a batch claim: on PostgreSQL rows another replica is claiming are passed over.
    /// SQLite has one writer and no such clause. This is the single difference of dialect in a statement that changes something.
    pub(crate) fn skip_locked(&self) -> &'static str {
        match self.dialect {
            Dialect::Sqlite => "",
            Dialect::Postgres => " FOR UPDATE SKIP LOCKED",
        }
    }

    /// `sqlite` or `postgres`, for logs and figures.
    #[must_use]
    pub fn dialect(&self) -> &'static str {
        match self.dialect {
            Dialect::Sqlite => "sqlite",
            Dialect::Postgres => "postgres",
        }
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// [`StoreError`] if it does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        let mut connection = self.read().await?;
        sqlx::query("SELECT 1").execute(&mut *connection).await.doing("answer")?;
        Ok(())
    }

    /// Whether the database takes writes.
    ///
    /// # Errors
    /// [`StoreError`] if it does not.
    pub async fn check_writable(&self) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        // Writes without changing: on SQLite the transaction itself takes the write lock, PostgreSQL refuses this on a standby.
        sqlx::query("UPDATE switch SET changed_ms = changed_ms WHERE name = ''").execute(&mut *tx).await.doing("take a write")?;
        tx.rollback().await.doing("take a write")
    }

    /// Waits for transactions under way and closes every connection.
    pub async fn close(&self) {
        self.writers.close().await;
        self.readers.close().await;
    }
}

fn sqlite_pool(connections: u32) -> AnyPoolOptions {
    AnyPoolOptions::new().max_connections(connections).acquire_timeout(ACQUIRE_TIMEOUT).after_connect(|connection, _| {
        Box::pin(async move {
            let connection: &mut AnyConnection = connection;
            connection.execute(SQLITE_PRAGMAS).await.map(drop)
        })
    })
}

/// Commits, saying what the transaction was for.
pub(crate) async fn commit(tx: Tx, act: &'static str) -> Result<(), StoreError> {
    tx.commit().await.doing(act)
}
