//! A measurement in plain words, with units.

use headframe_protocol::benchmark::{
    Accumulator, Benchmark, Card, CardClass, Conditions, Figure, MeasureStage, Measured, Outcome, Progress, Spread, Subject,
    Throttle, Unit,
};

/// Everything that is known.
pub(super) fn report(results: &[Benchmark]) -> String {
    let mut parts: Vec<String> = results.iter().map(one).collect();
    if !results.iter().any(|result| matches!(result.subject, Subject::Card(_))) {
        parts.insert(0, "No graphics card was found that this PC's drivers let compute.".to_owned());
    }
    parts.join("\n\n")
}

/// What happens now, in one line.
pub(super) fn progress(subject: &Subject, progress: &Progress) -> String {
    let Progress { stage, figure, permille, left_ms } = progress;
    let what = match stage {
        MeasureStage::Probe => "looking whether anybody else uses it",
        MeasureStage::Memory => "taking its memory",
        MeasureStage::Burst | MeasureStage::Product | MeasureStage::Transfer | MeasureStage::Sustained => {
            figure.map_or("measuring", Figure::words)
        }
    };
    let lasting = if *stage == MeasureStage::Sustained { ", without a pause" } else { "" };
    format!("{}: {what}{lasting} ({} %, {} s left)", name(subject), permille / 10, left_ms.div_ceil(1_000))
}

fn name(subject: &Subject) -> &str {
    match subject {
        Subject::Card(card) => &card.name,
        Subject::Cpu(cpu) if cpu.model.is_empty() => "The processor",
        Subject::Cpu(cpu) => &cpu.model,
    }
}

fn one(result: &Benchmark) -> String {
    let mut lines = vec![heading(result)];
    lines.extend(ended(&result.outcome));
    let widest = result.measured.iter().map(|measured| measured.figure.words().chars().count()).max().unwrap_or_default();
    lines.extend(result.measured.iter().map(|measured| figure(measured, widest)));
    // What is taken of a program's memory is a sample.
    let is_scored = matches!(&result.subject, Subject::Card(card) if card.is_scored());
    lines.extend(
        result
            .usable_vram_bytes
            .filter(|_| is_scored)
            .map(|bytes| format!("  A program can have {} MiB of its memory.", bytes >> 20)),
    );
    lines.extend(result.conditions.as_ref().and_then(conditions));
    lines.extend(result.failed.iter().map(|failed| {
        let why = failed.message.lines().next().unwrap_or_default();
        format!("  Not measured: {} by {} ({why}).", failed.figure.words(), failed.way)
    }));
    if result.is_noisy() {
        lines.push("  ~ scattered more than on a quiet PC; something else ran beside it.".to_owned());
    }
    lines.join("\n")
}

fn heading(result: &Benchmark) -> String {
    let name = name(&result.subject);
    match (&result.subject, result.fu) {
        (Subject::Card(card), Some(fu)) => {
            let per_watt =
                result.milli_fu_per_watt.map(|milli| format!(", {}.{:02} FU per watt", milli / 1_000, milli % 1_000 / 10));
            format!("{name}{}: {fu} FU{}", details(card), per_watt.unwrap_or_default())
        }
        (Subject::Card(card), None) => {
            let why = if card.class == CardClass::Software { " (a program, which has no score)" } else { "" };
            format!("{name}{}{why}", details(card))
        }
        (Subject::Cpu(cpu), _) => format!("{name}, {} threads", cpu.cores),
    }
}

fn details(card: &Card) -> String {
    let limit =
        card.power_limit_milliwatts.filter(|_| card.is_limited()).map(|limit| format!(", limited to {} W", limit / 1_000));
    let place = card.pci.as_ref().map(|pci| format!(" at {pci}"));
    format!("{}, {}{}", place.unwrap_or_default(), card.driver, limit.unwrap_or_default())
}

fn ended(outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Done => None,
        Outcome::InUse { program: Some(program) } => {
            Some(format!("  Not measured: {program} uses it. Try again when it is free."))
        }
        Outcome::InUse { program: None } => Some("  Not measured: something else uses it. Try again when it is free.".to_owned()),
        Outcome::Aborted => Some("  Stopped before the end.".to_owned()),
        Outcome::DriverReset { during, message } => Some(format!("  The driver was reset while it measured {during}: {message}")),
        Outcome::Crashed { during, message } => {
            Some(format!("  The measuring program ended while it measured {during}: {message}"))
        }
        Outcome::TimedOut { during } => Some(format!("  It took longer than it may; it was measuring {during}.")),
    }
}

fn figure(measured: &Measured, widest: usize) -> String {
    let Measured { figure, way, accumulator, burst, sustained, noisy } = measured;
    let mark = if *noisy { '~' } else { ' ' };
    let sums = match accumulator {
        Some(Accumulator::Fp16) => ", sums in half precision",
        Some(Accumulator::Fp32) => ", sums in single precision",
        Some(Accumulator::Int32) => ", sums in whole numbers",
        None => "",
    };
    let (rate, between) = (rate(*figure, burst.median), range(*figure, burst));
    let kept = sustained.map(|sustained| format!("; {} sustained", self::rate(*figure, sustained.median)));
    format!("{mark} {:widest$}  {rate:>14}  ({between}; {way}{sums}){}", figure.words(), kept.unwrap_or_default())
}

fn range(figure: Figure, Spread { p10, p90, .. }: &Spread) -> String {
    format!("{} to {}", rate(figure, *p10), rate(figure, *p90))
}

/// With three digits and the unit that fits.
fn rate(figure: Figure, per_second: u64) -> String {
    let unit = match (figure.unit(), figure) {
        (Unit::Bytes, _) => "B/s",
        (Unit::Operations, Figure::TensorInt8 | Figure::GemmInt8 | Figure::CpuInteger | Figure::CpuIntegerOneCore) => "OP/s",
        (Unit::Operations, _) => "FLOP/s",
    };
    let (scale, prefix) = match per_second {
        0..1_000_000_000 => (1_000_000, "M"),
        1_000_000_000..1_000_000_000_000 => (1_000_000_000, "G"),
        1_000_000_000_000.. => (1_000_000_000_000, "T"),
    };
    let (whole, rest) = (per_second / scale, per_second % scale);
    match whole {
        0..10 => format!("{whole}.{:02} {prefix}{unit}", rest * 100 / scale),
        10..100 => format!("{whole}.{} {prefix}{unit}", rest * 10 / scale),
        100.. => format!("{whole} {prefix}{unit}"),
    }
}

fn conditions(conditions: &Conditions) -> Option<String> {
    let Conditions { clock_mhz, memory_clock_mhz, temperature_c, milliwatts, throttled, pcie_generation, pcie_lanes } =
        conditions;
    let told = [
        clock_mhz.map(|mhz| format!("{mhz} MHz")),
        memory_clock_mhz.map(|mhz| format!("memory at {mhz} MHz")),
        temperature_c.map(|celsius| format!("up to {celsius} °C")),
        milliwatts.map(|milliwatts| format!("{}.{} W", milliwatts / 1_000, milliwatts % 1_000 / 100)),
        pcie_generation.zip(*pcie_lanes).map(|(generation, lanes)| format!("PCI Express {generation}.0 with {lanes} lanes")),
        throttled.as_deref().map(brakes),
    ];
    let told: Vec<String> = told.into_iter().flatten().collect();
    (!told.is_empty()).then(|| format!("  Meanwhile: {}.", told.join(", ")))
}

fn brakes(throttled: &[Throttle]) -> String {
    let names: Vec<&str> = throttled
        .iter()
        .map(|brake| match brake {
            Throttle::Power => "the power limit",
            Throttle::Heat => "heat",
            Throttle::Hardware => "the hardware itself",
            Throttle::Settings => "clocks that were set",
        })
        .collect();
    if names.is_empty() { "held back by nothing".to_owned() } else { format!("held back by {}", names.join(" and ")) }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use headframe_protocol::TimestampMs;

    use super::*;

    fn measured(figure: Figure, accumulator: Option<Accumulator>, median: u64) -> Measured {
        let spread = Spread { median, p10: median / 100 * 98, p90: median / 100 * 101, slices: 50 };
        Measured { figure, way: "vulkan".to_owned(), accumulator, burst: spread, sustained: None, noisy: false }
    }

    #[test]
    fn an_owner_reads_what_his_card_can_do() {
        let card = Card {
            id: "0000:01:00.0".to_owned(),
            name: "A card".to_owned(),
            class: CardClass::Discrete,
            vendor: None,
            pci: Some("0000:01:00.0".to_owned()),
            uuid: None,
            driver: "NVIDIA 570.1".to_owned(),
            power_limit_milliwatts: Some(300_000),
            power_limit_default_milliwatts: Some(450_000),
        };
        let mut product = measured(Figure::GemmFp16, Some(Accumulator::Fp32), 120_400_000_000_000);
        product.sustained = Some(Spread { median: 98_760_000_000_000, ..product.burst });
        let read = Measured { noisy: true, ..measured(Figure::MemoryRead, None, 937_000_000_000) };
        let conditions =
            Conditions { milliwatts: Some(299_960), throttled: Some(vec![Throttle::Power]), ..Conditions::default() };
        let result = Benchmark {
            version: 1,
            agent: "0.1.0".to_owned(),
            subject: Subject::Card(card),
            outcome: Outcome::Done,
            began_ms: TimestampMs::from_millis(0),
            took_ms: 1,
            measured: vec![product, read],
            failed: Vec::new(),
            usable_vram_bytes: Some(23 << 30),
            conditions: Some(conditions),
            fu: Some(812),
            milli_fu_per_watt: Some(2_706),
        };
        expect![[r#"
            A card at 0000:01:00.0, NVIDIA 570.1, limited to 300 W: 812 FU, 2.70 FU per watt
              half-precision product     120 TFLOP/s  (117 TFLOP/s to 121 TFLOP/s; vulkan, sums in single precision); 98.7 TFLOP/s sustained
            ~ memory read                   937 GB/s  (918 GB/s to 946 GB/s; vulkan)
              A program can have 23552 MiB of its memory.
              Meanwhile: 299.9 W, held back by the power limit.
              ~ scattered more than on a quiet PC; something else ran beside it."#]]
        .assert_eq(&report(&[result]));
    }

    #[test]
    fn a_pc_without_a_card_is_told_so() {
        assert!(report(&[]).starts_with("No graphics card was found"));
    }
}
