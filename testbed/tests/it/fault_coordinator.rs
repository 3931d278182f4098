//! `kill -9` of the coordinator inside its three transactions that matter, and just after each.
//!
//! The coordinator aborts itself at a named point (feature `testing`): no signal from outside could be aimed so well.

use headframe_protocol::api::Pay;

use crate::scene::{LIMIT, Scene, mortal_coordinator, uuid, with_output};

/// A job is submitted to a coordinator that dies at `point` and comes back: the job succeeds, once.
async fn dies_at(point: &str) {
    let mut scene = Scene::set(mortal_coordinator()).await;
    scene.testbed.coordinator.start_again_to_die_at(point).await.expect("a doomed coordinator");
    let spec = with_output(scene.script("echo made > x"), "x");
    let key = uuid();
    let submitting = scene.client.submit(&spec, Pay::Dollars, &key);
    let dying = async {
        scene.testbed.coordinator.died(LIMIT).await.expect("it dies at its point");
        scene.testbed.coordinator.start_again().await.expect("and comes back");
    };
    let (submitted, ()) = tokio::join!(submitting, dying);
    let job = submitted.expect("a submission that was repeated until it was answered");
    let again = scene.client.submit(&spec, Pay::Dollars, &key).await.expect("the same submission once more");
    assert_eq!(again.id, job.id, "the same key is the same job");
    scene.succeeded_with(job.id, "x", b"made\n").await;
    scene.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_inside_a_claim() {
    dies_at("claim").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_after_a_claim() {
    dies_at("claim_committed").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_inside_a_capture() {
    dies_at("capture").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_after_a_capture() {
    dies_at("capture_committed").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_inside_a_promotion() {
    dies_at("promote").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_after_a_promotion() {
    dies_at("promote_committed").await;
}
