//! What a match costs in a small and in a large network, without sockets and without a database: rigs of many classes, customers who
//! keep asking for different things, attempts that end well, badly and because the owner came back.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use headframe_coordinator::market::{Agent, Backoff, Country, Market, Match, QueuedJob, Ran, Verdict, Want};
use headframe_protocol::{
    CustomerId, JobId, Micros, SessionId, Sha256, TimestampMs,
    job::{JobSpec, Trust},
    rig::{ComputeCapability, GpuReport, GpuVendor, Os, Refusals, RigReport},
};

use super::hours;

/// Rigs of the two networks that are compared.
const SMALL: u64 = 1_000;
const LARGE: u64 = 50_000;

/// Jobs that come in one measurement: some milliseconds, so that some are not disturbed by other programs.
const JOBS: usize = 4_000;

/// How often each network is measured. The best counts: what disturbs a measurement only ever adds to it. In turns, so that it disturbs
/// both alike.
const TURNS: usize = 300;

/// Attempts that run at a time. The same in both networks: what is compared is the cost of finding a rig among more of them.
const RUNNING: usize = 200;

/// What one job in how many of what comes fails, and what one attempt in how many is taken back by its owner.
const FAILS: usize = 50;
const YIELDS: usize = 10;

/// What the coordinator does by default.
const BACKOFF: Backoff = Backoff { first_ms: 5_000, max_ms: 600_000, window_ms: 3_600_000 };

/// Prints the figures.
pub(crate) fn measure() -> anyhow::Result<()> {
    let mut best = [f64::INFINITY; 2];
    let mut worst: Vec<Duration> = Vec::new();
    let mut networks = [Network::new(SMALL)?, Network::new(LARGE)?];
    for _ in 0..TURNS {
        for (network, best) in networks.iter_mut().zip(&mut best) {
            let Measured { per_job_ns, calls } = network.run(JOBS)?;
            *best = best.min(per_job_ns);
            if network.rigs == LARGE {
                worst.extend(calls);
            }
        }
    }
    let hours = Network::new(LARGE)?.hours()?;
    worst.sort_unstable();
    let at = |permille: usize| worst[(worst.len() - 1) * permille / 1_000].as_secs_f64() * 1_000.0;
    let [small, large] = best;
    let note = format!(
        "{} calls of the matching with {LARGE} rigs of {} classes and scores: half took {:.4} ms, the longest {:.2} ms. In two simulated hours, {} jobs: \
         none waited longer than {:.1} s, and none of the rigs that fail everything was given more than {} an hour",
        worst.len(),
        networks[1].market.fleet().tiers().len(),
        at(500),
        at(1_000),
        hours.jobs,
        hours.waited_ms as f64 / 1_000.0,
        hours.attempts
    );
    super::print("match.p99_ms", at(990), "ms", &note);
    let note = format!("{small:.0} ns for each job with {SMALL} rigs, {large:.0} ns with {LARGE}; best of {TURNS}, in turns");
    super::print("match.growth", large / small, "ratio", &note);
    Ok(())
}

/// A network with work going on.
struct Network {
    rigs: u64,
    market: Market,
    wants: Vec<(Want, Sha256)>,
    customers: Vec<CustomerId>,
    running: VecDeque<Match>,
    now: i64,
    came: usize,
    ended: usize,
}

struct Measured {
    per_job_ns: f64,
    calls: Vec<Duration>,
}

impl Network {
    fn new(rigs: u64) -> anyhow::Result<Self> {
        let mut market = Market::new(BACKOFF, 1);
        for number in 0..rigs {
            market.rig_connected(agent(number));
        }
        let wants = WANTS.iter().map(|text| {
            let spec = spec(text)?;
            Ok((Want::of(&spec), spec.image.digest()))
        });
        let wants = wants.collect::<anyhow::Result<_>>()?;
        let customers = (0..64).map(|_| CustomerId::generate()).collect();
        Ok(Self { rigs, market, wants, customers, running: VecDeque::new(), now: 1_000_000_000, came: 0, ended: 0 })
    }

    /// Jobs come one after the other; when enough run, the oldest ends for each that comes.
    fn run(&mut self, jobs: usize) -> anyhow::Result<Measured> {
        let mut calls = Vec::with_capacity(jobs * 2);
        let coming: Vec<QueuedJob> = (0..jobs).map(|_| self.job()).collect();
        let mut found = Vec::new();
        for job in coming {
            self.now += 10;
            let now = TimestampMs::from_millis(self.now);
            let begun = Instant::now();
            found.extend(self.market.job_queued(job, now));
            calls.push(begun.elapsed());
            self.running.extend(found.drain(..));
            if self.running.len() <= RUNNING {
                continue;
            }
            let Some(over) = self.running.pop_front() else { continue };
            self.ended += 1;
            let (verdict, interrupted) = self.verdict(&over);
            let ran = Ran { from: TimestampMs::from_millis(self.now - 1_800_000), to: now, interrupted };
            let begun = Instant::now();
            self.market.learn(over.device, ran);
            found.extend(self.market.released(over.device, over.attempt, verdict, now));
            if self.ended.is_multiple_of(16) {
                found.extend(self.market.tick(now, 256));
            }
            calls.push(begun.elapsed());
        }
        anyhow::ensure!(self.market.jobs_waiting() < 100, "{} jobs wait: nobody does them", self.market.jobs_waiting());
        let took: Duration = calls.iter().sum();
        Ok(Measured { per_job_ns: took.as_nanos() as f64 / jobs as f64, calls })
    }

    /// Two simulated hours of a network in which nothing has happened yet.
    fn hours(mut self) -> anyhow::Result<hours::Hours> {
        let mut market = std::mem::replace(&mut self.market, Market::new(BACKOFF, 0));
        hours::simulate(&mut market, self.now, |at| {
            self.now = at;
            self.job()
        })
    }

    fn job(&mut self) -> QueuedJob {
        self.came += 1;
        let common = self.wants.len() - RARE;
        let rare = self.came.is_multiple_of(RARELY).then(|| common + self.came / RARELY % RARE);
        let (want, image) = &self.wants[rare.unwrap_or(self.came % common)];
        QueuedJob {
            id: JobId::generate(),
            epoch: 0,
            customer: self.customers[self.came * 7 % self.customers.len()],
            want: want.clone(),
            image: *image,
            queued_ms: TimestampMs::from_millis(self.now),
            not_before_ms: TimestampMs::default(),
        }
    }

    fn verdict(&self, over: &Match) -> (Verdict, bool) {
        if self.ended.is_multiple_of(FAILS) {
            (Verdict::RigFailed, true)
        } else if self.ended.is_multiple_of(YIELDS) {
            (Verdict::Yielded { job: over.job.id }, true)
        } else {
            (Verdict::Fine, false)
        }
    }
}

/// One job in so many asks for what only few rigs have: the last of [`WANTS`].
const RARELY: usize = 128;
const RARE: usize = 2;

/// What customers ask for: from anything to what few rigs have.
const WANTS: [&str; 12] = [
    "{}",
    r#"{"cpu": 4, "memory_gib": 8}"#,
    r#"{"cpu": 8, "memory_gib": 16, "disk_gib": 40}"#,
    r#"{"gpu": {"count": 1}}"#,
    r#"{"gpu": {"count": 1, "vram_gib": 8}}"#,
    r#"{"gpu": {"count": 1, "vram_gib": 12, "vendor": "nvidia"}}"#,
    r#"{"gpu": {"count": 1, "vram_gib": 16, "compute_capability_min": "8.0"}}"#,
    r#"{"gpu": {"count": 1, "vram_gib": 24, "compute_capability_min": "8.9"}}"#,
    r#"{"gpu": {"count": 1, "vram_gib": 24, "min_fu": 900}}"#,
    r#"{"gpu": {"count": 1, "vram_gib": 16, "vendor": "amd"}, "memory_gib": 24}"#,
    r#"{"gpu": {"count": 2, "vram_gib": 24}}"#,
    r#"{"gpu": {"count": 4, "vram_gib": 24}, "memory_gib": 64}"#,
];

fn spec(resources: &str) -> anyhow::Result<JobSpec> {
    let resources: serde_json::Value = serde_json::from_str(resources).context("a need of the bench")?;
    let spec = serde_json::json!({
        "image": format!("127.0.0.1:5000/a/b@sha256:{}", Sha256::of(resources.to_string().as_bytes())),
        "max_price_per_hour": "3600000",
        "timeout_s": 3_600,
        "resources": resources,
    });
    serde_json::from_value(spec).context("the bench's own job")
}

/// Cards of the network: vendor, model, GiB, compute capability, score, how many of a hundred rigs have them.
const CARDS: [(GpuVendor, &str, u64, &str, u32, u64); 12] = [
    (GpuVendor::Nvidia, "NVIDIA GeForce RTX 4090", 24, "8.9", 1_000, 12),
    (GpuVendor::Nvidia, "NVIDIA GeForce RTX 4080", 16, "8.9", 620, 10),
    (GpuVendor::Nvidia, "NVIDIA GeForce RTX 4070", 12, "8.9", 380, 14),
    (GpuVendor::Nvidia, "NVIDIA GeForce RTX 3090", 24, "8.6", 480, 8),
    (GpuVendor::Nvidia, "NVIDIA GeForce RTX 3060", 12, "8.6", 170, 16),
    (GpuVendor::Nvidia, "NVIDIA GeForce RTX 2080 Ti", 11, "7.5", 220, 6),
    (GpuVendor::Nvidia, "NVIDIA GeForce GTX 1080", 8, "6.1", 110, 6),
    (GpuVendor::Nvidia, "NVIDIA GeForce RTX 5090", 32, "12.0", 1_400, 4),
    (GpuVendor::Nvidia, "NVIDIA H100", 80, "9.0", 1_900, 2),
    (GpuVendor::Amd, "AMD Radeon RX 7900 XTX", 24, "", 700, 6),
    (GpuVendor::Amd, "AMD Radeon RX 6800", 16, "", 300, 6),
    (GpuVendor::Intel, "Intel Arc A770", 16, "", 200, 2),
];

/// The cards of the `number`-th rig: some have two of them, few have four, and some none.
fn gpus(number: u64) -> Vec<GpuReport> {
    let (mut draw, mut cards) = (number * 61 % 100, CARDS.iter());
    let card = cards.find(|card| {
        let here = draw < card.5;
        draw = draw.saturating_sub(card.5);
        here
    });
    let Some(&(vendor, model, gib, capability, fu, _)) = card else { return Vec::new() };
    let gpu = GpuReport {
        uuid: format!("GPU-{number}"),
        model: model.to_owned(),
        vendor,
        vram_bytes: gib << 30,
        fu,
        compute_capability: capability.parse::<ComputeCapability>().ok(),
        pci_bus_id: None,
        power_limit_w: None,
        driver: None,
    };
    let count = match number % 41 {
        0 => 4,
        1..=4 => 2,
        _ => 1,
    };
    vec![gpu; count]
}

fn agent(number: u64) -> Agent {
    let gpus = gpus(number);
    let report = RigReport {
        name: String::new(),
        os: [Os::Windows, Os::Windows, Os::Linux, Os::Macos][(number % 4) as usize],
        cpu_cores: 4 + (number % 5) as u16 * 4,
        cpu_model: String::new(),
        memory_bytes: (8 << (number % 5)) << 30,
        disk_bytes: (20 + number % 100) << 30,
        slots: u8::try_from(gpus.len().max(1)).unwrap_or(1),
        gpus,
        floor_per_hour: Micros::new(500_000 + i64::try_from(number % 997).unwrap_or(0) * 100),
        images: (0..number % 8).map(|image| Sha256::of(&(number % 50 + image).to_be_bytes())).collect(),
        engine: String::new(),
        egress_bytes_max: 0,
        refuses: Refusals::default(),
    };
    let trust = if number.is_multiple_of(20) { Trust::Partner } else { Trust::Community };
    let country = ["DE", "FR", "US"].get((number % 9) as usize).and_then(|code| Country::parse(code));
    let mut agent = Agent::new(super::device(number), SessionId::generate(), &report, (trust, country), 1_000);
    agent.ready = true;
    agent
}
