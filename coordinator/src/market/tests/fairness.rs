//! Nobody waits for ever, whatever others ask for.

use std::collections::VecDeque;

use headframe_protocol::rig::{GpuReport, GpuVendor};
use proptest::prelude::*;

use super::*;

fn cards(count: usize, capability: &str, gib: u64) -> RigReport {
    let gpu = GpuReport {
        uuid: String::new(),
        model: String::new(),
        vendor: GpuVendor::Nvidia,
        vram_bytes: gib * GIB,
        fu: 500,
        compute_capability: capability.parse().ok(),
        pci_bus_id: None,
        power_limit_w: None,
        driver: None,
    };
    let slots = u8::try_from(count.max(1)).expect("few");
    RigReport { gpus: vec![gpu; count], slots, ..report(0, 1) }
}

/// A network in which everybody always wants more, and how many matches were made in it.
struct Flood {
    market: Market,
    running: VecDeque<Match>,
    matches: usize,
    now: i64,
}

impl Flood {
    fn new(rigs: &[RigReport], seed: u64) -> Self {
        let mut market = Market::new(Backoff { first_ms: 1_000, max_ms: 8_000, window_ms: 3_600_000 }, seed);
        for (number, report) in rigs.iter().enumerate() {
            market.rig_connected(numbered(number as u64, report));
        }
        Self { market, running: VecDeque::new(), matches: 0, now: 1_000 }
    }

    fn queue(&mut self, job: QueuedJob) {
        let found = self.market.job_queued(job, at(self.now));
        self.took(found.into_iter().collect());
    }

    fn took(&mut self, found: Vec<Match>) {
        self.matches += found.len();
        self.running.extend(found);
    }

    /// One of the attempts ends, and a tick passes. False if nothing runs.
    fn step(&mut self, which: usize) -> bool {
        self.now += 200;
        let found = self.market.tick(at(self.now), 64);
        self.took(found);
        if self.running.is_empty() {
            return false;
        }
        let Some(over) = self.running.remove(which % self.running.len()) else { return false };
        let found = self.market.released(over.device, over.attempt, Verdict::Fine, at(self.now));
        self.took(found);
        true
    }
}

fn small(kind: usize) -> serde_json::Value {
    // Anybody's needs: nothing special, some memory, one card.
    match kind % 4 {
        0 => nothing(),
        1 => serde_json::json!({ "resources": { "memory_gib": 4 } }),
        2 => serde_json::json!({ "resources": { "gpu": { "count": 1 } } }),
        _ => serde_json::json!({ "resources": { "disk_gib": 10, "cpu": 2 } }),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn a_job_some_rig_can_do_is_placed_after_a_bounded_number_of_matches(
        others in prop::collection::vec(1..5_usize, 1..12),
        need in 0..5_usize, customers in 1..12_usize, served_before in 0..200_usize,
        picks in prop::collection::vec(any::<usize>(), 64), seed in any::<u64>(), newcomers in any::<bool>(),
    ) {
        // One rig that alone can do it, among others.
        let mut rigs: Vec<RigReport> = others.iter().map(|count| cards(*count, "8.6", 12)).collect();
        rigs.push(cards(4, "9.0", 80));
        let rare = [
            serde_json::json!({ "resources": { "gpu": { "count": 4, "vram_gib": 80 } } }),
            serde_json::json!({ "resources": { "gpu": { "count": 1, "compute_capability_min": "9.0" } } }),
            serde_json::json!({ "resources": { "gpu": { "count": 3, "compute_capability_min": "9.0" } } }),
            serde_json::json!({ "resources": { "gpu": { "count": 2, "vram_gib": 48 } } }),
            serde_json::json!({ "resources": { "gpu": { "count": 1, "vram_gib": 40 }, "disk_gib": 50 } }),
        ];
        let mut flood = Flood::new(&rigs, seed);
        let (mut picks, mut came) = (picks.into_iter().cycle(), 0_usize);
        let regulars: Vec<CustomerId> = (0..customers).map(|_| CustomerId::generate()).collect();
        let patient = CustomerId::generate();
        let more = |flood: &mut Flood, came: &mut usize| {
            while flood.market.jobs_waiting() < 3 * customers + 20 {
                *came += 1;
                let customer = if newcomers && came.is_multiple_of(2) { CustomerId::generate() } else { regulars[*came % customers] };
                flood.queue(job(customer, flood.now, small(*came)));
            }
        };
        // He was served well before: that must not be held against him for ever.
        for _ in 0..served_before {
            flood.queue(job(patient, flood.now, nothing()));
            flood.step(picks.next().unwrap_or(0));
        }
        more(&mut flood, &mut came);
        let waits = job(patient, flood.now, rare[need].clone());
        let (id, begun) = (waits.id, flood.matches);
        flood.queue(waits);
        // As many as a customer may be ahead and behind, for each who waits, and what a rig may be passed and emptied in.
        let bound = 2 * 16 * (4 * customers + 24) + 64 * 8 + 2_000;
        while flood.market.queue.get(id).is_some() {
            more(&mut flood, &mut came);
            flood.step(picks.next().unwrap_or(0));
            prop_assert!(flood.matches - begun <= bound, "{} matches went before", flood.matches - begun);
        }
    }
}

#[test]
fn a_job_of_four_cards_is_not_kept_out_by_jobs_of_one() {
    let mut flood = Flood::new(&[cards(4, "9.0", 80), cards(4, "9.0", 80)], 1);
    let (many, one) = (CustomerId::generate(), CustomerId::generate());
    let single = serde_json::json!({ "resources": { "gpu": { "count": 1 } } });
    for _ in 0..50 {
        flood.queue(job(many, flood.now, single.clone()));
    }
    let four = job(one, flood.now, serde_json::json!({ "resources": { "gpu": { "count": 4 } } }));
    let id = four.id;
    flood.queue(four);
    let begun = flood.matches;
    while flood.market.queue.get(id).is_some() {
        flood.queue(job(many, flood.now, single.clone()));
        assert!(flood.step(flood.matches * 7), "something runs");
        assert!(flood.matches - begun < 300, "{} matches went before", flood.matches - begun);
    }
    // Afterwards nothing is kept free.
    let slots = |flood: &Flood| flood.running.iter().map(|matched| usize::from(matched.job.want.slots())).sum::<usize>();
    for _ in 0..20 {
        flood.step(0);
    }
    assert_eq!(slots(&flood), 8, "every card works again");
}

#[test]
fn a_rig_kept_free_for_a_job_that_goes_away_works_again() {
    let mut flood = Flood::new(&[cards(2, "9.0", 80)], 1);
    let (many, one) = (CustomerId::generate(), CustomerId::generate());
    let single = serde_json::json!({ "resources": { "gpu": { "count": 1 } } });
    for _ in 0..400 {
        flood.queue(job(many, flood.now, single.clone()));
    }
    let two = job(one, flood.now, serde_json::json!({ "resources": { "gpu": { "count": 2 } } }));
    let id = two.id;
    flood.queue(two);
    while flood.running.len() > 1 {
        flood.step(0);
        assert!(flood.matches < 390, "it is kept free at last");
    }
    flood.market.job_gone(id);
    flood.step(usize::MAX);
    flood.step(usize::MAX);
    assert_eq!(flood.running.len(), 2);
}

#[test]
fn whoever_was_served_while_others_could_not_be_is_not_left_out_afterwards() {
    let mut flood = Flood::new(&[report(0, 1)], 1);
    // Twenty wait for what no rig has, and one is served all the while.
    for _ in 0..20 {
        flood.queue(job(CustomerId::generate(), 1, serde_json::json!({ "resources": { "gpu": { "count": 1 } } })));
    }
    let lucky = CustomerId::generate();
    for _ in 0..1_000 {
        flood.queue(job(lucky, flood.now, nothing()));
        flood.step(0);
    }
    assert!(flood.matches >= 999, "{}", flood.matches);
    let waits = job(lucky, flood.now, nothing());
    let (id, begun) = (waits.id, flood.matches);
    flood.queue(job(CustomerId::generate(), flood.now, nothing()));
    flood.queue(waits);
    while flood.market.queue.get(id).is_some() {
        // Newcomers all the time, nobody of whom had anything yet.
        flood.queue(job(CustomerId::generate(), flood.now, nothing()));
        flood.step(0);
        assert!(flood.matches - begun < 2 * 16 * 25, "{} newcomers went before", flood.matches - begun);
    }
}

#[test]
fn turns_are_not_saved_up_by_waiting_for_what_is_not_there() {
    let mut flood = Flood::new(&[report(0, 1)], 1);
    let (waiting, working) = (CustomerId::generate(), CustomerId::generate());
    for _ in 0..2_000 {
        flood.queue(job(waiting, flood.now, serde_json::json!({ "resources": { "gpu": { "count": 1 } } })));
    }
    for _ in 0..1_000 {
        flood.queue(job(working, flood.now, nothing()));
        flood.step(0);
    }
    flood.queue(job(working, flood.now, nothing()));
    // Now there is one rig for both.
    let last = flood.running.pop_back().expect("it runs");
    flood.market.rig_gone(last.device, last.session);
    let next = job(working, flood.now, nothing());
    let id = next.id;
    flood.queue(next);
    assert!(flood.market.queue.get(id).is_some(), "nobody is there to do it");
    let begun = flood.matches;
    let found = flood.market.rig_connected(numbered(7, &cards(1, "8.9", 24)));
    flood.took(found);
    while flood.market.queue.get(id).is_some() {
        assert!(flood.step(0), "something runs");
        assert!(flood.matches - begun < 3 * 16, "{} went before", flood.matches - begun);
    }
}
