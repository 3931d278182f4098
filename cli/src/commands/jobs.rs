//! Questions about jobs, and the two acts on them: cancel and fetch.

use std::path::PathBuf;

use headframe_protocol::{
    JobId,
    api::{Attempt, AttemptList, Job, JobCheckpoint, JobList, JobOutvoted, PAGE_MAX},
    job::JobState,
};
use serde::Serialize;

use crate::{
    Client,
    client::JobFilter,
    clock,
    error::Error,
    fetch::{Existing, Fetched, fetch as fetch_result},
    output::{Output, age, duration, table},
};

/// What `fetch` answers.
#[derive(Serialize)]
struct FetchAnswer {
    job: JobId,
    dir: PathBuf,
    files: Vec<Fetched>,
}

pub(super) async fn list(client: &Client, state: Option<JobState>, limit: u32, out: &Output) -> Result<(), Error> {
    let mut jobs: Vec<Job> = Vec::new();
    let mut after = None;
    let next = loop {
        let left = limit - u32::try_from(jobs.len()).unwrap_or(u32::MAX).min(limit);
        let page = client.jobs(&JobFilter { state, after, limit: left.min(PAGE_MAX) }).await?;
        jobs.extend(page.jobs);
        match page.next {
            Some(next) if jobs.len() < limit as usize => after = Some(next),
            next => break next,
        }
    };
    out.answer(&JobList { jobs, next }, |list| {
        let now = clock::now();
        let row = |job: &Job| {
            let name = job.spec.name.clone().unwrap_or_else(|| "-".to_owned());
            let reason = job.reason.map(|reason| reason.to_string()).unwrap_or_default();
            vec![job.id.to_string(), job.state.to_string(), age(job.created_ms, now), job.charged.to_string(), name, reason]
        };
        table(&["JOB", "STATE", "SUBMITTED", "CHARGED", "NAME", "REASON"], &list.jobs.iter().map(row).collect::<Vec<_>>())
    })
}

pub(super) async fn show(client: &Client, id: JobId, out: &Output) -> Result<(), Error> {
    out.answer(&client.job(id).await?, told)
}

/// A job as a person reads it.
pub(super) fn told(job: &Job) -> String {
    let now = clock::now();
    let mut lines = vec![
        ("Job", job.id.to_string()),
        ("Name", job.spec.name.clone().unwrap_or_else(|| "-".to_owned())),
        ("State", job.state.to_string()),
        ("Image", job.spec.image.to_string()),
        ("Submitted", age(job.created_ms, now)),
        ("Assigned", format!("{} times; {} failures, {} interruptions", job.epoch, job.failures, job.interruptions)),
        ("Charged", format!("{} of at most {}", job.charged, job.spec.hold())),
    ];
    if let Some(message) = job.message.clone().or_else(|| job.reason.map(|reason| reason.sentence().to_owned())) {
        lines.insert(3, ("Because", message));
    }
    if let Some(index) = job.array_index {
        lines.insert(2, ("Index", index.to_string()));
    }
    if let Some(JobCheckpoint { accepted_ms, bytes, .. }) = job.checkpoint {
        lines.push(("Checkpoint", format!("{}, accepted {}", indicatif::HumanBytes(bytes), age(accepted_ms, now))));
    }
    if let Some(JobOutvoted { found_ms, refunded }) = job.outvoted {
        lines.push(("Outvoted", format!("{}, {refunded} given back", age(found_ms, now))));
    }
    if let Some(attempt) = job.attempt {
        lines.push(("Attempt", attempt.to_string()));
    }
    lines.iter().map(|(label, value)| format!("{label:<10} {value}")).collect::<Vec<_>>().join("\n")
}

pub(super) async fn attempts(client: &Client, id: JobId, out: &Output) -> Result<(), Error> {
    out.answer(&client.attempts(id).await?, |AttemptList { attempts }| {
        let row = |attempt: &Attempt| {
            vec![
                attempt.id.to_string(),
                attempt.state.to_string(),
                attempt.device.to_string(),
                duration(u128::from(attempt.charged_ms)),
                attempt.charged.to_string(),
                attempt.message.clone().unwrap_or_default(),
            ]
        };
        table(&["ATTEMPT", "STATE", "RIG", "PAID TIME", "CHARGED", "BECAUSE"], &attempts.iter().map(row).collect::<Vec<_>>())
    })
}

pub(super) async fn cancel(client: &Client, id: JobId, out: &Output) -> Result<(), Error> {
    out.answer(&client.cancel(id).await?, |job| match job.state.is_final() {
        true => format!("{id} is {}.", job.state),
        false => format!("{id} is being cancelled; the rig was told to stop."),
    })
}

pub(super) async fn fetch(client: &Client, job: JobId, dir: Option<PathBuf>, force: bool, out: &Output) -> Result<(), Error> {
    let dir = dir.unwrap_or_else(|| PathBuf::from(job.to_string()));
    let existing = if force { Existing::Replace } else { Existing::Keep };
    let bar = out.bytes_bar("Fetching");
    let files = fetch_result(client, job, &dir, existing, &bar).await?;
    bar.finish_and_clear();
    out.answer(&FetchAnswer { job, dir, files }, |FetchAnswer { dir, files, .. }| {
        let there = files.iter().filter(|file| file.already_there).count();
        let note = if there > 0 { format!(", {there} of them were there already") } else { String::new() };
        let bytes: u64 = files.iter().map(|file| file.file.bytes).sum();
        format!("{} files in {}, all verified{note} ({})", files.len(), dir.display(), indicatif::HumanBytes(bytes))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_reads_how_large_the_last_checkpoint_is() {
        let text = include_str!("../../../protocol/tests/wire/job-checkpoint.json");
        let job: Job = serde_json::from_str(text).expect("a golden job");
        let shown = told(&job);
        assert!(shown.contains("Checkpoint 1.00 MiB, accepted "), "{shown}");
        assert!(!told(&Job { checkpoint: None, ..job }).contains("Checkpoint"));
    }
}
