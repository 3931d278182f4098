//! Settings the operator changes while the network runs.

use headframe_protocol::TimestampMs;
use sqlx::AnyConnection;

use super::{Doing as _, StoreError};

/// What can be switched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Switch {
    /// The network takes no jobs and gives none out.
    NetworkStopped,
}

impl Switch {
    const fn name(self) -> &'static str {
        match self {
            Self::NetworkStopped => "network.stopped",
        }
    }
}

/// Whether it is on.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn is_on(connection: &mut AnyConnection, switch: Switch) -> Result<bool, StoreError> {
    let row: Option<(String,)> = sqlx::query_as("SELECT value FROM switch WHERE name = $1")
        .bind(switch.name())
        .fetch_optional(connection)
        .await
        .doing("read a switch")?;
    Ok(row.is_some_and(|(value,)| value == "on"))
}

/// When it was last turned on or off; nothing if it never was.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn turned(connection: &mut AnyConnection, switch: Switch) -> Result<Option<TimestampMs>, StoreError> {
    let row: Option<(i64,)> = sqlx::query_as("SELECT changed_ms FROM switch WHERE name = $1")
        .bind(switch.name())
        .fetch_optional(connection)
        .await
        .doing("read a switch")?;
    Ok(row.map(|(millis,)| TimestampMs::from_millis(millis)))
}

/// Turns it on or off.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn set(connection: &mut AnyConnection, switch: Switch, on: bool, now: TimestampMs) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO switch (name, value, changed_ms) VALUES ($1, $2, $3)
         ON CONFLICT (name) DO UPDATE SET value = excluded.value, changed_ms = excluded.changed_ms",
    )
    .bind(switch.name())
    .bind(if on { "on" } else { "off" })
    .bind(now.as_millis())
    .execute(connection)
    .await
    .doing("set a switch")?;
    Ok(())
}
