//! What is measured for how long, and how much longer it will take.

use std::time::Duration;

use headframe_protocol::benchmark::{Figure, MeasureStage, Progress};

/// How thoroughly is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// As a score needs it: half a minute.
    Full,
    /// A moment of each: for software adapters, whose figures say nothing, and for tests.
    Brief,
}

/// How long each kind of part takes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    /// Looking for others on the card.
    pub(super) probe: Duration,
    /// Getting warm, before anything counts: an idle card needs a third of a second to raise its clocks.
    pub(super) warm: Duration,
    /// One figure from registers or memory.
    pub(super) burst: Duration,
    /// One product.
    pub(super) product: Duration,
    /// One direction.
    pub(super) transfer: Duration,
    /// All of the memory, at most.
    pub(super) memory: Duration,
    /// Without a pause.
    pub(super) sustained: Duration,
    /// What compiling, filling and verifying one figure is expected to take; only the estimate uses it.
    prepare: Duration,
}

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

impl Length {
    pub(super) const fn times(self) -> Times {
        match self {
            Self::Full => Times {
                probe: ms(300),
                warm: ms(300),
                burst: ms(700),
                product: ms(2_000),
                transfer: ms(900),
                memory: ms(3_000),
                sustained: ms(12_000),
                prepare: ms(350),
            },
            Self::Brief => Times {
                probe: ms(40),
                warm: ms(20),
                burst: ms(60),
                product: ms(100),
                transfer: ms(60),
                memory: ms(500),
                sustained: ms(200),
                prepare: ms(400),
            },
        }
    }
}

/// One part of a measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) stage: MeasureStage,
    pub(super) figure: Option<Figure>,
    expected: Duration,
}

/// The parts in their order, and how far they are.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    parts: Vec<Part>,
    /// What is expected of all of them.
    whole: Duration,
    /// What was expected of those that are over.
    over: Duration,
    /// The most that was told, in thousandths.
    told: u16,
}

/// Where a figure belongs.
pub(super) const fn stage(figure: Figure) -> MeasureStage {
    match figure {
        Figure::GemmFp32 | Figure::GemmFp16 | Figure::GemmBf16 | Figure::GemmInt8 => MeasureStage::Product,
        Figure::Upload | Figure::Download => MeasureStage::Transfer,
        Figure::FmaFp32
        | Figure::FmaFp16
        | Figure::TensorFp16
        | Figure::TensorBf16
        | Figure::TensorInt8
        | Figure::MemoryRead
        | Figure::MemoryCopy
        | Figure::MemoryWrite
        | Figure::CpuInteger
        | Figure::CpuIntegerOneCore
        | Figure::CpuFloat
        | Figure::CpuMemory => MeasureStage::Burst,
    }
}

/// Whether the figure is one of the processor's.
pub(super) const fn is_of_processor(figure: Figure) -> bool {
    matches!(figure, Figure::CpuInteger | Figure::CpuIntegerOneCore | Figure::CpuFloat | Figure::CpuMemory)
}

impl Plan {
    /// For these figures: first a look at who else is there, then bursts, products, transfers, the memory, and one product without a pause.
    pub(super) fn new(figures: &[Figure], times: Times) -> Self {
        let mut parts: Vec<Part> = figures.iter().map(|figure| Part::of(stage(*figure), Some(*figure), times)).collect();
        parts.sort_by_key(|part| part.stage);
        let first = parts.first().and_then(|part| part.figure);
        parts.insert(0, Part::of(MeasureStage::Probe, first, times));
        parts.push(Part::of(MeasureStage::Memory, None, times));
        if figures.iter().any(|figure| stage(*figure) == MeasureStage::Product) {
            parts.push(Part::of(MeasureStage::Sustained, None, times));
        }
        let whole = parts.iter().map(|part| part.expected).sum();
        Self { parts, whole, over: Duration::ZERO, told: 0 }
    }

    pub(super) fn parts(&self) -> Vec<Part> {
        self.parts.clone()
    }

    pub(super) fn end(&mut self, part: Part) {
        self.over += part.expected;
    }

    /// How far it is, `within` into a part and `elapsed` after the start. What is left is scaled by how the past kept to its plan.
    pub(super) fn progress(&mut self, part: Part, figure: Option<Figure>, within: Duration, elapsed: Duration) -> Progress {
        let done = self.over + within.min(part.expected);
        let pace = elapsed.as_secs_f64() / done.as_secs_f64().max(0.1);
        let left = self.whole.saturating_sub(done).mul_f64(pace.clamp(0.5, 3.0));
        let permille = done.as_millis() * 1_000 / self.whole.as_millis().max(1);
        self.told = self.told.max(u16::try_from(permille.min(999)).unwrap_or(999));
        let left_ms = u32::try_from(left.as_millis()).unwrap_or(u32::MAX);
        Progress { stage: part.stage, figure: figure.or(part.figure), permille: self.told, left_ms }
    }
}

impl Part {
    fn of(stage: MeasureStage, figure: Option<Figure>, times: Times) -> Self {
        let Times { probe, warm, burst, product, transfer, memory, sustained, prepare } = times;
        let expected = match stage {
            MeasureStage::Probe => prepare + probe,
            MeasureStage::Burst => prepare + warm + burst,
            MeasureStage::Product => prepare + warm + product,
            MeasureStage::Transfer => prepare + warm + transfer,
            MeasureStage::Memory => memory / 2,
            MeasureStage::Sustained => prepare + sustained,
        };
        Self { stage, figure, expected }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The most that any card offers by all ways together.
    const MOST: [Figure; 14] = {
        let mut most = [Figure::FmaFp32; 14];
        let mut at = 0;
        while at < 14 {
            most[at] = Figure::ALL[at];
            at += 1;
        }
        most
    };

    #[test]
    fn everything_together_is_planned_within_forty_seconds() {
        let plan = Plan::new(&MOST, Length::Full.times());
        assert!(plan.whole <= Duration::from_secs(40), "{:?}", plan.whole);
        assert!(plan.parts.is_sorted_by_key(|part| part.stage), "{:?}", plan.parts);
    }

    #[test]
    fn progress_never_falls_and_the_time_left_follows_what_happened() {
        let mut plan = Plan::new(&[Figure::FmaFp32, Figure::GemmFp32], Length::Full.times());
        let (mut elapsed, mut before) = (Duration::ZERO, 0);
        for part in plan.parts() {
            for within in [Duration::ZERO, part.expected, part.expected * 2] {
                let told = plan.progress(part, None, within, elapsed + within);
                assert!(told.permille >= before && told.permille < 1_000);
                before = told.permille;
            }
            // Twice as slow as planned.
            elapsed += part.expected * 2;
            plan.end(part);
        }
        assert_eq!(plan.over, plan.whole);
        let mut plan = Plan::new(&[Figure::FmaFp32], Length::Full.times());
        let first = plan.parts()[0];
        let (as_planned, slow) = (plan.progress(first, None, ms(600), ms(600)), plan.progress(first, None, ms(600), ms(1_200)));
        assert!(slow.left_ms > as_planned.left_ms);
    }
}
