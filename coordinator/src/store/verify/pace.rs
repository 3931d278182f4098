//! How long right results took their rigs, held against others' of the same trial.

use std::collections::HashMap;

use headframe_protocol::{AttemptId, DeviceId, Micros, TimestampMs, rig::RigReport};
use sqlx::AnyConnection;

use super::{Kind, StoreError, Trial, Tx, as_i64, document, given_back, parsed};
use crate::{
    store::Doing as _,
    verify::{Class, Pace, pace::Found},
};

/// A right run, and how long it took.
#[derive(Debug, Clone)]
struct Took {
    /// Its number in the trial; nothing of one whose result was known before.
    number: Option<i64>,
    attempt: AttemptId,
    device: DeviceId,
    class: Class,
    /// What must be alike for two times to say anything of each other.
    hardware: String,
    /// From the beginning of the work, in milliseconds.
    whole_ms: u64,
    /// What it costs its customer, in millionths of a dollar.
    worth: Micros,
    /// Whether it began from a checkpoint: those are held against others by what the checkpoint was worth.
    goes_on: bool,
    /// Whether its time was judged before.
    is_timed: bool,
    ended: Option<TimestampMs>,
}

/// What was found of one run's time.
#[derive(Debug, Clone, Copy)]
pub struct Timed {
    /// Of which.
    pub attempt: AttemptId,
    /// Whose.
    pub device: DeviceId,
    /// Whether its result had been accepted before the trial began.
    pub was_accepted: bool,
    /// What.
    pub found: Found,
    /// Whether what it earned need not wait for anything more. What began from a checkpoint is first held against what that was worth.
    pub is_certain: bool,
}

/// Judges the time of the right runs of a trial whose time is not judged yet, and writes down what is certain.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn judge(tx: &mut Tx, trial: &Trial) -> Result<HashMap<i64, Timed>, StoreError> {
    let runs = right_runs(tx, trial).await?;
    let mut all = HashMap::new();
    for (run, number) in runs.iter().filter(|run| !run.is_timed).filter_map(|run| Some((run, run.number?))) {
        let is_like = |other: &&Took| other.attempt != run.attempt && other.hardware == run.hardware;
        let others: Vec<u64> = runs.iter().filter(is_like).map(|other| other.whole_ms).collect();
        let before = pace(tx, run.device, &run.class).await?;
        let (after, found) = match (trial.kind, run.goes_on) {
            (_, true) => (before, Found::Fits),
            // One whose result is known confirms nothing but itself, and not even that if it took too long.
            (Kind::Canary, false) => (before, alone(run, &others)),
            (Kind::Adaptive | Kind::Redundant, false) => before.after((run.whole_ms, run.worth), &others),
        };
        let share = match found {
            Found::Fits => Some(1_000),
            Found::Slow { share } => Some(share),
            Found::Unsure => None,
        };
        if let Some(share) = share {
            note(tx, (&trial.id, number, share), run, after).await?;
        }
        let was_accepted = run.ended.is_some_and(|ended| ended < trial.created);
        tracing::debug!(
            rig.device = %run.device, attempt.id = %run.attempt, trial.id = trial.id, took_ms = run.whole_ms, others_ms = ?others,
            behind = after.behind, ?found, "Held the time of a right result against others'",
        );
        let is_certain = found == Found::Fits && (!run.goes_on || trial.kind == Kind::Canary);
        all.insert(number, Timed { attempt: run.attempt, device: run.device, was_accepted, found, is_certain });
    }
    Ok(all)
}

/// What one comparison with a known result says of its time, with nothing before it.
fn alone(run: &Took, others: &[u64]) -> Found {
    match Pace::default().after((run.whole_ms, run.worth), others) {
        (pace, Found::Fits) if pace == Pace::default() => Found::Fits,
        (_, _) => Found::Unsure,
    }
}

type Row = (String, i64, i64, Option<String>, Option<i64>, String);

/// All right runs of a trial, and the one whose result was known before, if there is one.
async fn right_runs(connection: &mut AnyConnection, trial: &Trial) -> Result<Vec<Took>, StoreError> {
    let rows: Vec<(i64, String, String, Option<i64>)> = sqlx::query_as(
        "SELECT number, attempt_id, class, time_share FROM trial_run
         WHERE trial_id = $1 AND state = 'right' AND attempt_id IS NOT NULL AND class IS NOT NULL ORDER BY number",
    )
    .bind(trial.id.clone())
    .fetch_all(&mut *connection)
    .await
    .doing("list the right runs of a trial")?;
    let mut runs = Vec::with_capacity(rows.len() + 1);
    for (number, attempt, class, share) in rows {
        let which = (Some(number), parsed(&attempt, "attempt id")?, parsed(&class, "class")?, share.is_some());
        runs.extend(took(connection, which).await?);
    }
    if let Some(answer) = &trial.answer
        && !runs.iter().any(|run: &Took| run.attempt == answer.attempt)
    {
        runs.extend(took(connection, (None, answer.attempt, answer.class.clone(), true)).await?);
    }
    Ok(runs)
}

async fn took(
    connection: &mut AnyConnection,
    (number, attempt, class, is_timed): (Option<i64>, AttemptId, Class, bool),
) -> Result<Option<Took>, StoreError> {
    let row: Option<Row> = sqlx::query_as(
        "SELECT attempt.device_id, attempt.charged_ms, attempt.price_per_hour, attempt.resumed_from, attempt.ended_ms, rig.report
         FROM attempt JOIN rig ON rig.device_id = attempt.device_id WHERE attempt.id = $1",
    )
    .bind(attempt.to_string())
    .fetch_optional(&mut *connection)
    .await
    .doing("read how long a run took")?;
    let Some((device, ms, price, from, ended, report)) = row else { return Ok(None) };
    let report: RigReport = document(&report, "report of a rig")?;
    let ms = ms.unsigned_abs();
    let earlier: u64 = given_back::chain(connection, attempt).await?.iter().map(|link| link.ms).sum();
    Ok(Some(Took {
        number,
        attempt,
        device: parsed(&device, "device id")?,
        hardware: hardware(&class, &report),
        class,
        whole_ms: ms.saturating_add(earlier),
        worth: Micros::new(price).per_hour_for(ms),
        goes_on: from.is_some(),
        is_timed,
        ended: ended.map(TimestampMs::from_millis),
    }))
}

/// Of cards their class says enough; processors compute alike and are not alike quick. Not their score: one that is reported too low would
/// excuse whoever takes his time. A card that is held to less power is paid by the work.
fn hardware(class: &Class, report: &RigReport) -> String {
    if *class == Class::cpu() { format!("cpu/{}/{}", report.cpu_model, report.cpu_cores) } else { class.to_string() }
}

async fn pace(connection: &mut AnyConnection, device: DeviceId, class: &Class) -> Result<Pace, StoreError> {
    let row: Option<(i64, i64, i64)> =
        sqlx::query_as("SELECT behind, late, behind_worth FROM rig_record WHERE device_id = $1 AND class = $2")
            .bind(device.to_string())
            .bind(class.as_str().to_owned())
            .fetch_optional(connection)
            .await
            .doing("read what a rig is behind")?;
    Ok(row.map_or_else(Pace::default, |(behind, late, worth)| Pace {
        behind: behind.unsigned_abs(),
        late: late.unsigned_abs(),
        worth: Micros::new(worth),
    }))
}

async fn note(tx: &mut Tx, (trial, number, share): (&str, i64, u64), run: &Took, pace: Pace) -> Result<(), StoreError> {
    sqlx::query("UPDATE trial_run SET time_share = $1 WHERE trial_id = $2 AND number = $3")
        .bind(as_i64(share))
        .bind(trial.to_owned())
        .bind(number)
        .execute(&mut **tx)
        .await
        .doing("note what a run's time was worth")?;
    sqlx::query(
        "INSERT INTO rig_record (device_id, class, right_in_a_row, behind, late, behind_worth) VALUES ($1, $2, 0, $3, $4, $5)
         ON CONFLICT (device_id, class)
         DO UPDATE SET behind = excluded.behind, late = excluded.late, behind_worth = excluded.behind_worth",
    )
    .bind(run.device.to_string())
    .bind(run.class.as_str().to_owned())
    .bind(as_i64(pace.behind))
    .bind(as_i64(pace.late))
    .bind(pace.worth.get())
    .execute(&mut **tx)
    .await
    .map(drop)
    .doing("note what a rig is behind")
}

/// A rig took longer for its results than others need: those of its own that wait are worth so many thousandths of what they claim, and what
/// is more lapses. Held against all, as one wrong result is: or one that is padded would hide among those that are not.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn worth_a_share(tx: &mut Tx, device: DeviceId, share: u64, now: TimestampMs) -> Result<u64, StoreError> {
    let done = sqlx::query(
        "UPDATE earning_hold SET basis = 'given_back', shown = amount * $1 / 1000, shown_ms = $2
         WHERE device_id = $3 AND state = 'waiting' AND delivered = 1 AND confirmed = 0 AND basis = 'result'",
    )
    .bind(as_i64(share))
    .bind(now.as_millis())
    .bind(device.to_string())
    .execute(&mut **tx)
    .await
    .doing("note what results were worth")?;
    Ok(done.rows_affected())
}

/// The same of one result alone, whatever speaks for it.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn one_worth_a_share(tx: &mut Tx, attempt: AttemptId, share: u64, now: TimestampMs) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE earning_hold SET basis = 'given_back', confirmed = 0, shown = amount * $1 / 1000, shown_ms = $2
         WHERE attempt_id = $3 AND state = 'waiting'",
    )
    .bind(as_i64(share))
    .bind(now.as_millis())
    .bind(attempt.to_string())
    .execute(&mut **tx)
    .await
    .map(drop)
    .doing("note what a result was worth")
}

/// What the first comparison since then has found a rig's time to be worth, in thousandths; all of it where there was none.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn share_since(connection: &mut AnyConnection, device: DeviceId, since: TimestampMs) -> Result<u64, StoreError> {
    let row: Option<(i64,)> = sqlx::query_as(
        "SELECT time_share FROM trial_run WHERE device_id = $1 AND time_share IS NOT NULL AND judged_ms >= $2 ORDER BY judged_ms LIMIT 1",
    )
    .bind(device.to_string())
    .bind(since.as_millis())
    .fetch_optional(connection)
    .await
    .doing("look how quick a rig was")?;
    Ok(row.map_or(1_000, |(share,)| share.unsigned_abs()))
}
