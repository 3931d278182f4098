//! What follows from the judgement of a trial, in one transaction.

use headframe_protocol::{JobId, job::JobState};

use super::{
    DeviceId, Nudge, Rules, StoreError, TimestampMs, Tx,
    parked::{Found, unpark},
    parsed, redress,
};
use crate::{
    store::{
        Doing as _, checkpoints,
        verify::{self, Answer, Brought, Trial, given_back, pace, runs},
    },
    verify::{hold::SpeaksFor, judge::MORE_MAX, pace::Found as Time},
};

/// What was found out about the runs of a trial, each by its number and what it had brought.
#[derive(Debug, Clone, Default)]
pub struct Verdicts {
    /// They agree with most.
    pub right: Vec<(i64, JobId, Brought)>,
    /// They do not.
    pub wrong: Vec<(i64, JobId, Brought)>,
    /// They are taken as they are.
    pub unjudged: Vec<(i64, JobId, Brought)>,
    /// They will bring nothing.
    pub gone: Vec<i64>,
    /// What is right, if that is known now.
    pub answer: Option<Answer>,
    /// One more rig is to decide.
    pub more: bool,
    /// The results of this program differ by themselves.
    pub unreproducible: Option<String>,
    /// Nothing more is expected.
    pub close: bool,
    /// When to look at it next.
    pub look: TimestampMs,
}

/// Carries a judgement out. False: the trial has changed since it was judged, and is judged anew.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn judged(
    tx: &mut Tx,
    rules: &Rules,
    trial: &Trial,
    verdicts: &Verdicts,
    now: TimestampMs,
) -> Result<(bool, Vec<Nudge>), StoreError> {
    if !verify::take(tx, trial, verdicts.look).await? {
        return Ok((false, Vec::new()));
    }
    let mut nudges = Vec::new();
    for number in &verdicts.gone {
        verify::set_run(tx, (&trial.id, *number), "gone", now).await?;
    }
    if let Some(answer) = &verdicts.answer {
        verify::answer(tx, &trial.id, answer).await?;
    }
    // Before the judged job is closed for every later one of it: the trial of a wrong one goes on.
    for run in &verdicts.wrong {
        nudges.extend(wrong(tx, rules, trial, run, now).await?);
    }
    let (told, third) = right(tx, rules, trial, &verdicts.right, now).await?;
    nudges.extend(told);
    // Once all are known: each is held against the quickest of the others.
    for (_, _, brought) in verdicts.right.iter().filter(|_| trial.kind != verify::Kind::Canary) {
        show(tx, trial, brought, now).await?;
    }
    for (number, _, brought) in &verdicts.unjudged {
        verify::set_run(tx, (&trial.id, *number), "unjudged", now).await?;
        nudges.extend(unpark(tx, rules, (brought, Found::Nothing, false), now).await?.into_iter().flat_map(|(_, told)| told));
    }
    if let Some(recipe) = &verdicts.unreproducible {
        verify::note_unreproducible(tx, recipe, now).await?;
    }
    if verdicts.more {
        match verify::ask_more(tx, &rules.verification, trial, now).await? {
            Some(copy) => nudges.push(Nudge::Queued(Box::new(copy))),
            None => give_up(tx, &trial.id, now).await?,
        }
    }
    if verdicts.close && !third {
        verify::close(tx, &trial.id, now).await?;
    }
    crate::fail::point("judge");
    Ok((true, nudges))
}

/// What follows for those whose result is right, by how long each took; and whether a third rig is asked that for, for of two it cannot be
/// told who signed for too much or too little. Their results are accepted at once all the same.
async fn right(
    tx: &mut Tx,
    rules: &Rules,
    trial: &Trial,
    right: &[(i64, JobId, Brought)],
    now: TimestampMs,
) -> Result<(Vec<Nudge>, bool), StoreError> {
    for (number, _, _) in right {
        verify::set_run(tx, (&trial.id, *number), "right", now).await?;
    }
    let (mut nudges, timed) = (Vec::new(), pace::judge(tx, trial).await?);
    for (number, _, brought) in right {
        let is_certain = timed.get(number).is_none_or(|time| time.is_certain);
        let found = if is_certain { Found::Right } else { Found::Nothing };
        let ended = unpark(tx, rules, (brought, found, false), now).await?;
        verify::note_right(tx, brought.device, &brought.class).await?;
        nudges.extend(ended.into_iter().flat_map(|(_, told)| told));
    }
    // Some of them were right before, and had to wait for a third.
    for time in timed.values() {
        by_time(tx, trial, time, now).await?;
    }
    let unsure = timed.values().any(|time| time.found == Time::Unsure);
    let may_ask = !right.is_empty() && trial.kind != verify::Kind::Canary;
    if !unsure || !may_ask || runs::count(tx, &trial.id).await? >= trial.asked + MORE_MAX {
        return Ok((nudges, false));
    }
    let third = verify::ask_more(tx, &rules.verification, trial, now).await?;
    let asked = third.is_some();
    nudges.extend(third.map(|copy| Nudge::Queued(Box::new(copy))));
    Ok((nudges, asked))
}

/// For what else a right result speaks by the time it took.
async fn by_time(tx: &mut Tx, trial: &Trial, time: &pace::Timed, now: TimestampMs) -> Result<(), StoreError> {
    match time.found {
        Time::Fits => match speaks_for(tx, trial, time).await? {
            Some(speaks_for) => verify::holds::confirm(tx, time.device, speaks_for).await,
            None => Ok(()),
        },
        Time::Unsure => Ok(()),
        Time::Slow { share } => {
            let earnings = pace::worth_a_share(tx, time.device, share, now).await?;
            metrics::counter!("headframe_results_slow_total").increment(1);
            tracing::info!(
                rig.device = %time.device, attempt.id = %time.attempt, trial.id = trial.id, worth_permille = share, earnings,
                "A rig took longer for its results than others do",
            );
            Ok(())
        }
    }
}

/// For what a right result speaks besides itself.
///
/// Work whose result is known can condemn and never confirm: whoever could tell it from other work would do it well.
async fn speaks_for(tx: &mut Tx, trial: &Trial, time: &pace::Timed) -> Result<Option<SpeaksFor>, StoreError> {
    if trial.kind == verify::Kind::Canary {
        return Ok(None);
    }
    if time.was_accepted && verify::holds::waits_by_itself(tx, time.attempt).await? {
        return Ok(Some(SpeaksFor::All { until: trial.created }));
    }
    let worth = runs::worth(tx, time.attempt).await?;
    Ok(worth.map(|(worth, until)| SpeaksFor::NoMoreThan { worth, until }))
}

/// What a right result shows of the checkpoints it goes back to: it is held against how long others took from the beginning.
async fn show(tx: &mut Tx, trial: &Trial, brought: &Brought, now: TimestampMs) -> Result<(), StoreError> {
    let Some(whole_ms) = runs::whole_of_others(tx, &trial.id, brought.at.attempt).await? else { return Ok(()) };
    let rest_ms = runs::paid_ms(tx, brought.at.attempt).await?;
    given_back::shown(tx, (brought.at.attempt, brought.device, rest_ms), whole_ms, now).await
}

/// A result was outvoted: it is not paid, what waited of the rig's earnings is lost, and the customer's job waits for another rig.
async fn wrong(
    tx: &mut Tx,
    rules: &Rules,
    trial: &Trial,
    (number, job, brought): &(i64, JobId, Brought),
    now: TimestampMs,
) -> Result<Vec<Nudge>, StoreError> {
    let links = given_back::chain(tx, brought.at.attempt).await?;
    let others = given_back::other_makers(tx, &links, brought.device, now).await?;
    let again = *job == trial.job;
    verify::set_run(tx, (&trial.id, *number), if others.is_empty() { "wrong" } else { "doubted" }, now).await?;
    // One that was accepted unchecked is compared afterwards: it is not parked any more, and what was earned by it is lost all the same.
    let ended = unpark(tx, rules, (brought, Found::Wrong, again), now).await?;
    metrics::counter!("headframe_results_outvoted_total").increment(1);
    if again && is_queued(tx, *job).await? {
        checkpoints::begin_anew(tx, trial.customer, *job).await?;
        verify::note_run(tx, &trial.id, *job).await?;
    }
    let accepted = again && ended.is_none();
    let mut nudges = ended.map_or_else(Vec::new, |(_, nudges)| nudges);
    if others.is_empty() {
        verify::note_wrong(tx, brought.device).await?;
        let lost = verify::holds::forfeit(tx, brought.device, now).await?;
        tracing::warn!(
            rig.device = %brought.device, job.id = %job, attempt.id = %brought.at.attempt, trial.id = trial.id,
            earnings.forfeited = lost, "Other rigs agree on another result",
        );
        verify::exclude(tx, brought.device, now).await?;
    } else {
        doubt(tx, trial, (*number, brought), others, now).await?;
    }
    // After what is lost: it is paid from there.
    if accepted {
        nudges.extend(redress::redress(tx, (*job, brought.at.attempt), now).await?);
    }
    Ok(nudges)
}

/// A result was outvoted that began from another owner's checkpoint: he was wrong, or who went on from there. Neither is paid by it,
/// and neither is wrong for it; who is in doubt again and again comes to be watched.
async fn doubt(
    tx: &mut Tx,
    trial: &Trial,
    (number, brought): (i64, &Brought),
    others: Vec<DeviceId>,
    now: TimestampMs,
) -> Result<(), StoreError> {
    let mut involved = others;
    involved.push(brought.device);
    verify::holds::forfeit_one(tx, brought.at.attempt, now).await?;
    given_back::doubt(tx, (&trial.id, number, brought.at.attempt), &involved, now).await?;
    for device in &involved {
        tracing::warn!(
            rig.device = %device, attempt.id = %brought.at.attempt, trial.id = trial.id,
            "Other rigs agree on another result than one that began from a checkpoint of another owner",
        );
        verify::exclude(tx, *device, now).await?;
    }
    Ok(())
}

async fn is_queued(tx: &mut Tx, job: JobId) -> Result<bool, StoreError> {
    let row: Option<(String,)> = sqlx::query_as("SELECT state FROM job WHERE id = $1")
        .bind(job.to_string())
        .fetch_optional(&mut **tx)
        .await
        .doing("read a job's state")?;
    row.map_or(Ok(false), |(state,)| Ok(parsed::<JobState>(&state, "job state")? == JobState::Queued))
}

/// The house cannot pay for another run.
async fn give_up(tx: &mut Tx, trial: &str, now: TimestampMs) -> Result<(), StoreError> {
    sqlx::query("UPDATE trial SET give_up_ms = $1, look_ms = $2 WHERE id = $3")
        .bind(now.as_millis())
        .bind(now.as_millis())
        .bind(trial.to_owned())
        .execute(&mut **tx)
        .await
        .map(drop)
        .doing("give a trial up")
}
