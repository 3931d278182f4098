//! An owner who wants no more jobs of one customer gets none, and others' as before.

use std::time::Duration;

use headframe_protocol::{
    Micros,
    api::Pay,
    control::{BlockArgs, UnblockArgs},
    job::{AttemptState, JobState, Reason},
};
use headframe_testbed::{image::Ballast, process::wait_for};

use crate::scene::{LIMIT, Scene, spec, usual, uuid};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_blocked_customers_jobs_wait_while_anothers_run() {
    let scene = Scene::set(usual()).await;
    let other = scene.testbed.operator.customer("another", Micros::dollars(10)).await.expect("a customer");
    let theirs = scene.testbed.client_of(&other).expect("a client");
    // Each has images of his own: another's are none of his business.
    let image = scene.testbed.tiny_image_of(&other, Ballast::default()).await.expect("an image");
    let first = scene.submit(&scene.script("true")).await;
    scene.ended(first).await;
    let card = scene.owner_sees(first).await.pop().expect("a card");
    let pseudonym = card.customer.expect("the rig knows him by a name");
    assert!(!pseudonym.contains(&scene.testbed.customer.id.to_string()[4..]), "which is not his id");

    let mut owner = scene.testbed.rigs[0].guest().await.expect("the agent answers");
    let page = owner.block(BlockArgs { attempt: card.attempt, stop: false }).await.expect("blocked");
    assert_eq!(page.rules.map(|rules| rules.jobs.blocked.len()), Some(1));
    let unwanted = scene.submit(&scene.script("true")).await;
    for _ in 0..2 {
        let id = theirs.submit(&spec(&image, "true"), Pay::Dollars, &uuid()).await.expect("an accepted job").id;
        let look = async || {
            let job = theirs.job(id).await?;
            Ok(job.state.is_final().then_some(job))
        };
        let job = wait_for("the other customer's job has not ended", LIMIT, look).await.expect("it runs");
        assert_eq!(job.state, JobState::Succeeded, "{job:#?}");
    }
    assert_eq!(scene.client.job(unwanted).await.expect("the job").state, JobState::Queued, "though it came first");
    // An offer may have overtaken the owner's word. Then the agent declined it, and that was all.
    for attempt in scene.attempts(unwanted).await {
        assert_eq!((attempt.state, attempt.reason), (AttemptState::Withdrawn, Some(Reason::Unwanted)), "{attempt:#?}");
    }

    owner.unblock(UnblockArgs { customer: pseudonym }).await.expect("unblocked");
    assert_eq!(scene.ended(unwanted).await.state, JobState::Succeeded);
    scene.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_blocked_customer_has_on_the_rig_is_given_back_if_its_owner_says_so() {
    let scene = Scene::set(usual()).await;
    let id = scene.submit(&scene.script("sleep 600")).await;
    scene.until_state(id, JobState::Running).await;
    let card = scene.testbed.rigs[0].jobs().await.expect("jobs").into_iter().next().expect("a card");
    let mut owner = scene.testbed.rigs[0].guest().await.expect("the agent answers");
    owner.block(BlockArgs { attempt: card.attempt, stop: true }).await.expect("blocked");
    scene.until(id, "given back", |job| job.state == JobState::Queued).await;
    let attempts = scene.attempts(id).await;
    assert_eq!(
        attempts.last().map(|attempt| (attempt.state, attempt.reason)),
        Some((AttemptState::Yielded, Some(Reason::Unwanted))),
        "{attempts:#?}"
    );
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(scene.attempts(id).await.len(), attempts.len(), "and it does not come back");
    scene.client.cancel(id).await.expect("cancelled");
    scene.ended(id).await;
    scene.close().await;
}
