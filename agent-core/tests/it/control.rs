//! Guests at the control socket.

use headframe_control::{AgentPaths, Client, ClientError};
use headframe_protocol::{
    AttemptId,
    control::{ControlCode, EarningsArgs, EarningsBy, JobsArgs, LogArgs, PauseArgs, Phase, Stage},
    session::CoordinatorMessage,
};

use crate::{
    coordinator::{FakeCoordinator, PATIENCE, offer},
    rig::{Rig, home},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_watches_pauses_and_starts() {
    let coordinator = FakeCoordinator::start().await;
    let home = home(&coordinator);
    let rig = Rig::fresh(home.path()).await;
    let paths = AgentPaths::resolve(Some(home.path().to_owned())).expect("absolute");
    let mut guest = Client::connect(&paths).await.expect("the agent listens");
    let mut watch = Client::connect(&paths).await.expect("the agent listens").watch().await.expect("a watch");
    let mut revision = 0;
    guest.pause(PauseArgs { minutes: Some(60) }).await.expect("paused");
    loop {
        let snapshot = watch.next().await.expect("a snapshot");
        assert!(snapshot.revision > revision, "each is newer");
        revision = snapshot.revision;
        if matches!(snapshot.phase, Phase::Paused { until_ms: Some(_) }) {
            break;
        }
    }
    guest.start().await.expect("started");
    rig.shows(|now| !matches!(now.phase, Phase::Paused { .. })).await;
    let refused = guest.pause(PauseArgs { minutes: Some(0) }).await;
    assert!(matches!(refused, Err(ClientError::Refused(error)) if error.code == ControlCode::BadRequest));
    guest.finish().await.expect("finished");
    rig.shows(|now| now.phase == Phase::Paused { until_ms: None }).await;
    rig.agent.shutdown().await;
    assert!(watch_ends(watch).await, "a watch ends with the agent");
}

async fn watch_ends(mut watch: headframe_control::client::Watch) -> bool {
    loop {
        match watch.next().await {
            Ok(_) => {}
            Err(error) => return matches!(error, ClientError::Gone(_)),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_and_logs_are_pulled_by_page() {
    let coordinator = FakeCoordinator::start().await;
    let home = home(&coordinator);
    let mut rig = Rig::fresh(home.path()).await;
    let (_, mut line) = coordinator.welcomed().await;
    line.beats_until(|ready, _| ready).await;
    let mut attempts = Vec::new();
    for _ in 0..3 {
        let offer = offer();
        let at = offer.at;
        line.say(CoordinatorMessage::Offer(Box::new(offer))).await;
        rig.starts().await;
        rig.runs(at, 100).await;
        rig.succeeds(at, 200).await;
        line.finished().await;
        line.settle(at, headframe_protocol::job::AttemptState::Succeeded, headframe_protocol::Micros::new(1)).await;
        rig.discards().await;
        attempts.push(at.attempt.to_string());
        let done = u32::try_from(attempts.len()).expect("few");
        rig.shows(|now| now.today.jobs == done).await;
    }
    let paths = AgentPaths::resolve(Some(home.path().to_owned())).expect("absolute");
    let mut guest = Client::connect(&paths).await.expect("the agent listens");
    let page = guest.jobs(JobsArgs { after: None, limit: 2 }).await.expect("a page");
    let named: Vec<&str> = page.jobs.iter().map(|card| card.attempt.as_str()).collect();
    assert_eq!(named, [&attempts[2], &attempts[1]], "newest first");
    assert!(page.jobs.iter().all(|card| card.stage == Stage::Succeeded && card.confirmed && card.title == "a frame"));
    let rest = guest.jobs(JobsArgs { after: page.next, limit: 2 }).await.expect("a page");
    assert_eq!((rest.jobs.len(), rest.next), (1, None));

    std::fs::create_dir_all(paths.logs()).expect("a folder");
    std::fs::write(paths.logs().join(format!("{}.log", attempts[0])), "hello\n").expect("written");
    let chunk = guest.log(LogArgs { attempt: attempts[0].clone(), offset: 0 }).await.expect("a log");
    assert_eq!((chunk.text.as_str(), chunk.complete), ("hello\n", true));
    for stranger in [AttemptId::generate().to_string(), "../device.key".to_owned()] {
        let refused = guest.log(LogArgs { attempt: stranger, offset: 0 }).await;
        assert!(matches!(refused, Err(ClientError::Refused(error)) if error.code == ControlCode::NotFound));
    }
    let long = "x".repeat(65);
    let refused = guest.log(LogArgs { attempt: long.clone(), offset: 0 }).await;
    assert!(matches!(refused, Err(ClientError::Refused(error)) if error.code == ControlCode::BadRequest));
    let refused = guest.jobs(JobsArgs { after: Some(long), limit: 1 }).await;
    assert!(matches!(refused, Err(ClientError::Refused(error)) if error.code == ControlCode::BadRequest));
    rig.agent.shutdown().await;
}

/// What reads and what waits share one reader of the database: a question that stands still with it in hand would hold up all others.
#[tokio::test(flavor = "multi_thread")]
async fn guests_who_ask_at_once_do_not_hold_one_another_up() {
    let coordinator = FakeCoordinator::start().await;
    let home = home(&coordinator);
    let rig = Rig::fresh(home.path()).await;
    let paths = AgentPaths::resolve(Some(home.path().to_owned())).expect("absolute");
    let sums = EarningsArgs { by: EarningsBy::Day, count: 30 };
    let several = futures_util::future::join_all((0..8).map(|_| async {
        let mut adds = Client::connect(&paths).await.expect("the agent listens");
        let mut reads = Client::connect(&paths).await.expect("the agent listens");
        for _ in 0..20 {
            let (earnings, yields) = tokio::join!(adds.earnings(sums), reads.yields());
            earnings.expect("sums");
            yields.expect("how quickly");
        }
    }));
    tokio::time::timeout(PATIENCE, several).await.expect("everybody is answered");
    rig.agent.shutdown().await;
}
