//! The past: jobs by page.

use headframe_protocol::{
    Micros, Pseudonym, TimestampMs,
    job::{AttemptState, Reason},
    session::Outcome,
};
use sqlx::{Row as _, sqlite::SqliteRow};

use super::{Store, StoreError, attempts::unsigned};

/// One attempt of the past or present, as it was last written down.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are those of `protocol::control::JobCard`, explained there")]
pub struct PastAttempt {
    pub attempt: String,
    pub job: String,
    pub title: String,
    pub image: String,
    pub earns_per_hour: Micros,
    pub stage: AttemptState,
    pub outcome: Option<Outcome>,
    pub running_ms: u64,
    pub log_bytes: u64,
    pub accepted_ms: TimestampMs,
    pub ended_ms: Option<TimestampMs>,
    /// What the coordinator wrote down, if it has.
    pub settled: Option<AttemptState>,
    pub reason: Option<Reason>,
    pub credit: Micros,
    pub customer: Option<Pseudonym>,
}

/// A page of the past.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastPage {
    /// Newest first.
    pub attempts: Vec<PastAttempt>,
    /// Whether there are older ones.
    pub more: bool,
}

impl Store {
    /// Up to `limit` attempts older than `after`, or the newest.
    ///
    /// # Errors
    /// [`StoreError::Read`].
    pub async fn attempts_before(&self, after: Option<&str>, limit: u32) -> Result<PastPage, StoreError> {
        let rows = sqlx::query(
            "SELECT * FROM attempt
             WHERE $1 IS NULL OR ordinal < (SELECT ordinal FROM attempt WHERE attempt = $1)
             ORDER BY ordinal DESC LIMIT $2",
        )
        .bind(after)
        .bind(i64::from(limit) + 1)
        .fetch_all(&self.readers)
        .await
        .map_err(|source| StoreError::Read { what: "past jobs", source })?;
        let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
        let attempts = rows.iter().take(wanted).map(past_attempt).collect::<Result<_, _>>()?;
        Ok(PastPage { attempts, more: rows.len() > wanted })
    }

    /// One attempt, if it was ever taken.
    ///
    /// # Errors
    /// [`StoreError::Read`].
    pub async fn attempt(&self, attempt: &str) -> Result<Option<PastAttempt>, StoreError> {
        let row = sqlx::query("SELECT * FROM attempt WHERE attempt = $1")
            .bind(attempt)
            .fetch_optional(&self.readers)
            .await
            .map_err(|source| StoreError::Read { what: "an attempt", source })?;
        row.as_ref().map(past_attempt).transpose()
    }
}

fn past_attempt(row: &SqliteRow) -> Result<PastAttempt, StoreError> {
    let attempt: String = row.get("attempt");
    let damaged = || StoreError::Damaged { attempt: attempt.clone() };
    let stage: AttemptState = row.get::<&str, _>("stage").parse().map_err(|_| damaged())?;
    let outcome: Option<String> = row.get("outcome");
    let settled: Option<String> = row.get("settled_state");
    let reason: Option<String> = row.get("reason");
    Ok(PastAttempt {
        job: row.get("job"),
        title: row.get("title"),
        image: row.get("image"),
        earns_per_hour: Micros::new(row.get("earns_per_hour")),
        stage,
        outcome: outcome.map(|text| serde_json::from_str(&text)).transpose().map_err(|_| damaged())?,
        running_ms: unsigned(row.get("running_ms")),
        log_bytes: unsigned(row.get("log_bytes")),
        accepted_ms: TimestampMs::from_millis(row.get("accepted_ms")),
        ended_ms: row.get::<Option<i64>, _>("ended_ms").map(TimestampMs::from_millis),
        settled: settled.map(|text| text.parse()).transpose().map_err(|_| damaged())?,
        reason: reason.and_then(|text| text.parse().ok()),
        credit: Micros::new(row.get("credit")),
        customer: row.get::<Option<&str>, _>("customer").and_then(|text| text.parse().ok()),
        attempt,
    })
}
