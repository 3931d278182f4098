//! Rigs that fail what they are given, over simulated hours.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const HOUR_MS: i64 = 3_600_000;
const BACKOFF: Backoff = Backoff { first_ms: 5_000, max_ms: 600_000, window_ms: HOUR_MS };

/// How a rig fails.
#[derive(Debug, Clone, Copy)]
enum Failure {
    /// It cannot fetch the image, its engine is gone, it does not answer.
    Rig,
    /// It declines, or gives back before it did any work.
    Declined,
    /// Every container crashes on it.
    Crash,
}

fn failure() -> impl Strategy<Value = Failure> {
    prop_oneof![Just(Failure::Rig), Just(Failure::Declined), Just(Failure::Crash)]
}

/// A network in simulated time: attempts end after a while, jobs that failed come back, and there is always more to do.
struct Simulation {
    market: Market,
    customers: Vec<CustomerId>,
    /// Attempts that run, by when they end.
    ends: BTreeMap<(i64, AttemptId), Match>,
    /// When each rig was given something.
    given: HashMap<DeviceId, Vec<i64>>,
    now: i64,
    came: usize,
}

impl Simulation {
    fn new(rigs: u64, slots: u8, customers: usize) -> Self {
        let mut market = Market::new(BACKOFF, 3);
        for number in 0..rigs {
            // The first is the cheapest: who looks at prices only would always take it.
            market.rig_connected(numbered(number, &report(if number == 0 { 1 } else { 500_000 }, slots)));
        }
        let customers = (0..customers).map(|_| CustomerId::generate()).collect();
        Self { market, customers, ends: BTreeMap::new(), given: HashMap::new(), now: 1_000_000, came: 0 }
    }

    fn take(&mut self, found: Vec<Match>, lasts_ms: impl Fn(&Match) -> i64) {
        for matched in found {
            self.given.entry(matched.device).or_default().push(self.now);
            self.ends.insert((self.now + lasts_ms(&matched), matched.attempt), matched);
        }
    }

    /// For so long `waiting` jobs wait at every moment; each attempt lasts and ends as the two say.
    fn run(&mut self, for_ms: i64, waiting: usize, lasts_ms: impl Fn(&Match) -> i64, ends: impl Fn(&Match, i64) -> Verdict) {
        let until = self.now + for_ms;
        while self.now < until {
            while self.market.jobs_waiting() < waiting {
                self.came += 1;
                let customer = self.customers[self.came % self.customers.len()];
                let found = self.market.job_queued(job(customer, self.now, nothing()), at(self.now));
                self.take(found.into_iter().collect(), &lasts_ms);
            }
            let next_end = self.ends.keys().next().map(|(end, _)| *end);
            let next_tick = self.market.next_tick().map(TimestampMs::as_millis);
            self.now = [next_end, next_tick].into_iter().flatten().min().unwrap_or(until).clamp(self.now + 1, until);
            let found = self.market.tick(at(self.now), 256);
            self.take(found, &lasts_ms);
            while let Some((&(end, attempt), _)) = self.ends.first_key_value()
                && end <= self.now
            {
                let Some(over) = self.ends.remove(&(end, attempt)) else { continue };
                let verdict = ends(&over, self.now);
                let found = self.market.released(over.device, attempt, verdict, at(self.now));
                self.take(found, &lasts_ms);
                if !matches!(verdict, Verdict::Fine) {
                    let again = QueuedJob { epoch: over.job.epoch + 1, ..over.job };
                    let found = self.market.job_queued(again, at(self.now));
                    self.take(found.into_iter().collect(), &lasts_ms);
                }
            }
        }
    }

    /// The most attempts a rig was given in any hour.
    fn most_in_an_hour(&self, rig: DeviceId) -> usize {
        let given = self.given.get(&rig).cloned().unwrap_or_default();
        given.iter().map(|from| given.iter().filter(|at| (*from..from + HOUR_MS).contains(at)).count()).max().unwrap_or(0)
    }
}

fn verdict(failure: Failure, matched: &Match) -> Verdict {
    match failure {
        Failure::Rig => Verdict::RigFailed,
        Failure::Declined => Verdict::Unwilling { job: matched.job.id },
        Failure::Crash => Verdict::JobFailed { job: matched.job.id },
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn a_rig_that_fails_everything_gets_ten_attempts_an_hour_however_it_fails(
        failures in prop::collection::vec(failure(), 1..6),
        lasts_ms in prop_oneof![Just(1_i64), 1..600_000_i64],
        slots in prop_oneof![Just(1_u8), 2..=16_u8],
        others in 0..6_u64, customers in 1..12_usize, pauses in (1..5_000_i64, 1..600_000_i64),
    ) {
        let bad = device(0);
        let mut simulation = Simulation::new(1 + others, slots, customers);
        // The pauses may be set to anything; the rule does not depend on them.
        simulation.market.rigs.set_backoff(Backoff { first_ms: pauses.0, max_ms: pauses.0.max(pauses.1), window_ms: HOUR_MS });
        let last = |matched: &Match| if matched.device == bad { lasts_ms } else { 60_000 };
        simulation.run(5 * HOUR_MS, 40, last, |matched, now| {
            if matched.device == bad { verdict(failures[now as usize % failures.len()], matched) } else { Verdict::Fine }
        });
        let most = simulation.most_in_an_hour(bad);
        prop_assert!(most <= 10, "{} attempts in an hour", most);
        prop_assert!(most >= 5, "{} attempts: it is given another chance now and then", most);
    }
}

#[test]
fn a_rig_that_turns_bad_is_out_within_its_slots_and_then_the_same() {
    let bad = device(0);
    let mut simulation = Simulation::new(4, 16, 5);
    simulation.run(HOUR_MS, 100, |_| 60_000, |_, _| Verdict::Fine);
    let (was_good, turned) = (simulation.given[&bad].len(), simulation.now);
    assert!(was_good > 900, "{was_good}: one who does his work has no limit");
    let crash =
        |matched: &Match, _| if matched.device == bad { Verdict::JobFailed { job: matched.job.id } } else { Verdict::Fine };
    simulation.run(6 * HOUR_MS, 100, |_| 60_000, crash);
    let after: Vec<i64> = simulation.given[&bad].iter().copied().filter(|given| *given > turned).collect();
    for from in &after {
        let in_an_hour = after.iter().filter(|at| (*from..from + HOUR_MS).contains(at)).count();
        assert!(in_an_hour <= 16, "{in_an_hour} from {from} on");
    }
    assert!(after.len() <= 16 + 6 * 10, "{} in six hours", after.len());
}

#[test]
fn broken_jobs_of_some_customers_do_not_close_honest_rigs_to_others() {
    for (rigs, broken) in [(1, 1), (6, 1), (6, 4)] {
        let mut simulation = Simulation::new(rigs, 1, broken);
        let bad = simulation.customers.clone();
        let ends = |matched: &Match, _| {
            if bad.contains(&matched.job.customer) { Verdict::JobFailed { job: matched.job.id } } else { Verdict::Fine }
        };
        // Only broken jobs, for an hour; then somebody else comes.
        simulation.run(HOUR_MS, 20, |_| 1_000, ends);
        let good = CustomerId::generate();
        let came = simulation.now;
        simulation.customers.push(good);
        let found = simulation.market.job_queued(job(good, came, nothing()), at(came));
        simulation.take(found.into_iter().collect(), |_| 1_000);
        simulation.run(20_000, 20, |_| 1_000, ends);
        let waits = simulation.market.queue.get_all().filter(|job| job.customer == good && job.queued_ms == at(came)).count();
        assert_eq!(waits, 0, "{rigs} rigs, {broken} customers with broken jobs: his job has found a rig within seconds");
    }
}

#[test]
fn jobs_that_fail_on_every_rig_are_the_customers_fault() {
    let mut simulation = Simulation::new(5, 1, 1);
    simulation.run(HOUR_MS, 20, |_| 1_000, |matched, _| Verdict::JobFailed { job: matched.job.id });
    let given: usize = simulation.given.values().map(Vec::len).sum();
    assert!(given > 5 * 20, "{given}: whoever mends his job is not kept waiting for an hour");
}

#[test]
fn giving_the_pc_back_after_work_is_never_a_failure() {
    let mut simulation = Simulation::new(1, 1, 3);
    simulation.run(2 * HOUR_MS, 20, |_| 90_000, |matched, _| Verdict::Yielded { job: matched.job.id });
    assert!(simulation.most_in_an_hour(device(0)) > 35, "{} attempts of 90 s", simulation.most_in_an_hour(device(0)));
}
