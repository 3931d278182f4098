//! `kill -9` at random moments over a stream of jobs.
//!
//! `HEADFRAME_CRASH_KILLS` says how often, `HEADFRAME_CRASH_SEED` with which random numbers; the seed is printed.

use std::time::Duration;

use headframe_protocol::JobId;
use headframe_testbed::rig::Trial;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use tokio::time::Instant;

use super::{
    LOOK_EVERY,
    life::{Done, Ground, Life},
};
use crate::scene::LIMIT;

/// How often, unless told otherwise: a glance for every day.
const KILLS: u32 = 12;
/// The longest a life of the agent lasts. Its start takes a good part of the first second.
const LIFE_MAX: Duration = Duration::from_millis(3_000);
/// Jobs that are not over.
const OPEN_JOBS: usize = 2;

struct Open {
    id: JobId,
    life: Life,
    done: Done,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_at_random_moments() {
    let kills = number("HEADFRAME_CRASH_KILLS").unwrap_or(KILLS);
    let seed = number("HEADFRAME_CRASH_SEED").unwrap_or_else(|| rand::rng().random_range(0..1_000_000));
    println!("Seed {seed}: HEADFRAME_CRASH_SEED={seed} kills at the same moments again.");
    let mut random = StdRng::seed_from_u64(seed.into());
    let mut ground = Ground::make().await;
    let (mut open, mut over) = (Vec::new(), Vec::new());
    for kill in 1..=kills {
        let until = Instant::now() + LIFE_MAX.mul_f64(random.random_range(0.0..1.0));
        while Instant::now() < until {
            while open.len() < OPEN_JOBS {
                let lives =
                    [Life::Succeeds, Life::Succeeds, Life::Yields, Life::YieldsWithCheckpoint, Life::IsCancelled, Life::Fails];
                let life = lives[random.random_range(0..lives.len())];
                open.push(Open { id: life.submit(&ground.scene).await, life, done: Done::default() });
            }
            look(&ground, &mut open, &mut over).await;
        }
        ground.scene.testbed.rigs[0].kill().await.expect("killed");
        ground.scene.testbed.rigs[0].start_trial(&Trial::default()).expect("started again");
        if kill % 50 == 0 {
            println!("{kill} kills, {} jobs are over.", over.len());
        }
    }
    let deadline = Instant::now() + LIMIT;
    while !open.is_empty() || ground.left().await.is_err() {
        look(&ground, &mut open, &mut over).await;
        assert!(Instant::now() < deadline, "jobs do not come to their end: {:?}", ground.left().await);
    }
    let (mut billed_ms, mut ran_ms, mut attempts) = (0, 0, 0);
    for Open { id, life, .. } in &over {
        let job = ground.scene.client.job(*id).await.expect("the job");
        life.ended_as_it_must(&ground.scene, &job).await;
        let (billed, ran) = ground.is_billed_once(*id).await;
        (billed_ms, ran_ms, attempts) = (billed_ms + billed, ran_ms + ran, attempts + ground.scene.attempts(*id).await.len());
    }
    println!("{kills} kills, {} jobs in {attempts} attempts, {billed_ms} ms billed of {ran_ms} ms.", over.len());
    ground.close().await;
}

/// One look at every job: what is to be done to it is done, and one that has ended is put aside.
async fn look(ground: &Ground, open: &mut Vec<Open>, over: &mut Vec<Open>) {
    for mut job in std::mem::take(open) {
        let found = ground.scene.client.job(job.id).await.expect("the job");
        job.life.interfere(&ground.scene, &found, &mut job.done).await;
        let owner_is_done = !job.life.yields() || job.done != Done::Interfered;
        if found.state.is_final() && owner_is_done { over.push(job) } else { open.push(job) }
    }
    tokio::time::sleep(LOOK_EVERY).await;
}

fn number(variable: &str) -> Option<u32> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is a number, not {text:?}")))
}
