//! From findings to the report that is kept.

use std::time::Instant;

use headframe_agent::{benchmark::suite::Findings, clock};
use headframe_protocol::{
    TimestampMs,
    benchmark::{Benchmark, Conditions, Outcome, Subject, frame_units, milli_units_per_watt},
};

/// A measurement that runs.
#[derive(Debug)]
pub(crate) struct Report {
    subject: Subject,
    began_ms: TimestampMs,
    began: Instant,
}

impl Report {
    /// From now on.
    pub(crate) fn begin(subject: Subject) -> Self {
        Self { subject, began_ms: clock::wall(), began: Instant::now() }
    }

    /// With what was found, and the score of it.
    pub(crate) fn of(self, findings: Findings, conditions: Option<Conditions>) -> Benchmark {
        let Findings { outcome, measured, failed, usable_vram_bytes } = findings;
        let mut benchmark = Benchmark { measured, failed, usable_vram_bytes, conditions, ..self.without_figures(outcome) };
        benchmark.fu = frame_units(&benchmark);
        let milliwatts = benchmark.conditions.as_ref().and_then(|conditions| conditions.milliwatts);
        benchmark.milli_fu_per_watt =
            benchmark.fu.zip(milliwatts).and_then(|(fu, milliwatts)| milli_units_per_watt(fu, milliwatts));
        benchmark
    }

    /// With nothing but how it ended.
    pub(crate) fn without_figures(self, outcome: Outcome) -> Benchmark {
        Benchmark::without_figures(env!("CARGO_PKG_VERSION"), self.subject, outcome, (self.began_ms, self.began.elapsed()))
    }
}

/// Other numbers each time: a result that was remembered from before is none.
pub(crate) fn seed() -> u32 {
    rand::random()
}
