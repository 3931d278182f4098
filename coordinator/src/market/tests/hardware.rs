//! Which rig has what a job needs.

use headframe_protocol::rig::{ComputeCapability, GpuReport, GpuVendor};
use proptest::prelude::*;

use super::*;

fn gpu(vendor: GpuVendor, gib: u64, capability: &str, fu: u32) -> GpuReport {
    GpuReport {
        uuid: String::new(),
        model: String::new(),
        vendor,
        vram_bytes: gib * GIB,
        fu,
        compute_capability: capability.parse().ok(),
        pci_bus_id: None,
        power_limit_w: None,
        driver: None,
    }
}

fn with_gpus(gpus: Vec<GpuReport>) -> RigReport {
    RigReport { slots: u8::try_from(gpus.len().max(1)).expect("few"), gpus, ..report(0, 1) }
}

fn gpu_job(need: serde_json::Value) -> QueuedJob {
    job(CustomerId::generate(), 1, serde_json::json!({ "resources": { "gpu": need } }))
}

/// Whether a lone rig is given the job.
fn takes(report: &RigReport, stands: (Trust, Option<Country>), job: QueuedJob) -> bool {
    let mut market = market();
    let agent = Agent::new(DeviceId([1; 20].into()), SessionId::generate(), report, stands, 1_000);
    market.rig_connected(Agent { ready: true, ..agent });
    market.job_queued(job, at(1)).is_some()
}

#[test]
fn a_job_goes_only_to_gpus_with_what_it_names() {
    let rig = with_gpus(vec![gpu(GpuVendor::Nvidia, 24, "8.9", 950), gpu(GpuVendor::Nvidia, 22, "8.6", 990)]);
    let cases = [
        (serde_json::json!({ "count": 2 }), true),
        (serde_json::json!({ "count": 3 }), false),
        (serde_json::json!({ "count": 1, "vendor": "nvidia" }), true),
        (serde_json::json!({ "count": 1, "vendor": "amd" }), false),
        (serde_json::json!({ "count": 1, "compute_capability_min": "8.6" }), true),
        // The rig is as good as its worst card, for nobody says which of them a job gets.
        (serde_json::json!({ "count": 1, "compute_capability_min": "8.7" }), false),
        (serde_json::json!({ "count": 1, "vram_gib": 22 }), true),
        (serde_json::json!({ "count": 1, "vram_gib": 23 }), false),
        (serde_json::json!({ "count": 1, "min_fu": 950 }), true),
        (serde_json::json!({ "count": 1, "min_fu": 951 }), false),
    ];
    for (need, fits) in cases {
        assert_eq!(takes(&rig, (Trust::Community, None), gpu_job(need.clone())), fits, "{need}");
    }
    let many_slots = RigReport { slots: 16, ..with_gpus(vec![gpu(GpuVendor::Nvidia, 24, "8.9", 950)]) };
    assert!(!takes(&many_slots, (Trust::Community, None), gpu_job(serde_json::json!({ "count": 2 }))), "slots are not cards");
}

#[test]
fn an_agent_of_before_says_no_capability_and_gets_no_job_that_names_one() {
    let rig = with_gpus(vec![gpu(GpuVendor::Nvidia, 24, "", 950)]);
    assert!(!takes(&rig, (Trust::Community, None), gpu_job(serde_json::json!({ "count": 1, "compute_capability_min": "5.0" }))));
    assert!(takes(&rig, (Trust::Community, None), gpu_job(serde_json::json!({ "count": 1 }))));
}

#[test]
fn a_job_stays_in_its_countries_and_with_whom_it_trusts() {
    let place = |placement: serde_json::Value| job(CustomerId::generate(), 1, serde_json::json!({ "placement": placement }));
    let in_germany = place(serde_json::json!({ "countries": ["FR", "DE"] }));
    for (country, fits) in [(Some("DE"), true), (Some("US"), false), (None, false)] {
        let stands = (Trust::Community, country.and_then(Country::parse));
        assert_eq!(takes(&report(0, 1), stands, in_germany.clone()), fits, "{country:?}");
    }
    for (trust, fits) in [(Trust::Community, false), (Trust::Partner, true), (Trust::Own, true)] {
        assert_eq!(takes(&report(0, 1), (trust, None), place(serde_json::json!({ "trust": "partner" }))), fits, "{trust}");
    }
}

#[test]
fn one_rig_of_thousands_that_can_do_it_is_found_at_once() {
    let mut market = market();
    for number in 0..6_000_u64 {
        let mut report = with_gpus(vec![gpu(GpuVendor::Nvidia, 24, "8.9", 950)]);
        report.memory_bytes = if number == 4_321 { 64 * GIB } else { 16 * GIB };
        market.rig_connected(numbered(number, &report));
    }
    let need = serde_json::json!({ "resources": { "gpu": { "count": 1 }, "memory_gib": 64 } });
    let found = market.job_queued(job(CustomerId::generate(), 1, need), at(1)).expect("there is one");
    assert_eq!(found.device, device(4_321));
}

#[test]
fn who_is_often_taken_back_at_this_hour_is_dearer_unless_little_work_is_at_risk() {
    let hour_ms = 3_600_000;
    let mut market = market();
    // The same hour of ten weeks.
    let weeks_ms = 10 * 168 * hour_ms;
    market.rig_connected(agent(1, &report(1_000_000, 1)));
    market.rig_connected(agent(2, &report(1_100_000, 1)));
    let (comes_home, calm) = (DeviceId([1; 20].into()), DeviceId([2; 20].into()));
    for week in 0..10 {
        let from = week * 168 * hour_ms;
        market.learn(comes_home, Ran { from: at(from), to: at(from + hour_ms / 2), interrupted: true });
        market.learn(calm, Ran { from: at(from), to: at(from + hour_ms / 2), interrupted: false });
        for rig in [comes_home, calm] {
            market.learn(rig, Ran { from: at(from + 50 * hour_ms), to: at(from + 80 * hour_ms), interrupted: false });
        }
    }
    let mut given = |changes: serde_json::Value, now: i64| {
        let matched = market.job_queued(job(CustomerId::generate(), now, changes), at(now)).expect("both are free");
        market.released(matched.device, matched.attempt, Verdict::Void, at(now));
        matched.device
    };
    let checkpointed = serde_json::json!({ "checkpoint": { "path": "state", "every_s": 60 } });
    assert_eq!(given(nothing(), weeks_ms), calm, "an hour's work would be lost");
    assert_eq!(given(checkpointed, weeks_ms + 1), comes_home, "a minute's would");
    assert_eq!(given(nothing(), weeks_ms + 60 * hour_ms), comes_home, "at another hour he is away");
}

#[test]
fn a_copy_of_the_network_tells_what_no_rig_has() {
    let mut market = market();
    let unmet = |market: &Market, changes: serde_json::Value| {
        let want = Want::of(&spec(changes));
        market.fleet().unmet(&want).into_iter().map(|unmet| unmet.field).collect::<Vec<_>>()
    };
    assert_eq!(unmet(&market, nothing()), [""], "nothing is connected");
    market.rig_connected(agent(1, &with_gpus(vec![gpu(GpuVendor::Nvidia, 24, "8.9", 950)])));
    market.rig_connected(agent(2, &RigReport { memory_bytes: 128 * GIB, ..report(0, 1) }));
    let gpu = |need: serde_json::Value| serde_json::json!({ "resources": { "gpu": need } });
    let cases = [
        (nothing(), vec![]),
        (gpu(serde_json::json!({ "count": 1, "vram_gib": 24, "compute_capability_min": "8.9", "min_fu": 950 })), vec![]),
        (gpu(serde_json::json!({ "count": 2 })), vec!["resources.gpu.count"]),
        (gpu(serde_json::json!({ "count": 1, "vendor": "amd" })), vec!["resources.gpu.vendor"]),
        (gpu(serde_json::json!({ "count": 1, "compute_capability_min": "9.0" })), vec!["resources.gpu.compute_capability_min"]),
        (
            gpu(serde_json::json!({ "count": 1, "vram_gib": 48, "min_fu": 951 })),
            vec!["resources.gpu.vram_gib", "resources.gpu.min_fu"],
        ),
        (serde_json::json!({ "resources": { "cpu": 9 } }), vec!["resources.cpu"]),
        (serde_json::json!({ "resources": { "memory_gib": 129 } }), vec!["resources.memory_gib"]),
        (serde_json::json!({ "resources": { "disk_gib": 101 } }), vec!["resources.disk_gib"]),
        (serde_json::json!({ "network": { "allow": ["pypi.org"] } }), vec!["network"]),
        (serde_json::json!({ "placement": { "trust": "partner" } }), vec!["placement.trust"]),
        (serde_json::json!({ "placement": { "countries": ["DE"] } }), vec!["placement.countries"]),
        // One has the card and the other the memory.
        (serde_json::json!({ "resources": { "gpu": { "count": 1 }, "memory_gib": 64 } }), vec!["resources.memory_gib"]),
    ];
    for (changes, expected) in cases {
        assert_eq!(unmet(&market, changes.clone()), expected, "{changes}");
    }
    let mut dear = self::market();
    dear.rig_connected(agent(1, &report(5_000_000, 1)));
    assert_eq!(unmet(&dear, nothing()), ["max_price_per_hour"]);
}

fn reports() -> impl Strategy<Value = RigReport> {
    let card = prop_oneof![
        Just((GpuVendor::Nvidia, "8.9")),
        Just((GpuVendor::Nvidia, "7.5")),
        Just((GpuVendor::Nvidia, "")),
        Just((GpuVendor::Amd, "")),
    ];
    let sizes = (1..5_u64, 1..5_u64, 1..3_u16, 0..4_i64);
    (prop::option::of((card, 1..5_u64, 0..3_u32, 1..4_usize)), sizes).prop_map(|(card, (memory, disk, cpu, floor))| {
        let gpus = card.map(|((vendor, capability), gib, fu, count)| vec![gpu(vendor, gib * 8, capability, fu * 500); count]);
        RigReport {
            memory_bytes: memory * 8 * GIB,
            disk_bytes: disk * 50 * GIB,
            cpu_cores: cpu * 8,
            floor_per_hour: Micros::new(floor * 600_000),
            ..with_gpus(gpus.unwrap_or_default())
        }
    })
}

fn needs() -> impl Strategy<Value = serde_json::Value> {
    let card = (1..4_u8, 0..4_u16, 0..3_u32, prop::option::of(0..3_usize), prop::option::of(0..2_usize));
    (prop::option::of(card), 1..5_u16, 1..5_u16, 1..3_u16).prop_map(|(card, memory, disk, cpu)| {
        let mut resources = serde_json::json!({ "memory_gib": memory * 8, "disk_gib": disk * 50, "cpu": cpu * 8 });
        if let Some((count, vram, fu, capability, vendor)) = card {
            let mut gpu = serde_json::json!({ "count": count, "vram_gib": vram * 8, "min_fu": fu * 500 });
            if let Some(capability) = capability {
                gpu["compute_capability_min"] = ["7.0", "8.0", "9.0"][capability].into();
            } else if let Some(vendor) = vendor {
                gpu["vendor"] = ["nvidia", "amd"][vendor].into();
            }
            resources["gpu"] = gpu;
        }
        serde_json::json!({ "resources": resources })
    })
}

/// The same in other words, from what the rig and the customer wrote.
fn could(report: &RigReport, spec: &JobSpec) -> bool {
    let wanted = &spec.resources;
    let gpus = wanted.gpu.as_ref().is_none_or(|gpu| {
        let good = |card: &&GpuReport| {
            gpu.vendor.is_none_or(|vendor| card.vendor == vendor)
                && card.vram_bytes >= u64::from(gpu.vram_gib) * GIB
                && card.fu >= gpu.min_fu
                && gpu.compute_capability_min.is_none_or(|least| card.compute_capability.is_some_and(|has| has >= least))
        };
        report.gpus.iter().filter(good).count() >= usize::from(gpu.count)
    });
    gpus && report.memory_bytes >= u64::from(wanted.memory_gib) * GIB
        && report.disk_bytes >= u64::from(wanted.disk_gib) * GIB
        && report.cpu_cores >= wanted.cpu
        && price(report.floor_per_hour, 1_000) <= spec.max_price_per_hour
}

proptest! {
    #[test]
    fn a_job_is_given_to_a_rig_that_can_do_it_and_waits_only_if_none_can(
        reports in prop::collection::vec(reports(), 1..40), needs in needs(), seed in any::<u64>(),
    ) {
        let spec = spec(needs.clone());
        let mut market = Market::new(Backoff { first_ms: 1_000, max_ms: 8_000, window_ms: 3_600_000 }, seed);
        for (number, report) in reports.iter().enumerate() {
            market.rig_connected(numbered(number as u64, report));
        }
        let found = market.job_queued(job(CustomerId::generate(), 1, needs), at(1)).map(|matched| matched.device);
        let able = |number: usize| could(&reports[number], &spec);
        match found {
            Some(found) => {
                let number = (0..reports.len()).find(|number| device(*number as u64) == found).expect("one of them");
                prop_assert!(able(number), "rig {} cannot", number);
            }
            None => prop_assert!(!(0..reports.len()).any(able), "some can"),
        }
        let unmet = market.fleet().unmet(&Want::of(&spec));
        // What is reserved keeps its slots, and the copy tells of rigs with all of them.
        prop_assert_eq!(unmet.is_empty(), found.is_some(), "{:?}", unmet);
    }
}

#[test]
fn capabilities_have_generations() {
    let class = |vendor, capability: &str, model: &str| {
        let card = GpuReport { model: model.to_owned(), ..gpu(vendor, 24, capability, 0) };
        Class::of(&with_gpus(vec![card]), Trust::Community, None).architecture
    };
    for (capability, generation) in [
        ("6.1", "pascal"),
        ("7.0", "volta"),
        ("7.5", "turing"),
        ("8.6", "ampere"),
        ("8.9", "ada"),
        ("9.0", "hopper"),
        ("12.0", "blackwell"),
    ] {
        assert!(capability.parse::<ComputeCapability>().is_ok());
        assert_eq!(class(GpuVendor::Nvidia, capability, ""), Some(generation));
    }
    assert_eq!(class(GpuVendor::Amd, "", "AMD Radeon RX 7900 XTX"), Some("rdna3"));
    assert_eq!(class(GpuVendor::Intel, "", "Intel(R) Arc(TM) A770 Graphics"), Some("alchemist"));
    assert_eq!(class(GpuVendor::Nvidia, "", "NVIDIA GeForce RTX 4090"), None, "an agent of before");
}
