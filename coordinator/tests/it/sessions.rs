//! Who may open a session, and how one ends.

use headframe_coordinator::admin::acts;
use headframe_protocol::{
    Sha256,
    session::{AgentMessage, CoordinatorMessage, Heartbeat, Refused, RefusedCode},
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
async fn a_shutdown_says_goodbye() {
    let mut app = TestApp::start().await;
    let mut rig = FakeAgent::connect(&app).await;
    let (refused, ()) = tokio::join!(rig.refused(), app.restart());
    assert_eq!(refused.code, RefusedCode::Unavailable);
}
