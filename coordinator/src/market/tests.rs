//! The market without a network around it.

use headframe_protocol::{
    job::{JobSpec, Trust},
    rig::Refusals,
};

use super::*;

mod demand;
mod failing;
mod fairness;
mod hardware;
mod refusing;

const GIB: u64 = 1 << 30;

fn spec(changes: serde_json::Value) -> JobSpec {
    let mut spec = serde_json::json!({
        "image": "127.0.0.1:5000/a/b@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "max_price_per_hour": "2000000",
    });
    for (key, value) in changes.as_object().expect("an object") {
        spec[key] = value.clone();
    }
    serde_json::from_value(spec).expect("a test's own job")
}

fn job(customer: CustomerId, at: i64, changes: serde_json::Value) -> QueuedJob {
    let spec = spec(changes);
    QueuedJob {
        id: JobId::generate(),
        epoch: 0,
        customer,
        want: Want::of(&spec),
        image: spec.image.digest(),
        queued_ms: TimestampMs::from_millis(at),
        not_before_ms: TimestampMs::default(),
    }
}

fn report(floor: i64, slots: u8) -> RigReport {
    RigReport {
        name: String::new(),
        os: headframe_protocol::rig::Os::Linux,
        cpu_cores: 8,
        cpu_model: String::new(),
        memory_bytes: 16 * GIB,
        disk_bytes: 100 * GIB,
        gpus: Vec::new(),
        floor_per_hour: Micros::new(floor),
        slots,
        images: Vec::new(),
        engine: String::new(),
        egress_bytes_max: 0,
        refuses: Refusals::default(),
    }
}

fn agent(number: u8, report: &RigReport) -> Agent {
    let device = DeviceId([number; 20].into());
    Agent { ready: true, ..Agent::new(device, SessionId::generate(), report, (Trust::Community, None), 1_000) }
}

fn device(number: u64) -> DeviceId {
    DeviceId(alloy_primitives::Address::left_padding_from(&number.to_be_bytes()))
}

fn numbered(number: u64, report: &RigReport) -> Agent {
    Agent { ready: true, ..Agent::new(device(number), SessionId::generate(), report, (Trust::Community, None), 1_000) }
}

fn market() -> Market {
    Market::new(Backoff { first_ms: 1_000, max_ms: 8_000, window_ms: 3_600_000 }, 7)
}

fn at(millis: i64) -> TimestampMs {
    TimestampMs::from_millis(millis)
}

fn nothing() -> serde_json::Value {
    serde_json::json!({})
}

#[test]
fn the_owner_keeps_his_floor_after_the_fee() {
    for floor in [0, 1, 9, 10, 11, 899_999, 900_000, 123_456_789] {
        let price = price(Micros::new(floor), 1_000);
        assert!(price.get() - price.fee(1_000).get() >= floor, "{floor} became {price}");
    }
    assert_eq!(price(Micros::new(900_000), 1_000), Micros::new(1_000_000));
}

#[test]
fn a_job_that_names_hosts_waits_for_a_rig_whose_owner_lets_it_reach_them() {
    let wants = |bytes: u64| serde_json::json!({"network": {"allow": ["pypi.org"], "max_bytes": bytes}});
    let lets = |number: u8, egress_bytes_max: u64| agent(number, &RigReport { egress_bytes_max, ..report(0, 1) });
    let mut market = market();
    let customer = CustomerId::generate();
    assert_eq!(market.job_queued(job(customer, 1, wants(1_000)), at(1)), None);
    assert!(market.rig_connected(lets(1, 0)).is_empty(), "its owner lets jobs reach nothing");
    assert!(market.rig_connected(lets(2, 999)).is_empty(), "not with so many bytes");
    assert_eq!(market.rig_connected(lets(3, 1_000)).len(), 1);
    // Who lets jobs out takes others as well.
    assert!(market.job_queued(job(customer, 2, nothing()), at(2)).is_some());
    // An owner who changes his mind is offered what waits.
    assert_eq!(market.job_queued(job(customer, 3, wants(500)), at(3)).map(|found| found.device), Some(DeviceId([2; 20].into())));
}

#[test]
fn a_job_and_a_rig_find_each_other_whoever_comes_first() {
    let customer = CustomerId::generate();
    let mut market = market();
    assert_eq!(market.job_queued(job(customer, 1, nothing()), at(1)), None);
    assert_eq!(market.rig_connected(agent(1, &report(0, 1))).len(), 1);
    let mut market = self::market();
    assert!(market.rig_connected(agent(1, &report(0, 1))).is_empty());
    assert!(market.job_queued(job(customer, 1, nothing()), at(1)).is_some());
}

#[test]
fn hearing_of_a_job_twice_gives_it_out_once() {
    let mut market = market();
    market.rig_connected(agent(1, &report(0, 4)));
    let job = job(CustomerId::generate(), 1, nothing());
    assert!(market.job_queued(job.clone(), at(1)).is_some());
    assert_eq!(market.job_queued(job.clone(), at(2)), None, "a reader that looked before the claim is late");
    let again = QueuedJob { epoch: 1, ..job };
    assert!(market.job_queued(again, at(3)).is_some(), "in its next epoch it is a new chance");
}

#[test]
fn a_gone_job_is_not_given_out() {
    let mut market = market();
    let job = job(CustomerId::generate(), 1, nothing());
    market.job_queued(job.clone(), at(1));
    market.job_gone(job.id);
    assert!(market.rig_connected(agent(1, &report(0, 1))).is_empty());
}

#[test]
fn a_failing_rig_rests_longer_each_time_and_a_success_forgives() {
    let customer = CustomerId::generate();
    let mut market = market();
    market.rig_connected(agent(1, &report(0, 1)));
    let mut now = 0;
    for pause in [1_000, 2_000, 4_000, 8_000, 8_000] {
        let matched = market.job_queued(job(customer, now, nothing()), at(now)).expect("the rig has rested");
        assert!(market.released(matched.device, matched.attempt, Verdict::RigFailed, at(now)).is_empty());
        assert_eq!(market.next_tick(), Some(at(now + pause)));
        assert!(market.tick(at(now + pause - 1), 10).is_empty());
        market.tick(at(now + pause), 10);
        now += pause;
    }
    let matched = market.job_queued(job(customer, now, nothing()), at(now)).expect("the rig has rested");
    market.released(matched.device, matched.attempt, Verdict::Fine, at(now));
    let matched = market.job_queued(job(customer, now, nothing()), at(now)).expect("the rig is free");
    market.released(matched.device, matched.attempt, Verdict::RigFailed, at(now));
    assert_eq!(market.next_tick(), Some(at(now + 1_000)), "it begins anew");
}

#[test]
fn reconnecting_does_not_end_a_rest() {
    let mut market = market();
    market.rig_connected(agent(1, &report(0, 1)));
    let first = job(CustomerId::generate(), 1, nothing());
    let matched = market.job_queued(first.clone(), at(0)).expect("a match");
    market.released(matched.device, matched.attempt, Verdict::RigFailed, at(0));
    market.job_queued(QueuedJob { epoch: 1, ..first }, at(0));
    market.rig_gone(matched.device, matched.session);
    assert!(market.rig_connected(agent(1, &report(0, 1))).is_empty());
    assert_eq!(market.tick(at(1_000), 10).len(), 1);
}

#[test]
fn what_ends_while_a_rig_is_away_makes_it_rest_when_it_is_back() {
    let mut market = market();
    market.rig_connected(agent(1, &report(0, 1)));
    let first = job(CustomerId::generate(), 1, nothing());
    let matched = market.job_queued(first.clone(), at(0)).expect("a match");
    market.rig_gone(matched.device, matched.session);
    market.released(matched.device, matched.attempt, Verdict::RigFailed, at(0));
    market.job_queued(QueuedJob { epoch: 1, ..first }, at(0));
    assert!(market.rig_connected(agent(1, &report(0, 1))).is_empty());
    assert_eq!(market.next_tick(), Some(at(1_000)));
    assert_eq!(market.tick(at(1_000), 10).len(), 1);
}

#[test]
fn a_job_that_must_wait_waits() {
    let mut market = market();
    market.rig_connected(agent(1, &report(0, 1)));
    let later = QueuedJob { not_before_ms: at(500), ..job(CustomerId::generate(), 1, nothing()) };
    assert_eq!(market.job_queued(later, at(0)), None);
    assert!(market.tick(at(499), 10).is_empty());
    assert_eq!(market.tick(at(500), 10).len(), 1);
}

#[test]
fn slots_are_never_oversold_and_freed_once() {
    let customer = CustomerId::generate();
    let mut market = market();
    market.rig_connected(agent(1, &report(0, 2)));
    let matches: Vec<_> = (0..5).filter_map(|n| market.job_queued(job(customer, n, nothing()), at(n))).collect();
    assert_eq!(matches.len(), 2);
    let first = &matches[0];
    assert_eq!(market.released(first.device, first.attempt, Verdict::Fine, at(9)).len(), 1);
    assert!(market.released(first.device, first.attempt, Verdict::Fine, at(9)).is_empty(), "repeating it frees nothing");
}

#[test]
fn the_customer_served_least_is_next() {
    let (many, few) = (CustomerId::generate(), CustomerId::generate());
    let mut market = market();
    for n in 0..10 {
        market.job_queued(job(many, n, nothing()), at(n));
    }
    // Another price makes another group; fairness holds across groups.
    for n in 10..12 {
        market.job_queued(job(few, n, serde_json::json!({ "max_price_per_hour": "1900000" })), at(n));
    }
    let served: Vec<_> = market.rig_connected(agent(1, &report(0, 4))).into_iter().map(|matched| matched.job.customer).collect();
    assert_eq!(served.iter().filter(|customer| **customer == few).count(), 2, "two of the first four turns");
}

#[test]
fn an_image_that_is_there_is_worth_more_than_a_cent() {
    let mut market = market();
    let mut with = report(900_000, 1);
    let job = job(CustomerId::generate(), 1, nothing());
    with.images.push(job.image);
    market.rig_connected(agent(1, &report(895_000, 1)));
    market.rig_connected(agent(2, &with));
    let matched = market.job_queued(job, at(1)).expect("a match");
    assert_eq!(matched.device, DeviceId([2; 20].into()));
}

#[test]
fn while_stopped_nothing_is_given_out_and_afterwards_everything() {
    let customer = CustomerId::generate();
    let mut market = market();
    market.rig_connected(agent(1, &report(0, 4)));
    market.set_stopped(true);
    for n in 0..3 {
        assert_eq!(market.job_queued(job(customer, n, nothing()), at(n)), None);
    }
    assert_eq!(market.set_stopped(false).len(), 3);
}

#[test]
fn a_rare_fit_is_found_among_many() {
    let mut market = market();
    for number in 0..200 {
        market.rig_connected(agent(number, &report(5_000_000, 1)));
    }
    market.rig_connected(agent(255, &report(100, 1)));
    let mut found = market.job_queued(job(CustomerId::generate(), 1, nothing()), at(1));
    for tick in 0..200 {
        found = found.or_else(|| market.tick(at(tick), 10).pop());
    }
    assert_eq!(found.expect("a match after some draws").device, DeviceId([255; 20].into()));
}

#[test]
fn a_rig_that_takes_nothing_does_not_keep_the_queue_turning() {
    let customer = CustomerId::generate();
    let mut market = market();
    market.rig_connected(agent(1, &report(0, 1)));
    for n in 0..100 {
        market.job_queued(job(customer, n, nothing()), at(0));
    }
    let mut offers = 0;
    for now in 0..20_000 {
        for matched in market.tick(at(now), 10) {
            offers += 1;
            let verdict = Verdict::Unwilling { job: matched.job.id };
            assert!(market.released(matched.device, matched.attempt, verdict, at(now)).is_empty());
            market.job_queued(QueuedJob { epoch: matched.job.epoch + 1, ..matched.job }, at(now));
        }
    }
    assert!(offers < 10, "{offers} offers in twenty seconds");
}

#[test]
fn a_job_that_was_given_back_goes_to_others_first_and_does_not_hold_up_the_rig() {
    let (customer, others) = (CustomerId::generate(), CustomerId::generate());
    let mut market = market();
    market.rig_connected(agent(1, &report(0, 1)));
    let first = market.job_queued(job(customer, 1, nothing()), at(0)).expect("a match");
    market.released(first.device, first.attempt, Verdict::Yielded { job: first.job.id }, at(0));
    let again = QueuedJob { epoch: 1, ..first.job.clone() };
    assert_eq!(market.job_queued(again, at(0)), None, "not at once to the same rig");
    let second = market.job_queued(job(others, 2, nothing()), at(0)).expect("the rig is free for other work");
    assert!(market.released(second.device, second.attempt, Verdict::Fine, at(1)).is_empty());
    let elsewhere = market.rig_connected(agent(2, &report(0, 1)));
    assert_eq!(elsewhere[0].job.id, first.job.id);
}

#[test]
fn in_a_network_of_one_rig_a_job_that_was_given_back_returns_after_a_while() {
    let mut market = market();
    market.rig_connected(agent(1, &report(0, 1)));
    let first = market.job_queued(job(CustomerId::generate(), 1, nothing()), at(0)).expect("a match");
    market.released(first.device, first.attempt, Verdict::Yielded { job: first.job.id }, at(0));
    market.job_queued(QueuedJob { epoch: 1, ..first.job }, at(0));
    assert!(market.tick(at(5_999), 10).is_empty());
    assert_eq!(market.next_tick(), Some(at(6_000)));
    assert_eq!(market.tick(at(6_000), 10).len(), 1);
}

#[test]
fn one_customers_thousand_kinds_of_job_do_not_hide_anothers_one() {
    let (many, one) = (CustomerId::generate(), CustomerId::generate());
    let mut market = market();
    for n in 0..1_000 {
        let wants =
            serde_json::json!({ "resources": { "cpu": 1 + n % 8, "disk_gib": 1 + n / 8 }, "max_price_per_hour": "3000000" });
        market.job_queued(job(many, n, wants), at(n));
    }
    market.job_queued(job(one, 2_000, nothing()), at(2_000));
    let mut rig = report(0, 3);
    rig.disk_bytes = 1_000 * GIB;
    let served: Vec<_> = market.rig_connected(agent(1, &rig)).into_iter().map(|matched| matched.job.customer).collect();
    assert!(served.contains(&one), "one of the first turns is his");
    let mut left = 1_001 - served.len();
    let mut held = market.rig_connected(agent(2, &rig));
    while let Some(matched) = held.pop() {
        left -= 1;
        held.extend(market.released(matched.device, matched.attempt, Verdict::Fine, at(3_000)));
    }
    assert_eq!((left, market.jobs_waiting()), (0, 0), "and what had to wait outside is done as well");
}

#[test]
fn a_rig_is_not_kept_from_work_by_jobs_that_pay_too_little() {
    let mut market = market();
    for n in 0..200 {
        let cheap = serde_json::json!({ "max_price_per_hour": (1_000 + n).to_string() });
        market.job_queued(job(CustomerId::generate(), n, cheap), at(n));
    }
    let pays = job(CustomerId::generate(), 300, nothing());
    market.job_queued(pays.clone(), at(300));
    let found = market.rig_connected(agent(1, &report(900_000, 4)));
    assert_eq!(found.iter().map(|matched| matched.job.id).collect::<Vec<_>>(), [pays.id]);
}

#[test]
fn a_new_job_is_tried_although_one_before_it_pays_too_little() {
    let customer = CustomerId::generate();
    let mut market = market();
    market.rig_connected(agent(1, &report(900_000, 4)));
    let cheap = serde_json::json!({ "max_price_per_hour": "1" });
    assert_eq!(market.job_queued(job(customer, 1, cheap.clone()), at(1)), None);
    assert!(market.job_queued(job(customer, 2, nothing()), at(2)).is_some());
    assert_eq!(market.job_queued(job(CustomerId::generate(), 3, cheap), at(3)), None);
    assert!(market.job_queued(job(customer, 4, nothing()), at(4)).is_some(), "whoever's turn it would be");
}

#[test]
fn what_no_longer_waits_in_the_database_is_forgotten() {
    let customer = CustomerId::generate();
    let mut market = market();
    let jobs: Vec<_> = (0..3).map(|n| job(customer, n, nothing())).collect();
    for job in &jobs {
        market.job_queued(job.clone(), at(0));
    }
    let seen = HashSet::from([jobs[0].id]);
    assert_eq!(market.only_these_wait(&seen, at(2)), 1, "the third came after the pass began");
    let left: Vec<_> = market.rig_connected(agent(1, &report(0, 4))).into_iter().map(|matched| matched.job.id).collect();
    assert_eq!(left, [jobs[0].id, jobs[2].id]);
}

#[test]
fn a_job_the_database_refused_may_be_found_again() {
    let mut market = market();
    market.rig_connected(agent(1, &report(0, 1)));
    let job = job(CustomerId::generate(), 1, nothing());
    let matched = market.job_queued(job.clone(), at(1)).expect("a match");
    assert!(market.knows(job.id, job.epoch));
    assert!(market.refused(&matched, at(1)).is_empty());
    assert!(!market.knows(job.id, job.epoch));
    assert!(market.job_queued(job, at(2)).is_some());
}
