use std::time::Duration;

use headframe_agent::runner::{Ending, Runner, RunnerConfig, WhyNot};
use headframe_protocol::job::Reason;
use serde_json::json;

use crate::{engine::Engine, yard::Yard};

async fn job_through_a_restart(restart: impl FnOnce(&mut Engine)) -> Ending {
    let root = tempfile::tempdir().expect("a folder");
    let mut engine = Engine::start(root.path());
    let mut yard = Yard::open_with(|config| config.socket = Some(engine.socket())).await;
    let job = yard.job("echo running; sleep 300", json!({}));
    yard.runner.start(job).await;
    yard.logged("running").await;
    restart(&mut engine);
    let ending = yard.ended().await;
    yard.close().await;
    ending
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_crashes_fails_the_attempt_not_the_job() {
    let ending = job_through_a_restart(|engine| {
        engine.crash();
        engine.start_again();
    })
    .await;
    assert!(matches!(ending, Ending::Failed { reason: Reason::EngineFailed, .. }), "{ending:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_is_restarted_fails_the_attempt_not_the_job() {
    let ending = job_through_a_restart(|engine| {
        engine.stop();
        engine.start_again();
    })
    .await;
    assert!(matches!(ending, Ending::Failed { reason: Reason::EngineFailed, .. }), "{ending:?}");
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
