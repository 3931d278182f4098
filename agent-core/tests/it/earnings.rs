//! From a card that draws power to an amount on the page, and to the receipt that proves it.

use std::{fs, sync::Arc, time::Duration};

use headframe_agent::challenge::NoProvers;
use headframe_control::{AgentPaths, Client, ClientError};
use headframe_protocol::{
    Micros,
    control::{ControlCode, EarnedArgs, Earnings, EarningsArgs, EarningsBy, SheetArgs, SheetOf, Worker},
    job::AttemptState,
    session::{AgentMessage, CoordinatorMessage},
};

use crate::{
    coordinator::{FakeCoordinator, offer},
    rig::{Rig, home},
};

const TODAY: EarningsArgs = EarningsArgs { by: EarningsBy::Day, count: 1 };

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_sees_what_a_job_brought_what_its_power_cost_and_what_proves_it() {
    let coordinator = FakeCoordinator::start().await;
    let home = home(&coordinator);
    fs::write(home.path().join("rules.toml"), "[tariff]\nprice_per_kwh = \"300000\"\n").expect("written");
    let mut rig = Rig::with_card(home.path(), Arc::new(NoProvers)).await;
    let (_, mut line) = coordinator.welcomed().await;
    line.beats_until(|ready, _| ready).await;
    let mut offer = offer();
    offer.spec.resources.gpu = Some(serde_json::from_str(r#"{ "count": 1 }"#).expect("one card"));
    let at = offer.at;
    line.say(CoordinatorMessage::Offer(Box::new(offer))).await;
    assert_eq!(rig.starts().await, at);
    rig.runs(at, 100).await;
    // Receipts are signed with heartbeats; what was drawn until then is on disk by the first.
    let receipt = |message| if let AgentMessage::Receipt(signed) = message { Some(signed) } else { None };
    line.until(receipt).await;
    rig.tell(at, headframe_agent::runner::RunEventKind::Running { running_ms: 900 }).await;
    line.until(receipt).await;
    rig.succeeds(at, 1_000).await;
    let signed = line.finished().await.receipt.expect("it ran");
    line.settle(at, AttemptState::Succeeded, Micros::new(277)).await;
    rig.shows(|now| now.today.jobs == 1).await;

    let paths = AgentPaths::resolve(Some(home.path().to_owned())).expect("absolute");
    let mut guest = Client::connect(&paths).await.expect("the agent listens");
    let Earnings { buckets, total, workers, .. } = guest.earnings(TODAY).await.expect("sums");
    assert_eq!((total.jobs, total.attempts, total.unmeasured, total.unpriced), (Micros::new(277), 1, 0, 0), "{total:?}");
    let (energy, power) = (total.energy_joules.expect("measured"), total.power.expect("priced"));
    assert!(energy > 0 && power > Micros::ZERO && total.net < Some(total.jobs), "{total:?}");
    assert_eq!(workers[0].worker, Worker::Card { gpu: "GPU-1".to_owned(), model: "a card".to_owned() });

    let bucket = &buckets[0];
    let args = EarnedArgs { from_ms: bucket.from_ms, until_ms: bucket.until_ms, after: None, limit: 10 };
    let page = guest.earned(args).await.expect("a page");
    assert_eq!(page.attempts[0].attempt, at.attempt.to_string());
    assert_eq!(page.attempts[0].receipt, Some(format!("{:#x}", signed.receipt.signing_hash())), "it is what was signed last");
    let sheet = guest.sheet(SheetArgs { of: SheetOf::Attempts, after: None }).await.expect("a text");
    assert!(sheet.text.contains("0.000277") && sheet.text.contains(&page.attempts[0].attempt), "{}", sheet.text);

    let refused = guest.earnings(EarningsArgs { by: EarningsBy::Hour, count: 1_000 }).await;
    assert!(matches!(refused, Err(ClientError::Refused(error)) if error.code == ControlCode::BadRequest));
    tokio::time::timeout(Duration::from_secs(20), rig.agent.shutdown()).await.expect("in time");
}
