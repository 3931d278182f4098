use std::time::{Duration, Instant};

use headframe_agent::runner::Ending;
use headframe_protocol::job::Reason;
use serde_json::json;

use crate::yard::Yard;

fn failure(ending: Ending) -> (Reason, Option<i64>, Option<String>) {
    match ending {
        Ending::Failed { reason, exit_code, detail, .. } => (reason, exit_code, detail),
        other => panic!("it should have failed: {other:?}"),
    }
}

#[tokio::test]
async fn a_job_that_ignores_sigterm_is_killed_after_its_grace() {
    let mut yard = Yard::open().await;
    let job = yard.job("trap '' TERM; echo deaf; while true; do sleep 1; done", json!({}));
    let at = job.at;
    yard.runner.start(job).await;
    yard.logged("deaf").await;
    let told = Instant::now();
    yard.runner.stop(at, Duration::from_secs(1)).await;
    assert!(matches!(yard.ended().await, Ending::Stopped { .. }));
    let took = told.elapsed();
    assert!((Duration::from_millis(900)..Duration::from_secs(5)).contains(&took), "{took:?}");
    yard.close().await;
}

#[tokio::test]
async fn a_job_that_hears_sigterm_may_write_its_checkpoint() {
    let mut yard = Yard::open().await;
    let job = yard.job("trap 'echo saved; exit 0' TERM; echo ready; while true; do sleep 0.1; done", json!({}));
    let at = job.at;
    yard.runner.start(job).await;
    yard.logged("ready").await;
    let told = Instant::now();
    yard.runner.stop(at, Duration::from_secs(30)).await;
    assert!(matches!(yard.ended().await, Ending::Stopped { .. }));
    assert!(told.elapsed() < Duration::from_secs(10), "it does not wait for the whole grace");
    assert!(yard.coordinator.log().contains("saved"), "{}", yard.coordinator.log());
    yard.close().await;
}

#[tokio::test]
async fn a_job_that_wants_more_memory_than_it_asked_for_is_out_of_memory() {
    let mut yard = Yard::open().await;
    let ending = yard.run("dd if=/dev/zero of=/dev/null bs=1500M count=1", json!({})).await;
    assert_eq!(failure(ending), (Reason::OutOfMemory, Some(137), None));
    yard.close().await;
}

#[tokio::test]
async fn a_job_that_runs_too_long_is_timed_out() {
    let mut yard = Yard::open().await;
    let ending = yard.run("sleep 60", json!({"timeout_s": 1})).await;
    assert_eq!(failure(ending).0, Reason::TimedOut);
    yard.close().await;
}

#[tokio::test]
async fn a_full_work_volume_is_the_jobs_own_business() {
    let mut yard = Yard::open().await;
    let ending = yard.run("fallocate -l 2G /work/big && exit 0; echo no room; exit 28", json!({})).await;
    assert_eq!(failure(ending), (Reason::ExitCode, Some(28), None));
    assert!(yard.coordinator.log().contains("no room"));
    yard.close().await;
}

#[tokio::test]
async fn an_output_that_is_not_there_is_named() {
    let mut yard = Yard::open().await;
    let (reason, code, detail) = failure(yard.run("touch a", json!({"outputs": ["a", "out/b.png"]})).await);
    assert_eq!((reason, code), (Reason::OutputMissing, Some(0)));
    assert!(detail.as_deref().is_some_and(|detail| detail.contains("out/b.png")), "{detail:?}");
    yard.close().await;
}

#[tokio::test]
async fn an_output_that_leads_out_is_refused() {
    let mut yard = Yard::open().await;
    assert_eq!(failure(yard.run("ln -s /etc/passwd a", json!({"outputs": ["a"]})).await).0, Reason::OutputRefused);
    assert_eq!(failure(yard.run("mkdir d; ln -s /etc d/e", json!({"outputs": ["d"]})).await).0, Reason::OutputRefused);
    assert_eq!(failure(yard.run("mkfifo p", json!({"outputs": ["p"]})).await).0, Reason::OutputRefused);
    yard.close().await;
}

#[tokio::test]
async fn a_command_the_image_does_not_have_is_the_jobs_mistake() {
    let mut yard = Yard::open().await;
    let ending = yard.run("", json!({"command": ["/bin/no-such-program"]})).await;
    let (reason, code, _) = failure(ending);
    assert_eq!((reason, code), (Reason::ExitCode, Some(127)));
    yard.close().await;
}
