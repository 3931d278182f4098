//! What an owner is told of the queue, and that it is what the market does.

use headframe_protocol::{
    demand::{MarketPlace, Requirement, Unmet},
    rig::{ComputeCapability, GpuReport, GpuVendor},
};
use proptest::prelude::*;
use serde_json::json;

use super::*;

fn card(vram_gib: u64, fu: u32) -> GpuReport {
    GpuReport {
        uuid: String::new(),
        model: "NVIDIA GeForce RTX 3060".to_owned(),
        vendor: GpuVendor::Nvidia,
        vram_bytes: vram_gib * GIB,
        fu,
        compute_capability: ComputeCapability::new(8, 6),
        pci_bus_id: None,
        power_limit_w: None,
        driver: None,
    }
}

/// A rig with a card, eight cores, 16 GiB, 100 GiB of disk, that wants a dollar an hour.
fn rig() -> Agent {
    let report = RigReport { gpus: vec![card(12, 300)], ..report(900_000, 1) };
    Agent { ready: false, ..agent(1, &report) }
}

fn prospects(market: &Market, device: DeviceId) -> Prospects {
    market.board().for_rig(&market.seeker(device).expect("connected"))
}

/// What keeps that rig from one job that waits.
fn unmet(changes: serde_json::Value) -> Vec<Requirement> {
    let mut market = market();
    market.rig_connected(rig());
    market.job_queued(job(CustomerId::generate(), 1, changes), at(1));
    let found = prospects(&market, rig().device);
    assert_eq!((found.waiting, found.more), (1, false));
    assert_eq!(found.fitting, u32::from(found.unmet.is_empty()));
    found.unmet.into_iter().map(|unmet| unmet.requirement).collect()
}

#[test]
fn each_requirement_a_rig_does_not_meet_is_named() {
    let gpu = |changes: serde_json::Value| {
        let mut gpu = json!({"count": 1, "vram_gib": 8});
        for (key, value) in changes.as_object().expect("an object") {
            gpu[key] = value.clone();
        }
        json!({"resources": {"gpu": gpu}})
    };
    assert_eq!(unmet(gpu(json!({}))), []);
    assert_eq!(unmet(gpu(json!({"count": 2}))), [Requirement::GpuCount]);
    assert_eq!(unmet(gpu(json!({"vendor": "amd"}))), [Requirement::GpuVendor]);
    assert_eq!(unmet(gpu(json!({"compute_capability_min": "9.0"}))), [Requirement::ComputeCapability]);
    assert_eq!(unmet(gpu(json!({"vram_gib": 24}))), [Requirement::Vram]);
    assert_eq!(unmet(gpu(json!({"min_fu": 301}))), [Requirement::Score]);
    assert_eq!(unmet(json!({"resources": {"cpu": 9}})), [Requirement::Cpu]);
    assert_eq!(unmet(json!({"resources": {"memory_gib": 17}})), [Requirement::Memory]);
    assert_eq!(unmet(json!({"resources": {"disk_gib": 101}})), [Requirement::Disk]);
    assert_eq!(unmet(json!({"network": {"allow": ["pypi.org"]}})), [Requirement::Egress]);
    assert_eq!(unmet(json!({"placement": {"trust": "partner"}})), [Requirement::Trust]);
    assert_eq!(unmet(json!({"placement": {"countries": ["DE"]}})), [Requirement::Country]);
    assert_eq!(unmet(json!({"max_price_per_hour": "999999"})), [Requirement::Price]);
}

#[test]
fn what_alone_keeps_a_rig_from_most_comes_first() {
    let mut market = market();
    market.rig_connected(rig());
    let cheap = || json!({"max_price_per_hour": "1"});
    let large = || json!({"max_price_per_hour": "1", "resources": {"memory_gib": 64}});
    let changes = [cheap(), cheap(), large(), large(), large(), nothing()];
    for (nth, changes) in (1..).zip(changes) {
        market.job_queued(job(CustomerId::generate(), nth, changes), at(nth));
    }
    let found = prospects(&market, rig().device);
    assert_eq!((found.waiting, found.fitting, found.place), (6, 1, MarketPlace::Closed));
    let counted = [
        Unmet { requirement: Requirement::Price, jobs: 5, alone: 2 },
        Unmet { requirement: Requirement::Memory, jobs: 3, alone: 0 },
    ];
    assert_eq!(found.unmet, counted);
}

#[test]
fn a_job_given_back_and_a_customers_own_job_are_named_too() {
    let (mut market, customer) = (market(), CustomerId::generate());
    let Agent { device, session, .. } = rig();
    market.rig_connected(Agent { ready: true, session, ..rig() });
    let given = market.job_queued(job(customer, 1, nothing()), at(1)).expect("it fits");
    market.released(device, given.attempt, Verdict::Yielded { job: given.job.id }, at(2));
    market.give_back(given.job, at(2));
    market.set_linked(vec![(customer, device)]);
    let QueuedJob { want, .. } = job(customer, 2, nothing());
    market
        .job_queued(QueuedJob { want: want.paid_from(headframe_protocol::api::Pot::Fiat), ..job(customer, 2, nothing()) }, at(2));
    let found = prospects(&market, device);
    assert_eq!((found.fitting, found.place), (0, MarketPlace::Open));
    let named: Vec<Requirement> = found.unmet.iter().map(|unmet| unmet.requirement).collect();
    assert_eq!(named, [Requirement::AnotherTry, Requirement::AnotherOwner]);
}

#[test]
fn a_customer_whose_jobs_failed_here_again_and_again_is_named() {
    let (mut market, customer) = (market(), CustomerId::generate());
    let Agent { device, session, .. } = rig();
    market.rig_connected(Agent { ready: true, session, ..rig() });
    let mut now = 1;
    for _ in 0..record::STRIKES_OF_ONE_MAX {
        market.tick(at(now), 8);
        let given = market.job_queued(job(customer, now, nothing()), at(now)).expect("it fits still");
        market.released(device, given.attempt, Verdict::JobFailed { job: given.job.id }, at(now));
        now += 10_000;
    }
    market.tick(at(now), 8);
    market.job_queued(job(customer, now, nothing()), at(now));
    let found = prospects(&market, device);
    assert_eq!((found.place, found.fitting), (MarketPlace::Open, 0));
    assert_eq!(found.unmet, [Unmet { requirement: Requirement::FewerFailures, jobs: 1, alone: 1 }]);
}

#[test]
fn where_a_rig_stands_is_told() {
    let mut market = market();
    let Agent { device, session, .. } = rig();
    let place = |market: &Market| prospects(market, device).place;
    assert!(market.seeker(device).is_none());
    market.rig_connected(Agent { session, ..rig() });
    assert_eq!(place(&market), MarketPlace::Closed);
    market.rig_ready(device, session, true);
    assert_eq!(place(&market), MarketPlace::Open);
    market.set_stopped(true);
    assert_eq!(place(&market), MarketPlace::Stopped);
    market.set_stopped(false);
    let given = market.job_queued(job(CustomerId::generate(), 1, nothing()), at(1)).expect("it fits");
    assert_eq!(place(&market), MarketPlace::Full);
    market.released(device, given.attempt, Verdict::RigFailed, at(2));
    assert_eq!(place(&market), MarketPlace::Resting);
    assert_eq!(market.seeker(device).and_then(|rig| rig.rests_until), Some(at(1_002)));
}

#[test]
fn a_long_queue_of_one_customer_hides_nobody() {
    let mut market = market();
    market.rig_connected(rig());
    let (one, other) = (CustomerId::generate(), CustomerId::generate());
    for nth in 0..3_000 {
        market.job_queued(job(one, nth, nothing()), at(nth));
    }
    market.job_queued(job(other, 3_000, json!({"resources": {"memory_gib": 64}})), at(3_000));
    let found = prospects(&market, rig().device);
    assert_eq!((found.waiting, found.fitting, found.more), (1_001, 1_000, true));
    assert_eq!(found.unmet, [Unmet { requirement: Requirement::Memory, jobs: 1, alone: 1 }]);
}

#[test]
fn a_rig_waits_from_when_it_is_free_and_another_report_changes_nothing() {
    let mut market = market();
    let Agent { device, session, .. } = rig();
    market.rig_connected(Agent { session, ..rig() });
    market.tick(at(10_000), 8);
    market.rig_ready(device, session, true);
    market.tick(at(20_000), 8);
    let report = RigReport { gpus: vec![card(12, 300)], name: "another".to_owned(), ..report(900_000, 1) };
    market.rig_changed((device, session), &report, HashSet::new(), 1_000);
    let given = market.job_queued(job(CustomerId::generate(), 1, nothing()), at(70_000)).expect("it fits");
    assert_eq!((given.waited_s, given.class.name().as_str()), (60, "nvidia 12 GiB"));
    market.released(device, given.attempt, Verdict::Fine, at(100_000));
    let given = market.job_queued(job(CustomerId::generate(), 2, nothing()), at(103_000)).expect("it fits");
    assert_eq!(given.waited_s, 3);
}

proptest! {
    #[test]
    fn what_is_said_to_fit_is_what_is_given(
        (gpus, vram, fu, floor) in (0_usize..3, 1_u64..26, 0_u32..3, 0_i64..4),
        (count, wants_vram, min_fu, pays) in (0_u8..3, 1_u16..26, 0_u32..3, 0_i64..4),
        (vendor, capability, trust) in (any::<bool>(), any::<bool>(), any::<bool>()),
        (cpu, memory, egress) in (7_u16..10, 15_u16..18, any::<bool>()),
    ) {
        let report = RigReport { gpus: vec![card(vram, fu); gpus], ..report(floor, 2) };
        let mut changes = json!({"max_price_per_hour": pays.to_string(), "resources": {"cpu": cpu, "memory_gib": memory}});
        if count > 0 {
            changes["resources"]["gpu"] = json!({"count": count, "vram_gib": wants_vram, "min_fu": min_fu});
            if vendor {
                changes["resources"]["gpu"]["vendor"] = json!("amd");
            }
            if capability {
                changes["resources"]["gpu"]["compute_capability_min"] = json!("8.0");
            }
        }
        if egress {
            changes["network"] = json!({"allow": ["pypi.org"]});
        }
        if trust {
            changes["placement"] = json!({"trust": "partner"});
        }
        let mut market = market();
        let Agent { device, session, .. } = agent(1, &report);
        market.rig_connected(Agent { ready: false, session, ..agent(1, &report) });
        let job = job(CustomerId::generate(), 1, changes);
        market.job_queued(job.clone(), at(1));
        let found = prospects(&market, device);
        let seeker = market.seeker(device).expect("connected");
        prop_assert_eq!(found.fitting == 1, found.unmet.is_empty());
        prop_assert_eq!(found.fitting == 1, seeker.class.suits(&job.want.need) && seeker.capacity.suits(&job.want));
        prop_assert_eq!(found.fitting == 1, market.rig_ready(device, session, true).len() == 1, "{:?}", found);
    }
}
