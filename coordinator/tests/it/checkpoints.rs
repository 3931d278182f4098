//! What an interrupted job leaves, and what its next attempt begins with.

use std::time::Duration;

use headframe_coordinator::{Config, Timers, sweep};
use headframe_protocol::{
    Sha256, TimestampMs,
    api::Job,
    job::{AttemptState, JobState, Reason},
    session::{
        AgentMessage, CheckpointBrought, CoordinatorMessage, Offer, Outcome, OutputFile, checkpoint::CHECKPOINT_FILES_MAX,
    },
};
use serde_json::json;

use crate::{
    files::stored,
    support::{Customer, FakeAgent, PATIENCE, TestApp},
};

impl FakeAgent {
    /// Gives the PC back.
    async fn give_back(&mut self, offer: &Offer) {
        let receipt = self.receipt(offer, 1, 0);
        self.finish(offer, Outcome::Yielded { reason: Reason::OwnerReturned }, Some(receipt)).await;
        assert_eq!(self.settled().await.state, AttemptState::Yielded);
    }

    /// Says what it has brought, and returns whether it was accepted.
    pub(crate) async fn left(&mut self, offer: &Offer, files: Vec<OutputFile>) -> bool {
        self.left_because(offer, files, None).await
    }

    async fn left_because(&mut self, offer: &Offer, files: Vec<OutputFile>, problem: Option<String>) -> bool {
        self.say(AgentMessage::CheckpointBrought(CheckpointBrought { at: offer.at, files, problem })).await;
        let answer = |message| match message {
            CoordinatorMessage::CheckpointSettled(settled) if settled.at == offer.at => Some(settled.accepted),
            _ => None,
        };
        self.hear_until(answer).await
    }

    /// Fetches one file of the checkpoint an attempt was given.
    async fn fetch(&self, offer: &Offer, sha256: Sha256) -> reqwest::Response {
        let address = offer.base.join(&format!("checkpoint/{sha256}")).expect("an address");
        reqwest::Client::new().get(address).bearer_auth(&offer.token).send().await.expect("an answer")
    }

    async fn bring_late(&self, offer: &Offer, bytes: &'static [u8]) -> reqwest::StatusCode {
        let address = offer.base.join(&format!("objects/{}", Sha256::of(bytes))).expect("an address");
        reqwest::Client::new().put(address).bearer_auth(&offer.token).body(bytes).send().await.expect("an answer").status()
    }
}

/// Who waits for a checkpoint waits longer than the test does.
pub(crate) fn patient(config: &mut Config) {
    config.timers.checkpoint_wait = PATIENCE * 10;
    config.timers.checkpoint_upload = PATIENCE * 10;
    config.timers.blob_grace = PATIENCE * 20;
}

/// Nobody waits for a checkpoint.
fn impatient(config: &mut Config) {
    patient(config);
    config.timers.checkpoint_wait = Duration::from_millis(1);
}

async fn submit(customer: &Customer) -> Job {
    customer.submit(json!({ "checkpoint": { "path": "state", "every_s": 60 } })).await
}

/// A job on its first rig, running.
async fn running(app: &TestApp, customer: &Customer) -> (Job, FakeAgent, Offer) {
    let mut rig = FakeAgent::connect(app).await;
    let job = submit(customer).await;
    let offer = rig.offer().await;
    assert_eq!(offer.checkpoint, [], "there is none at first");
    rig.run(&offer).await;
    customer.in_state(job.id, JobState::Running).await;
    (job, rig, offer)
}

#[tokio::test]
async fn an_interrupted_job_waits_for_its_checkpoint_and_goes_on_from_it() {
    let app = TestApp::start_with(patient).await;
    let customer = app.customer(10).await;
    let (job, mut rig, offer) = Box::pin(running(&app, &customer)).await;
    rig.give_back(&offer).await;
    let files = vec![rig.bring(&offer, "state/a", b"one").await, rig.bring(&offer, "state/deep/b", b"three").await];
    assert!(rig.left(&offer, files.clone()).await);
    assert!(rig.left(&offer, files.clone()).await, "said again, it is answered the same");

    let next = rig.offer().await;
    assert_eq!((next.job, next.at.epoch), (job.id, 2));
    assert_eq!(next.checkpoint, files);
    assert_eq!(&rig.fetch(&next, files[1].sha256).await.bytes().await.expect("bytes")[..], b"three");
    assert_eq!(rig.fetch(&next, Sha256::of(b"another's")).await.status(), 404);
    assert_eq!(rig.fetch(&offer, files[1].sha256).await.status(), 409, "who has given the job back reads nothing more");
    let shown = customer.job(job.id).await.checkpoint.expect("it is shown");
    assert_eq!((shown.attempt, shown.bytes), (offer.at.attempt, 8));
    assert!(shown.accepted_ms > TimestampMs::default());
    assert_eq!(stored(&app, &customer).await, 8, "it takes its customer's room");

    rig.run(&next).await;
    rig.succeed(&next, 0).await;
    assert_eq!(customer.ended(job.id).await.state, JobState::Succeeded);
    assert_eq!(stored(&app, &customer).await, 0, "and gives it back with the end of the job");
    app.assert_books().await;
}

#[tokio::test]
async fn a_job_that_left_nothing_is_given_to_the_next_rig_at_once() {
    let app = TestApp::start_with(patient).await;
    let customer = app.customer(10).await;
    let (job, mut rig, offer) = Box::pin(running(&app, &customer)).await;
    rig.give_back(&offer).await;
    assert!(!rig.left_because(&offer, Vec::new(), Some("`state` is a symbolic link.".to_owned())).await);
    assert_eq!(rig.offer().await.checkpoint, []);
    assert_eq!(customer.job(job.id).await.checkpoint, None);
    let message = customer.attempts(job.id).await[0].message.clone().unwrap_or_default();
    assert!(message.ends_with("It left no checkpoint: `state` is a symbolic link."), "{message}");
}

#[tokio::test]
async fn a_job_does_not_wait_for_ever_nor_one_that_had_not_begun() {
    let app = TestApp::start_with(impatient).await;
    let customer = app.customer(10).await;
    let (_, mut rig, offer) = Box::pin(running(&app, &customer)).await;
    rig.give_back(&offer).await;
    assert_eq!(rig.offer().await.checkpoint, [], "nothing came, so it begins anew");

    let app = TestApp::start_with(patient).await;
    let customer = app.customer(10).await;
    let mut rig = FakeAgent::connect(&app).await;
    submit(&customer).await;
    let offer = rig.offer().await;
    rig.say(AgentMessage::Accept(offer.at)).await;
    rig.give_back(&offer).await;
    assert_eq!(rig.offer().await.at.epoch, 2, "it has not run and can have left nothing");
}

#[tokio::test]
async fn a_checkpoint_that_comes_after_the_next_attempt_has_begun_changes_nothing() {
    let app = TestApp::start_with(impatient).await;
    let customer = app.customer(10).await;
    let (job, mut rig, offer) = Box::pin(running(&app, &customer)).await;
    rig.give_back(&offer).await;
    let files = vec![rig.bring(&offer, "state", b"old").await];
    let mut next = rig.offer().await;
    rig.run(&next).await;
    customer.in_state(job.id, JobState::Running).await;
    assert!(!rig.left(&offer, files).await);
    assert_eq!(customer.job(job.id).await.checkpoint, None);
    assert_eq!(stored(&app, &customer).await, 0, "what was reserved for it is free again");
    assert_eq!(rig.bring_late(&offer, b"more").await, 409, "and no more of it is taken");

    // Neither when the later one has left one of its own.
    rig.give_back(&next).await;
    let newer = vec![rig.bring(&next, "state", b"newer").await];
    assert!(rig.left(&next, newer.clone()).await);
    let older = vec![OutputFile { path: "state".to_owned(), sha256: Sha256::of(b"old"), bytes: 3 }];
    assert!(!rig.left(&offer, older).await);
    // The wait was short: an offer without it may have been on its way.
    loop {
        next = rig.offer().await;
        if next.checkpoint == newer {
            break;
        }
        rig.give_back(&next).await;
    }
}

#[tokio::test]
async fn a_checkpoint_may_come_while_the_next_attempt_prepares_and_takes_nothing_away_from_it() {
    let app = TestApp::start_with(patient).await;
    let customer = app.customer(10).await;
    let (job, mut rig, first) = Box::pin(running(&app, &customer)).await;
    rig.give_back(&first).await;
    let older = vec![rig.bring(&first, "state", b"older").await];
    assert!(rig.left(&first, older.clone()).await);
    let second = rig.offer().await;
    rig.run(&second).await;
    customer.in_state(job.id, JobState::Running).await;
    rig.give_back(&second).await;
    let newer = vec![rig.bring(&second, "state", b"newer").await];
    // Its rig is slow, and the operator impatient.
    let mut connection = app.app().store.begin().await.expect("a transaction");
    sqlx::query("UPDATE job SET not_before_ms = 0").execute(&mut *connection).await.expect("let go");
    connection.commit().await.expect("committed");
    let mut app = app;
    app.restart().await;
    let mut other = FakeAgent::connect(&app).await;
    let third = other.offer().await;
    assert_eq!(third.checkpoint, older);
    other.say(AgentMessage::Accept(third.at)).await;
    customer.in_state(job.id, JobState::Preparing).await;

    let mut rig = rig.rig.connect(&app.url()).await;
    assert!(rig.left(&second, newer.clone()).await, "the third has not begun");
    let parts = app.app();
    let timers = Timers { blob_grace: Duration::from_millis(1), ..parts.config.timers.clone() };
    sweep::sweep(&parts.store, &parts.blobs, &timers).await.expect("swept");
    assert_eq!(&other.fetch(&third, older[0].sha256).await.bytes().await.expect("bytes")[..], b"older", "it may go on fetching");
    other.run(&third).await;
    customer.in_state(job.id, JobState::Running).await;
    other.give_back(&third).await;
    let newest = vec![other.bring(&third, "state", b"newest").await];
    assert!(other.left(&third, newest).await);
    assert_eq!(stored(&app, &customer).await, 6, "only the newest is left");
    let swept = sweep::sweep(&parts.store, &parts.blobs, &timers).await.expect("swept");
    assert_eq!((swept.objects, swept.recounted), (2, 0), "the bytes of both others are gone, and the counting was right");
}

#[tokio::test]
async fn a_rig_cannot_pass_anything_off_as_a_checkpoint() {
    let app = TestApp::start_with(patient).await;
    let customer = app.customer(10).await;
    let (job, mut rig, offer) = Box::pin(running(&app, &customer)).await;
    let file = rig.bring(&offer, "state", b"x").await;
    assert!(!rig.left(&offer, vec![file.clone()]).await, "it still runs");
    rig.give_back(&offer).await;
    let mut stranger = FakeAgent::connect(&app).await;
    assert!(!stranger.left(&offer, vec![file.clone()]).await);
    assert_eq!(customer.job(job.id).await.state, JobState::Queued, "a stranger does not end the wait either");

    let file = rig.bring(&offer, "state", b"x").await;
    let named = |path: &str| OutputFile { path: path.to_owned(), ..file.clone() };
    let lists = [
        vec![named("out")],
        vec![named("state/../../etc/passwd")],
        vec![named("state"), named("state/a")],
        vec![named("state/a"), named("state/a")],
        vec![OutputFile { bytes: 2, ..file.clone() }],
        vec![OutputFile { sha256: Sha256::of(b"never brought"), ..file.clone() }],
        (0..=CHECKPOINT_FILES_MAX).map(|number| named(&format!("state/{number}"))).collect(),
    ];
    for list in lists {
        assert!(!rig.left(&offer, list.clone()).await, "{list:?}");
    }
    assert_eq!(customer.job(job.id).await.checkpoint, None);
}

#[tokio::test]
async fn a_job_that_fails_later_goes_on_from_the_last_checkpoint_and_one_that_is_cancelled_leaves_none() {
    let app = TestApp::start_with(patient).await;
    let customer = app.customer(10).await;
    let (job, mut rig, offer) = Box::pin(running(&app, &customer)).await;
    rig.give_back(&offer).await;
    let files = vec![rig.bring(&offer, "state", b"kept").await];
    assert!(rig.left(&offer, files.clone()).await);
    let second = rig.offer().await;
    rig.run(&second).await;
    rig.fail(&second, Reason::ExitCode).await;
    let third = rig.offer().await;
    assert_eq!(third.checkpoint, files);
    rig.run(&third).await;
    customer.in_state(job.id, JobState::Running).await;
    rig.give_back(&third).await;
    assert_eq!(customer.in_state(job.id, JobState::Queued).await.checkpoint.map(|checkpoint| checkpoint.bytes), Some(4));
    assert_eq!(customer.cancel(job.id).await.status(), 200);
    assert_eq!(stored(&app, &customer).await, 0, "a job that ends in the queue leaves nothing");
}

#[tokio::test]
async fn a_checkpoint_is_no_larger_than_its_customers_room() {
    let app = TestApp::start_with(|config| {
        patient(config);
        config.limits.storage_bytes_max = 4;
    })
    .await;
    let customer = app.customer(10).await;
    let (_, mut rig, offer) = Box::pin(running(&app, &customer)).await;
    rig.give_back(&offer).await;
    assert_eq!(rig.bring_late(&offer, b"12345").await, 507);
    assert_eq!(rig.bring_late(&offer, b"1234").await, 201);
}
