//! Leases: heartbeats, their loss, epochs, restarts.

use headframe_coordinator::journal::{Answer, Report};
use headframe_protocol::{
    Micros,
    job::{AttemptState, JobState, Reason},
    session::{AttemptRef, Outcome},
};
use serde_json::json;

use crate::support::{FakeAgent, TestApp, agent::Rig, short_leases};

#[tokio::test]
async fn a_rig_that_falls_silent_loses_its_job_to_another() {
    let app = TestApp::start_with(short_leases).await;
    let customer = app.customer(10).await;
    let mut silent = FakeAgent::connect(&app).await;
    let submitted = customer.submit(json!({})).await;
    let first = silent.offer().await;
    silent.run(&first).await;
    customer.in_state(submitted.id, JobState::Running).await;
    let rig = silent.rig.clone();
    drop(silent);

    let mut other = FakeAgent::connect(&app).await;
    let second = other.offer().await;
    assert_eq!((second.job, second.at.epoch), (submitted.id, 2));
    other.run(&second).await;

    // The first comes back with a result: too late, and nothing changes.
    let mut late = Rig { leases: vec![], ..rig }.connect(&app.url()).await;
    let settled = late.succeed(&first, 50).await;
    assert_eq!((settled.state, settled.credit), (AttemptState::Lost, Micros::ZERO));
    assert_eq!(other.succeed(&second, 0).await.state, AttemptState::Succeeded);
    let done = customer.ended(submitted.id).await;
    assert_eq!((done.state, done.interruptions, done.attempt), (JobState::Succeeded, 1, Some(second.at.attempt)));
    app.assert_books().await;
}

#[tokio::test]
async fn heartbeats_keep_a_lease_for_as_long_as_they_come() {
    let app = TestApp::start_with(short_leases).await;
    let customer = app.customer(10).await;
    let mut rig = FakeAgent::connect(&app).await;
    let submitted = customer.submit(json!({})).await;
    let offer = rig.offer().await;
    rig.run(&offer).await;
    let lease = app.config.timers.lease_ttl + app.config.timers.requeue_slack;
    let until = tokio::time::Instant::now() + lease + lease / 2;
    while tokio::time::Instant::now() < until {
        let beat = rig.beat(vec![rig.lease(&offer, AttemptState::Running)]).await;
        assert!(beat.leases[0].held, "an answered heartbeat prolongs the lease");
        tokio::time::sleep(app.config.timers.heartbeat / 2).await;
    }
    assert_eq!(customer.job(submitted.id).await.epoch, 1);
}

#[tokio::test]
async fn a_stale_epoch_changes_nothing() {
    let app = TestApp::start().await;
    let customer = app.customer(10).await;
    let mut rig = FakeAgent::connect(&app).await;
    let submitted = customer.submit(json!({})).await;
    let offer = rig.offer().await;
    rig.run(&offer).await;
    customer.in_state(submitted.id, JobState::Running).await;
    let stale = AttemptRef { epoch: offer.at.epoch - 1, ..offer.at };
    rig.progress(stale, AttemptState::Uploading).await;
    assert_eq!(rig.withdrawn().await.at, stale, "the rig is told to let go of what is not its own");
    let mut old = offer.clone();
    old.at = stale;
    rig.finish(&old, Outcome::Succeeded { outputs: Vec::new() }, None).await;
    assert_eq!(rig.settled().await.state, AttemptState::Lost);
    let beat = rig.beat(vec![rig.lease(&old, AttemptState::Running), rig.lease(&offer, AttemptState::Running)]).await;
    assert_eq!(beat.leases.iter().map(|verdict| verdict.held).collect::<Vec<_>>(), [false, true]);
    assert_eq!(customer.job(submitted.id).await.state, JobState::Running);
}

#[tokio::test]
async fn another_rig_cannot_speak_for_an_attempt() {
    let app = TestApp::start().await;
    let customer = app.customer(10).await;
    let mut rig = FakeAgent::connect(&app).await;
    let submitted = customer.submit(json!({})).await;
    let offer = rig.offer().await;
    rig.run(&offer).await;
    let mut thief = FakeAgent::connect(&app).await;
    let settled = thief.succeed(&offer, 50).await;
    assert_eq!(settled.state, AttemptState::Lost, "the thief may forget it");
    assert_eq!(customer.in_state(submitted.id, JobState::Running).await.epoch, 1);
}

#[tokio::test]
async fn a_report_sent_twice_is_answered_twice_and_done_once() {
    let app = TestApp::start().await;
    let customer = app.customer(10).await;
    let mut rig = FakeAgent::connect(&app).await;
    let submitted = customer.submit(json!({})).await;
    let offer = rig.offer().await;
    rig.run(&offer).await;
    rig.run(&offer).await;
    customer.in_state(submitted.id, JobState::Running).await;
    tokio::time::sleep(std::time::Duration::from_millis(60)).await;
    let first = rig.succeed(&offer, 50).await;
    let again = rig.succeed(&offer, 50).await;
    assert_eq!(first, again);
    assert_eq!(customer.ended(submitted.id).await.charged, Micros::new(13));
    app.assert_books().await;
}

#[tokio::test]
async fn a_restart_takes_nothing_from_a_rig_that_comes_back() {
    let mut app = TestApp::start().await;
    let customer = app.customer(10).await;
    let mut rig = FakeAgent::connect(&app).await;
    let waiting = customer.submit(json!({})).await;
    let offer = rig.offer().await;
    rig.run(&offer).await;
    customer.in_state(waiting.id, JobState::Running).await;
    let queued = customer.submit(json!({})).await;
    app.restart().await;

    let lease = rig.lease(&offer, AttemptState::Running);
    let mut back = Rig { leases: vec![lease], ..rig.rig.clone() }.connect(&app.url()).await;
    assert!(back.welcome.as_ref().expect("a welcome").leases[0].held, "the lease is still its own");
    assert_eq!(back.succeed(&offer, 0).await.state, AttemptState::Succeeded);
    let next = back.offer().await;
    assert_eq!(next.job, queued.id, "jobs that waited are found in the database");
    app.assert_books().await;
}

#[tokio::test]
async fn what_a_rig_has_forgotten_is_given_out_again() {
    let app = TestApp::start().await;
    let customer = app.customer(10).await;
    let mut rig = FakeAgent::connect(&app).await;
    let submitted = customer.submit(json!({})).await;
    let offer = rig.offer().await;
    rig.run(&offer).await;
    customer.in_state(submitted.id, JobState::Running).await;
    let mut wiped = Rig { leases: vec![], ..rig.rig.clone() }.connect(&app.url()).await;
    let again = wiped.offer().await;
    assert_eq!((again.job, again.at.epoch), (submitted.id, 2));
    let attempts = customer.attempts(submitted.id).await;
    assert_eq!((attempts[0].state, attempts[0].reason), (AttemptState::Lost, Some(Reason::AgentRestarted)));
}

#[tokio::test]
async fn an_attempt_that_runs_far_too_long_is_ended() {
    let app = TestApp::start_with(|config| config.timers.running_slack = std::time::Duration::from_millis(50)).await;
    let customer = app.customer(10).await;
    let mut rig = FakeAgent::connect(&app).await;
    let submitted = customer.submit(json!({ "timeout_s": 1, "max_failures": 1 })).await;
    let offer = rig.offer().await;
    rig.run(&offer).await;
    let lease = rig.lease(&offer, AttemptState::Running);
    let ended = tokio::select! {
        job = customer.ended(submitted.id) => job,
        () = async { loop { rig.beat(vec![lease.clone()]).await; tokio::time::sleep(app.config.timers.heartbeat / 2).await; } } => unreachable!(),
    };
    assert_eq!((ended.state, ended.reason), (JobState::Failed, Some(Reason::TimedOut)));
    app.assert_books().await;
}

#[tokio::test]
async fn a_result_that_is_being_checked_is_shown_and_has_a_way_out() {
    let app = TestApp::start_with(short_leases).await;
    let customer = app.customer(10).await;
    let mut rig = FakeAgent::connect(&app).await;
    let submitted = customer.submit(json!({ "outputs": ["out"] })).await;
    let offer = rig.offer().await;
    rig.run(&offer).await;
    rig.progress(offer.at, AttemptState::Uploading).await;
    customer.in_state(submitted.id, JobState::Uploading).await;
    // What the session writes before it looks at the files; here it dies right after.
    let verify = Report::Verify { device: rig.rig.device(), at: offer.at };
    app.app().journal.write(verify.clone()).await.expect("written");
    customer.in_state(submitted.id, JobState::Verifying).await;
    drop(rig);
    customer.in_state(submitted.id, JobState::Queued).await;
    let late = app.app().journal.write(verify).await.expect("written");
    assert!(matches!(late, Answer::Advanced { held: false }), "{late:?}");
    assert_eq!(customer.job(submitted.id).await.state, JobState::Queued, "who lost the job changes nothing");
    app.assert_books().await;
}

#[tokio::test]
async fn after_a_restart_no_deadline_is_kept_before_the_rigs_had_time_to_come_back() {
    let mut app = TestApp::start_with(|config| config.timers.running_slack = std::time::Duration::from_millis(50)).await;
    let customer = app.customer(10).await;
    let mut rig = FakeAgent::connect(&app).await;
    let submitted = customer.submit(json!({ "timeout_s": 1 })).await;
    let offer = rig.offer().await;
    rig.run(&offer).await;
    customer.in_state(submitted.id, JobState::Running).await;
    let late = app.app().store.now().after(std::time::Duration::from_millis(1_200));
    app.restart().await;
    // It had ended in time, and could not say so.
    let runs = || app.app().reconcilers.read().get("overdue").map_or(0, |status| status.runs);
    let (started, mut before) = (tokio::time::Instant::now(), None);
    while before.is_none_or(|before| runs() < before + 3) {
        if before.is_none() && app.app().store.now() > late {
            before = Some(runs());
        }
        assert!(started.elapsed() < crate::support::PATIENCE, "the reconciler runs");
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    assert_eq!(customer.job(submitted.id).await.state, JobState::Running);
    let lease = rig.lease(&offer, AttemptState::Running);
    let mut back = Rig { leases: vec![lease], ..rig.rig.clone() }.connect(&app.url()).await;
    assert_eq!(back.succeed(&offer, 0).await.state, AttemptState::Succeeded);
}
