//! An owner returns in the middle of a job, and it goes on elsewhere, or later, from where it was.
//!
//! In real time: a job has its few seconds to write its checkpoint, which divided are none on a busy machine.

use headframe_protocol::{
    control::PauseArgs,
    job::{AttemptState, Checkpoint, JobSpec, JobState},
};
use headframe_testbed::{Options, line::Condition, process::wait_for, rig};

use crate::scene::{LIMIT, Scene, with_output};

/// Counts until it is stopped, and then leaves how far it was. Whoever begins with nothing never ends by himself.
const COUNTS: &str = "n=0; test ! -f state/n || n=$(cat state/n); began=$n
    trap 'echo $n > state/new; mv state/new state/n; exit 0' TERM
    mkdir -p state; test -f state/ballast || dd if=/dev/urandom of=state/ballast bs=1M count=4 2>/dev/null
    while [ $began = 0 ] || [ $n -lt $((began + 3)) ]; do n=$((n + 1)); echo at $n; sleep 0.05; done
    test $began -gt 0; echo went on > x";

fn counting(scene: &Scene) -> JobSpec {
    let checkpoint = Some(Checkpoint { path: "state".to_owned(), every_s: 60 });
    JobSpec { checkpoint, ..with_output(scene.script(COUNTS), "x") }
}

/// The job counts, on its first rig.
async fn counts(scene: &Scene) -> (headframe_protocol::JobId, usize) {
    let id = scene.submit(&counting(scene)).await;
    let counted = async || {
        let attempts = scene.attempts(id).await;
        Ok(attempts.first().is_some_and(|attempt| attempt.log_bytes > 100).then_some(()))
    };
    wait_for("the job does not count", LIMIT, counted).await.expect("it counts");
    let device = scene.attempts(id).await[0].device.to_string();
    for (index, rig) in scene.testbed.rigs.iter().enumerate() {
        if rig.snapshot().await.expect("an answer").rig.device == device {
            return (id, index);
        }
    }
    panic!("one of the rigs has it");
}

/// No customer's data is left on any rig.
async fn nothing_is_left(scene: &Scene) {
    let empty = async || {
        let mut left = Vec::new();
        for rig in &scene.testbed.rigs {
            let entries = std::fs::read_dir(rig.dir().join("work"))?;
            left.extend(entries.filter_map(Result::ok).map(|entry| entry.path()));
        }
        if left.is_empty() { Ok(Some(())) } else { anyhow::bail!("{left:?}") }
    };
    wait_for("something is left on a rig", LIMIT, empty).await.expect("nothing is left");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_owner_returns_and_another_rig_goes_on_from_the_checkpoint() {
    let scene = Scene::set(Options { agents: 2, ..Options::default() }).await;
    let (id, index) = counts(&scene).await;
    let mut guest = scene.testbed.rigs[index].guest().await.expect("a guest");
    guest.pause(PauseArgs::default()).await.expect("paused");
    let job = scene.succeeded_with(id, "x", b"went on\n").await;
    let attempts = scene.attempts(id).await;
    assert_eq!(
        attempts.iter().map(|attempt| attempt.state).collect::<Vec<_>>(),
        [AttemptState::Yielded, AttemptState::Succeeded]
    );
    assert_ne!(attempts[0].device, attempts[1].device);
    let checkpoint = job.checkpoint.expect("it is shown");
    assert_eq!(checkpoint.attempt, attempts[0].id);
    assert!(checkpoint.bytes > 4 << 20, "{checkpoint:?}");
    nothing_is_left(&scene).await;
    scene.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_that_is_killed_while_it_brings_a_checkpoint_brings_it_in_its_next_life() {
    let mut scene = Scene::set(Options { agent_home: rig::Home::Child, ..Options::default() }).await;
    let (id, index) = counts(&scene).await;
    scene.testbed.line.set(Condition::Slow { bytes_per_s: 256 * 1024 });
    let mut guest = scene.testbed.rigs[index].guest().await.expect("a guest");
    guest.pause(PauseArgs::default()).await.expect("paused");
    scene.until_state(id, JobState::Queued).await;
    scene.under_way(&scene.testbed.line, 512 * 1024).await;
    scene.testbed.rigs[index].kill().await.expect("killed");
    scene.testbed.line.set(Condition::Whole);
    scene.testbed.rigs[index].start_again().await.expect("started again");
    scene.until(id, "provided with a checkpoint", |job| job.checkpoint.is_some()).await;
    scene.testbed.rigs[index].guest().await.expect("a guest").start().await.expect("started");
    scene.succeeded_with(id, "x", b"went on\n").await;
    nothing_is_left(&scene).await;
    scene.close().await;
}
