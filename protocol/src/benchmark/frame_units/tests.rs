use proptest::prelude::*;

use super::*;
use crate::{
    TimestampMs,
    benchmark::{BENCHMARK_VERSION, Card, CardClass, Cpu, Measured, Spread},
};

/// The figures a score is made of, in the order of [`card`].
const FIGURES: [Figure; 6] =
    [Figure::GemmFp16, Figure::GemmFp32, Figure::GemmInt8, Figure::MemoryRead, Figure::Upload, Figure::Download];

fn measured(figure: Figure, rate: u64) -> Measured {
    let spread = Spread { median: rate, p10: rate, p90: rate, slices: 100 };
    let accumulator = match figure {
        Figure::GemmFp16 | Figure::GemmFp32 => Some(Accumulator::Fp32),
        Figure::GemmInt8 => Some(Accumulator::Int32),
        _ => None,
    };
    let sustained = (figure == Figure::GemmFp16).then_some(spread);
    Measured { figure, way: "vulkan".to_owned(), accumulator, burst: spread, sustained, noisy: false }
}

fn card(rates: [Option<u64>; 6], usable_vram_bytes: Option<u64>) -> Benchmark {
    let card = Card {
        id: "0000:01:00.0".to_owned(),
        name: "a card".to_owned(),
        class: CardClass::Discrete,
        vendor: None,
        pci: None,
        uuid: None,
        driver: "a driver".to_owned(),
        power_limit_milliwatts: None,
        power_limit_default_milliwatts: None,
    };
    Benchmark {
        version: BENCHMARK_VERSION,
        agent: "0.1.0".to_owned(),
        subject: Subject::Card(card),
        outcome: Outcome::Done,
        began_ms: TimestampMs::from_millis(0),
        took_ms: 1,
        measured: FIGURES.into_iter().zip(rates).filter_map(|(figure, rate)| rate.map(|rate| measured(figure, rate))).collect(),
        failed: Vec::new(),
        usable_vram_bytes,
        conditions: None,
        fu: None,
        milli_fu_per_watt: None,
    }
}

/// An RTX 4090, by the table.
fn reference() -> Benchmark {
    card(
        [148_700_000_000_000, 49_600_000_000_000, 561_500_000_000_000, 937_400_000_000, 25_200_000_000, 25_200_000_000].map(Some),
        Some(23 << 30),
    )
}

#[test]
fn the_reference_card_is_worth_a_thousand_and_the_weights_are_one() {
    assert_eq!(frame_units(&reference()), Some(1_000));
    let sum: f64 = REFERENCE.iter().map(|scored| scored.weight).sum();
    assert!((sum - 1.0).abs() < 1e-9, "{sum}");
}

#[test]
fn the_published_table_is_the_one_that_is_used() {
    let page = include_str!("../../../../docs/frame-units.md");
    for Scored { name, weight, reference, .. } in REFERENCE {
        let row = page.lines().find(|line| line.starts_with(&format!("| {name} |"))).unwrap_or_default();
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let number = |at: usize| cells.get(at).and_then(|cell| cell.split(' ').next()?.replace(',', "").parse::<f64>().ok());
        assert_eq!(number(2), Some(weight), "{name}: {row}");
        let scale = if row.contains("TFLOP/s") || row.contains("TOP/s") {
            1e12
        } else if row.contains("GiB |") {
            1_073_741_824.0
        } else {
            1e9
        };
        assert!(number(3).is_some_and(|published| (published * scale / reference - 1.0).abs() < 1e-9), "{name}: {row}");
    }
}

#[test]
fn twice_everything_is_worth_twice_as_much() {
    let double = |rate: u64| Some(rate * 2);
    let Benchmark { measured: of, .. } = reference();
    let rates: Vec<u64> = of.iter().map(|measured| measured.burst.median).collect();
    let rates: [Option<u64>; 6] = std::array::from_fn(|at| double(rates[at]));
    assert_eq!(frame_units(&card(rates, Some(46 << 30))), Some(2_000));
}

#[test]
fn software_the_processor_and_what_was_not_finished_have_no_score() {
    let Subject::Card(silicon) = reference().subject else { panic!("a card") };
    let software = Subject::Card(Card { class: CardClass::Software, ..silicon });
    assert_eq!(frame_units(&Benchmark { subject: software, ..reference() }), None);
    let cpu = Subject::Cpu(Cpu { model: "a processor".to_owned(), cores: 8 });
    assert_eq!(frame_units(&Benchmark { subject: cpu, ..reference() }), None);
    assert_eq!(frame_units(&Benchmark { outcome: Outcome::Aborted, ..reference() }), None);
}

#[test]
fn a_product_with_small_sums_does_not_count_as_one_with_large() {
    let mut quick = reference();
    let small = Measured { accumulator: Some(Accumulator::Fp16), ..measured(Figure::GemmFp16, 330_000_000_000_000) };
    quick.measured.push(small);
    assert_eq!(frame_units(&quick), Some(1_000));
}

#[test]
fn a_card_that_slows_down_is_worth_what_it_sustains() {
    let mut hot = reference();
    let slow = Spread { median: 120_000_000_000_000, p10: 1, p90: 1, slices: 9 };
    hot.measured[0].sustained = Some(slow);
    assert!(frame_units(&hot) < frame_units(&reference()));
    let mut unseen = reference();
    unseen.measured[0].sustained = None;
    assert!(frame_units(&unseen) < frame_units(&hot), "not having looked is no advantage");
}

#[test]
fn units_per_watt_need_watts() {
    assert_eq!(milli_units_per_watt(1_000, 450_000), Some(2_222));
    assert_eq!(milli_units_per_watt(1_000, 0), None);
}

fn rates() -> impl Strategy<Value = [Option<u64>; 6]> {
    prop::array::uniform6(prop::option::of(1u64..2_000_000_000_000_000))
}

proptest! {
    #[test]
    fn the_score_never_falls_when_a_figure_grows(rates in rates(), vram in prop::option::of(0u64..1 << 40), at in 0usize..7, more in 1u64..1 << 50) {
        let before = frame_units(&card(rates, vram));
        let (mut grown, mut more_vram) = (rates, vram);
        if at < 6 {
            grown[at] = grown[at].map(|rate| rate + more);
        } else {
            more_vram = vram.map(|bytes| bytes + more);
        }
        prop_assert!(frame_units(&card(grown, more_vram)) >= before);
    }

    #[test]
    fn leaving_a_figure_out_never_pays(rates in rates(), vram in prop::option::of(0u64..1 << 40), at in 0usize..7) {
        let whole = frame_units(&card(rates, vram));
        let (mut less, mut less_vram) = (rates, vram);
        if at < 6 {
            less[at] = None;
        } else {
            less_vram = None;
        }
        prop_assert!(frame_units(&card(less, less_vram)) <= whole);
    }
}
