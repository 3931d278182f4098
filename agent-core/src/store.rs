//! The local database: the lease journal, which is written before anything is done, and the history made of it.
//!
//! Two doors: the [`Journal`] takes entries and says when each is safe on disk; the [`Store`] answers questions about
//! the past. What the entries mean is decided elsewhere.

use std::{path::Path, time::Duration};

use sqlx::{
    SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

mod attempts;
mod checkpoints;
mod earned;
mod history;
mod journal;
mod money_news;
mod sightings;
mod wallet;
mod withdrawal;
mod yields;

pub use attempts::OpenAttempt;
pub(crate) use attempts::title;
pub use checkpoints::{OpenCheckpoint, Saved};
pub use earned::{CardDrawn, CardRow, Drawn, EarnedRow, Place};
pub use history::{PastAttempt, PastPage};
pub(crate) use journal::Chain;
pub use journal::{Choice, Entry, Journal, Parting, Written};
pub use money_news::PayoutNews;
pub use sightings::{KEPT, Sighting, Span, Touch};
pub use wallet::{PayoutRow, SpendRow, WalletRow};
pub use withdrawal::{Act, ClaimPlan, GasPlan, How, Plan, StepName, WithdrawalRow};
pub use yields::Yield;

/// The database's name in the data directory.
pub const FILE_NAME: &str = "agent.db";

/// Readers at once. What is asked takes milliseconds, and each one more is a thread and a cache. The writer has a connection of its own.
const READERS_MAX: u32 = 1;

/// How long a reader or the writer waits for the other; both take milliseconds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Why the local database did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file cannot be opened or is damaged.
    #[error("could not open the agent's database {file}")]
    Open {
        /// Where it is.
        file: String,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
    /// The file is of a newer agent, or its tables could not be brought up to date.
    #[error("could not bring the agent's database {file} up to date")]
    Migrate {
        /// Where it is.
        file: String,
        /// Why.
        #[source]
        source: sqlx::migrate::MigrateError,
    },
    /// A question was not answered.
    #[error("could not read {what} from the agent's database")]
    Read {
        /// Such as `the journal`.
        what: &'static str,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
    /// A row is not what this program writes.
    #[error("the agent's database holds a damaged row for {attempt}")]
    Damaged {
        /// Whose.
        attempt: String,
    },
    /// Entries were not written.
    #[error("could not write to the lease journal")]
    Write(#[source] sqlx::Error),
    /// What the probes said was not written.
    #[error("could not write down what the probes said")]
    WriteSightings(#[source] sqlx::Error),
    /// What the wallet did was not written.
    #[error("could not write down what the wallet does")]
    WriteWallet(#[source] sqlx::Error),
}

/// Answers questions about the past, and keeps the wallet's tables. A cheap handle.
#[derive(Debug, Clone)]
pub struct Store {
    readers: SqlitePool,
    /// The journal's connection: what the wallet writes waits its turn there.
    writer: SqlitePool,
}

/// Opens the database in `data_dir`, creating it if there is none.
///
/// # Errors
/// [`StoreError::Open`] and [`StoreError::Migrate`].
pub async fn open(data_dir: &Path) -> Result<(Store, Journal), StoreError> {
    let path = data_dir.join(FILE_NAME);
    let file = path.display().to_string();
    let options = SqliteConnectOptions::new()
        .filename(&path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        // The journal is what a power cut must not undo; that costs a flush per group of entries.
        .synchronous(SqliteSynchronous::Full)
        // Tokens of settled attempts are overwritten, not only unlinked.
        .pragma("secure_delete", "ON")
        .busy_timeout(BUSY_TIMEOUT);
    let unopened = |source| StoreError::Open { file: file.clone(), source };
    let writer = pool(1).connect_with(options.clone()).await.map_err(unopened)?;
    sqlx::migrate!("./migrations").run(&writer).await.map_err(|source| StoreError::Migrate { file: file.clone(), source })?;
    let readers = pool(READERS_MAX).connect_with(options).await.map_err(unopened)?;
    restrict(&path).map_err(|source| unopened(sqlx::Error::Io(source)))?;
    Ok((Store { readers, writer: writer.clone() }, Journal::new(writer)))
}

/// Connections that are never looked after: whoever does would wake an agent at rest, and a file has no server that ends them.
fn pool(connections_max: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new().max_connections(connections_max).idle_timeout(None).max_lifetime(None)
}

/// The journal holds tokens of running attempts.
#[cfg(unix)]
fn restrict(path: &Path) -> std::io::Result<()> {
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600))
}

#[cfg(not(unix))]
const fn restrict(_: &Path) -> std::io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests;
