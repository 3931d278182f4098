use std::time::{Duration, Instant};

use headframe_agent::runner::{DiskLimit, Ending, RunEventKind};
use headframe_protocol::job::Reason;
use serde_json::json;

use crate::{door::Door, yard::Yard};

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
    assert!(took >= Duration::from_secs(1), "its grace is its own: {took:?}");
    yard.close().await;
}

#[tokio::test]
async fn a_job_that_hears_sigterm_may_write_its_checkpoint() {
    let mut yard = Yard::open().await;
    let job = yard.job("trap 'echo saved; exit 0' TERM; echo ready; while true; do sleep 0.1; done", json!({}));
    let at = job.at;
    yard.runner.start(job).await;
    yard.logged("ready").await;
    // Nobody here waits for a grace of an hour: that the end comes at all is that it is not waited for.
    yard.runner.stop(at, Duration::from_secs(3_600)).await;
    assert!(matches!(yard.ended().await, Ending::Stopped { .. }));
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
async fn a_file_of_nothing_but_holes_is_no_larger_than_the_disk() {
    for limit in [DiskLimit::LoopExt4, DiskLimit::FreeSpaceWatch] {
        let mut yard = Yard::open_with(|config| config.disk_limit = Some(limit)).await;
        // A disk of 1 GiB: two files of 600 MiB each may be there, but not leave.
        let holes = "dd if=/dev/null of=a bs=1M seek=600; dd if=/dev/null of=b bs=1M seek=600; exit 0";
        let (reason, _, detail) = failure(yard.run(holes, json!({"outputs": ["a", "b"]})).await);
        assert_eq!(reason, Reason::OutputRefused);
        assert!(detail.as_deref().is_some_and(|detail| detail.contains("disk_gib")), "{detail:?}");
        let (reason, ..) = failure(yard.run("dd if=/dev/null of=a bs=1M seek=5000 && exit 0; exit 27", json!({})).await);
        assert_eq!(reason, Reason::ExitCode, "the kernel refuses to make it");
        yard.close().await;
    }
}

#[tokio::test]
async fn a_log_that_is_full_is_not_read_again_and_again() {
    let door = Door::open().await;
    let mut yard = Yard::open_with(|config| config.socket = Some(door.socket())).await;
    // At a pace the reader keeps up with: the engine itself keeps no more than this of what nobody has read yet.
    let script = "a=0123456789abcdef; for i in $(seq 10); do a=$a$a; done; \
                  for i in $(seq 300); do for j in $(seq 8); do echo $a; done; usleep 10000; done; sleep 300";
    let job = yard.job(script, json!({}));
    let at = job.at;
    yard.runner.start(job).await;
    let is_full = |kind| matches!(kind, RunEventKind::Log { bytes_total: 30_000_000.. }).then_some(());
    yard.until("a full log", is_full).await;
    for _ in 0..2 {
        yard.until("another second", |kind| matches!(kind, RunEventKind::Running { .. }).then_some(())).await;
    }
    assert_eq!(door.asked("/logs"), 1);
    yard.runner.kill(at).await;
    assert!(matches!(yard.ended().await, Ending::Stopped { log_bytes: 30_000_000.., .. }));
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
