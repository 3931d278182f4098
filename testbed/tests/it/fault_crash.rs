//! `kill -9` of the agent after every effect of a job's life, and at any moment of many lives.
//!
//! A dry life tells which points a life passes (`headframe_agent::fault`), and how often. Then the same life is led once for each
//! of them, with an agent that dies there and is started again: the job must end as if nothing had happened, be billed
//! for no second twice, and nothing of it may be left on the rig.
//!
//! `HEADFRAME_CRASH=all` tries every point; without it those that are most unlike one another.

mod clock;
mod left;
mod life;
mod random;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    time::Duration,
};

use headframe_agent::fault::POINTS;
use headframe_testbed::rig::Trial;
use life::{Ground, Life};

/// Set to `all`, every point is tried.
const EXTENT: &str = "HEADFRAME_CRASH";

/// A point is tried this often in one life. Heartbeats and renewals come again and again, one like another.
const PASSES_MAX: u32 = 3;

/// Comes only if an offer is withdrawn between two messages that are milliseconds apart: no life can be led there at will.
const BY_CHANCE: &str = "journal.dropped";

/// What a short life may be over without: it comes by the clock.
const BY_THE_CLOCK: [&str; 4] = ["journal.renewed", "journal.receipt", "said.receipt", "said.report"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_succeeds() {
    let sample = [
        "journal.begin:1",
        "journal.accepted:1",
        "work.mounted:2",
        "image.pulled:1",
        "container.made:1",
        "container.started:1",
        "log.written:1",
        "output.brought:1",
        "journal.ended:1",
        "said.finished:1",
    ];
    dies_at_every_point(Life::Succeeds, &sample).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_whose_work_volume_is_the_engines() {
    dies_at_every_point(Life::InTheEnginesVolume, &["volume.seed_made:1", "input.placed:1", "output.unpacked:1"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_is_stopped_for_its_owner() {
    dies_at_every_point(Life::Yields, &["journal.parting:1", "container.signalled:1", "journal.yielded:1"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_leaves_what_it_goes_on_from() {
    let sample =
        ["journal.ended:1", "journal.settled:1", "checkpoint.brought:1", "journal.checkpoint_saved:1", "said.checkpoint:1"];
    dies_at_every_point(Life::YieldsWithCheckpoint, &sample).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_is_cancelled() {
    dies_at_every_point(Life::IsCancelled, &["journal.parting:1", "container.signalled:1"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_whose_lease_has_lapsed() {
    dies_at_every_point(Life::IsTakenAway, &["journal.ended:1", "container.removed:1"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_fails() {
    dies_at_every_point(Life::Fails, &["container.removed:1", "work.unmounted:2"]).await;
}

/// A point that no life passes is one that nobody has tried.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_lives_pass_every_point_there_is() {
    let mut ground = Ground::make().await;
    let mut passed = BTreeSet::new();
    let lives = [
        Life::Succeeds,
        Life::InTheEnginesVolume,
        Life::Yields,
        Life::YieldsWithCheckpoint,
        Life::IsCancelled,
        Life::IsTakenAway,
        Life::Fails,
    ];
    for life in lives {
        passed.extend(dry_life(&mut ground, life).await.into_keys());
    }
    let missed: Vec<_> = POINTS.iter().filter(|point| **point != BY_CHANCE && !passed.contains(**point)).collect();
    assert!(missed.is_empty(), "no life passes {missed:?}");
    ground.close().await;
}

/// Leads `life` once for each point that it passes, or for those of `sample`.
async fn dies_at_every_point(life: Life, sample: &[&str]) {
    Box::pin(tries_points(life, sample)).await;
}

async fn tries_points(life: Life, sample: &[&str]) {
    let mut ground = Ground::make().await;
    let passes = dry_life(&mut ground, life).await;
    let every = passes.iter().flat_map(|(point, passes)| (1..=(*passes).min(PASSES_MAX)).map(move |pass| (point.clone(), pass)));
    let every: Vec<String> = every.map(|(point, pass)| format!("{point}:{pass}")).collect();
    let whole = std::env::var(EXTENT).is_ok_and(|extent| extent == "all");
    let tried = if whole { every } else { sample.iter().map(ToString::to_string).collect() };
    let mut unreached = Vec::new();
    for point in &tried {
        let trial = Trial { die_at: Some(point.clone()), ..Trial::default() };
        let told = ground.lead(life, &trial).await;
        tracing::info!(
            "Died at {point}: {}; {} attempts, {} ms of {} ms billed",
            told.died,
            told.attempts,
            told.billed_ms,
            told.ran_ms
        );
        if !told.died {
            unreached.push(point);
        }
    }
    // How often a heartbeat or a piece of log comes differs from life to life; that it comes does not.
    let by_the_clock = |point: &str| BY_THE_CLOCK.iter().any(|name| point.starts_with(name));
    unreached.retain(|point| point.ends_with(":1") && !by_the_clock(point));
    assert!(unreached.is_empty(), "it came to none of {unreached:?}");
    ground.close().await;
}

/// How often a life passes each point.
async fn dry_life(ground: &mut Ground, life: Life) -> BTreeMap<String, u32> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("points");
    let trial = Trial { points_to: Some(file.clone()), ..Trial::default() };
    let told = ground.lead(life, &trial).await;
    assert!(!told.died, "nothing kills it");
    passes(&file)
}

fn passes(file: &Path) -> BTreeMap<String, u32> {
    let mut passes = BTreeMap::new();
    for point in std::fs::read_to_string(file).expect("points that were passed").lines() {
        *passes.entry(point.to_owned()).or_default() += 1;
    }
    passes
}

/// Between two looks at a life.
const LOOK_EVERY: Duration = Duration::from_millis(40);
