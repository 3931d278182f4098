//! The line between rig and coordinator is cut, for less and for more than a lease.

use std::time::Duration;

use headframe_protocol::job::{AttemptState, JobState, Reason};
use headframe_testbed::line::Condition;

use crate::scene::{DIVISOR, Scene, usual, with_output};

async fn cut_for(scene: &Scene, duration: Duration) {
    scene.testbed.line.set(Condition::Cut);
    tokio::time::sleep(duration / DIVISOR).await;
    scene.testbed.line.set(Condition::Whole);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cut_for_30_seconds_changes_nothing() {
    let scene = Scene::set(usual()).await;
    let id = scene.submit(&with_output(scene.script("echo before; sleep 4; echo after; echo made > x"), "x")).await;
    scene.until_state(id, JobState::Running).await;
    cut_for(&scene, Duration::from_secs(30)).await;
    let job = scene.succeeded_with(id, "x", b"made\n").await;
    assert_eq!((job.epoch, job.interruptions), (1, 0), "half a lease is survived");
    scene.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cut_for_3_minutes_gives_the_job_to_another_attempt() {
    let scene = Scene::set(usual()).await;
    let id = scene.submit(&with_output(scene.script("sleep 6; echo made > x"), "x")).await;
    scene.until_state(id, JobState::Running).await;
    cut_for(&scene, Duration::from_secs(180)).await;
    let job = scene.succeeded_with(id, "x", b"made\n").await;
    let attempts = scene.attempts(id).await;
    assert!(job.epoch >= 2 && job.interruptions >= 1 && job.failures == 0, "{job:#?}");
    assert_eq!((attempts[0].state, attempts[0].reason), (AttemptState::Lost, Some(Reason::LeaseLapsed)), "{attempts:#?}");
    assert_eq!(attempts[0].charged_ms, 0, "a lost attempt without a checkpoint is not paid");
    assert!(attempts[0].message.is_some(), "the customer is told why");
    let cards = scene.owner_sees(id).await;
    assert_eq!(cards[0].reason, Some(Reason::LeaseLapsed), "the owner is told why: {cards:#?}");
    scene.close().await;
}
