//! The line: cut, refused, crowded, and spoken to in tongues.

use std::{sync::Arc, time::Duration};

use headframe_agent::{
    coordinator::{LineConfig, Said, Standing, connect},
    device_key::DeviceKey,
    settings::Settings,
    tasks::Tasks,
};
use headframe_protocol::{
    challenge::POG,
    control::{ClockFault, Link, Phase, WaitReason},
    job::{AttemptState, Reason},
    rig::RigReport,
    session::{AgentMessage, CoordinatorMessage, LeaseBeat, Outcome, RefusedCode},
};
use tokio::{
    sync::{mpsc, watch},
    time::timeout,
};

use crate::{
    coordinator::{FakeCoordinator, PATIENCE, offer},
    rig::{Rig, home},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_line_is_dialled_again_with_the_lease() {
    let coordinator = FakeCoordinator::start().await;
    let home = home(&coordinator);
    let mut rig = Rig::fresh(home.path()).await;
    let (_, mut line) = coordinator.welcomed().await;
    line.beats_until(|ready, _| ready).await;
    let offer = offer();
    let at = offer.at;
    line.say(CoordinatorMessage::Offer(Box::new(offer))).await;
    rig.starts().await;
    rig.runs(at, 700).await;
    rig.shows(|now| now.phase == Phase::Working).await;
    drop(line);
    let (hello, mut line) = coordinator.welcomed().await;
    assert_eq!(hello.leases, [LeaseBeat { at, state: AttemptState::Running, running_ms: 700 }]);
    rig.shows(|now| now.phase == Phase::Working && matches!(now.link, Link::Connected { .. })).await;
    rig.succeeds(at, 900).await;
    line.finished().await;

    // Nobody answers before the line is cut again: the outcome is said once more.
    drop(line);
    let (_, mut line) = coordinator.welcomed().await;
    assert!(matches!(line.finished().await.outcome, Outcome::Succeeded { .. }));
    rig.agent.abandon().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rig_that_nobody_answers_stops_when_its_lease_is_over() {
    let coordinator = FakeCoordinator::start().await;
    let home = home(&coordinator);
    let mut rig = Rig::fresh(home.path()).await;
    let (hello, mut line) = coordinator.greeted().await;
    line.welcome(&hello, Duration::from_secs(2)).await;
    line.beats_until(|ready, _| ready).await;
    let offer = offer();
    let at = offer.at;
    line.say(CoordinatorMessage::Offer(Box::new(offer))).await;
    rig.starts().await;
    rig.runs(at, 100).await;
    drop(line);
    // Nobody accepts: the dial hangs in the queue of the listener.
    let (stopped, _) = rig.stops().await;
    assert_eq!(stopped, at);
    rig.is_stopped(at, 100).await;
    let (_, mut line) = coordinator.welcomed().await;
    let outcome = line.finished().await.outcome;
    assert_eq!(outcome, Outcome::Failed { reason: Reason::LeaseLapsed, exit_code: None, detail: None });
    rig.agent.abandon().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_superseded_rig_does_not_dial_again_and_says_why() {
    let coordinator = FakeCoordinator::start().await;
    let home = home(&coordinator);
    let rig = Rig::fresh(home.path()).await;
    let (_, mut line) = coordinator.welcomed().await;
    line.refuse(RefusedCode::Superseded).await;
    let told = |reasons: &[WaitReason]| {
        reasons.iter().any(|reason| matches!(reason, WaitReason::Refused { code: RefusedCode::Superseded, .. }))
    };
    rig.shows(|now| now.link == Link::Refused && matches!(&now.phase, Phase::Waiting { reasons } if told(reasons))).await;
    let again = timeout(Duration::from_secs(1), coordinator.greeted()).await;
    assert!(again.is_err(), "it must not fight the newer session");
    rig.agent.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_coordinator_that_is_going_down_is_dialled_again() {
    let coordinator = FakeCoordinator::start().await;
    let home = home(&coordinator);
    let rig = Rig::fresh(home.path()).await;
    let (_, mut line) = coordinator.greeted().await;
    line.refuse(RefusedCode::Unavailable).await;
    coordinator.welcomed().await;
    rig.agent.abandon().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_from_the_future_is_passed_over() {
    let coordinator = FakeCoordinator::start().await;
    let home = home(&coordinator);
    let mut rig = Rig::fresh(home.path()).await;
    let (_, mut line) = coordinator.welcomed().await;
    line.beats_until(|ready, _| ready).await;
    line.say_text("{\"type\":\"dance\",\"steps\":3}").await;
    line.say_text("not even JSON").await;
    let offer = offer();
    let at = offer.at;
    line.say(CoordinatorMessage::Offer(Box::new(offer))).await;
    assert_eq!(line.until(Some).await, AgentMessage::Accept(at));
    assert_eq!(rig.starts().await, at);
    rig.agent.abandon().await;
}

#[tokio::test]
async fn a_rig_that_has_learned_what_it_can_prove_greets_anew() {
    let coordinator = FakeCoordinator::start().await;
    let home = tempfile::tempdir().expect("a folder");
    let golden = include_str!("../../../protocol/tests/wire/agent-report.json");
    let rig: RigReport = serde_json::from_str(golden).expect("a golden file");
    let (know, challenges) = watch::channel(Vec::new());
    let (_standing, standing) = watch::channel(Standing::default());
    let (_rig, rig) = watch::channel(rig);
    let (asks, _asked) = mpsc::channel(8);
    let key = Arc::new(DeviceKey::load_or_create(home.path()).expect("a key"));
    let url = coordinator.url().parse().expect("a url");
    let timers = Settings::load(home.path()).expect("the defaults").timers;
    let (learns, _time) = watch::channel(None);
    let config = LineConfig { url, key, standing, rig, challenges, asks, time: learns, timers };
    let tasks = Tasks::new();
    let (_say, mut said) = connect(config, &tasks);
    let (hello, mut line) = coordinator.welcomed().await;
    assert!(hello.challenges.is_empty());
    know.send(vec![POG.to_owned()]).expect("it listens");
    let (hello, _) = tokio::join!(coordinator.welcomed(), line.is_closed());
    assert_eq!(hello.0.challenges, [POG]);
    let mut heard = Vec::new();
    while heard.len() < 4 {
        heard.push(timeout(PATIENCE, said.recv()).await.expect("in time").expect("it lives"));
    }
    assert!(!heard.iter().any(|said| matches!(said, Said::Closed { .. })), "nobody is told that the line was lost: {heard:?}");
    tasks.shutdown(PATIENCE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_is_told_how_wrong_his_clock_is_until_it_is_right() {
    let coordinator = FakeCoordinator::start().await;
    coordinator.is_behind(420);
    let home = home(&coordinator);
    let rig = Rig::fresh(home.path()).await;
    let (_, line) = coordinator.welcomed().await;
    // The head of an answer counts whole seconds.
    rig.shows(|now| matches!(now.clock, Some(ClockFault::Off { ahead_ms: 415_000..=425_000 }))).await;
    coordinator.is_behind(2);
    drop(line);
    let (_, _line) = coordinator.welcomed().await;
    rig.shows(|now| now.clock.is_none()).await;
    rig.agent.abandon().await;
}
