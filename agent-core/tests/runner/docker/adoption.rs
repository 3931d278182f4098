use std::time::{Duration, Instant};

use headframe_agent::runner::{Adopted, Ending, Found, Known, RunEventKind};
use headframe_protocol::job::Reason;
use serde_json::json;

use crate::{door::Door, yard::Yard};

#[tokio::test]
async fn a_running_container_is_followed_on_and_its_log_has_no_seam() {
    let mut yard = Yard::open().await;
    let job = yard.job("for i in $(seq 1 60); do echo line $i; sleep 0.1; done; echo done > out", json!({"outputs": ["out"]}));
    yard.runner.start(job.clone()).await;
    yard.logged("line 10\n").await;
    yard.live_again().await;
    yard.printed(job.at, "line 20\n").await;
    let adopted = Instant::now();
    let found = yard.runner.adopt(vec![Yard::known(&job, 500)], Vec::new()).await;
    assert_eq!(found, [Adopted { at: job.at, found: Found::Running }]);
    yard.started().await;
    let Ending::Succeeded { outputs, running_ms, .. } = yard.ended().await else { panic!("{}", yard.coordinator.log()) };
    let expected: String = (1..=60).map(|number| format!("line {number}\n")).collect();
    assert_eq!(yard.coordinator.log(), expected);
    assert_eq!(outputs.len(), 1);
    // What nobody saw is not billed: the time between the lives, and what the journal had not written down.
    let seen = Duration::from_millis(500) + adopted.elapsed();
    assert!((500..=seen.as_millis()).contains(&running_ms.into()), "{running_ms} ms, of which {seen:?} were seen");
    yard.close().await;
}

#[tokio::test]
async fn a_container_that_ended_meanwhile_is_collected() {
    let mut yard = Yard::open().await;
    let mut job = yard.job("echo first; sleep 1; echo second; echo done > out", json!({"outputs": ["out"]}));
    yard.runner.start(job.clone()).await;
    yard.logged("first").await;
    yard.live_again().await;
    yard.exited(job.at).await;
    // It ended within its time; that the time is over by now is nothing to it.
    job.spec.timeout_s = 1;
    let found = yard.runner.adopt(vec![Yard::known(&job, 700)], Vec::new()).await;
    assert_eq!(found, [Adopted { at: job.at, found: Found::Exited }]);
    let first = yard.until("an event", Some).await;
    assert_eq!(first, RunEventKind::Exited { code: 0 }, "what has ended neither starts nor runs");
    let Ending::Succeeded { outputs, running_ms, .. } = yard.ended().await else { panic!("{}", yard.coordinator.log()) };
    assert_eq!((outputs.len(), yard.coordinator.log().as_str()), (1, "first\nsecond\n"));
    assert_eq!(running_ms, 700, "what nobody saw is not billed");
    yard.close().await;
}

#[tokio::test]
async fn a_container_that_was_ended_from_outside_while_nobody_looked_fails_the_attempt_not_the_job() {
    let mut yard = Yard::open().await;
    let job = yard.job("echo running; exec sleep 300", json!({}));
    yard.runner.start(job.clone()).await;
    yard.logged("running").await;
    yard.live_again().await;
    yard.docker.kill_container(&Yard::container(job.at), None).await.expect("it ran");
    yard.exited(job.at).await;
    yard.runner.adopt(vec![Yard::known(&job, 1)], Vec::new()).await;
    let ending = yard.ended().await;
    assert!(matches!(ending, Ending::Failed { reason: Reason::EngineFailed, running_ms: 1, .. }), "{ending:?}");
    yard.close().await;
}

#[tokio::test]
async fn an_engine_that_cannot_list_is_asked_again_before_anything_is_given_up() {
    let door = Door::open().await;
    let mut yard = Yard::open_with(|config| config.socket = Some(door.socket())).await;
    let job = yard.job("sleep 60", json!({}));
    yard.runner.start(job.clone()).await;
    yard.started().await;
    yard.live_again().await;
    door.refuse("/containers/json", 2);
    let found = yard.runner.adopt(vec![Yard::known(&job, 500)], Vec::new()).await;
    assert_eq!(found, [Adopted { at: job.at, found: Found::Running }]);
    yard.started().await;
    yard.runner.kill(job.at).await;
    assert!(matches!(yard.ended().await, Ending::Stopped { .. }));
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
    assert_eq!(yard.runner.adopt(Vec::new(), Vec::new()).await, []);
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
    yard.made().await;
    yard.live_again().await;
    let found = yard.runner.adopt(vec![Yard::known(&job, 0)], Vec::new()).await;
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
    yard.runner.adopt(vec![Known { stopping: true, ..Yard::known(&job, 100) }], Vec::new()).await;
    assert!(matches!(yard.ended().await, Ending::Stopped { .. }));
    yard.close().await;
}

#[tokio::test]
async fn a_container_that_is_gone_is_missing() {
    let yard = Yard::open().await;
    let job = yard.job("true", json!({}));
    assert_eq!(yard.runner.adopt(vec![Yard::known(&job, 0)], Vec::new()).await, [Adopted { at: job.at, found: Found::Missing }]);
    yard.close().await;
}

#[tokio::test]
async fn the_jobs_time_goes_on_while_the_agent_is_away() {
    let mut yard = Yard::open().await;
    let mut job = yard.job("sleep 2; echo two seconds; sleep 60", json!({}));
    yard.runner.start(job.clone()).await;
    yard.started().await;
    yard.live_again().await;
    job.spec.timeout_s = 2;
    yard.printed(job.at, "two seconds").await;
    let adopted = Instant::now();
    yard.runner.adopt(vec![Yard::known(&job, 100)], Vec::new()).await;
    let Ending::Failed { reason: Reason::TimedOut, running_ms, .. } = yard.ended().await else { panic!("it has no time left") };
    let seen = Duration::from_millis(100) + adopted.elapsed();
    assert!((100..=seen.as_millis()).contains(&running_ms.into()), "{running_ms} ms, of which {seen:?} were seen");
    yard.close().await;
}
