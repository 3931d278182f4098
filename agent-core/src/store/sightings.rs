//! What the probes said, for two weeks: spans in which nothing changed.

use std::{collections::BTreeSet, time::Duration};

use headframe_protocol::TimestampMs;
use serde::{Deserialize, Serialize};
use sqlx::Row as _;

use super::{Store, StoreError};

/// How long it is kept.
pub const KEPT: Duration = Duration::from_secs(14 * 24 * 3_600);

/// The most spans that are kept, about 10 MB. Two weeks have so many only if something changes every twenty seconds all the time.
const SPANS_MAX: i64 = 60_000;

/// A clock that was wrong may have written spans of the future. So far ahead they are not believed.
const AHEAD_MAX: Duration = Duration::from_secs(24 * 3_600);

/// A time in which nothing changed that is recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// When it began.
    pub from: TimestampMs,
    /// Until when it is known to have lasted.
    pub until: TimestampMs,
    /// What was seen.
    pub seen: Sighting,
}

/// What the probes saw, coarsely. What no probe sees is absent.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Sighting {
    /// When the owner last touched something.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub touch: Option<Touch>,
    /// Whether the screen is locked.
    #[serde(skip_serializing_if = "is_false")]
    pub locked: bool,
    /// Whether somebody is here from afar.
    #[serde(skip_serializing_if = "is_false")]
    pub remote: bool,
    /// Whether the PC is on its battery.
    #[serde(skip_serializing_if = "is_false")]
    pub on_battery: bool,
    /// Whether the connection is metered.
    #[serde(skip_serializing_if = "is_false")]
    pub metered: bool,
    /// Whether a window fills the screen.
    #[serde(skip_serializing_if = "is_false")]
    pub fullscreen: bool,
    /// Whether a probe was broken.
    #[serde(skip_serializing_if = "is_false")]
    pub broken: bool,
    /// The processor's heat, in degrees Celsius, in steps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_c: Option<i16>,
    /// The graphics cards' heat, in degrees Celsius, in steps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gpu_c: Option<i16>,
    /// The most memory of a graphics card that one of the owner's programs held, in MiB, in steps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gpu_held_mib: Option<u32>,
    /// How much of a graphics card's processor the busiest of them used, in percent, in steps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gpu_load_percent: Option<u8>,
    /// How much of the processor the owner's programs used, in percent, in steps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub others_percent: Option<u8>,
    /// Programs that ran and that his rules name; no others.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub programs: BTreeSet<String>,
}

/// When the owner last touched something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Touch {
    /// Again and again.
    Now,
    /// Then, and not since.
    Last(TimestampMs),
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks this way")]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

impl Store {
    /// Writes spans down in one go, and removes what is too old or too much.
    ///
    /// # Errors
    /// [`StoreError::WriteSightings`].
    pub async fn keep_sightings(&self, spans: &[Span], now: TimestampMs) -> Result<(), StoreError> {
        let wrote = async {
            let mut work = self.writer.begin().await?;
            for Span { from, until, seen } in spans {
                sqlx::query(
                    "INSERT INTO sighting (from_ms, until_ms, seen) VALUES ($1, $2, $3)
                     ON CONFLICT (from_ms) DO UPDATE SET until_ms = excluded.until_ms, seen = excluded.seen",
                )
                .bind(from.as_millis())
                .bind(until.as_millis())
                // Plain data; it always has a JSON form.
                .bind(serde_json::to_string(seen).unwrap_or_default())
                .execute(&mut *work)
                .await?;
            }
            sqlx::query(
                "DELETE FROM sighting WHERE until_ms < $1 OR from_ms > $2
                 OR from_ms <= (SELECT from_ms FROM sighting ORDER BY from_ms DESC LIMIT 1 OFFSET $3)",
            )
            .bind(now.before(KEPT).as_millis())
            .bind(now.after(AHEAD_MAX).as_millis())
            .bind(SPANS_MAX)
            .execute(&mut *work)
            .await?;
            work.commit().await
        };
        wrote.await.map_err(StoreError::WriteSightings)
    }

    /// Removes all of it: the owner does not want it kept.
    ///
    /// # Errors
    /// [`StoreError::WriteSightings`].
    pub async fn forget_sightings(&self) -> Result<(), StoreError> {
        let forgot = sqlx::query("DELETE FROM sighting").execute(&self.writer).await;
        forgot.map(drop).map_err(StoreError::WriteSightings)
    }

    /// What was seen since `from`, oldest first. A row nobody understands is left out: what it said is unknown then.
    ///
    /// # Errors
    /// [`StoreError::Read`].
    pub async fn sightings_since(&self, from: TimestampMs) -> Result<Vec<Span>, StoreError> {
        let rows = sqlx::query("SELECT from_ms, until_ms, seen FROM sighting WHERE until_ms > $1 ORDER BY from_ms LIMIT $2")
            .bind(from.as_millis())
            .bind(SPANS_MAX)
            .fetch_all(&self.readers)
            .await
            .map_err(|source| StoreError::Read { what: "what the probes said", source })?;
        let span = |row: &sqlx::sqlite::SqliteRow| {
            let seen = serde_json::from_str(row.get("seen")).ok()?;
            let at = |name: &str| TimestampMs::from_millis(row.get(name));
            Some(Span { from: at("from_ms"), until: at("until_ms"), seen })
        };
        Ok(rows.iter().filter_map(span).collect())
    }
}
