//! Rigs that take jobs and do not do them: one of them must neither eat the queue nor make an end of anybody's job.

use std::time::Duration;

use headframe_coordinator::Config;
use headframe_protocol::{
    job::{AttemptState, JobState, Reason},
    session::{AgentMessage, Ended, Outcome},
};
use serde_json::json;

use crate::support::{FakeAgent, PATIENCE, TestApp};

/// Pauses so short that a test sees several of them.
fn short_pauses(config: &mut Config) {
    config.timers.rig_backoff = Duration::from_millis(20);
}

#[tokio::test]
async fn work_given_back_at_once_counts_against_no_job() {
    let app = TestApp::start_with(|config| {
        short_pauses(config);
        config.limits.interruptions_max = 2;
    })
    .await;
    let customer = app.customer(10).await;
    let mut rig = FakeAgent::connect(&app).await;
    let submitted = customer.submit(json!({})).await;
    let outcomes = [
        Outcome::Yielded { reason: Reason::OwnerReturned },
        Outcome::Cancelled { reason: Reason::NetworkStopped },
        Outcome::Yielded { reason: Reason::RigPaused },
    ];
    for outcome in outcomes {
        let offer = rig.offer().await;
        rig.run(&offer).await;
        rig.finish(&offer, outcome, None).await;
        rig.settled().await;
    }
    let offer = rig.offer().await;
    rig.run(&offer).await;
    rig.succeed(&offer, 0).await;
    let done = customer.ended(submitted.id).await;
    assert_eq!((done.state, done.interruptions, done.epoch), (JobState::Succeeded, 0, 4));
    app.assert_books().await;
}

#[tokio::test]
async fn calling_it_cancelled_does_not_make_an_interruption_free() {
    let app = TestApp::start_with(|config| {
        short_pauses(config);
        config.timers.early_yield = Duration::from_millis(1);
        config.limits.interruptions_max = 2;
    })
    .await;
    let customer = app.customer(10).await;
    let mut rig = FakeAgent::connect(&app).await;
    let submitted = customer.submit(json!({})).await;
    for _ in 0..2 {
        let offer = rig.offer().await;
        rig.run(&offer).await;
        customer.in_state(submitted.id, JobState::Running).await;
        tokio::time::sleep(app.config.timers.early_yield * 2).await;
        rig.finish(&offer, Outcome::Cancelled { reason: Reason::NetworkStopped }, None).await;
        rig.settled().await;
    }
    let done = customer.ended(submitted.id).await;
    assert_eq!((done.state, done.reason), (JobState::Failed, Some(Reason::TooManyInterruptions)));
}

#[tokio::test]
async fn what_was_accepted_cannot_be_declined() {
    let app = TestApp::start().await;
    let customer = app.customer(10).await;
    let mut rig = FakeAgent::connect(&app).await;
    let submitted = customer.submit(json!({})).await;
    let offer = rig.offer().await;
    rig.run(&offer).await;
    rig.say(AgentMessage::Decline(Ended { at: offer.at, reason: Reason::OwnerReturned })).await;
    let beat = rig.beat(vec![rig.lease(&offer, AttemptState::Running)]).await;
    assert!(beat.leases[0].held, "it changes nothing");
    assert_eq!(rig.succeed(&offer, 0).await.state, AttemptState::Succeeded);
    assert_eq!(customer.ended(submitted.id).await.epoch, 1);
}

#[tokio::test]
async fn a_declined_job_goes_to_the_next_rig_and_the_rig_to_the_next_job() {
    // Long enough that nothing is offered a second time in this test by the passing of time.
    let app = TestApp::start_with(|config| {
        config.timers.rig_backoff = PATIENCE;
        config.timers.rig_backoff_max = PATIENCE * 2;
    })
    .await;
    let customer = app.customer(10).await;
    let mut picky = FakeAgent::connect(&app).await;
    let declined = customer.submit(json!({})).await;
    let offer = picky.offer().await;
    picky.say(AgentMessage::Decline(Ended { at: offer.at, reason: Reason::OwnerReturned })).await;
    customer.in_state(declined.id, JobState::Queued).await;
    let mut other = FakeAgent::connect(&app).await;
    let again = other.offer().await;
    assert_eq!((again.job, again.at.epoch), (declined.id, 2));
    let attempts = customer.attempts(declined.id).await;
    assert_eq!((attempts[0].state, attempts[0].reason), (AttemptState::Withdrawn, Some(Reason::OwnerReturned)));
    // A fifth of the first pause later, well before the two may meet again.
    let next = customer.submit(json!({})).await;
    assert_eq!(picky.offer().await.job, next.id);
}
