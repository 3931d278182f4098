//! How quickly the PC was given back, each time.

use headframe_protocol::{
    TimestampMs,
    control::{YieldCause, YieldView, Yields},
    session::AttemptRef,
};
use sqlx::{Row as _, SqliteConnection, sqlite::SqliteRow};

use super::{Store, StoreError, attempts::signed};

/// Yields that are kept: some years of an evening player.
const KEPT: i64 = 10_000;

/// One time the PC was given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are those of `protocol::control::YieldView`, explained there")]
pub struct Yield {
    pub cause: YieldCause,
    pub wanted_ms: TimestampMs,
    pub stop_ms: u32,
    pub memory_ms: Option<u32>,
    pub memory_missing: bool,
    pub killed: bool,
}

/// Writes one down; once for an attempt, however often it is said.
pub(super) async fn insert(connection: &mut SqliteConnection, at: AttemptRef, made: Yield) -> Result<(), sqlx::Error> {
    let Yield { cause, wanted_ms, stop_ms, memory_ms, memory_missing, killed } = made;
    sqlx::query(
        "INSERT INTO yield (attempt, cause, wanted_ms, stop_ms, memory_ms, memory_missing, killed)
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (attempt) DO NOTHING",
    )
    .bind(at.attempt.to_string())
    .bind(cause.as_str())
    .bind(wanted_ms.as_millis())
    .bind(signed(stop_ms.into()))
    .bind(memory_ms.map(|ms| signed(ms.into())))
    .bind(memory_missing)
    .bind(killed)
    .execute(&mut *connection)
    .await?;
    sqlx::query("DELETE FROM yield WHERE ordinal <= (SELECT MAX(ordinal) FROM yield) - $1")
        .bind(KEPT)
        .execute(connection)
        .await
        .map(drop)
}

impl Store {
    /// All of them together, and the newest `recent`.
    ///
    /// # Errors
    /// [`StoreError::Read`].
    pub async fn yields(&self, recent: u32) -> Result<Yields, StoreError> {
        let unread = |source| StoreError::Read { what: "how quickly the PC was given back", source };
        let all =
            sqlx::query("SELECT COALESCE(memory_ms, stop_ms) AS took_ms, killed, memory_missing FROM yield ORDER BY took_ms")
                .fetch_all(&self.readers)
                .await
                .map_err(unread)?;
        let newest = sqlx::query(
            "SELECT yield.*, attempt.title FROM yield LEFT JOIN attempt ON attempt.attempt = yield.attempt
             ORDER BY yield.ordinal DESC LIMIT $1",
        )
        .bind(recent)
        .fetch_all(&self.readers)
        .await
        .map_err(unread)?;
        let took: Vec<u32> = all.iter().map(|row| ms(row.get("took_ms"))).collect();
        let count = |column| u32::try_from(all.iter().filter(|row| row.get::<bool, _>(column)).count()).unwrap_or(u32::MAX);
        Ok(Yields {
            count: u32::try_from(took.len()).unwrap_or(u32::MAX),
            killed: count("killed"),
            memory_missing: count("memory_missing"),
            p50_ms: within(&took, 50),
            p95_ms: within(&took, 95),
            max_ms: took.last().copied().unwrap_or_default(),
            recent: newest.iter().map(view).collect(),
        })
    }
}

/// What `percent` of 100 of the sorted `took` stay within: the smallest figure that is not passed by more (nearest rank).
fn within(took: &[u32], percent: usize) -> u32 {
    let rank = (took.len() * percent).div_ceil(100);
    rank.checked_sub(1).and_then(|index| took.get(index)).copied().unwrap_or_default()
}

fn ms(stored: i64) -> u32 {
    u32::try_from(stored).unwrap_or(u32::MAX)
}

fn view(row: &SqliteRow) -> YieldView {
    let cause: String = row.get("cause");
    YieldView {
        attempt: row.get("attempt"),
        title: row.get::<Option<String>, _>("title").unwrap_or_default(),
        // A cause of a newer agent's is some rule to this one.
        cause: serde_json::from_value(cause.into()).unwrap_or(YieldCause::Rules),
        wanted_ms: TimestampMs::from_millis(row.get("wanted_ms")),
        stop_ms: ms(row.get("stop_ms")),
        memory_ms: row.get::<Option<i64>, _>("memory_ms").map(ms),
        memory_missing: row.get("memory_missing"),
        killed: row.get("killed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_95_of_100_stay_within_is_one_of_them() {
        assert_eq!(within(&[], 95), 0);
        assert_eq!(within(&[7], 50), 7);
        assert_eq!(within(&[1, 2], 50), 1);
        let hundred: Vec<u32> = (1..=100).collect();
        assert_eq!((within(&hundred, 50), within(&hundred, 95)), (50, 95));
        assert_eq!(within(&hundred[..99], 95), 95, "of 99, 94 would be too few");
    }
}
