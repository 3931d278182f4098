//! What the operator's figures are read from.

use sqlx::AnyConnection;

use super::{
    Doing as _, StoreError,
    switches::{self, Switch},
};

/// How things stand.
#[derive(Debug, Clone)]
pub struct Figures {
    /// Jobs that are not over, by state.
    pub open_jobs: Vec<(String, i64)>,
    /// Attempts that are not over, by state.
    pub open_attempts: Vec<(String, i64)>,
    /// Webhook messages that wait or were given up.
    pub outbox: Vec<(String, i64)>,
    /// Bytes kept, by kind.
    pub stored_bytes: Vec<(String, i64)>,
    /// 1 while the network is stopped.
    pub stopped: i64,
}

const OPEN_JOBS: &str =
    "SELECT state, COUNT(*) FROM job WHERE state NOT IN ('succeeded', 'failed', 'cancelled') GROUP BY state ORDER BY state";
const OPEN_ATTEMPTS: &str = "SELECT state, COUNT(*) FROM attempt
     WHERE state IN ('offered', 'accepted', 'preparing', 'running', 'uploading') GROUP BY state ORDER BY state";
const OUTBOX: &str = "SELECT CASE WHEN abandoned_ms IS NULL THEN 'waiting' ELSE 'abandoned' END AS standing, COUNT(*) FROM outbox
     WHERE delivered_ms IS NULL GROUP BY standing ORDER BY standing";
const STORED_BYTES: &str = "SELECT 'content' AS kind, CAST(COALESCE(SUM(bytes), 0) AS BIGINT) FROM blob
     UNION ALL SELECT 'images' AS kind, CAST(COALESCE(SUM(bytes), 0) AS BIGINT) FROM registry_content";

/// Reads all of them.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn read(connection: &mut AnyConnection) -> Result<Figures, StoreError> {
    let stopped = switches::is_on(connection, Switch::NetworkStopped).await?;
    Ok(Figures {
        open_jobs: grouped(connection, OPEN_JOBS).await?,
        open_attempts: grouped(connection, OPEN_ATTEMPTS).await?,
        outbox: grouped(connection, OUTBOX).await?,
        stored_bytes: grouped(connection, STORED_BYTES).await?,
        stopped: i64::from(stopped),
    })
}

async fn grouped(connection: &mut AnyConnection, text: &'static str) -> Result<Vec<(String, i64)>, StoreError> {
    sqlx::query_as(text).fetch_all(connection).await.doing("read figures")
}
