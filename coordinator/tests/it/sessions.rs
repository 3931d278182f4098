//! Who may open a session, and how one ends.

use headframe_coordinator::admin::acts;
use headframe_protocol::{
    AttemptId, Sha256,
    job::{AttemptState, Reason},
    session::{
        AgentMessage, AttemptRef, CoordinatorMessage, Ended, Finished, Heartbeat, LeaseBeat, Outcome, Refused, RefusedCode,
    },
};
use serde_json::json;

use crate::support::{FakeAgent, TestApp, agent::Rig, by};

fn code(message: CoordinatorMessage) -> RefusedCode {
    match message {
        CoordinatorMessage::Refused(Refused { code, message }) => {
            assert!(!message.is_empty(), "the owner is told in words");
            code
        }
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test]
async fn the_newest_session_of_a_device_wins() {
    let app = TestApp::start().await;
    let mut older = FakeAgent::connect(&app).await;
    let mut newer = older.rig.clone().connect(&app.url()).await;
    assert_eq!(older.refused().await.code, RefusedCode::Superseded);
    assert!(older.hear().await.is_none(), "the older socket is closed");
    let customer = app.customer(10).await;
    let submitted = customer.submit(json!({})).await;
    assert_eq!(newer.offer().await.job, submitted.id);
}

#[tokio::test]
async fn a_handshake_is_good_for_one_place_one_moment_and_one_key() {
    let app = TestApp::start().await;
    let elsewhere = Rig { origin: Some("http://elsewhere.example".to_owned()), ..Rig::new() };
    assert_eq!(code(elsewhere.knock(&app.url()).await.1), RefusedCode::BadHandshake);

    let rig = Rig::new();
    let (mut agent, challenge) = FakeAgent::dial(&app.url(), rig.clone()).await;
    let mut replayed = challenge.clone();
    replayed.nonce = Sha256::of(b"yesterday");
    agent.say(AgentMessage::Hello(Box::new(rig.hello(&app.url(), &replayed)))).await;
    assert_eq!(agent.refused().await.code, RefusedCode::BadHandshake);

    let (mut agent, challenge) = FakeAgent::dial(&app.url(), rig.clone()).await;
    let mut stolen = rig.hello(&app.url(), &challenge);
    stolen.device = Rig::new().device();
    agent.say(AgentMessage::Hello(Box::new(stolen))).await;
    assert_eq!(agent.refused().await.code, RefusedCode::BadHandshake);
}

#[tokio::test]
async fn too_old_is_said_kindly() {
    let app = TestApp::start().await;
    let old = Rig { version: 0, ..Rig::new() };
    assert_eq!(code(old.knock(&app.url()).await.1), RefusedCode::TooOld);
}

#[tokio::test]
async fn a_quarantined_rig_gets_no_session_and_loses_the_one_it_has() {
    let app = TestApp::start().await;
    let mut rig = FakeAgent::connect(&app).await;
    acts::quarantine(&app.app().store, &by(), rig.rig.device()).await.expect("quarantined");
    assert_eq!(rig.refused().await.code, RefusedCode::Quarantined);
    assert_eq!(code(rig.rig.knock(&app.url()).await.1), RefusedCode::Quarantined);
}

#[tokio::test]
async fn whoever_breaks_the_protocol_is_told_and_cut_off() {
    let app = TestApp::start().await;
    for frame in ["", "{", "[]", r#"{"type":"unheard_of"}"#, r#"{"type":"heartbeat","sequence":-1,"ready":true,"leases":[]}"#] {
        let mut rig = FakeAgent::connect(&app).await;
        rig.say_text(frame.to_owned()).await;
        assert_eq!(rig.refused().await.code, RefusedCode::BadMessage, "{frame}");
    }
    let (mut early, _) = FakeAgent::dial(&app.url(), Rig::new()).await;
    early.say(AgentMessage::Heartbeat(Heartbeat { sequence: 1, ready: true, leases: Vec::new() })).await;
    assert_eq!(early.refused().await.code, RefusedCode::BadMessage);
    let mut absurd = Rig::new();
    absurd.report.slots = 200;
    assert_eq!(code(absurd.knock(&app.url()).await.1), RefusedCode::BadMessage);
    // A frame above the limit closes the socket; the coordinator lives on.
    let mut huge = FakeAgent::connect(&app).await;
    huge.say_text("x".repeat(300 * 1024)).await;
    assert!(huge.hear().await.is_none());
    FakeAgent::connect(&app).await;
}

#[tokio::test]
async fn a_rig_gives_only_reasons_that_are_its_own() {
    let app = TestApp::start().await;
    let customer = app.customer(10).await;
    let submitted = customer.submit(json!({})).await;
    let mut rig = FakeAgent::connect(&app).await;
    let offer = rig.offer().await;
    let ended = |outcome| AgentMessage::Finished(Box::new(Finished { at: offer.at, outcome, receipt: None, log_bytes: 0 }));
    let lies = [
        ended(Outcome::Yielded { reason: Reason::NetworkStopped }),
        ended(Outcome::Failed { reason: Reason::TooManyInterruptions, exit_code: None, detail: None }),
        ended(Outcome::Failed { reason: Reason::CancelledByCustomer, exit_code: None, detail: None }),
        ended(Outcome::Cancelled { reason: Reason::OwnerReturned }),
        AgentMessage::Decline(Ended { at: offer.at, reason: Reason::KilledByOperator }),
    ];
    for lie in lies {
        let lease = rig.lease(&offer, AttemptState::Accepted);
        rig.say(lie.clone()).await;
        assert_eq!(rig.refused().await.code, RefusedCode::BadMessage, "{lie:?}");
        rig = Rig { leases: vec![lease], ..rig.rig.clone() }.connect(&app.url()).await;
    }
    rig.run(&offer).await;
    assert_eq!(rig.succeed(&offer, 0).await.state, AttemptState::Succeeded, "nothing was believed");
    assert_eq!(customer.ended(submitted.id).await.interruptions, 0);
}

#[tokio::test]
async fn nobody_names_more_attempts_than_a_rig_can_have() {
    let app = TestApp::start().await;
    let lease =
        || LeaseBeat { at: AttemptRef { attempt: AttemptId::generate(), epoch: 1 }, state: AttemptState::Running, running_ms: 0 };
    let mut rig = FakeAgent::connect(&app).await;
    let beat = rig.beat((0..64).map(|_| lease()).collect()).await;
    assert!(beat.leases.iter().all(|verdict| !verdict.held), "none of them is the rig's");
    rig.say(AgentMessage::Heartbeat(Heartbeat { sequence: 2, ready: true, leases: (0..65).map(|_| lease()).collect() })).await;
    assert_eq!(rig.refused().await.code, RefusedCode::BadMessage);
    let claims = Rig { leases: (0..65).map(|_| lease()).collect(), ..Rig::new() };
    assert_eq!(code(claims.knock(&app.url()).await.1), RefusedCode::BadMessage);
}

#[tokio::test]
async fn a_flood_of_new_rigs_is_slowed_and_known_ones_come_in() {
    let app = TestApp::start_with(|config| config.limits.newcomers_max = 2).await;
    let known = FakeAgent::connect(&app).await.rig;
    FakeAgent::connect(&app).await;
    assert_eq!(code(Rig::new().knock(&app.url()).await.1), RefusedCode::Unavailable);
    known.connect(&app.url()).await;
}

#[tokio::test]
async fn a_shutdown_says_goodbye() {
    let mut app = TestApp::start().await;
    let mut rig = FakeAgent::connect(&app).await;
    let (refused, ()) = tokio::join!(rig.refused(), app.restart());
    assert_eq!(refused.code, RefusedCode::Unavailable);
}
