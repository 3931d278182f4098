//! Commands that go on while a job does.

use std::{collections::HashMap, time::Duration};

use futures_util::StreamExt as _;
use headframe_protocol::{
    JobId,
    api::{Job, LogEvent},
    error::FieldError,
    job::JobState,
};
use serde::Serialize;

use crate::{
    Client,
    backoff::Backoff,
    error::Error,
    logs::{LogItem, LogStream},
    output::{Form, Output, duration},
};

/// How long one question for the job's state may wait. A change shows within this.
const LOOK: Duration = Duration::from_secs(1);

/// Jobs followed at once. Each is a connection that waits; the coordinator bounds those of one customer, and all jobs have to end
/// before the last is told anyway.
const FOLLOWED_AT_ONCE: usize = 16;

/// One line of `--json` output.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Line<'a> {
    State { job: &'a Job },
    Log { log: &'a LogEvent },
    End { job: JobId, state: JobState },
}

pub(super) async fn watch(client: &Client, id: JobId, out: &Output) -> Result<(), Error> {
    let job = until_interrupted(&[id], follow_job(client, id, out)).await?;
    outcome(job).map(|_| ())
}

/// The job if it succeeded; how it ended if it did not.
pub(super) fn outcome(job: Job) -> Result<Job, Error> {
    if job.state == JobState::Succeeded { Ok(job) } else { Err(Error::JobEnded(Box::new(job))) }
}

/// Does `work` until it is done or the person presses Ctrl-C. `jobs` go on either way.
pub(super) async fn until_interrupted<T>(jobs: &[JobId], work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    tokio::select! {
        done = work => done,
        _ = tokio::signal::ctrl_c() => Err(Error::Interrupted { jobs: jobs.to_vec() }),
    }
}

/// Tells every change of the job's state until it has ended, and answers with the job as it ended.
///
/// # Errors
/// [`Error`] if the coordinator cannot be asked any more; not if the job fails.
pub async fn follow_job(client: &Client, id: JobId, out: &Output) -> Result<Job, Error> {
    let spinner = out.spinner();
    let ended = follow(client, id, out, |text| spinner.set_message(text)).await;
    spinner.finish_and_clear();
    ended
}

/// The same for several jobs, answered in the order in which they were given.
pub(super) async fn follow_jobs(client: &Client, jobs: &[JobId], out: &Output) -> Result<Vec<Job>, Error> {
    if let [job] = jobs {
        return Ok(vec![follow_job(client, *job, out).await?]);
    }
    let spinner = out.spinner();
    let count = |ended: usize| spinner.set_message(format!("{ended} of {} jobs have ended", jobs.len()));
    count(0);
    let each = jobs.iter().enumerate().map(|(place, job)| async move {
        let ended = follow(client, *job, out, |_| {}).await;
        ended.map(|job| (place, job))
    });
    let mut following = futures_util::stream::iter(each).buffer_unordered(FOLLOWED_AT_ONCE);
    let mut ended: Vec<(usize, Job)> = Vec::with_capacity(jobs.len());
    while let Some(job) = following.next().await {
        ended.push(job?);
        count(ended.len());
    }
    spinner.finish_and_clear();
    ended.sort_by_key(|(place, _)| *place);
    Ok(ended.into_iter().map(|(_, job)| job).collect())
}

/// `show` gets what stands beside the spinner. A coordinator that is away for minutes does not end the wait.
async fn follow(client: &Client, id: JobId, out: &Output, show: impl Fn(String)) -> Result<Job, Error> {
    let mut backoff = Backoff::follow();
    let mut told: Option<(JobState, u64, Vec<FieldError>)> = None;
    loop {
        let job = match client.look(id, LOOK).await {
            Ok(job) => job,
            Err((error, asked)) if error.may_pass() => {
                let Some(wait) = backoff.next(asked) else { return Err(Error::LostSight { job: id, source: error }) };
                show(format!("{id}: the coordinator does not answer; asking again"));
                tokio::time::sleep(wait).await;
                continue;
            }
            Err((error, _)) => return Err(error.into()),
        };
        backoff = Backoff::follow();
        let news = Some((job.state, job.epoch, job.unmet.clone()));
        if told != news {
            told = news;
            out.answer(&Line::State { job: &job }, |_| sentence(&job))?;
        }
        if job.state.is_final() {
            return Ok(job);
        }
        show(format!("{id} {}", job.state));
        // A coordinator whose long poll is shorter than asked must not be asked without pause.
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn sentence(job: &Job) -> String {
    let Job { id, state, epoch, message, unmet, .. } = job;
    match state {
        JobState::Queued if !unmet.is_empty() => {
            let why: Vec<String> = unmet.iter().map(unmet_line).collect();
            format!("{id} waits, and no rig could do it now: {}.", why.join("; "))
        }
        JobState::Queued if *epoch > 0 => match message {
            Some(message) => format!("{id} waits for another rig: {message}"),
            None => format!("{id} waits for another rig."),
        },
        JobState::Queued => format!("{id} waits for a rig."),
        JobState::Assigned => format!("{id} is offered to a rig (try {epoch})."),
        JobState::Preparing => format!("{id}: the rig fetches image and inputs."),
        JobState::Running => format!("{id} runs."),
        JobState::Uploading => format!("{id}: the rig brings the result."),
        JobState::Verifying => format!("{id}: the result is being checked."),
        JobState::Succeeded => {
            let took = job.ended_ms.map(|ended| duration(ended.since(job.created_ms).as_millis())).unwrap_or_default();
            format!("{id} succeeded after {took}, charged {}.", job.charged)
        }
        JobState::Failed => format!("{id} failed."),
        JobState::Cancelled => format!("{id} was cancelled."),
    }
}

/// What no connected rig has, for a person who knows the specification by its fields.
pub(super) fn unmet_line(FieldError { field, message }: &FieldError) -> String {
    if field.is_empty() { message.clone() } else { format!("{field}: {message}") }
}

pub(super) async fn follow_log(client: &Client, id: JobId, out: &Output) -> Result<(), Error> {
    until_interrupted(&[id], async {
        let mut log = client.logs(id);
        loop {
            match log.next().await? {
                LogItem::Text(piece) => print_piece(&piece, out)?,
                LogItem::End(state) => return end(id, state, out),
            }
        }
    })
    .await
}

/// Prints the log as far as it is there now.
///
/// # Errors
/// [`Error`].
pub async fn print_log(client: &Client, id: JobId, out: &Output) -> Result<(), Error> {
    until_interrupted(&[id], async {
        let attempts = client.attempts(id).await?.attempts;
        let target: HashMap<String, u64> = attempts.iter().map(|attempt| (attempt.id.to_string(), attempt.log_bytes)).collect();
        let Some(last) = attempts.iter().rev().find(|attempt| attempt.log_bytes > 0).map(|attempt| attempt.id.to_string()) else {
            return Ok(());
        };
        let mut log = client.logs(id);
        while !has_reached(&log, &last, &target) {
            match log.next().await? {
                LogItem::Text(piece) => print_piece(&piece, out)?,
                LogItem::End(state) => return end(id, state, out),
            }
        }
        Ok(())
    })
    .await
}

fn has_reached(log: &LogStream, last: &str, target: &HashMap<String, u64>) -> bool {
    log.position().is_some_and(|(attempt, offset)| attempt == last && target.get(attempt).is_some_and(|bytes| offset >= *bytes))
}

fn print_piece(piece: &LogEvent, out: &Output) -> Result<(), Error> {
    match out.form() {
        Form::Json => out.json(&Line::Log { log: piece }),
        Form::Text => out.print(&piece.text),
    }
}

fn end(job: JobId, state: JobState, out: &Output) -> Result<(), Error> {
    match out.form() {
        Form::Json => out.json(&Line::End { job, state }),
        Form::Text => {
            out.remark(format_args!("({job} {state})"));
            Ok(())
        }
    }
}
