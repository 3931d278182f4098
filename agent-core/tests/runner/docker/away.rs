use std::time::Duration;

use bollard::query_parameters::KillContainerOptionsBuilder;
use headframe_agent::runner::{Ending, Runner, RunnerConfig, WhyNot};
use headframe_protocol::job::Reason;
use serde_json::json;

use crate::{engine::Engine, yard::Yard};

async fn job_through_a_restart(script: &str, restart: impl FnOnce(&mut Engine)) -> Ending {
    let root = tempfile::tempdir().expect("a folder");
    let mut engine = Engine::start(root.path());
    let mut yard = Yard::open_with(|config| config.socket = Some(engine.socket())).await;
    let job = yard.job(script, json!({}));
    yard.runner.start(job).await;
    yard.logged("running").await;
    restart(&mut engine);
    let ending = yard.ended().await;
    yard.close().await;
    ending
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_crashes_fails_the_attempt_not_the_job() {
    let ending = job_through_a_restart("echo running; sleep 300", |engine| {
        engine.crash();
        engine.start_again();
    })
    .await;
    assert!(matches!(ending, Ending::Failed { reason: Reason::EngineFailed, .. }), "{ending:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_is_restarted_fails_the_attempt_not_the_job() {
    // One falls at the engine's SIGTERM; the other heeds it, and ends with 0 in the middle of its work.
    for script in ["echo running; sleep 300", "trap 'exit 0' TERM; echo running; while true; do sleep 0.1; done"] {
        let ending = job_through_a_restart(script, |engine| {
            engine.stop();
            engine.start_again();
        })
        .await;
        assert!(matches!(ending, Ending::Failed { reason: Reason::EngineFailed, .. }), "`{script}`: {ending:?}");
    }
}

#[tokio::test]
async fn a_signal_from_another_hand_fails_the_attempt_not_the_job() {
    let mut yard = Yard::open().await;
    for (script, signal) in [
        ("echo running; sleep 300", "SIGTERM"),
        ("echo running; sleep 300", "SIGKILL"),
        ("trap 'exit 3' TERM; echo running; while true; do sleep 0.1; done", "SIGTERM"),
    ] {
        let job = yard.job(script, json!({}));
        let at = job.at;
        yard.runner.start(job).await;
        yard.started().await;
        yard.printed(at, "running").await;
        let options = KillContainerOptionsBuilder::new().signal(signal).build();
        yard.docker.kill_container(&Yard::container(at), Some(options)).await.expect("it runs");
        let ending = yard.ended().await;
        assert!(matches!(ending, Ending::Failed { reason: Reason::EngineFailed, .. }), "`{script}`: {ending:?}");
    }
    yard.close().await;
}

#[tokio::test]
async fn a_job_that_ends_itself_with_a_signal_ended_by_itself() {
    let mut yard = Yard::open().await;
    for (script, code) in [("kill -TERM $$", 143), ("kill -KILL $$", 137), ("exit 255", 255)] {
        let ending = yard.run(script, json!({})).await;
        let Ending::Failed { reason: Reason::ExitCode, exit_code, .. } = ending else { panic!("`{script}`: {ending:?}") };
        assert_eq!(exit_code, Some(code), "`{script}`");
    }
    yard.close().await;
}

#[tokio::test]
async fn no_engine_is_said_with_every_place_and_why() {
    let dir = tempfile::tempdir().expect("a folder");
    let dead = dir.path().join("dead.sock");
    drop(std::os::unix::net::UnixListener::bind(&dead).expect("a socket"));
    for (socket, why) in [(dir.path().join("none.sock"), WhyNot::NoSocket), (dead, WhyNot::Refused)] {
        let config = RunnerConfig {
            data_dir: dir.path().join("agent"),
            device: "0x00000000000000000000000000000000000000aa".parse().expect("a device"),
            socket: Some(socket.to_string_lossy().into_owned()),
            image_cap_bytes: 0,
            disk_reserve_bytes: 0,
            input_hosts: headframe_agent::runner::InputHosts::Public,
            disk_limit: None,
            pace: tokio::sync::watch::channel(headframe_agent::pace::Pace::Working).1,
            egress: headframe_agent::runner::EgressConfig::never(),
            bandwidth: tokio::sync::watch::channel(headframe_agent::runner::Bandwidth::default()).1,
        };
        let connecting = tokio::time::timeout(Duration::from_secs(20), Runner::connect(config));
        let missing = connecting.await.expect("at once").expect_err("there is no engine");
        assert_eq!(missing.tried.len(), 1);
        assert_eq!(missing.tried[0].why, why, "{missing}");
    }
}
