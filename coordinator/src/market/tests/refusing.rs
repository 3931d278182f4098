//! Jobs an owner does not want: he is never offered one, others are, and it counts against nobody.

use headframe_protocol::{
    demand::{MarketPlace, Requirement, Unmet},
    rig::{BLOCKED_MAX, LENGTHS_HOURS},
};
use proptest::prelude::*;
use serde_json::json;

use super::*;

fn refusing(number: u8, refuses: Refusals) -> Agent {
    agent(number, &RigReport { refuses, ..report(0, 1) })
}

fn blocking(number: u8, customers: &[CustomerId]) -> Agent {
    agent(number, &report(0, 1)).blocking(customers.iter().copied().collect())
}

fn rig(number: u8) -> DeviceId {
    DeviceId([number; 20].into())
}

fn saved() -> serde_json::Value {
    json!({"path": "state", "every_s": 60})
}

/// What of a job a rig refuses that has eight cores and no card, as its owner is told.
fn unmet(refuses: Refusals, changes: serde_json::Value) -> Vec<Requirement> {
    let mut market = market();
    assert!(market.rig_connected(refusing(1, refuses)).is_empty());
    let given = market.job_queued(job(CustomerId::generate(), 1, changes), at(1));
    let found = market.board().for_rig(&market.seeker(rig(1)).expect("connected"));
    assert_eq!(given.is_none(), !found.unmet.is_empty(), "what is told is what is done: {:?}", found.unmet);
    found.unmet.into_iter().map(|unmet| unmet.requirement).collect()
}

#[test]
fn an_owner_is_told_what_of_his_choices_keeps_jobs_away() {
    let none = Refusals::default();
    assert_eq!(unmet(none.clone(), nothing()), []);
    assert_eq!(unmet(Refusals { cpu: true, ..none.clone() }, nothing()), [Requirement::CpuJobs]);
    assert_eq!(unmet(Refusals { gpu: true, ..none.clone() }, nothing()), []);
    let with_card = json!({"resources": {"gpu": {"count": 1}}});
    assert_eq!(unmet(Refusals { gpu: true, ..none.clone() }, with_card), [Requirement::GpuCount, Requirement::GpuJobs]);
    assert_eq!(unmet(Refusals { unsaved: true, ..none.clone() }, nothing()), [Requirement::Unsaved]);
    assert_eq!(unmet(Refusals { unsaved: true, ..none.clone() }, json!({"checkpoint": saved()})), []);
    assert_eq!(unmet(Refusals { undeclared: true, ..none.clone() }, nothing()), [Requirement::Content]);
    assert_eq!(unmet(Refusals { undeclared: true, adult: true, ..none.clone() }, json!({"content": "general"})), []);
    assert_eq!(unmet(Refusals { adult: true, ..none.clone() }, json!({"content": "adult"})), [Requirement::Content]);
    assert_eq!(unmet(Refusals { adult: true, ..none.clone() }, nothing()), []);
    let at_most = |hours| Refusals { longer_than_hours: Some(hours), ..none.clone() };
    assert_eq!(unmet(at_most(2), json!({"timeout_s": 7_201})), [Requirement::Length]);
    assert_eq!(unmet(at_most(2), json!({"timeout_s": 7_200})), []);
}

#[test]
fn an_owner_who_takes_nothing_that_waits_is_told_so_by_count() {
    let mut market = market();
    let strict = Refusals { unsaved: true, undeclared: true, ..Refusals::default() };
    market.rig_connected(refusing(1, strict));
    for nth in 1..=3 {
        market.job_queued(job(CustomerId::generate(), nth, nothing()), at(nth));
    }
    market.job_queued(job(CustomerId::generate(), 4, json!({"checkpoint": saved()})), at(4));
    let found = market.board().for_rig(&market.seeker(rig(1)).expect("connected"));
    assert_eq!((found.place, found.waiting, found.fitting), (MarketPlace::Open, 4, 0));
    let counted = [
        Unmet { requirement: Requirement::Content, jobs: 4, alone: 1 },
        Unmet { requirement: Requirement::Unsaved, jobs: 3, alone: 0 },
    ];
    assert_eq!(found.unmet, counted);
}

#[test]
fn a_blocked_customer_is_never_given_the_rig_and_others_are() {
    let (blocked, other) = (CustomerId::generate(), CustomerId::generate());
    let mut market = market();
    market.rig_connected(blocking(1, &[blocked]));
    for nth in 1..50 {
        assert_eq!(market.job_queued(job(blocked, nth, nothing()), at(nth)), None);
        assert!(market.tick(at(nth), 16).is_empty());
    }
    let found = market.board().for_rig(&market.seeker(rig(1)).expect("connected"));
    assert_eq!(found.unmet, [Unmet { requirement: Requirement::Unblocked, jobs: 49, alone: 49 }]);
    let given = market.job_queued(job(other, 50, nothing()), at(50)).expect("he is not blocked");
    assert_eq!((given.device, given.job.customer), (rig(1), other));
    // Whoever has not blocked him does his work, though he came first to a rig that has.
    assert_eq!(
        market.rig_connected(agent(2, &report(0, 1))).iter().map(|given| given.job.customer).collect::<Vec<_>>(),
        [blocked]
    );
}

#[test]
fn an_owner_who_forgives_is_given_what_waits() {
    let customer = CustomerId::generate();
    let mut market = market();
    let agent = blocking(1, &[customer]);
    let (device, session) = (agent.device, agent.session);
    market.rig_connected(agent);
    market.job_queued(job(customer, 1, nothing()), at(1));
    assert!(market.rig_changed((device, session), &report(0, 1), HashSet::from([customer]), 1_000).is_empty());
    assert_eq!(market.rig_changed((device, session), &report(0, 1), HashSet::new(), 1_000).len(), 1);
}

#[test]
fn as_many_as_may_be_blocked_hide_nobody() {
    let blocked: Vec<CustomerId> = (0..BLOCKED_MAX).map(|_| CustomerId::generate()).collect();
    let mut market = market();
    // They come first, and are served least: none of them has ever been given anything.
    for (nth, customer) in (1..).zip(&blocked) {
        market.job_queued(job(*customer, nth, nothing()), at(nth));
    }
    let patient = CustomerId::generate();
    market.job_queued(job(patient, 10_000, nothing()), at(10_000));
    let given = market.rig_connected(blocking(1, &blocked));
    assert_eq!(given.iter().map(|given| given.job.customer).collect::<Vec<_>>(), [patient], "found with the first look");
}

#[test]
fn no_slots_are_kept_free_for_a_customer_whose_jobs_are_not_wanted() {
    let (blocked, other) = (CustomerId::generate(), CustomerId::generate());
    let gpus = |slots: u8| {
        let gpu = json!({"uuid": "", "model": "a card", "vendor": "nvidia", "vram_bytes": 24 * GIB});
        let gpus = vec![serde_json::from_value(gpu).expect("a card"); usize::from(slots)];
        RigReport { gpus, ..report(0, slots) }
    };
    let cards = |count: u8| json!({"resources": {"gpu": {"count": count}}});
    let mut market = market();
    market.rig_connected(agent(1, &gpus(2)).blocking(HashSet::from([blocked])));
    // It waits for both cards of the rig, which are never free at once.
    market.job_queued(job(blocked, 1, cards(2)), at(1));
    let mut held = Vec::new();
    for nth in 2..400 {
        held.extend(market.job_queued(job(other, nth, cards(1)), at(nth)));
        if held.len() == 2 {
            let Match { device, attempt, .. } = held.remove(0);
            held.extend(market.released(device, attempt, Verdict::Fine, at(nth)));
        }
    }
    let found = market.board().for_rig(&market.seeker(rig(1)).expect("connected"));
    assert_ne!(found.place, MarketPlace::KeptFree);
    assert!(market.jobs_waiting() < 10, "the other customer's jobs went on: {} wait", market.jobs_waiting());
}

#[test]
fn a_job_given_back_as_unwanted_counts_for_nothing_and_goes_elsewhere() {
    let mut market = market();
    market.rig_connected(agent(1, &report(0, 1)));
    let customer = CustomerId::generate();
    let given = market.job_queued(job(customer, 1, nothing()), at(1)).expect("it fits");
    market.released(rig(1), given.attempt, Verdict::Unwanted { job: given.job.id }, at(2));
    assert_eq!(market.give_back(given.job, at(2)), None, "not to the rig that does not want it");
    // No pause: the next job is for it at once.
    assert!(market.job_queued(job(CustomerId::generate(), 3, nothing()), at(3)).is_some());
    assert_eq!(market.rig_connected(agent(2, &report(0, 1))).len(), 1, "and the other goes to the next rig");
}

#[test]
fn a_rig_that_gives_everything_back_as_unwanted_rests_like_any_that_is_unwilling() {
    let mut market = market();
    market.rig_connected(agent(1, &report(0, 1)));
    let mut given = 0;
    for nth in 1..=100 {
        if let Some(matched) = market.job_queued(job(CustomerId::generate(), nth, nothing()), at(nth)) {
            given += 1;
            market.released(rig(1), matched.attempt, Verdict::Unwanted { job: matched.job.id }, at(nth));
            market.job_gone(matched.job.id);
        }
    }
    assert_eq!(given, record::UNWANTED_MAX + 1, "in a tenth of a second");
    let seeker = market.seeker(rig(1)).expect("connected");
    assert!(seeker.rests_until.is_some());
}

fn any_refusals() -> impl Strategy<Value = Refusals> {
    let hours = proptest::option::of(proptest::sample::select(LENGTHS_HOURS.to_vec()));
    (any::<[bool; 5]>(), hours).prop_map(|([gpu, cpu, unsaved, undeclared, adult], longer_than_hours)| Refusals {
        gpu,
        cpu,
        unsaved,
        undeclared,
        adult,
        longer_than_hours,
        blocked: Vec::new(),
    })
}

proptest! {
    /// The market and the agent judge by the same rules: what the one gives the other never has to decline.
    #[test]
    fn what_the_market_gives_the_agent_wants(
        refuses in any_refusals(),
        timeout_s in 1_u32..=604_800,
        saves in any::<bool>(),
        content in proptest::sample::select(vec!["undeclared", "general", "adult"]),
    ) {
        let mut changes = json!({"timeout_s": timeout_s, "content": content});
        if saves {
            changes["checkpoint"] = saved();
        }
        let spec = spec(changes.clone());
        let mut market = market();
        market.rig_connected(refusing(1, refuses.clone()));
        let given = market.job_queued(job(CustomerId::generate(), 1, changes), at(1));
        prop_assert_eq!(given.is_none(), refuses.refuse(&spec, spec.content));
    }
}
