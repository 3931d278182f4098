//! Compares what rigs have brought, and lets earnings go that no longer wait.

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use headframe_protocol::{AttemptId, Sha256, TimestampMs, job::Reason};

use super::{ReconcileError, Run};
use crate::{
    App,
    blobs::ObjectName,
    error::Chain,
    journal::Report,
    store::{
        StoreError, attempt_io, blobs, commit,
        lifecycle::{self, Verdicts},
        until_uncrossed,
        verify::{self, Answer, Brought, Kind, RunRow, Trial, given_back, holds},
    },
    verify::{
        compare::{self, Manifests},
        judge::{self, Judgement},
    },
};

/// Trials looked at in one run. Each may mean reading files, so that a run is not to hold too many up.
const BATCH_MAX: u32 = 32;

/// How much longer results may wait that others had a part in, as [`crate::verify::hold::SHARED_CHECKED_WITHIN`] has it: half as long again.
const SHARED_TIMES: (u32, u32) = (3, 2);

/// Earnings let go in one run.
const HOLDS_MAX: u32 = 256;

/// Judges trials that something was brought to, or whose time is over.
pub(super) async fn judge(app: App) -> Run {
    let mut connection = app.store.read().await?;
    let due = verify::due(&mut connection, app.store.now(), BATCH_MAX).await?;
    drop(connection);
    let mut closed = 0;
    for trial in due {
        match judge_one(&app, &trial).await {
            Ok(judged) => closed += u64::from(judged),
            // One whose files cannot be read must not hold up the others; it is looked at again, and given up in time.
            Err(error) => tracing::warn!(error = %Chain(&error), trial.id = trial.id, "Could not judge a trial; trying again"),
        }
    }
    Ok(closed)
}

async fn judge_one(app: &App, trial: &Trial) -> Result<bool, ReconcileError> {
    let now = app.store.now();
    let mut connection = app.store.read().await?;
    let runs = verify::runs_of(&mut connection, &trial.id).await?;
    drop(connection);
    let verdicts = match &trial.answer {
        Some(answer) => against_answer(app, trial, answer, &runs, now).await?,
        None => among_themselves(app, trial, &runs, now).await?,
    };
    let verdicts = Verdicts { look: now.after(app.config.timers.check_look), ..verdicts };
    let ending: Vec<_> = runs.iter().filter(|run| verdicts.close && run.run == judge::Run::Awaited).map(|run| run.job).collect();
    let report = Report::Judge { trial: Box::new(trial.clone()), verdicts: Box::new(verdicts) };
    let judged = match app.journal.write(report).await? {
        crate::journal::Answer::Done(judged) => judged,
        crate::journal::Answer::Ended(_) | crate::journal::Answer::Advanced { .. } | crate::journal::Answer::Receipt(_) => false,
    };
    // Work nobody waits for any more; but the customer's own job goes on.
    for job in ending.into_iter().filter(|job| judged && *job != trial.job) {
        app.journal.write(Report::RequestEnd { job, reason: Reason::KilledByOperator }).await?;
    }
    Ok(judged)
}

/// Each run by itself: the right result is known.
async fn against_answer(
    app: &App,
    trial: &Trial,
    answer: &Answer,
    runs: &[RunRow],
    now: TimestampMs,
) -> Result<Verdicts, ReconcileError> {
    let mut verdicts = Verdicts { gone: gone(runs), ..Verdicts::default() };
    for (run, brought) in brought_of(runs) {
        let found = (run.number, run.job, brought.clone());
        if run.is_unwanted || !compare::are_comparable(trial.compare, &brought.class, &answer.class) {
            verdicts.unjudged.push(found);
        } else if are_same(app, trial, (brought.at.attempt, &brought.outputs), (answer.attempt, &answer.outputs)).await? {
            verdicts.right.push(found);
        } else {
            verdicts.wrong.push(found);
        }
    }
    let again = verdicts.wrong.iter().any(|(_, job, _)| *job == trial.job);
    // A copy is not waited for without end; the customer's own job is.
    let matters = |run: &RunRow| run.job == trial.job || now < trial.give_up;
    let awaited = runs.iter().any(|run| run.run == judge::Run::Awaited && !run.job_is_over && matters(run));
    verdicts.close = !again && !awaited;
    Ok(verdicts)
}

/// By majority.
async fn among_themselves(app: &App, trial: &Trial, runs: &[RunRow], now: TimestampMs) -> Result<Verdicts, ReconcileError> {
    let mut verdicts = Verdicts { gone: gone(runs), ..Verdicts::default() };
    let all = |runs: &[RunRow]| brought_of(runs).map(|(run, brought)| (run.number, run.job, brought.clone())).collect::<Vec<_>>();
    let unwanted = runs.iter().any(|run| run.is_unwanted && run.job == trial.job);
    if unwanted || now >= trial.give_up {
        return Ok(Verdicts { unjudged: all(runs), close: true, ..verdicts });
    }
    let states: Vec<judge::Run> =
        runs.iter().map(|run| if verdicts.gone.contains(&run.number) { judge::Run::Gone } else { run.run }).collect();
    let same = matrix(app, trial, runs, now).await?;
    match judge::judge(&states, trial.asked, |one, other| same[one][other]) {
        Judgement::Wait => {}
        Judgement::More => verdicts.more = true,
        Judgement::NotReproducible => {
            verdicts.unjudged = all(runs);
            verdicts.close = true;
            // What a tolerance is too narrow for its customer may widen; bits differ whoever asks.
            if trial.kind == Kind::Adaptive {
                let mut connection = app.store.read().await?;
                let spec = attempt_io::spec(&mut connection, trial.job).await?;
                verdicts.unreproducible = spec.map(|spec| verify::recipe(&spec));
            }
        }
        Judgement::Agreed { right, wrong } => {
            let named = |which: &[usize]| which.iter().flat_map(|run| all(&runs[*run..=*run])).collect::<Vec<_>>();
            (verdicts.right, verdicts.wrong) = (named(&right), named(&wrong));
            verdicts.answer = verdicts.right.first().map(|(_, _, brought)| Answer {
                attempt: brought.at.attempt,
                outputs: brought.outputs.clone(),
                class: brought.class.clone(),
            });
            let again = verdicts.wrong.iter().any(|(_, job, _)| *job == trial.job);
            verdicts.close = !again && !states.contains(&judge::Run::Awaited);
        }
    }
    Ok(verdicts)
}

fn brought_of(runs: &[RunRow]) -> impl Iterator<Item = (&RunRow, &Brought)> {
    runs.iter().filter_map(|run| run.brought.as_ref().map(|brought| (run, brought)))
}

/// Runs whose job is over without a result.
fn gone(runs: &[RunRow]) -> Vec<i64> {
    runs.iter().filter(|run| run.run == judge::Run::Awaited && run.job_is_over).map(|run| run.number).collect()
}

/// Who is like whom, among all that brought something.
async fn matrix(app: &App, trial: &Trial, runs: &[RunRow], now: TimestampMs) -> Result<Vec<Vec<bool>>, ReconcileError> {
    let mut same = vec![vec![false; runs.len()]; runs.len()];
    for one in 0..runs.len() {
        for other in one + 1..runs.len() {
            let (Some(a), Some(b)) = (&runs[one].brought, &runs[other].brought) else { continue };
            // Two replicas may have given work to one owner at the same moment: his two voices are not one majority.
            let mut connection = app.store.read().await?;
            let one_owner = verify::are_one(&mut connection, a.device, b.device, now).await?;
            drop(connection);
            let alike = !one_owner
                && compare::are_comparable(trial.compare, &a.class, &b.class)
                && are_same(app, trial, (a.at.attempt, &a.outputs), (b.at.attempt, &b.outputs)).await?;
            (same[one][other], same[other][one]) = (alike, alike);
        }
    }
    Ok(same)
}

type Side<'a> = (AttemptId, &'a [headframe_protocol::session::OutputFile]);

/// Whether two results are the same. Files are read only where sums differ and may.
async fn are_same(app: &App, trial: &Trial, one: Side<'_>, other: Side<'_>) -> Result<bool, ReconcileError> {
    let pairs = match compare::manifests(trial.compare, one.1, other.1) {
        Manifests::Same => return Ok(true),
        Manifests::Different => return Ok(false),
        Manifests::LookInto(pairs) => pairs,
    };
    for pair in pairs {
        let a = read(app, one.0, pair.one).await?;
        let b = read(app, other.0, pair.other).await?;
        let how = trial.compare;
        let alike = tokio::task::spawn_blocking(move || compare::are_alike(how, &a, &b)).await;
        // A decoder that a file makes panic has not read it.
        if !alike.unwrap_or(false) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// A file an attempt has brought: where it was staged, or where the same bytes lie by now. Never longer than what is looked into.
async fn read(app: &App, attempt: AttemptId, sha256: Sha256) -> Result<Bytes, ReconcileError> {
    let staged = ObjectName::staged(attempt, sha256);
    let name = if app.blobs.bytes_of(&staged).await?.is_some() {
        staged
    } else {
        let mut connection = app.store.read().await?;
        blobs::find(&mut connection, sha256).await?.unwrap_or(staged)
    };
    let pieces: Vec<Bytes> = app.blobs.read(&name, None).await?.try_collect().await?;
    Ok(pieces.concat().into())
}

/// Results whose rigs no check has met by chance for too long: one of each is compared now, though it was accepted long ago. Whoever
/// has cheated and stopped in time is found here.
pub(super) async fn check_late(app: App) -> Run {
    let rules = app.config.rules().verification;
    if !rules.checks || !rules.withhold {
        return Ok(0);
    }
    let mut connection = app.store.read().await?;
    let (now, within) = (app.store.now(), app.config.timers.checked_within);
    let before = (now.before(within), now.before(within * SHARED_TIMES.0 / SHARED_TIMES.1));
    let rigs = verify::late::unchecked(&mut connection, before, BATCH_MAX).await?;
    let mut closed = 0;
    for device in rigs {
        let (now, lot) = (app.store.now(), rand::random());
        let Some(drawn) = verify::late::draw_unchecked(&mut connection, device, lot, now).await? else { continue };
        let mut tx = app.store.begin().await?;
        let begun = verify::begin(&mut tx, &rules, &drawn.asked(), now).await?;
        if let Some((trial, _)) = &begun {
            verify::bring(&mut tx, trial, drawn.job, &drawn.brought, now).await?;
        }
        commit(tx, "compare an accepted result").await?;
        if let Some((_, copy)) = begun {
            app.dispatch.queued(vec![copy]).await;
            closed += 1;
        }
    }
    Ok(closed)
}

/// Earnings that have waited long enough, and whose rigs were found right.
pub(super) async fn let_go(app: App) -> Run {
    let (terms, now) = (app.config.rules().verification.terms, app.store.now());
    let mut connection = app.store.read().await?;
    let over = holds::over(&mut connection, &terms, now, HOLDS_MAX).await?;
    drop(connection);
    let mut closed = 0;
    for waiting in over {
        let done = until_uncrossed(async || -> Result<bool, StoreError> {
            let mut tx = app.store.begin().await?;
            let done = holds::release(&mut tx, &waiting, app.store.now()).await?;
            commit(tx, "let withheld earnings go").await?;
            Ok(done)
        });
        closed += u64::from(done.await?);
    }
    Ok(closed)
}

/// Time given back that no result speaks for: what the allowance covers is let go, what has waited in vain lapses.
pub(super) async fn settle_given_back(app: App) -> Run {
    let (terms, now) = (app.config.rules().verification.terms, app.store.now());
    let mut connection = app.store.read().await?;
    let due = given_back::due(&mut connection, &terms, now, HOLDS_MAX).await?;
    drop(connection);
    let mut closed = 0;
    for whose in due {
        let done = until_uncrossed(async || -> Result<u64, StoreError> {
            let mut tx = app.store.begin().await?;
            let done = given_back::settle(&mut tx, &terms, whose, app.store.now()).await?;
            crate::fail::point("given_back");
            commit(tx, "settle time given back").await?;
            Ok(done)
        });
        closed += done.await?;
    }
    Ok(closed + give_back_lapsed(&app).await?)
}

/// What has lapsed goes back to the customers who paid for it.
async fn give_back_lapsed(app: &App) -> Run {
    let mut connection = app.store.read().await?;
    let lapsed = lifecycle::lapsed(&mut connection, HOLDS_MAX).await?;
    drop(connection);
    let mut closed = 0;
    for which in lapsed {
        let done = until_uncrossed(async || -> Result<bool, StoreError> {
            let mut tx = app.store.begin().await?;
            let done = lifecycle::give_back_lapsed(&mut tx, which, app.store.now()).await?;
            crate::fail::point("lapsed");
            commit(tx, "give back what has lapsed").await?;
            Ok(done)
        });
        closed += u64::from(done.await?);
    }
    Ok(closed)
}
