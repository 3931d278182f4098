//! `kill -9` of the agent, wherever it is.

use headframe_protocol::job::JobState;
use headframe_testbed::{image::Ballast, line::Condition};

use crate::scene::{Scene, mortal_rig, with_output};

/// Large enough to be caught on its way.
const BALLAST: Ballast = Ballast { bytes: 4 * 1024 * 1024 };

async fn kill_and_start_again(scene: &mut Scene) {
    scene.testbed.rigs[0].kill().await.expect("killed");
    scene.testbed.rigs[0].start_again().await.expect("started again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_while_it_pulls_the_image() {
    let mut scene = Scene::with_image(mortal_rig(), BALLAST).await;
    scene.testbed.registry_line.set(Condition::Slow { bytes_per_s: 256 * 1024 });
    let id = scene.submit(&with_output(scene.script("echo made > x"), "x")).await;
    scene.until_state(id, JobState::Preparing).await;
    scene.under_way(&scene.testbed.registry_line, 256 * 1024).await;
    scene.testbed.rigs[0].kill().await.expect("killed");
    scene.testbed.registry_line.set(Condition::Whole);
    scene.testbed.rigs[0].start_again().await.expect("started again");
    scene.succeeded_with(id, "x", b"made\n").await;
    scene.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_while_the_container_runs() {
    let mut scene = Scene::set(mortal_rig()).await;
    let began = std::time::Instant::now();
    let id = scene.submit(&with_output(scene.script("echo begun; sleep 4; echo made > x"), "x")).await;
    scene.until_state(id, JobState::Running).await;
    kill_and_start_again(&mut scene).await;
    scene.succeeded_with(id, "x", b"made\n").await;
    let billed: u64 = scene.attempts(id).await.iter().map(|attempt| attempt.charged_ms).sum();
    assert!(u128::from(billed) <= began.elapsed().as_millis(), "no second is billed twice: {billed} ms");
    scene.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_while_it_brings_the_result() {
    let mut scene = Scene::set(mortal_rig()).await;
    let made = "dd if=/dev/zero of=big bs=1M count=24 2>/dev/null; echo made > x";
    let mut spec = with_output(scene.script(made), "x");
    spec.outputs.push("big".to_owned());
    scene.testbed.line.set(Condition::Slow { bytes_per_s: 4 * 1024 * 1024 });
    let id = scene.submit(&spec).await;
    scene.until_state(id, JobState::Uploading).await;
    scene.testbed.rigs[0].kill().await.expect("killed");
    scene.testbed.line.set(Condition::Whole);
    scene.testbed.rigs[0].start_again().await.expect("started again");
    scene.succeeded_with(id, "x", b"made\n").await;
    let files = scene.client.artifacts(id).await.expect("artifacts").files;
    assert!(files.iter().any(|file| file.path == "big" && file.bytes == 24 << 20), "{files:?}");
    scene.close().await;
}
