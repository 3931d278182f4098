//! Two simulated hours of a large network in which one rig in a hundred fails whatever it is given.

use std::collections::{BTreeMap, HashMap};

use headframe_coordinator::market::{Market, Match, QueuedJob, Verdict};
use headframe_protocol::{AttemptId, DeviceId, TimestampMs};

const HOUR_MS: i64 = 3_600_000;

/// A job comes this often, and runs this long where it is done well.
const COMES_EVERY_MS: i64 = 100;
const RUNS_MS: i64 = 600_000;

/// Nobody waits longer than this while there are rigs that could do his job.
const WAITS_MAX_MS: i64 = 60_000;

/// What a rig that fails everything may be given in any hour.
const ATTEMPTS_MAX: usize = 10;

/// What came of it.
pub(crate) struct Hours {
    pub(crate) jobs: usize,
    /// The most that a rig that fails everything was given in an hour.
    pub(crate) attempts: usize,
    /// The longest time a job waited, by what it needs.
    pub(crate) waited_ms: i64,
}

/// Rigs that fail everything, each in one way.
pub(crate) fn fails(device: DeviceId, job: &QueuedJob) -> Option<Verdict> {
    let number = u16::from_be_bytes([device.0[18], device.0[19]]);
    match number % 400 {
        0 | 100 => Some(Verdict::RigFailed),
        200 => Some(Verdict::Unwilling { job: job.id }),
        300 => Some(Verdict::JobFailed { job: job.id }),
        _ => None,
    }
}

struct Simulation<'a> {
    market: &'a mut Market,
    ends: BTreeMap<(i64, AttemptId), Match>,
    given: HashMap<DeviceId, Vec<i64>>,
    waited_ms: i64,
    now: i64,
}

/// Runs for two hours.
pub(crate) fn simulate(market: &mut Market, from: i64, mut job: impl FnMut(i64) -> QueuedJob) -> anyhow::Result<Hours> {
    let mut simulation = Simulation { market, ends: BTreeMap::new(), given: HashMap::new(), waited_ms: 0, now: from };
    let mut jobs = 0;
    for at in (from..from + 2 * HOUR_MS).step_by(COMES_EVERY_MS as usize) {
        simulation.now = at;
        simulation.end_what_is_over();
        let found = simulation.market.tick(TimestampMs::from_millis(at), 256);
        simulation.took(found);
        let found = simulation.market.job_queued(job(at), TimestampMs::from_millis(at));
        simulation.took(found.into_iter().collect());
        jobs += 1;
    }
    let most =
        |given: &Vec<i64>| given.iter().map(|from| given.iter().filter(|at| (*from..from + HOUR_MS).contains(at)).count()).max();
    let attempts = simulation.given.values().filter_map(most).max().unwrap_or(0);
    let (waited_ms, waiting) = (simulation.waited_ms, simulation.market.jobs_waiting());
    anyhow::ensure!(attempts <= ATTEMPTS_MAX, "a rig that fails everything was given {attempts} attempts in an hour");
    anyhow::ensure!(waited_ms <= WAITS_MAX_MS, "a job waited {waited_ms} ms for a rig though there are some");
    anyhow::ensure!(waiting < 100, "{waiting} jobs wait at the end");
    Ok(Hours { jobs, attempts, waited_ms })
}

impl Simulation<'_> {
    fn took(&mut self, found: Vec<Match>) {
        for matched in found {
            self.waited_ms = self.waited_ms.max(self.now - matched.job.queued_ms.as_millis());
            let bad = fails(matched.device, &matched.job).is_some();
            if bad {
                self.given.entry(matched.device).or_default().push(self.now);
            }
            let lasts = if bad { 1_000 } else { RUNS_MS };
            self.ends.insert((self.now + lasts, matched.attempt), matched);
        }
    }

    fn end_what_is_over(&mut self) {
        while let Some((&(end, attempt), _)) = self.ends.first_key_value()
            && end <= self.now
        {
            let Some(over) = self.ends.remove(&(end, attempt)) else { continue };
            let now = TimestampMs::from_millis(self.now);
            let failed = fails(over.device, &over.job);
            let found = self.market.released(over.device, attempt, failed.unwrap_or(Verdict::Fine), now);
            self.took(found);
            if failed.is_some() {
                let again = QueuedJob { epoch: over.job.epoch + 1, queued_ms: now, ..over.job };
                let found = self.market.job_queued(again, now);
                self.took(found.into_iter().collect());
            }
        }
    }
}
