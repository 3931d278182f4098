//! Messages that come twice, and messages of an epoch that is over.

use headframe_protocol::{
    Micros, Sha256,
    job::{AttemptState, JobState, Reason},
    session::{AgentMessage, CoordinatorMessage, Offer, OutputFile, Settled},
};
use headframe_testbed::Options;

use crate::{
    raw_rig::{RawRig, bring},
    scene::{Scene, usual, with_output},
};

const RESULT: &[u8] = b"made\n";

fn outputs() -> Vec<OutputFile> {
    vec![OutputFile { path: "x".to_owned(), sha256: Sha256::of(RESULT), bytes: RESULT.len() as u64 }]
}

async fn settled(rig: &mut RawRig, offer: &Offer) -> Settled {
    let at = offer.at;
    rig.hear("a settlement", move |message| match message {
        CoordinatorMessage::Settled(settled) if settled.at == at => Some(settled),
        _ => None,
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_comes_twice_counts_once() {
    let scene = Scene::set(Options { agents: 0, ..usual() }).await;
    let mut rig = RawRig::connect(&scene.testbed).await;
    let id = scene.submit(&with_output(scene.script("made up"), "x")).await;
    let offer = rig.offer().await;
    for _ in 0..2 {
        rig.take(&offer).await;
    }
    let receipt = rig.receipt(&offer, 1, 20);
    for _ in 0..2 {
        rig.say(&AgentMessage::Receipt(receipt.clone())).await;
        assert_eq!(bring(&offer, RESULT).await.0 / 100, 2, "the same bytes may be brought twice");
    }
    let mut credits = Vec::new();
    for _ in 0..3 {
        let done = rig.done(&offer, outputs());
        rig.say(&done).await;
        let settled = settled(&mut rig, &offer).await;
        assert_eq!(settled.state, AttemptState::Succeeded, "{settled:?}");
        credits.push(settled.credit);
    }
    assert!(credits.iter().all(|credit| *credit == credits[0]), "one settlement, told three times: {credits:?}");
    scene.succeeded_with(id, "x", RESULT).await;
    assert_eq!(scene.attempts(id).await.len(), 1);
    scene.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_of_an_old_epoch_changes_nothing() {
    let scene = Scene::set(Options { agents: 0, ..usual() }).await;
    let mut rig = RawRig::connect(&scene.testbed).await;
    let id = scene.submit(&with_output(scene.script("made up"), "x")).await;
    let old = rig.offer().await;
    rig.take(&old).await;
    scene.until_state(id, JobState::Running).await;
    // No heartbeat names the attempt: the lease lapses and the job is offered again, to the only rig there is.
    let new = rig.offer().await;
    assert!(new.at.epoch > old.at.epoch && new.at.attempt != old.at.attempt);
    rig.take(&new).await;
    rig.beat(new.at, AttemptState::Running).await;
    scene.until_state(id, JobState::Running).await;

    let (status, body) = bring(&old, RESULT).await;
    assert!(status == 409 && body.contains("stale_epoch"), "{status} {body}");
    let late = rig.done(&old, outputs());
    rig.say(&late).await;
    let told = settled(&mut rig, &old).await;
    assert_eq!((told.state, told.reason, told.credit), (AttemptState::Lost, Some(Reason::LeaseLapsed), Micros::ZERO), "{told:?}");
    let mut forged = new.clone();
    forged.at.epoch = old.at.epoch;
    let forged = rig.done(&forged, Vec::new());
    rig.say(&forged).await;
    rig.beat(new.at, AttemptState::Running).await;
    let job = scene.client.job(id).await.expect("the job");
    assert_eq!((job.state, job.epoch), (JobState::Running, new.at.epoch), "nothing has changed");

    assert_eq!(bring(&new, RESULT).await.0 / 100, 2);
    let done = rig.done(&new, outputs());
    rig.say(&done).await;
    assert_eq!(settled(&mut rig, &new).await.state, AttemptState::Succeeded);
    // The rig of the old attempt was told above what became of it; `succeeded_with` sees to it that the customer was too.
    let job = scene.succeeded_with(id, "x", RESULT).await;
    assert_eq!(job.attempt, Some(new.at.attempt));
    scene.close().await;
}
