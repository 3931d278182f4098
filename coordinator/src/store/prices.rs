//! The price of HFR, as it was observed.

use headframe_accounts::price::Observation;
use headframe_protocol::TimestampMs;
use sqlx::AnyConnection;

use super::{Doing as _, StoreError, as_i64};

/// Who observed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The time-weighted average of a market.
    Twap,
    /// An oracle.
    Oracle,
}

impl Source {
    /// Its text in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Twap => "twap",
            Self::Oracle => "oracle",
        }
    }
}

/// Writes an observation down.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn observe(connection: &mut AnyConnection, source: Source, seen: Observation) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO price (source, observed_ms, picos) VALUES ($1, $2, $3) ON CONFLICT (source, observed_ms) DO NOTHING",
    )
    .bind(source.as_str())
    .bind(seen.at_ms.as_millis())
    .bind(as_i64(seen.picos))
    .execute(connection)
    .await
    .doing("write a price down")?;
    Ok(())
}

/// The newest observation of one source.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn newest(connection: &mut AnyConnection, source: Source) -> Result<Option<Observation>, StoreError> {
    let row: Option<(i64, i64)> =
        sqlx::query_as("SELECT picos, observed_ms FROM price WHERE source = $1 ORDER BY observed_ms DESC LIMIT 1")
            .bind(source.as_str())
            .fetch_optional(connection)
            .await
            .doing("read a price")?;
    Ok(row.map(observation))
}

/// What one source has observed since then, and the newest observation before it.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn since(connection: &mut AnyConnection, source: Source, since: TimestampMs) -> Result<Vec<Observation>, StoreError> {
    let rows: Vec<(i64, i64)> = sqlx::query_as(
        "SELECT picos, observed_ms FROM price WHERE source = $1
         AND observed_ms >= COALESCE((SELECT MAX(observed_ms) FROM price WHERE source = $2 AND observed_ms <= $3), $4)",
    )
    .bind(source.as_str())
    .bind(source.as_str())
    .bind(since.as_millis())
    .bind(since.as_millis())
    .fetch_all(connection)
    .await
    .doing("read prices")?;
    Ok(rows.into_iter().map(observation).collect())
}

fn observation((picos, at): (i64, i64)) -> Observation {
    Observation { picos: picos.unsigned_abs(), at_ms: TimestampMs::from_millis(at) }
}
