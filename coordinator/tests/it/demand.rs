//! What owners are told of the work there is.

use std::time::Duration;

use headframe_coordinator::store::rigs;
use headframe_protocol::{
    DeviceId, Micros,
    demand::{MarketPlace, Requirement, RigDemand, StandingInBrief},
};
use serde_json::json;

use crate::support::{FakeAgent, PATIENCE, TestApp, agent::Rig};

/// What such a rig is told once it is so.
async fn until(app: &TestApp, device: DeviceId, holds: impl Fn(&RigDemand) -> bool) -> RigDemand {
    let started = tokio::time::Instant::now();
    loop {
        let told = demand(app, device).await;
        if holds(&told) {
            return told;
        }
        assert!(started.elapsed() < PATIENCE, "{told:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn demand(app: &TestApp, device: impl std::fmt::Display) -> RigDemand {
    let answer = reqwest::get(format!("{}/v1/devices/{device}/demand", app.url())).await.expect("an answer");
    answer.json().await.expect("what there is")
}

fn named(demand: &RigDemand) -> Vec<(Requirement, u32)> {
    demand.unmet.iter().map(|unmet| (unmet.requirement, unmet.alone)).collect()
}

#[tokio::test]
async fn an_owner_reads_what_keeps_his_rig_from_work_and_nothing_of_whose_it_is() {
    let app = TestApp::start().await;
    let customer = app.customer(100).await;
    let mut rig = FakeAgent::connect(&app).await;
    rig.beat(Vec::new()).await;
    let device = rig.rig.device();
    let jobs = [
        customer.submit(json!({ "max_price_per_hour": "999999" })).await,
        customer.submit(json!({ "max_price_per_hour": "999998" })).await,
        customer.submit(json!({ "resources": { "memory_gib": 64 } })).await,
    ];
    let told = until(&app, device, |told| told.waiting == 3).await;
    assert_eq!((told.class.as_deref(), told.place), (Some("cpu"), MarketPlace::Open));
    assert_eq!((told.waiting, told.fitting, told.more), (3, 0, false));
    assert_eq!(named(&told), [(Requirement::Price, 2), (Requirement::Memory, 1)]);
    assert_eq!(told.kind, None, "nothing was given yet");
    let standing = StandingInBrief { tier: "new".to_owned(), reliability_percent: 100, behind_permille: 0 };
    assert_eq!(told.standing, Some(standing), "nobody knows it yet");
    let text = serde_json::to_string(&told).expect("JSON");
    assert!(jobs.iter().all(|job| !text.contains(&job.id.to_string())) && !text.contains("99999"), "{text}");

    customer.submit(json!({})).await;
    let offer = rig.offer().await;
    rig.run(&offer).await;
    until(&app, device, |told| told.place == MarketPlace::Full).await;
}

#[tokio::test]
async fn how_rigs_of_a_kind_fare_is_told_once_enough_were_given_work() {
    let app = TestApp::start().await;
    let customer = app.customer(100).await;
    let mut rig = FakeAgent::connect(&app).await;
    let device = rig.rig.device();
    for nth in 1..=20 {
        assert_eq!(demand(&app, device).await.kind, None, "after {nth}");
        customer.submit(json!({})).await;
        let offer = rig.offer().await;
        rig.run(&offer).await;
        rig.succeed(&offer, 0).await;
    }
    let kind = demand(&app, device).await.kind.expect("enough");
    assert_eq!(kind.jobs, 20);
    assert_eq!([kind.low_per_hour, kind.middle_per_hour, kind.high_per_hour], [Micros::new(900_000); 3], "what he asks");
    let other = Rig::new();
    let mut larger = other.clone();
    larger.report.floor_per_hour = Micros::new(5_000_000);
    let _connected = larger.connect(&app.url()).await;
    assert_eq!(demand(&app, other.device()).await.kind, Some(kind), "it is of the same kind");
}

#[tokio::test]
async fn a_rig_that_is_not_here_is_told_what_waits_and_why_it_gets_none_of_it() {
    let app = TestApp::start().await;
    let customer = app.customer(100).await;
    customer.submit(json!({})).await;
    let rig = Rig::new();
    let (device, url) = (rig.device(), app.url());
    let unseen = until(&app, device, |told| told.waiting == 1).await;
    assert_eq!((unseen.class, unseen.place, unseen.fitting), (None, MarketPlace::Absent, 0));
    drop(rig.connect(&url).await);
    let mut tx = app.app().store.begin().await.expect("a transaction");
    assert!(rigs::set_quarantined(&mut tx, device, Some(app.app().store.now())).await.expect("written"));
    tx.commit().await.expect("committed");
    let out = until(&app, device, |told| told.place == MarketPlace::Quarantined).await;
    assert_eq!(out.class.as_deref(), Some("cpu"));
    let nonsense = reqwest::get(format!("{}/v1/devices/nonsense/demand", app.url())).await.expect("an answer");
    assert_eq!(nonsense.status(), 404);
}
