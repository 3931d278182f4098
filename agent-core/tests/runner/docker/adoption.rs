use std::time::Duration;

use headframe_agent::runner::{Adopted, Ending, Found, Known};
use headframe_protocol::job::Reason;
use serde_json::json;

use crate::yard::Yard;

#[tokio::test]
async fn a_running_container_is_followed_on_and_its_log_has_no_seam() {
    let mut yard = Yard::open().await;
    let job = yard.job("for i in $(seq 1 60); do echo line $i; sleep 0.1; done; echo done > out", json!({"outputs": ["out"]}));
    yard.runner.start(job.clone()).await;
    yard.logged("line 10\n").await;
    yard.live_again().await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let found = yard.runner.adopt(vec![Yard::known(&job, 500)]).await;
    assert_eq!(found, [Adopted { at: job.at, found: Found::Running }]);
    yard.started().await;
    let Ending::Succeeded { outputs, running_ms, .. } = yard.ended().await else { panic!("{}", yard.coordinator.log()) };
    let expected: String = (1..=60).map(|number| format!("line {number}\n")).collect();
    assert_eq!(yard.coordinator.log(), expected);
    assert_eq!(outputs.len(), 1);
    // What nobody saw is not billed: the second between the lives, and what the journal had not written down.
    assert!((500..6_000).contains(&running_ms), "{running_ms}");
    yard.close().await;
}

#[tokio::test]
async fn a_container_that_ended_meanwhile_is_collected() {
    let mut yard = Yard::open().await;
    let job = yard.job("echo first; sleep 1; echo second; echo done > out", json!({"outputs": ["out"]}));
    let container = Yard::container(job.at);
    yard.runner.start(job.clone()).await;
    yard.logged("first").await;
    yard.live_again().await;
    while yard.docker.inspect_container(&container, None).await.expect("it is there").state.and_then(|state| state.running)
        == Some(true)
    {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let found = yard.runner.adopt(vec![Yard::known(&job, 700)]).await;
    assert_eq!(found, [Adopted { at: job.at, found: Found::Exited }]);
    let Ending::Succeeded { outputs, running_ms, .. } = yard.ended().await else { panic!("{}", yard.coordinator.log()) };
    assert_eq!((outputs.len(), yard.coordinator.log().as_str()), (1, "first\nsecond\n"));
    assert!((700..1_500).contains(&running_ms), "{running_ms}");
    yard.close().await;
}

#[tokio::test]
async fn what_nobody_knows_is_removed() {
    let mut yard = Yard::open().await;
    let job = yard.job("sleep 60", json!({}));
    yard.runner.start(job).await;
    yard.started().await;
    yard.live_again().await;
    assert_eq!(yard.containers().await.len(), 1);
    assert_eq!(yard.runner.adopt(Vec::new()).await, []);
    assert_eq!(yard.containers().await, Vec::<String>::new());
    assert_eq!(yard.work_folders().len(), 0);
    yard.close().await;
}

#[tokio::test]
async fn an_attempt_cut_off_while_preparing_starts_again() {
    let mut yard = Yard::open().await;
    let mut job = yard.job("cat a", json!({"inputs": [{"upload": "upl_0192d3a0b1c27def8123456789abcdef", "sha256": headframe_protocol::Sha256::of(b"x"), "path": "a"}]}));
    let base = job.base.clone();
    job.base = "http://192.0.2.1/".parse().expect("an address");
    yard.runner.start(job.clone()).await;
    while yard.containers().await.is_empty() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    yard.live_again().await;
    let found = yard.runner.adopt(vec![Yard::known(&job, 0)]).await;
    assert_eq!(found, [Adopted { at: job.at, found: Found::NotStarted }]);
    yard.coordinator.seen.lock().expect("no panics").inputs.insert(0, b"x".to_vec());
    job.base = base;
    yard.runner.start(job).await;
    assert!(matches!(yard.ended().await, Ending::Succeeded { .. }));
    yard.close().await;
}

#[tokio::test]
async fn an_attempt_that_was_being_stopped_ends_as_stopped() {
    let mut yard = Yard::open().await;
    let job = yard.job("trap '' TERM; echo deaf; while true; do sleep 1; done", json!({}));
    yard.runner.start(job.clone()).await;
    yard.logged("deaf").await;
    yard.live_again().await;
    yard.runner.adopt(vec![Known { stopping: true, ..Yard::known(&job, 100) }]).await;
    assert!(matches!(yard.ended().await, Ending::Stopped { .. }));
    yard.close().await;
}

#[tokio::test]
async fn a_container_that_is_gone_is_missing() {
    let yard = Yard::open().await;
    let job = yard.job("true", json!({}));
    assert_eq!(yard.runner.adopt(vec![Yard::known(&job, 0)]).await, [Adopted { at: job.at, found: Found::Missing }]);
    yard.close().await;
}

#[tokio::test]
async fn the_jobs_time_goes_on_while_the_agent_is_away() {
    let mut yard = Yard::open().await;
    let job = yard.job("sleep 60", json!({"timeout_s": 2}));
    yard.runner.start(job.clone()).await;
    yard.started().await;
    yard.live_again().await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    yard.runner.adopt(vec![Yard::known(&job, 100)]).await;
    let ending = yard.ended().await;
    assert!(matches!(ending, Ending::Failed { reason: Reason::TimedOut, running_ms: 100..2_000, .. }), "{ending:?}");
    yard.close().await;
}
