//! Lives that end without a word, and the next ones.

use headframe_agent::{Agent, AgentConfig, BindError, runner::Found};
use headframe_protocol::{
    Micros,
    control::Phase,
    job::{AttemptState, Reason},
    session::{CoordinatorMessage, Outcome},
};

use crate::{
    coordinator::{FakeCoordinator, offer},
    rig::{Rig, home},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_running_container_is_followed_on_and_no_second_is_billed_twice() {
    let coordinator = FakeCoordinator::start().await;
    let home = home(&coordinator);
    let mut rig = Rig::fresh(home.path()).await;
    let (_, mut line) = coordinator.welcomed().await;
    line.beats_until(|ready, _| ready).await;
    let offer = offer();
    let at = offer.at;
    line.say(CoordinatorMessage::Offer(Box::new(offer))).await;
    rig.starts().await;
    rig.runs(at, 5_000).await;
    let first = line
        .until(|message| {
            if let headframe_protocol::session::AgentMessage::Receipt(receipt) = message { Some(receipt.receipt) } else { None }
        })
        .await;
    rig.agent.abandon().await;

    let mut rig = Rig::begin(home.path()).await;
    let known = rig.adopts(Found::Running).await;
    assert_eq!((known[0].assignment.at, known[0].running_ms, known[0].stopping), (at, first.running_ms, false));
    assert_eq!(known[0].assignment.token.expose(), "a-secret-token", "the journal kept what it takes to go on");
    let (hello, mut line) = coordinator.welcomed().await;
    assert_eq!(hello.leases[0].running_ms, first.running_ms);
    rig.runs(at, 5_500).await;
    rig.succeeds(at, 6_000).await;
    let last = line.finished().await.receipt.expect("it ran").receipt;
    assert_eq!(last.running_ms, 6_000, "cumulative over both lives");
    assert!(last.sequence > first.sequence);
    line.settle(at, AttemptState::Succeeded, Micros::new(6_000)).await;
    rig.shows(|now| now.today.confirmed == Micros::new(6_000)).await;
    rig.agent.abandon().await;

    let rig = Rig::fresh(home.path()).await;
    rig.shows(|now| now.today.confirmed == Micros::new(6_000) && now.today.jobs == 1).await;
    rig.agent.abandon().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_death_while_the_image_is_fetched_begins_again() {
    let coordinator = FakeCoordinator::start().await;
    let home = home(&coordinator);
    let mut rig = Rig::fresh(home.path()).await;
    let (_, mut line) = coordinator.welcomed().await;
    line.beats_until(|ready, _| ready).await;
    let offer = offer();
    let at = offer.at;
    line.say(CoordinatorMessage::Offer(Box::new(offer))).await;
    rig.starts().await;
    rig.agent.abandon().await;

    let mut rig = Rig::begin(home.path()).await;
    let (_, _line) = coordinator.welcomed().await;
    rig.adopts(Found::NotStarted).await;
    assert_eq!(rig.starts().await, at, "the same attempt, once more");
    rig.agent.abandon().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_that_is_gone_is_reported_once_the_line_is_there() {
    let coordinator = FakeCoordinator::start().await;
    let home = home(&coordinator);
    let mut rig = Rig::fresh(home.path()).await;
    let (_, mut line) = coordinator.welcomed().await;
    line.beats_until(|ready, _| ready).await;
    let offer = offer();
    let at = offer.at;
    line.say(CoordinatorMessage::Offer(Box::new(offer))).await;
    rig.starts().await;
    rig.runs(at, 100).await;
    rig.shows(|now| now.phase == Phase::Working).await;
    line.beats_until(|_, leases| leases.first().is_some_and(|lease| lease.state == AttemptState::Running)).await;
    rig.agent.abandon().await;

    let mut rig = Rig::begin(home.path()).await;
    rig.adopts(Found::Missing).await;
    let (_, mut line) = coordinator.welcomed().await;
    let outcome = line.finished().await.outcome;
    assert_eq!(outcome, Outcome::Failed { reason: Reason::AgentRestarted, exit_code: None, detail: None });
    rig.agent.abandon().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unsettled_outcome_outlives_the_agent() {
    let coordinator = FakeCoordinator::start().await;
    let home = home(&coordinator);
    let mut rig = Rig::fresh(home.path()).await;
    let (_, mut line) = coordinator.welcomed().await;
    line.beats_until(|ready, _| ready).await;
    let offer = offer();
    let at = offer.at;
    line.say(CoordinatorMessage::Offer(Box::new(offer))).await;
    rig.starts().await;
    rig.runs(at, 100).await;
    rig.succeeds(at, 200).await;
    let said = line.finished().await;
    rig.agent.abandon().await;

    let _rig = Rig::fresh(home.path()).await;
    let (hello, mut line) = coordinator.welcomed().await;
    assert_eq!(hello.leases[0].state, AttemptState::Succeeded);
    let again = line.finished().await;
    assert_eq!(again, said, "word for word, with the same receipt");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_agent_in_the_same_place_is_turned_away() {
    let coordinator = FakeCoordinator::start().await;
    let home = home(&coordinator);
    let rig = Rig::fresh(home.path()).await;
    let second = Agent::bind(AgentConfig::new(Some(home.path().to_owned()))).await;
    assert!(matches!(second, Err(BindError::Lock(_))), "{second:?}");
    rig.agent.shutdown().await;
}
