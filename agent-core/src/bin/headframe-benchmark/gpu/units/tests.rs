//! The programs for matrix units where no card has any: Khronos' own judge reads each, and a small machine runs them on the processor. Where the
//! software adapter has them, as Mesa's from some version after 25 has, they run there too.

mod card;
mod judge;
mod machine;

use headframe_agent::benchmark::pattern;

use super::{
    offer::{Factor, Fragments},
    peak::expected,
    programs::{LEFTS, REPEATS, RIGHTS, TILE, peak, product},
};
use machine::{Machine, Memory};

const fn of(factor: Factor, (rows, columns, depth): (u32, u32, u32)) -> Fragments {
    Fragments { factor, rows, columns, depth }
}

/// What drivers are known to offer, and subgroups as they have them: NVIDIA's, AMD's of both widths, Intel's old and new.
const OFFERED: [(Fragments, u32); 12] = [
    (of(Factor::Half, (16, 16, 16)), 8),
    (of(Factor::Half, (16, 8, 16)), 8),
    (of(Factor::Half, (16, 8, 8)), 8),
    (of(Factor::Bytes, (16, 16, 32)), 8),
    (of(Factor::Bytes, (16, 8, 32)), 8),
    (of(Factor::Half, (16, 16, 16)), 4),
    (of(Factor::Bytes, (16, 16, 16)), 8),
    (of(Factor::Bytes, (16, 16, 16)), 4),
    (of(Factor::Half, (8, 8, 16)), 32),
    (of(Factor::Bytes, (8, 8, 32)), 32),
    (of(Factor::Half, (8, 16, 16)), 16),
    (of(Factor::Bytes, (8, 16, 32)), 16),
];

/// Numbers of a factor as they lie in memory.
fn filled(factor: Factor, seed: u32, numbers: u32) -> Vec<u32> {
    let half = |index| {
        let bits = f16_bits(pattern::half(pattern::word(seed, index)));
        u32::from(bits)
    };
    match factor {
        Factor::Half => (0..numbers / 2).map(|word| half(word * 2) | (half(word * 2 + 1) << 16)).collect(),
        Factor::Bytes => (0..numbers / 4).map(|word| pattern::word(seed, word)).collect(),
    }
}

/// The pattern's numbers are multiples of 2^-10 below 1, which half precision has exactly.
fn f16_bits(number: f32) -> u16 {
    let bits = number.to_bits();
    let exponent = (bits >> 23) & 0xff;
    let sign = (bits >> 16) & 0x8000;
    let all = if exponent == 0 { sign } else { sign | ((exponent - 112) << 10) | ((bits >> 13) & 0x3ff) };
    u16::try_from(all).expect("16 bits")
}

fn number(factor: Factor, seed: u32, index: u32) -> f64 {
    match factor {
        Factor::Half => f64::from(pattern::half(pattern::word(seed, index))),
        Factor::Bytes => f64::from(pattern::bytes(pattern::word(seed, index / 4))[index as usize % 4]),
    }
}

fn found(factor: Factor, word: u32) -> f64 {
    match factor {
        Factor::Half => f64::from(f32::from_bits(word)),
        Factor::Bytes => f64::from(word.cast_signed()),
    }
}

#[test]
fn the_judge_finds_nothing_in_any_program() {
    for (fragments, subgroups) in OFFERED {
        judge::judge(&peak(fragments, subgroups).expect("it is written"));
        judge::judge(&product(fragments, subgroups).expect("it is written").expect("a product"));
    }
}

#[test]
fn the_judge_does_find_something_in_a_program_that_is_wrong() {
    let mut words = peak(OFFERED[0].0, 8).expect("it is written");
    let last = words.len() - 1;
    words.truncate(last);
    assert!(judge::complaint(&words).is_some());
    let unusable = of(Factor::Half, (16, 16, 16));
    let mut other = product(unusable, 8).expect("it is written").expect("a product");
    // A version of the language that knows no such memory model.
    other[1] = 0x0001_0000;
    assert!(judge::complaint(&other).is_some());
}

/// A product of so many tiles each way, with lines of two steps so that the loop turns.
fn is_right(fragments: Fragments, subgroups: u32, tiles: u32) {
    let (size, factor) = (TILE * tiles, fragments.factor);
    let depth = 128 / factor.bytes();
    let words = product(fragments, subgroups).expect("it is written").expect("a product");
    let [a, b] = [3, 4].map(|seed| filled(factor, seed, size * depth));
    let params = [0, tiles, size, depth * factor.bytes() / 16, tiles, 0, 0, 0];
    let memory = Memory::new([params.to_vec(), a, b, vec![0x7fc0_dead; (size * size) as usize]]);
    let memory = Machine::new(&words, subgroups).run(memory, 0..tiles * tiles);
    let [a, b] = [3, 4].map(|seed| (0..size * depth).map(|index| number(factor, seed, index)).collect::<Vec<f64>>());
    for (word, at) in memory.buffer(3).iter().zip(0..) {
        let [a, b] = [(&a, at / size), (&b, at % size)].map(|(all, line)| &all[(line * depth) as usize..][..depth as usize]);
        let (found, wanted) = (found(factor, *word), a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>());
        assert!((found - wanted).abs() < 1e-4, "{fragments:?} {subgroups}, number {at}: {found} instead of {wanted}");
    }
}

#[test]
fn a_large_product_is_the_product_for_every_size_and_every_width_of_subgroups() {
    for (fragments, subgroups) in OFFERED {
        is_right(fragments, subgroups, 1);
    }
}

#[test]
fn tiles_of_a_large_product_lie_where_they_belong() {
    is_right(OFFERED[0].0, 8, 2);
}

#[test]
fn a_tile_is_computed_alone_and_a_part_of_the_tiles_begins_where_it_is_told() {
    let (fragments, subgroups) = OFFERED[0];
    let size = TILE * 2;
    let words = product(fragments, subgroups).expect("it is written").expect("a product");
    let factors = [3, 4].map(|seed| filled(Factor::Half, seed, size * 32));
    let [a, b] = factors;
    // The second tile of the first band is the one below.
    let memory = Memory::new([vec![1, 2, size, 4, 2, 0, 0, 0], a, b, vec![0x7fc0_dead; (size * size) as usize]]);
    let memory = Machine::new(&words, subgroups).run(memory, 0..1);
    let is_written = |at: u32| memory.buffer(3)[at as usize] != 0x7fc0_dead;
    assert!((0..size * size).all(|at| is_written(at) == (at / size >= TILE && at % size < TILE)));
}

#[test]
fn sums_out_of_registers_are_what_the_processor_expects_of_them() {
    for (fragments, subgroups) in OFFERED {
        let words = peak(fragments, subgroups).expect("it is written");
        let lines = LEFTS * fragments.rows + RIGHTS * fragments.columns;
        let (groups, each) = (2, LEFTS * RIGHTS * fragments.rows * fragments.columns);
        let factors = filled(fragments.factor, 9, groups * subgroups * lines * fragments.depth);
        let out = vec![0x7fc0_dead; (groups * subgroups * each) as usize];
        let memory = Memory::new([vec![0, 1, 0, 0, 0, 0, 0, 0], factors, out]);
        let memory = Machine::new(&words, subgroups).run(memory, 0..groups);
        for (word, at) in memory.buffer(2).iter().zip(0..) {
            let (wanted, tolerance) = expected(fragments, 9, at / each, at % each);
            let found = found(fragments.factor, *word);
            assert!((found - wanted).abs() <= tolerance, "{fragments:?} {at}: {found} instead of {wanted}");
            // One of the eight products less would be beyond it.
            assert!(tolerance < 0.05 && REPEATS == 8);
        }
    }
}

#[test]
fn where_the_driver_chose_other_subgroups_nothing_is_written() {
    let (fragments, subgroups) = OFFERED[0];
    let words = product(fragments, subgroups).expect("it is written").expect("a product");
    let [a, b] = [3, 4].map(|seed| filled(Factor::Half, seed, TILE * 32));
    let memory = Memory::new([vec![0, 1, TILE, 4, 1, 0, 0, 0], a, b, vec![7; (TILE * TILE) as usize]]);
    let memory = Machine::new(&words, 4).run(memory, 0..1);
    assert!(memory.buffer(3).iter().all(|word| *word == 7));
}

#[test]
fn a_tile_is_shared_out_only_in_whole_fragments() {
    let is_there = |fragments, subgroups| product(fragments, subgroups).expect("it is written").is_some();
    assert!(OFFERED.iter().all(|(fragments, subgroups)| is_there(*fragments, *subgroups)));
    let fragments = of(Factor::Half, (16, 16, 16));
    assert!([0, 3, 128, 256].iter().all(|subgroups| !is_there(fragments, *subgroups)));
    assert!(!is_there(of(Factor::Half, (16, 16, 12)), 8));
}
