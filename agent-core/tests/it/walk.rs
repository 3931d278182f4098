//! A job from offer to earnings, and the owner who comes back.

use std::time::Duration;

use headframe_agent::{duty::Ask, idle::Sign, runner::RunEventKind};
use headframe_protocol::{
    Micros,
    control::{Link, Phase, Snapshot, Stage, WaitReason},
    job::{AttemptState, Reason},
    session::{AgentMessage, CoordinatorMessage, Ended, Outcome},
};

use crate::{
    coordinator::{FakeCoordinator, Line, offer},
    rig::{Rig, home},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_job_travels_from_offer_to_earnings() {
    let coordinator = FakeCoordinator::start().await;
    let home = home(&coordinator);
    let mut rig = Rig::fresh(home.path()).await;
    let (hello, mut line) = coordinator.welcomed().await;
    assert_eq!(hello.rig.name, "cellar");
    line.beats_until(|ready, _| ready).await;

    let offer = offer();
    let at = offer.at;
    line.say(CoordinatorMessage::Offer(Box::new(offer))).await;
    assert_eq!(line.until(Some).await, AgentMessage::Accept(at));
    assert_eq!(rig.starts().await, at);
    rig.tell(at, RunEventKind::Preparing { permille: Some(500) }).await;
    rig.runs(at, 2_000).await;
    rig.shows(|now| now.phase == Phase::Working && now.today.pending == Micros::new(2_000)).await;
    let states = [AttemptState::Preparing, AttemptState::Running];
    for state in states {
        let told =
            line.until(|message| if let AgentMessage::Progress(progress) = message { Some(progress.state) } else { None }).await;
        assert_eq!(told, state);
    }
    let receipt = line.until(|message| if let AgentMessage::Receipt(receipt) = message { Some(receipt) } else { None }).await;
    assert_eq!(receipt.verify(), Ok(()));
    assert_eq!((receipt.receipt.running_ms, receipt.receipt.epoch), (2_000, 1));

    rig.succeeds(at, 3_000).await;
    let finished = line.finished().await;
    assert!(matches!(finished.outcome, Outcome::Succeeded { .. }), "{finished:?}");
    let last = finished.receipt.expect("it ran");
    assert_eq!(last.verify(), Ok(()));
    assert!(last.receipt.sequence > receipt.receipt.sequence && last.receipt.running_ms == 3_000, "{last:?}");
    assert_eq!(rig.discards().await, at);
    line.settle(at, AttemptState::Succeeded, Micros::new(2_900)).await;
    rig.shows(|now| now.phase == Phase::Ready && now.today.confirmed == Micros::new(2_900) && now.today.jobs == 1).await;
    rig.agent.shutdown().await;
    line.is_closed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_comes_back_and_gets_his_pc() {
    let coordinator = FakeCoordinator::start().await;
    let home = home(&coordinator);
    let mut rig = Rig::fresh(home.path()).await;
    let (_, mut line) = coordinator.welcomed().await;
    line.beats_until(|ready, _| ready).await;
    let offer = offer();
    let at = offer.at;
    line.say(CoordinatorMessage::Offer(Box::new(offer))).await;
    assert_eq!(rig.starts().await, at);
    rig.runs(at, 1_000).await;
    rig.shows(|now| now.phase == Phase::Working).await;

    rig.owner.set(Duration::from_millis(5));
    let (stopped, grace) = rig.stops().await;
    assert_eq!((stopped, grace), (at, Duration::from_millis(250)), "5 s at a twentieth");
    rig.is_stopped(at, 1_500).await;
    let finished = line.finished().await;
    assert_eq!(finished.outcome, Outcome::Yielded { reason: Reason::OwnerReturned });
    line.settle(at, AttemptState::Yielded, Micros::new(1_500)).await;
    rig.shows(|now| matches!(now.phase, Phase::Waiting { .. }) && now.working.is_empty()).await;
    line.beats_until(|ready, leases| !ready && leases.is_empty()).await;
    rig.agent.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rig_asks_for_its_power_and_declines_what_does_not_pay_it() {
    let coordinator = FakeCoordinator::start().await;
    let home = home(&coordinator);
    let rules = |net: &str| {
        let text = format!("[tariff]\nprice_per_kwh = \"300000\"\nwatts = 1000\nmin_net_per_hour = \"{net}\"\n");
        std::fs::write(home.path().join("rules.toml"), text).expect("written");
    };
    rules("4000000");
    let mut rig = Rig::fresh(home.path()).await;
    let (hello, mut line) = coordinator.welcomed().await;
    assert_eq!(hello.rig.floor_per_hour, Micros::new(4_300_000), "told from the first word on");
    line.beats_until(|ready, _| ready).await;
    let poor = offer();
    assert!(poor.earns_per_hour < hello.rig.floor_per_hour);
    line.say(CoordinatorMessage::Offer(Box::new(poor))).await;
    let declined = line.until(|message| if let AgentMessage::Decline(ended) = message { Some(ended) } else { None }).await;
    assert_eq!(declined.reason, Reason::OwnerReturned, "which is nobody's fault");
    let asks = |floor| move |now: &Snapshot| now.asks.is_some_and(|asks| asks.floor_per_hour == Micros::new(floor));
    shows_meanwhile(&rig, &mut line, asks(4_300_000)).await;

    rules("1000000");
    let report = line.until(|message| if let AgentMessage::Report(report) = message { Some(report) } else { None }).await;
    assert_eq!(report.floor_per_hour, Micros::new(1_300_000));
    let fair = offer();
    let at = fair.at;
    line.say(CoordinatorMessage::Offer(Box::new(fair))).await;
    assert_eq!(rig.starts().await, at);
    rig.agent.abandon().await;
}

/// Rules are read every few seconds; heartbeats are answered until then.
async fn shows_meanwhile(rig: &Rig, line: &mut Line, shown: impl Fn(&Snapshot) -> bool) {
    tokio::select! {
        () = rig.shows(shown) => {}
        () = line.beats_until(|_, _| false) => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owners_rules_take_his_pc_back_and_new_ones_count_at_once() {
    let coordinator = FakeCoordinator::start().await;
    let home = home(&coordinator);
    let mut rig = Rig::fresh(home.path()).await;
    let (_, mut line) = coordinator.welcomed().await;
    line.beats_until(|ready, _| ready).await;
    let offer = offer();
    let at = offer.at;
    line.say(CoordinatorMessage::Offer(Box::new(offer))).await;
    assert_eq!(rig.starts().await, at);
    rig.runs(at, 1_000).await;

    rig.power.say(Ok(Sign::OnBattery(true)));
    assert_eq!(rig.stops().await.0, at);
    rig.is_stopped(at, 1_500).await;
    assert_eq!(line.finished().await.outcome, Outcome::Yielded { reason: Reason::OwnerReturned });
    line.settle(at, AttemptState::Yielded, Micros::new(1_500)).await;
    let on_battery = Phase::Waiting { reasons: vec![WaitReason::OnBattery] };
    shows_meanwhile(&rig, &mut line, |now| now.phase == on_battery && now.working.is_empty()).await;

    let rules = home.path().join("rules.toml");
    std::fs::write(&rules, "power.on_batery = true").expect("written");
    let broken = |now: &Snapshot| match &now.phase {
        Phase::Waiting { reasons } => {
            matches!(&reasons[..], [WaitReason::RulesBroken { message }] if message.contains("on_batery"))
        }
        _ => false,
    };
    shows_meanwhile(&rig, &mut line, broken).await;
    std::fs::write(&rules, "power.on_battery = true").expect("written");
    shows_meanwhile(&rig, &mut line, |now| now.phase == Phase::Ready).await;
    std::fs::remove_file(&rules).expect("removed");
    shows_meanwhile(&rig, &mut line, |now| now.phase == on_battery).await;
    rig.agent.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_is_remembered_by_the_next_life() {
    let coordinator = FakeCoordinator::start().await;
    let home = home(&coordinator);
    let rig = Rig::fresh(home.path()).await;
    rig.agent.handle().ask(Ask::Pause(None)).await.expect("asked");
    rig.agent.shutdown().await;
    let rig = Rig::fresh(home.path()).await;
    rig.shows(|now| now.phase == Phase::Paused { until_ms: None }).await;
    rig.agent.handle().ask(Ask::Start).await.expect("asked");
    rig.agent.abandon().await;
    let rig = Rig::fresh(home.path()).await;
    rig.shows(|now| !matches!(now.phase, Phase::Paused { .. } | Phase::Off)).await;
    rig.agent.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn quitting_stops_the_container_and_reports_it() {
    let coordinator = FakeCoordinator::start().await;
    let home = home(&coordinator);
    let mut rig = Rig::fresh(home.path()).await;
    let (_, mut line) = coordinator.welcomed().await;
    line.beats_until(|ready, _| ready).await;
    let offer = offer();
    let at = offer.at;
    line.say(CoordinatorMessage::Offer(Box::new(offer))).await;
    rig.starts().await;
    rig.runs(at, 1_000).await;
    rig.shows(|now| now.phase == Phase::Working).await;

    let handle = rig.agent.handle();
    handle.ask(Ask::Quit).await.expect("asked");
    rig.stops().await;
    rig.is_stopped(at, 1_000).await;
    assert_eq!(line.finished().await.outcome, Outcome::Yielded { reason: Reason::RigPaused });
    line.settle(at, AttemptState::Yielded, Micros::ZERO).await;
    rig.agent.join().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_job_shows_in_the_history() {
    let coordinator = FakeCoordinator::start().await;
    let home = home(&coordinator);
    let mut rig = Rig::fresh(home.path()).await;
    let (_, mut line) = coordinator.welcomed().await;
    line.beats_until(|ready, _| ready).await;
    let offer = offer();
    let at = offer.at;
    line.say(CoordinatorMessage::Offer(Box::new(offer))).await;
    rig.starts().await;
    rig.runs(at, 1_000).await;
    rig.shows(|now| now.working.first().is_some_and(|card| card.stage == Stage::Running)).await;
    line.say(CoordinatorMessage::Cancel(Ended { at, reason: Reason::CancelledByCustomer })).await;
    rig.stops().await;
    rig.is_stopped(at, 1_000).await;
    assert_eq!(line.finished().await.outcome, Outcome::Cancelled { reason: Reason::CancelledByCustomer });
    rig.shows(|now| now.working.is_empty() && matches!(now.link, Link::Connected { .. })).await;
    rig.agent.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_stops_answering_is_told_and_so_is_its_return() {
    let coordinator = FakeCoordinator::start().await;
    let home = home(&coordinator);
    let rig = Rig::fresh(home.path()).await;
    let (_, mut line) = coordinator.welcomed().await;
    line.beats_until(|ready, _| ready).await;

    rig.engine.pulse.send_replace(false);
    line.beats_until(|ready, _| !ready).await;
    rig.shows(|now| {
        now.engine.found.is_none() && now.engine.tried.iter().any(|tried| tried.result.contains("stopped answering"))
    })
    .await;
    rig.engine.pulse.send_replace(true);
    line.beats_until(|ready, _| ready).await;
    rig.shows(|now| now.phase == Phase::Ready && now.engine.found.is_some()).await;
    rig.agent.shutdown().await;
}
