//! What attempts drew and brought: written beside them, and read in the order in which they were settled.

use headframe_protocol::{Micros, TimestampMs, job::AttemptState, session::AttemptRef};
use sqlx::{Row as _, SqliteConnection, sqlite::SqliteRow};

use super::{
    Store, StoreError,
    attempts::{signed, unsigned},
};

/// What a card drew since it was last asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Drawn {
    /// In millijoules.
    pub energy_millijoules: u64,
    /// For how long it was measured, in milliseconds.
    pub measured_ms: u64,
    /// Of that, for how long the price was known, in milliseconds.
    pub priced_ms: u64,
    /// What it cost in that time.
    pub cost: Micros,
}

/// What one card drew for an attempt since the last time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardDrawn {
    /// The card's UUID.
    pub gpu: String,
    /// Its name.
    pub model: String,
    /// How much.
    pub drawn: Drawn,
}

/// An attempt that ran and was settled.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are the columns of `attempt`, explained in the migrations")]
pub struct EarnedRow {
    pub place: Place,
    pub attempt: String,
    pub job: String,
    pub title: String,
    pub epoch: u64,
    pub sequence: u64,
    pub network: Option<String>,
    pub state: AttemptState,
    pub accepted_ms: TimestampMs,
    pub ended_ms: Option<TimestampMs>,
    pub running_ms: u64,
    pub paid_ms: u64,
    pub credit: Micros,
    /// How many cards it was given, if that was written down.
    pub cards: Option<u64>,
    /// Those of them that were.
    pub drawn: Vec<CardRow>,
}

/// One card of an attempt, as far as it was measured.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are the columns of `attempt_card`, explained in the migrations")]
pub struct CardRow {
    pub gpu: String,
    pub model: String,
    pub energy_millijoules: Option<u64>,
    pub measured_ms: u64,
    pub priced_ms: u64,
    pub cost: Option<Micros>,
}

/// Where an attempt stands among those that were settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// When it was settled.
    pub settled_ms: TimestampMs,
    /// When it was taken, in the order of the journal.
    pub ordinal: i64,
}

impl Place {
    /// Before everything that is settled at `time` or later.
    #[must_use]
    pub const fn before(time: TimestampMs) -> Self {
        Self { settled_ms: time, ordinal: 0 }
    }
}

/// Adds to what is there: each entry tells only what is new. A row is made also for a card that does not tell, so that it is known which it
/// was.
pub(super) async fn drew(connection: &mut SqliteConnection, at: AttemptRef, cards: &[CardDrawn]) -> Result<(), sqlx::Error> {
    for CardDrawn { gpu, model, drawn } in cards {
        let Drawn { energy_millijoules, measured_ms, priced_ms, cost } = *drawn;
        sqlx::query(
            "INSERT INTO attempt_card (attempt, gpu, model, energy_millijoules, measured_ms, priced_ms, cost)
             SELECT $1, $2, $3, $4, $5, $6, $7 WHERE EXISTS (SELECT 1 FROM attempt WHERE attempt = $1 AND epoch = $8)
             ON CONFLICT (attempt, gpu) DO UPDATE SET
                energy_millijoules = COALESCE(energy_millijoules + excluded.energy_millijoules, energy_millijoules,
                    excluded.energy_millijoules),
                measured_ms = measured_ms + excluded.measured_ms, priced_ms = priced_ms + excluded.priced_ms,
                cost = COALESCE(cost + excluded.cost, cost, excluded.cost)",
        )
        .bind(at.attempt.to_string())
        .bind(gpu)
        .bind(model)
        .bind((measured_ms > 0).then(|| signed(energy_millijoules)))
        .bind(signed(measured_ms))
        .bind(signed(priced_ms))
        .bind((priced_ms > 0).then(|| cost.get()))
        .bind(signed(at.epoch))
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

const WHAT: &str = "what was earned";

/// Attempts read at a time: an agent that adds up years needs no memory for them.
const READ_AT_ONCE: u32 = 1_000;

impl Store {
    /// Up to `limit` attempts that ran and were settled after `place` and before `until`, oldest first.
    ///
    /// # Errors
    /// [`StoreError::Read`], and [`StoreError::Damaged`] for a row this program did not write.
    pub async fn earned(&self, place: Place, until: TimestampMs, limit: u32) -> Result<Vec<EarnedRow>, StoreError> {
        let rows = sqlx::query(
            "SELECT earned.*, attempt_card.gpu, attempt_card.model, attempt_card.energy_millijoules, attempt_card.measured_ms,
                attempt_card.priced_ms, attempt_card.cost
             FROM (
                SELECT * FROM attempt
                WHERE settled_ms IS NOT NULL AND (running_ms > 0 OR credit <> 0) AND (settled_ms, ordinal) > ($1, $2) AND settled_ms < $3
                ORDER BY settled_ms, ordinal LIMIT $4
             ) AS earned
             LEFT JOIN attempt_card ON attempt_card.attempt = earned.attempt
             ORDER BY earned.settled_ms, earned.ordinal, attempt_card.gpu",
        )
        .bind(place.settled_ms.as_millis())
        .bind(place.ordinal)
        .bind(until.as_millis())
        .bind(limit)
        .fetch_all(&self.readers)
        .await
        .map_err(|source| StoreError::Read { what: WHAT, source })?;
        let mut earned: Vec<EarnedRow> = Vec::new();
        for row in &rows {
            // One line for each card; an attempt without any has one line.
            if earned.last().is_none_or(|last| last.attempt != row.get::<&str, _>("attempt")) {
                earned.push(attempt(row)?);
            }
            if let (Some(last), Some(card)) = (earned.last_mut(), card(row)) {
                last.drawn.push(card);
            }
        }
        Ok(earned)
    }

    /// Shows `see` every attempt that ran and was settled in a time, oldest first.
    ///
    /// # Errors
    /// As [`Store::earned`].
    pub async fn each_earned(
        &self,
        (from, until): (TimestampMs, TimestampMs),
        mut see: impl FnMut(&EarnedRow),
    ) -> Result<(), StoreError> {
        let mut place = Place::before(from);
        loop {
            let rows = self.earned(place, until, READ_AT_ONCE).await?;
            let Some(last) = rows.last() else { return Ok(()) };
            place = last.place;
            rows.iter().for_each(&mut see);
        }
    }

    /// Where `attempt` stands, if it was settled.
    ///
    /// # Errors
    /// [`StoreError::Read`].
    pub async fn place(&self, attempt: &str) -> Result<Option<Place>, StoreError> {
        let row = sqlx::query("SELECT settled_ms, ordinal FROM attempt WHERE attempt = $1 AND settled_ms IS NOT NULL")
            .bind(attempt)
            .fetch_optional(&self.readers)
            .await
            .map_err(|source| StoreError::Read { what: WHAT, source })?;
        Ok(row.map(|row| place(&row)))
    }
}

fn place(row: &SqliteRow) -> Place {
    Place { settled_ms: TimestampMs::from_millis(row.get("settled_ms")), ordinal: row.get("ordinal") }
}

fn attempt(row: &SqliteRow) -> Result<EarnedRow, StoreError> {
    let attempt: String = row.get("attempt");
    let state = row.get::<&str, _>("settled_state").parse().map_err(|_| StoreError::Damaged { attempt: attempt.clone() })?;
    Ok(EarnedRow {
        place: place(row),
        job: row.get("job"),
        title: row.get("title"),
        epoch: unsigned(row.get("epoch")),
        sequence: unsigned(row.get("receipt_sequence")),
        network: row.get("network"),
        state,
        accepted_ms: TimestampMs::from_millis(row.get("accepted_ms")),
        ended_ms: row.get::<Option<i64>, _>("ended_ms").map(TimestampMs::from_millis),
        running_ms: unsigned(row.get("running_ms")),
        paid_ms: unsigned(row.get("paid_ms")),
        credit: Micros::new(row.get("credit")),
        cards: row.get::<Option<i64>, _>("cards").map(unsigned),
        drawn: Vec::new(),
        attempt,
    })
}

fn card(row: &SqliteRow) -> Option<CardRow> {
    Some(CardRow {
        gpu: row.get::<Option<String>, _>("gpu")?,
        model: row.get::<Option<String>, _>("model")?,
        energy_millijoules: row.get::<Option<i64>, _>("energy_millijoules").map(unsigned),
        measured_ms: unsigned(row.get::<Option<i64>, _>("measured_ms")?),
        priced_ms: unsigned(row.get::<Option<i64>, _>("priced_ms")?),
        cost: row.get::<Option<i64>, _>("cost").map(Micros::new),
    })
}
