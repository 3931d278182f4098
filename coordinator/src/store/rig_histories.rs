//! How rigs' attempts ended, by hour of the week: one row for each rig that ever worked.

use std::collections::BTreeMap;

use headframe_protocol::{DeviceId, TimestampMs};
use sqlx::AnyConnection;

use super::{Doing as _, StoreError, document, written};
use crate::market::{History, Ran};

/// What is known of a rig; nothing if it never worked.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn of(connection: &mut AnyConnection, device: DeviceId) -> Result<History, StoreError> {
    let row: Option<(String, i64)> = sqlx::query_as("SELECT hours, as_of_ms FROM rig_history WHERE device_id = $1")
        .bind(device.to_string())
        .fetch_optional(connection)
        .await
        .doing("read a rig's history")?;
    let Some((hours, as_of_ms)) = row else { return Ok(History::default()) };
    let hours: Vec<(u8, u32, u32)> = document(&hours, "rig history")?;
    Ok(History::read(&hours, TimestampMs::from_millis(as_of_ms)))
}

/// Adds what was learnt since. Each rig's row is taken before it is read, and in order, so that two replicas lose nothing of one
/// another's and never wait for each other.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn learn(connection: &mut AnyConnection, learnt: &[(DeviceId, Ran)]) -> Result<(), StoreError> {
    let mut by_rig: BTreeMap<DeviceId, Vec<Ran>> = BTreeMap::new();
    for (device, ran) in learnt {
        by_rig.entry(*device).or_default().push(*ran);
    }
    for (device, all) in by_rig {
        sqlx::query(
            "INSERT INTO rig_history (device_id, hours, as_of_ms) VALUES ($1, '[]', 0)
             ON CONFLICT (device_id) DO UPDATE SET as_of_ms = rig_history.as_of_ms",
        )
        .bind(device.to_string())
        .execute(&mut *connection)
        .await
        .doing("take a rig's history")?;
        let mut history = of(&mut *connection, device).await?;
        all.into_iter().for_each(|ran| history.learn(ran));
        let (hours, as_of) = history.written();
        sqlx::query("UPDATE rig_history SET hours = $1, as_of_ms = $2 WHERE device_id = $3")
            .bind(written(&hours, "rig history")?)
            .bind(as_of.as_millis())
            .bind(device.to_string())
            .execute(&mut *connection)
            .await
            .doing("write a rig's history")?;
    }
    Ok(())
}
