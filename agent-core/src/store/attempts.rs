//! One attempt, one row: how entries change it, and how open ones are read back after a crash.

use headframe_protocol::{
    TimestampMs,
    job::{AttemptState, Reason},
    session::{AttemptRef, Offer, Outcome},
};
use sqlx::{Row as _, SqliteConnection, sqlite::SqliteRow};

use super::{Choice, Entry, Journal, Parting, Store, StoreError, checkpoints, earned, yields};

/// An attempt that is not settled, as the last life left it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenAttempt {
    /// The offer that was taken.
    pub offer: Offer,
    /// Where it was.
    pub stage: AttemptState,
    /// What was to be said once its container had stopped.
    pub parting: Option<Parting>,
    /// What was last written of its running time.
    pub running_ms: u64,
    /// What was last written of its log.
    pub log_bytes: u64,
    /// The last receipt's number.
    pub sequence: u64,
    /// How it ended, if it had.
    pub outcome: Option<Outcome>,
    /// When the offer was taken.
    pub accepted_ms: TimestampMs,
    /// When the last answered heartbeat was sent.
    pub renewed_ms: TimestampMs,
}

impl Store {
    /// Every attempt that is not settled, oldest first.
    ///
    /// # Errors
    /// [`StoreError::Read`], and [`StoreError::Damaged`] for a row this program did not write.
    pub async fn open_attempts(&self) -> Result<Vec<OpenAttempt>, StoreError> {
        let rows = sqlx::query(
            "SELECT attempt, offer, stage, parting, running_ms, log_bytes, receipt_sequence, outcome, accepted_ms, renewed_ms
             FROM attempt WHERE settled_ms IS NULL ORDER BY ordinal",
        )
        .fetch_all(&self.readers)
        .await
        .map_err(|source| StoreError::Read { what: "the journal", source })?;
        rows.iter().map(open_attempt).collect()
    }

    /// Gives up attempts that nobody will ever settle any more.
    ///
    /// # Errors
    /// [`StoreError::Write`]: all of them are as they were.
    pub async fn leave_behind(&self, attempts: &[AttemptRef]) -> Result<(), StoreError> {
        let dropped = |at: &AttemptRef| Entry::Dropped { at: *at, state: AttemptState::Lost, reason: Reason::LeaseLapsed };
        let entries: Vec<Entry> = attempts.iter().map(dropped).collect();
        Journal::new(self.writer.clone()).write(&entries).await
    }

    /// What the owner chose last, if he ever did.
    ///
    /// # Errors
    /// [`StoreError::Read`].
    pub async fn choice(&self) -> Result<Option<Choice>, StoreError> {
        let row = sqlx::query("SELECT choice FROM choice")
            .fetch_optional(&self.readers)
            .await
            .map_err(|source| StoreError::Read { what: "the owner's choice", source })?;
        Ok(row.and_then(|row| serde_json::from_str(row.get::<&str, _>("choice")).ok()))
    }
}

fn open_attempt(row: &SqliteRow) -> Result<OpenAttempt, StoreError> {
    let attempt: String = row.get("attempt");
    let damaged = || StoreError::Damaged { attempt: attempt.clone() };
    let offer: Option<String> = row.get("offer");
    let parting: Option<String> = row.get("parting");
    let outcome: Option<String> = row.get("outcome");
    Ok(OpenAttempt {
        offer: offer.and_then(|text| serde_json::from_str(&text).ok()).ok_or_else(damaged)?,
        stage: row.get::<&str, _>("stage").parse().map_err(|_| damaged())?,
        parting: parting.map(|text| serde_json::from_str(&text)).transpose().map_err(|_| damaged())?,
        running_ms: unsigned(row.get("running_ms")),
        log_bytes: unsigned(row.get("log_bytes")),
        sequence: unsigned(row.get("receipt_sequence")),
        outcome: outcome.map(|text| serde_json::from_str(&text)).transpose().map_err(|_| damaged())?,
        accepted_ms: TimestampMs::from_millis(row.get("accepted_ms")),
        renewed_ms: TimestampMs::from_millis(row.get("renewed_ms")),
    })
}

/// SQLite has only signed numbers; ours are never negative and never near the end.
pub(super) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Carries one entry into the tables.
pub(super) async fn apply(connection: &mut SqliteConnection, entry: &Entry, now: TimestampMs) -> Result<(), sqlx::Error> {
    match entry {
        Entry::Accepted(offer) => accept(connection, offer, now).await,
        Entry::Stage { at, stage } => {
            let update = sqlx::query("UPDATE attempt SET stage = $1 WHERE attempt = $2 AND epoch = $3").bind(stage.as_str());
            one(connection, update, *at).await
        }
        Entry::Renewed { at, sent_ms } => {
            let update =
                sqlx::query("UPDATE attempt SET renewed_ms = $1 WHERE attempt = $2 AND epoch = $3").bind(sent_ms.as_millis());
            one(connection, update, *at).await
        }
        Entry::From { at, network } => {
            let update = sqlx::query("UPDATE attempt SET network = $1 WHERE attempt = $2 AND epoch = $3").bind(network);
            one(connection, update, *at).await
        }
        Entry::Drew { at, cards } => earned::drew(connection, *at, cards).await,
        Entry::Parting { at, parting } => {
            let update = sqlx::query("UPDATE attempt SET parting = $1 WHERE attempt = $2 AND epoch = $3").bind(json(parting)?);
            one(connection, update, *at).await
        }
        Entry::Receipt { at, sequence, running_ms } => receipt(connection, *at, *sequence, *running_ms).await,
        Entry::Ended { .. } => end(connection, entry, now).await,
        Entry::Yielded { at, made } => yields::insert(connection, *at, *made).await,
        Entry::Settled(settled) => {
            let update = sqlx::query(
                "UPDATE attempt SET settled_ms = $1, ended_ms = COALESCE(ended_ms, $1), settled_state = $2, reason = $3,
                 credit = $4, paid_ms = $5, offer = NULL, parting = NULL WHERE attempt = $6 AND epoch = $7
                 AND (settled_ms IS NULL OR settled_state IS NOT $2 OR credit <> $4)",
            )
            .bind(now.as_millis())
            .bind(settled.state.as_str())
            .bind(settled.reason.map(|reason| reason.as_str()))
            .bind(settled.credit.get())
            .bind(signed(settled.paid_ms));
            one(connection, update, settled.at).await
        }
        Entry::Dropped { at, state, reason } => {
            let update = sqlx::query(
                "UPDATE attempt SET settled_ms = $1, ended_ms = COALESCE(ended_ms, $1), settled_state = $2, reason = $3,
                 offer = NULL, parting = NULL WHERE settled_ms IS NULL AND attempt = $4 AND epoch = $5",
            )
            .bind(now.as_millis())
            .bind(state.as_str())
            .bind(reason.as_str());
            one(connection, update, *at).await
        }
        Entry::CheckpointSaved { at, saved } => checkpoints::saved(connection, *at, saved).await,
        Entry::CheckpointEnded(at) => checkpoints::end(connection, *at).await,
        Entry::Choice(choice) => choose(connection, *choice).await,
    }
}

/// How it ended, and that it left something, if it did.
async fn end(connection: &mut SqliteConnection, entry: &Entry, now: TimestampMs) -> Result<(), sqlx::Error> {
    let Entry::Ended { at, outcome, sequence, running_ms, log_bytes, keep_for } = entry else { return Ok(()) };
    if let Some(keep_for) = keep_for {
        checkpoints::begin(connection, *at, *keep_for, now).await?;
    }
    let update = sqlx::query(
        "UPDATE attempt SET outcome = $1, receipt_sequence = $2, running_ms = $3, log_bytes = $4, ended_ms = $5
         WHERE attempt = $6 AND epoch = $7",
    )
    .bind(json(outcome)?)
    .bind(signed(*sequence))
    .bind(signed(*running_ms))
    .bind(signed(*log_bytes))
    .bind(now.as_millis());
    one(connection, update, *at).await
}

type Update<'q> = sqlx::query::Query<'q, sqlx::Sqlite, sqlx::sqlite::SqliteArguments>;

/// Runs `update` on the one row of `at`. A row that is gone or of another epoch is left alone: the entry came too late.
async fn one(connection: &mut SqliteConnection, update: Update<'_>, at: AttemptRef) -> Result<(), sqlx::Error> {
    update.bind(at.attempt.to_string()).bind(signed(at.epoch)).execute(connection).await.map(drop)
}

async fn receipt(connection: &mut SqliteConnection, at: AttemptRef, sequence: u64, running_ms: u64) -> Result<(), sqlx::Error> {
    let update = sqlx::query("UPDATE attempt SET receipt_sequence = $1, running_ms = $2 WHERE attempt = $3 AND epoch = $4")
        .bind(signed(sequence))
        .bind(signed(running_ms));
    one(connection, update, at).await
}

async fn accept(connection: &mut SqliteConnection, offer: &Offer, now: TimestampMs) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO attempt (attempt, epoch, job, title, image, earns_per_hour, offer, stage, accepted_ms, renewed_ms, cards, customer)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9, $10, $11) ON CONFLICT (attempt) DO NOTHING",
    )
    .bind(offer.at.attempt.to_string())
    .bind(signed(offer.at.epoch))
    .bind(offer.job.to_string())
    .bind(title(offer))
    .bind(offer.spec.image.to_string())
    .bind(offer.earns_per_hour.get())
    .bind(json(offer)?)
    .bind(AttemptState::Accepted.as_str())
    .bind(now.as_millis())
    .bind(offer.spec.resources.gpu.as_ref().map_or(0, |gpu| i64::from(gpu.count)))
    .bind(offer.customer.map(|customer| customer.to_string()))
    .execute(connection)
    .await
    .map(drop)
}

async fn choose(connection: &mut SqliteConnection, choice: Choice) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO choice (only_row, choice) VALUES (1, $1) ON CONFLICT (only_row) DO UPDATE SET choice = excluded.choice",
    )
    .bind(json(&choice)?)
    .execute(connection)
    .await
    .map(drop)
}

/// What the customer calls the job, or its image's name.
pub(crate) fn title(offer: &Offer) -> String {
    offer.spec.name.clone().unwrap_or_else(|| offer.spec.image.repository().to_owned())
}

pub(super) fn json(value: &impl serde::Serialize) -> Result<String, sqlx::Error> {
    serde_json::to_string(value).map_err(|error| sqlx::Error::Encode(Box::new(error)))
}
