//! Checks of results, as the database has them. A *trial* compares runs of the same work; what follows is decided in
//! [`crate::verify`] and carried out here, each in the transaction of the report it belongs to.
//!
//! A result that is to be compared is *parked*: its rig is done with it and free for other work, its job is `verifying`, and nothing
//! is paid, kept or told until the trial is judged.

use headframe_protocol::{
    AttemptId, CustomerId, DeviceId, JobId, TimestampMs,
    job::{Compare, JobSpec, Network, Trust, Verify},
    session::{AttemptRef, OutputFile},
};
use sqlx::{AnyConnection, AssertSqlSafe};

use super::{Doing as _, StoreError, Tx, as_i64, document, parsed, written};
use crate::verify::{Class, hold};

mod apart;
mod begin;
pub mod given_back;
pub mod holds;
pub mod late;
pub mod pace;
mod records;
pub mod runs;

pub use apart::{are_one, barred, is_checker_there, may_take};
pub(crate) use begin::{Asked, ask_more, begin, begin_canary, begin_redundant, is_house};
pub use records::{ACTOR, Account, account, chance_of, exclude, note_right, note_wrong, trust_of, trusted_as};
pub use runs::{Brought, RunRow, bring, note_run, runs_of, set_run};

/// Programs whose results differ by themselves are tried again after this long: they may have been mended.
pub(crate) const UNREPRODUCIBLE_FOR: std::time::Duration = std::time::Duration::from_hours(30 * 24);

/// How results are checked on this network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Whether results are compared at all.
    pub checks: bool,
    /// Whether earnings wait for it.
    pub withhold: bool,
    /// For how long a comparison is waited for.
    pub give_up: std::time::Duration,
    /// How often one is looked at.
    pub look: std::time::Duration,
    /// How long earnings wait.
    pub terms: hold::Terms,
    /// The platform's part of what it pays itself.
    pub fee_bps: u16,
}

impl Rules {
    /// Nothing is checked.
    #[must_use]
    pub fn off() -> Self {
        let (give_up, look) = (std::time::Duration::from_hours(6), std::time::Duration::from_secs(10));
        Self { checks: false, withhold: false, give_up, look, terms: hold::Terms::default(), fee_bps: 0 }
    }
}

/// What a trial is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A result was drawn to be checked.
    Adaptive,
    /// A customer pays for several.
    Redundant,
    /// The result is known.
    Canary,
}

impl Kind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Adaptive => "adaptive",
            Self::Redundant => "redundant",
            Self::Canary => "canary",
        }
    }

    fn parse(text: &str) -> Result<Self, StoreError> {
        let known = [Self::Adaptive, Self::Redundant, Self::Canary].into_iter().find(|kind| kind.as_str() == text);
        known.ok_or_else(|| StoreError::Corrupt { what: "kind of trial", value: text.to_owned() })
    }
}

/// The right result of a trial, once it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Who brought it.
    pub attempt: AttemptId,
    /// Its files.
    pub outputs: Vec<OutputFile>,
    /// On which kind of rig.
    pub class: Class,
}

/// One comparison.
#[derive(Debug, Clone)]
pub struct Trial {
    /// Its id.
    pub id: String,
    /// What it is for.
    pub kind: Kind,
    /// The customer's job.
    pub job: JobId,
    /// Whose data it is.
    pub customer: CustomerId,
    /// Runs wanted at first.
    pub asked: usize,
    /// What counts as the same.
    pub compare: Compare,
    /// The right result, once it is known.
    pub answer: Option<Answer>,
    /// Counted up with every change.
    pub looked: i64,
    /// When it is given up.
    pub give_up: TimestampMs,
    /// When it was begun.
    pub created: TimestampMs,
}

#[derive(sqlx::FromRow)]
struct TrialRow {
    id: String,
    kind: String,
    job_id: String,
    customer_id: String,
    asked: i64,
    comparison: String,
    answer_attempt: Option<String>,
    answer: Option<String>,
    answer_class: Option<String>,
    looked: i64,
    give_up_ms: i64,
    created_ms: i64,
}

const COLUMNS: &str =
    "id, kind, job_id, customer_id, asked, comparison, answer_attempt, answer, answer_class, looked, give_up_ms, created_ms";

impl TryFrom<TrialRow> for Trial {
    type Error = StoreError;

    fn try_from(row: TrialRow) -> Result<Self, StoreError> {
        let TrialRow {
            id,
            kind,
            job_id,
            customer_id,
            asked,
            comparison,
            answer_attempt,
            answer,
            answer_class,
            looked,
            give_up_ms,
            created_ms,
        } = row;
        let answer = match (answer_attempt, answer, answer_class) {
            (Some(attempt), Some(outputs), Some(class)) => Some(Answer {
                attempt: parsed(&attempt, "attempt id")?,
                outputs: document(&outputs, "manifest")?,
                class: parsed(&class, "class")?,
            }),
            _ => None,
        };
        Ok(Self {
            id,
            kind: Kind::parse(&kind)?,
            job: parsed(&job_id, "job id")?,
            customer: parsed(&customer_id, "customer id")?,
            asked: usize::try_from(asked).unwrap_or(2),
            compare: document(&comparison, "comparison")?,
            answer,
            looked,
            give_up: TimestampMs::from_millis(give_up_ms),
            created: TimestampMs::from_millis(created_ms),
        })
    }
}

/// A trial that is not closed.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn find(connection: &mut AnyConnection, id: &str) -> Result<Option<Trial>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM trial WHERE id = $1 AND state <> 'closed'");
    let row: Option<TrialRow> =
        sqlx::query_as(AssertSqlSafe(sql)).bind(id.to_owned()).fetch_optional(connection).await.doing("read a trial")?;
    row.map(Trial::try_from).transpose()
}

/// Trials to be looked at, longest due first.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn due(connection: &mut AnyConnection, now: TimestampMs, limit: u32) -> Result<Vec<Trial>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM trial WHERE state <> 'closed' AND look_ms <= $1 ORDER BY look_ms LIMIT $2");
    let rows: Vec<TrialRow> = sqlx::query_as(AssertSqlSafe(sql))
        .bind(now.as_millis())
        .bind(i64::from(limit))
        .fetch_all(connection)
        .await
        .doing("find trials to look at")?;
    rows.into_iter().map(Trial::try_from).collect()
}

/// Takes a trial as it was read, and says when to look at it next. False: somebody has changed it since.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn take(tx: &mut Tx, trial: &Trial, look: TimestampMs) -> Result<bool, StoreError> {
    let done =
        sqlx::query("UPDATE trial SET looked = looked + 1, look_ms = $1 WHERE id = $2 AND looked = $3 AND state <> 'closed'")
            .bind(look.as_millis())
            .bind(trial.id.clone())
            .bind(trial.looked)
            .execute(&mut **tx)
            .await
            .doing("take a trial")?;
    Ok(done.rows_affected() == 1)
}

/// The right result is known.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn answer(tx: &mut Tx, trial: &str, answer: &Answer) -> Result<(), StoreError> {
    sqlx::query("UPDATE trial SET state = 'answered', answer_attempt = $1, answer = $2, answer_class = $3 WHERE id = $4")
        .bind(answer.attempt.to_string())
        .bind(written(&answer.outputs, "manifest")?)
        .bind(answer.class.as_str().to_owned())
        .bind(trial.to_owned())
        .execute(&mut **tx)
        .await
        .map(drop)
        .doing("answer a trial")
}

/// Nothing more is expected of a trial.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn close(tx: &mut Tx, trial: &str, now: TimestampMs) -> Result<(), StoreError> {
    sqlx::query("UPDATE trial SET state = 'closed', closed_ms = $1 WHERE id = $2")
        .bind(now.as_millis())
        .bind(trial.to_owned())
        .execute(&mut **tx)
        .await
        .map(drop)
        .doing("close a trial")
}

/// The trial a job's result is compared in, if it is one that is not closed.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn of_job(connection: &mut AnyConnection, job: JobId) -> Result<Option<String>, StoreError> {
    let row: Option<(String,)> = sqlx::query_as(
        "SELECT trial.id FROM job JOIN trial ON trial.id = job.trial_id WHERE job.id = $1 AND trial.state <> 'closed'",
    )
    .bind(job.to_string())
    .fetch_optional(connection)
    .await
    .doing("read the trial of a job")?;
    Ok(row.map(|(trial,)| trial))
}

/// What identifies a program as far as whether its results differ by themselves depends on it.
#[must_use]
pub fn recipe(spec: &JobSpec) -> String {
    let command = serde_json::to_vec(&(&spec.image.digest(), &spec.command)).unwrap_or_default();
    headframe_protocol::Sha256::of(&command).to_string()
}

/// Whether a result of this kind may be drawn to be checked, and by what likeness.
#[must_use]
pub fn checkable(spec: &JobSpec, outputs: &[OutputFile]) -> Option<Compare> {
    // What it does elsewhere would be done twice; who uses his own rigs trusts them; and nothing is like nothing.
    if outputs.is_empty() || spec.network != Network::None || spec.placement.trust == Trust::Own {
        return None;
    }
    match spec.verify {
        Verify::Adaptive { compare } => Some(compare),
        Verify::None | Verify::Redundant { .. } | Verify::Canary => None,
    }
}

/// The results of a program were found to differ by themselves.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn note_unreproducible(tx: &mut Tx, recipe: &str, now: TimestampMs) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO unreproducible (recipe, found_ms) VALUES ($1, $2) ON CONFLICT (recipe) DO UPDATE SET found_ms = excluded.found_ms",
    )
    .bind(recipe.to_owned())
    .bind(now.as_millis())
    .execute(&mut **tx)
    .await
    .map(drop)
    .doing("note that results differ by themselves")
}

/// Whether the results of a program were found to differ by themselves since `since`.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn is_unreproducible(connection: &mut AnyConnection, recipe: &str, since: TimestampMs) -> Result<bool, StoreError> {
    let row: Option<(String,)> = sqlx::query_as("SELECT recipe FROM unreproducible WHERE recipe = $1 AND found_ms >= $2")
        .bind(recipe.to_owned())
        .bind(since.as_millis())
        .fetch_optional(connection)
        .await
        .doing("look whether results differ by themselves")?;
    Ok(row.is_some())
}

/// The class of a rig for a job, and when it first signed in.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn class_of(connection: &mut AnyConnection, device: DeviceId, spec: &JobSpec) -> Result<Class, StoreError> {
    if spec.resources.gpu.is_none() {
        return Ok(Class::cpu());
    }
    let row: Option<(String,)> = sqlx::query_as("SELECT report FROM rig WHERE device_id = $1")
        .bind(device.to_string())
        .fetch_optional(connection)
        .await
        .doing("read a rig's report")?;
    match row {
        Some((report,)) => Ok(Class::of(&document(&report, "rig report")?, true)),
        None => Ok(Class::cpu()),
    }
}

/// An attempt of a run.
pub(crate) fn reference(attempt: &str, epoch: i64) -> Result<AttemptRef, StoreError> {
    Ok(AttemptRef { attempt: parsed(attempt, "attempt id")?, epoch: epoch.unsigned_abs() })
}

/// The number of an epoch as a column has it.
pub(crate) fn epoch_column(at: AttemptRef) -> i64 {
    as_i64(at.epoch)
}
