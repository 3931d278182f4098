//! Faults of the job itself, and of its customer's purse: the customer is told, and nobody is charged for nothing.

use headframe_protocol::{
    ImageRef, JobId, Micros, Sha256,
    api::Pay,
    control::Stage,
    error::Code,
    job::{Input, JobSpec, JobState, Reason},
};
use headframe_testbed::Options;

use crate::scene::{Scene, refusal, spec, usual, uuid, with_output};

/// Submits `spec`, and expects it to fail for `reason` with customer and owner told so.
async fn fails_for(scene: &Scene, spec: &JobSpec, reason: Reason) -> JobId {
    let id = scene.submit(spec).await;
    let job = scene.ended(id).await;
    let attempts = scene.attempts(id).await;
    assert_eq!((job.state, job.failures), (JobState::Failed, 1), "{job:#?}\n{attempts:#?}");
    assert_eq!(attempts.last().and_then(|attempt| attempt.reason), Some(reason), "{attempts:#?}");
    let message = job.message.expect("the customer is told why");
    assert!(!message.is_empty());
    let cards = scene.owner_sees(id).await;
    let card = cards.last().expect("a card");
    assert_eq!((card.stage, card.reason), (Stage::Failed, Some(reason)), "the owner is told why: {cards:#?}");
    scene.both_are_told_why(id).await;
    id
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_image_is_missing() {
    let scene = Scene::set(usual()).await;
    let missing: ImageRef = format!("{}@sha256:{}", scene.image.name(), Sha256::of(b"no such image")).parse().expect("an image");
    scene.testbed.operator.approve(&missing).await.expect("approved");
    fails_for(&scene, &spec(&missing, "true"), Reason::ImageMissing).await;
    scene.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_input_has_the_wrong_hash() {
    let scene = Scene::set(usual()).await;
    let mut spec = scene.script("cat input");
    let url = scene.testbed.coordinator_url().expect("a url").join("healthz").expect("an address");
    spec.inputs.push(Input { url: Some(url), upload: None, sha256: Sha256::of(b"other bytes"), path: "input".to_owned() });
    fails_for(&scene, &spec, Reason::InputMismatch).await;
    scene.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_output_is_missing() {
    let scene = Scene::set(usual()).await;
    let id = fails_for(&scene, &with_output(scene.script("echo nothing made"), "result.bin"), Reason::OutputMissing).await;
    let message = scene.client.job(id).await.expect("the job").message.unwrap_or_default();
    let told =
        scene.attempts(id).await.iter().filter_map(|attempt| attempt.message.clone()).any(|text| text.contains("result.bin"));
    assert!(told || message.contains("result.bin"), "the customer is told which: {message}");
    scene.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_ignores_sigterm_ends_all_the_same() {
    let scene = Scene::set(usual()).await;
    let id = scene.submit(&scene.script("trap '' TERM; echo deaf; while true; do sleep 1; done")).await;
    scene.until_state(id, JobState::Running).await;
    let began = std::time::Instant::now();
    scene.client.cancel(id).await.expect("cancelled");
    let job = scene.ended(id).await;
    assert_eq!((job.state, job.reason), (JobState::Cancelled, Some(Reason::CancelledByCustomer)), "{job:#?}");
    assert!(job.message.is_some(), "the customer is told why: {job:#?}");
    let cards = scene.owner_sees(id).await;
    assert_eq!(cards[0].stage, Stage::Cancelled, "{cards:#?}");
    scene.both_are_told_why(id).await;
    assert!(began.elapsed().as_secs() < 30, "the rig is free again after the grace, not when the job pleases");
    scene.testbed.rigs[0].ready().await.expect("the rig takes work again");
    scene.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_customer_without_balance_is_told_so() {
    let scene = Scene::set(Options { grant: Micros::ZERO, ..usual() }).await;
    let client = &scene.client;
    let problem = refusal(client.submit(&scene.script("true"), Pay::Dollars, &uuid()).await);
    assert_eq!((problem.status, problem.code), (402, Code::InsufficientBalance), "{problem:?}");
    assert!(problem.detail.contains("available"), "he is told how much is missing: {problem:?}");
    assert!(
        client.jobs(&headframe_cli::client::JobFilter { limit: 10, ..Default::default() }).await.expect("a list").jobs.is_empty()
    );
    scene.close().await;
}
