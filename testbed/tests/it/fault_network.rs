//! The line between rig and coordinator is cut, for less and for more than a lease.

use std::time::Duration;

use headframe_protocol::{
    Sha256,
    job::{AttemptState, Input, JobState, Reason},
};
use headframe_testbed::{Options, line::Condition};

use crate::scene::{DIVISOR, Scene, usual, with_output};

/// Half a lease is survived with half a lease to spare. At a twentieth that is a second and a half, less than a busy machine may
/// sleep; the tests in which nothing may change take more time.
const GENTLE_DIVISOR: u32 = 8;

fn gentle() -> Options {
    Options { timers_divisor: GENTLE_DIVISOR, ..usual() }
}

async fn cut_for(scene: &Scene, duration: Duration, divisor: u32) {
    scene.testbed.line.set(Condition::Cut);
    tokio::time::sleep(duration / divisor).await;
    scene.testbed.line.set(Condition::Whole);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cut_for_30_seconds_changes_nothing() {
    let scene = Scene::set(gentle()).await;
    // Longer than the cut, so that the end is told over the new session.
    let id = scene.submit(&with_output(scene.script("echo before; sleep 8; echo after; echo made > x"), "x")).await;
    scene.until_state(id, JobState::Running).await;
    cut_for(&scene, Duration::from_secs(30), GENTLE_DIVISOR).await;
    let job = scene.succeeded_with(id, "x", b"made\n").await;
    assert_eq!((job.epoch, job.interruptions), (1, 0), "half a lease is survived");
    scene.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cut_for_30_seconds_while_an_input_comes_changes_nothing() {
    const INPUT_BYTES: usize = 4 * 1024 * 1024;
    let scene = Scene::set(gentle()).await;
    let bytes: Vec<u8> = (0..INPUT_BYTES).map(|place| place.to_le_bytes()[0]).collect();
    let body = || reqwest::Body::from(bytes.clone());
    let upload = scene.client.upload(Sha256::of(&bytes), INPUT_BYTES as u64, &body).await.expect("an upload");
    let mut spec = with_output(scene.script("wc -c < input > x"), "x");
    spec.inputs.push(Input { url: None, upload: Some(upload.id), sha256: upload.sha256, path: "input".to_owned() });
    scene.testbed.line.set(Condition::Slow { bytes_per_s: 1024 * 1024 });
    let id = scene.submit(&spec).await;
    scene.until_state(id, JobState::Preparing).await;
    scene.under_way(&scene.testbed.line, INPUT_BYTES as u64 / 4).await;
    cut_for(&scene, Duration::from_secs(30), GENTLE_DIVISOR).await;
    let job = scene.succeeded_with(id, "x", format!("{INPUT_BYTES}\n").as_bytes()).await;
    assert_eq!((job.epoch, job.interruptions, job.failures), (1, 0, 0), "the rig asks again: {job:#?}");
    scene.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cut_for_3_minutes_gives_the_job_to_another_attempt() {
    let scene = Scene::set(usual()).await;
    let id = scene.submit(&with_output(scene.script("sleep 6; echo made > x"), "x")).await;
    scene.until_state(id, JobState::Running).await;
    cut_for(&scene, Duration::from_secs(180), DIVISOR).await;
    let job = scene.succeeded_with(id, "x", b"made\n").await;
    let attempts = scene.attempts(id).await;
    assert!(job.epoch >= 2 && job.interruptions >= 1 && job.failures == 0, "{job:#?}");
    assert_eq!((attempts[0].state, attempts[0].reason), (AttemptState::Lost, Some(Reason::LeaseLapsed)), "{attempts:#?}");
    assert_eq!(attempts[0].charged_ms, 0, "a lost attempt without a checkpoint is not paid");
    let cards = scene.owner_sees(id).await;
    assert_eq!(cards[0].reason, Some(Reason::LeaseLapsed), "the owner is told why: {cards:#?}");
    scene.close().await;
}
