//! The market without a network around it.

use super::*;

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
    }
}

fn agent(number: u8, report: &RigReport) -> Agent {
    let device = DeviceId([number; 20].into());
    Agent { ready: true, ..Agent::new(device, SessionId::generate(), report, Trust::Community, 1_000) }
}

fn market() -> Market {
    Market::new(Backoff { first_ms: 1_000, max_ms: 8_000 }, 7)
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
