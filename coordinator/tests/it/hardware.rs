//! What rigs have, what customers are told of it, and what is learnt of how rigs are interrupted.

use headframe_coordinator::{admin::acts, market::Country, store::rig_histories};
use headframe_protocol::{
    api::{Job, JobList, OfferList, QuoteView},
    job::{AttemptState, JobState, Reason, Trust},
    rig::{GpuReport, GpuVendor, Os},
    session::Outcome,
};
use serde_json::{Value, json};

use crate::support::{Customer, FakeAgent, TestApp, agent::Rig, by, job};

fn with_a_card(capability: &str, vram_gib: u64) -> Rig {
    let mut rig = Rig::new();
    rig.report.gpus = vec![GpuReport {
        // Two rigs that show the same one are both put aside.
        uuid: format!("GPU-{}", rig.device()),
        model: "NVIDIA GeForce RTX 4090".to_owned(),
        vendor: GpuVendor::Nvidia,
        vram_bytes: vram_gib << 30,
        fu: 0,
        compute_capability: capability.parse().ok(),
        pci_bus_id: Some("00000000:01:00.0".to_owned()),
        power_limit_w: Some(450),
        driver: None,
    }];
    rig
}

async fn quote(customer: &Customer, changes: Value) -> QuoteView {
    customer.post("/v1/quotes", &job(changes)).await.json().await.expect("a quote")
}

fn fields(job: &Job) -> Vec<&str> {
    job.unmet.iter().map(|unmet| unmet.field.as_str()).collect()
}

#[tokio::test]
async fn offers_tell_what_rigs_of_a_class_have() {
    let app = TestApp::start().await;
    let customer = app.customer(10).await;
    let mut ada = with_a_card("8.9", 24).connect(&app.url()).await;
    let mut plain = FakeAgent::connect(&app).await;
    ada.beat(Vec::new()).await;
    plain.beat(Vec::new()).await;
    let OfferList { classes } = customer.get("/v1/offers").await.json().await.expect("offers");
    let [cpu, gpu] = &classes[..] else { panic!("two classes: {classes:?}") };
    assert_eq!((cpu.class.as_str(), cpu.vendor, cpu.compute_capability, cpu.ready), ("cpu", None, None, 1));
    assert_eq!((gpu.class.as_str(), gpu.architecture.as_deref()), ("nvidia 24 GiB", Some("ada")));
    assert_eq!((gpu.vendor, gpu.vram_gib, gpu.os), (Some(GpuVendor::Nvidia), 24, Os::Linux));
    assert_eq!(gpu.compute_capability.map(|capability| capability.to_string()).as_deref(), Some("8.9"));
    assert_eq!((cpu.fu, gpu.fu), (0, 0), "nobody has seen what its card can do");
    assert_eq!((gpu.trust, gpu.country.as_deref(), gpu.connected), (Trust::Community, None, 1));
}

#[tokio::test]
async fn a_job_no_rig_can_do_says_why_until_one_can() {
    let app = TestApp::start().await;
    let customer = app.customer(10).await;
    let mut turing = with_a_card("7.5", 8).connect(&app.url()).await;
    turing.beat(Vec::new()).await;
    let wants = json!({ "resources": { "gpu": { "count": 1, "compute_capability_min": "8.9", "vram_gib": 16 } } });
    let told = quote(&customer, wants.clone()).await;
    let unmet: Vec<_> = told.unmet.iter().map(|unmet| unmet.field.as_str()).collect();
    assert_eq!((told.price_per_hour, unmet), (None, vec!["resources.gpu.compute_capability_min", "resources.gpu.vram_gib"]));
    let submitted = customer.submit(wants).await;
    assert_eq!(fields(&submitted), ["resources.gpu.compute_capability_min", "resources.gpu.vram_gib"]);
    assert_eq!(fields(&customer.job(submitted.id).await).len(), 2, "and whenever it is looked at");
    let listed: JobList = customer.get("/v1/jobs").await.json().await.expect("a page");
    assert!(listed.jobs.iter().all(|job| job.unmet.is_empty()), "a list is not a look at every rig for each");
    let mut ada = with_a_card("8.9", 24).connect(&app.url()).await;
    assert_eq!(ada.offer().await.job, submitted.id);
    assert!(customer.job(submitted.id).await.unmet.is_empty());
}

#[tokio::test]
async fn a_job_for_a_country_waits_for_a_rig_the_operator_has_attested_to_stand_there() {
    let app = TestApp::start().await;
    let customer = app.customer(10).await;
    let rig = Rig::new();
    let mut nobody_knows_where = rig.clone().connect(&app.url()).await;
    nobody_knows_where.beat(Vec::new()).await;
    let submitted = customer.submit(json!({ "placement": { "trust": "partner", "countries": ["FR", "DE"] } })).await;
    assert_eq!(fields(&submitted), ["placement.trust", "placement.countries"]);
    let (store, germany) = (&app.app().store, Country::parse("DE"));
    acts::attest(store, &by(), rig.device(), Some(Trust::Partner), None).await.expect("attested");
    acts::attest(store, &by(), rig.device(), None, germany).await.expect("attested, and what was said before stays");
    let mut attested = rig.connect(&app.url()).await;
    assert_eq!(attested.offer().await.job, submitted.id);
    acts::attest(store, &by(), Rig::new().device(), None, germany).await.expect_err("there is no such rig");
}

#[tokio::test]
async fn how_a_rig_is_interrupted_is_learnt_and_survives_a_restart() {
    // Written down long after the test, if it were not for the end of the coordinator.
    let mut app = TestApp::start_with(|config| config.timers.learn = std::time::Duration::from_secs(3_600)).await;
    let customer = app.customer(10).await;
    let rig = Rig::new();
    for (life, outcome) in [
        (1, Outcome::Yielded { reason: Reason::OwnerReturned }),
        (2, Outcome::Succeeded { outputs: Vec::new() }),
        (3, Outcome::Yielded { reason: Reason::OwnerReturned }),
    ] {
        let submitted = customer.submit(json!({})).await;
        let mut agent = rig.clone().connect(&app.url()).await;
        let offer = agent.offer().await;
        assert_eq!(offer.job, submitted.id);
        agent.run(&offer).await;
        customer.in_state(submitted.id, JobState::Running).await;
        tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
        agent.finish(&offer, outcome, None).await;
        assert!(matches!(agent.settled().await.state, AttemptState::Yielded | AttemptState::Succeeded));
        customer.cancel(submitted.id).await;
        drop(agent);
        app.restart().await;
        let mut connection = app.app().store.read().await.expect("a connection");
        let (hours, _) = rig_histories::of(&mut connection, rig.device()).await.expect("read").written();
        let (interruptions, seconds) = hours.iter().fold((0, 0), |(all, worked), (_, more, for_s)| (all + more, worked + for_s));
        assert!(seconds >= life, "{seconds} s in the {life}. life");
        let expected = if life == 3 { 1_990..=2_000 } else { 990..=1_000 };
        assert!(expected.contains(&interruptions), "{interruptions} thousandths in the {life}. life");
    }
}
