//! Every cheat that `docs/proof.md` names, and how often it is caught. Seeds are fixed: a test that passes passes always. Bounds are
//! six standard deviations wide, so that it is the rule that is tested and not the seeds.

use headframe_proof::{
    Lanes, Parameters, Prover as _, Reference, Refusal, Verifier,
    expand::{Matrix, Seed, requantised},
    question,
    reference::chain,
    residency::{Reading, same},
};
use headframe_protocol::challenge::{Digest, RowAt};

/// Small, as every rule holds at any size: 1,280 rows in all.
fn parameters() -> Parameters {
    Parameters::new(64, 20).expect("within bounds")
}

/// Bytes that look random, different for each number.
fn fresh(number: u64) -> Digest {
    let mut words = [0; 32];
    for (at, byte) in (0_u64..).zip(&mut words) {
        let mixed = number.wrapping_add(at << 32).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        *byte = ((mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 56) as u8;
    }
    Digest::from_bytes(words)
}

/// A chain in which the rows that `left_out` names are noise; what follows is computed from the noise, as a cheat would.
fn skipping(seed: &Digest, left_out: impl Fn(RowAt) -> bool) -> Reference {
    let (parameters, size) = (parameters(), parameters().rows());
    let right = Seed::new(seed).matrix(Matrix::Right, parameters);
    let mut left = Seed::new(seed).matrix(Matrix::First, parameters);
    let mut products = Vec::new();
    for product in 0..parameters.products() {
        let mut entries = Vec::with_capacity(size * size);
        for row in 0..parameters.size() {
            let factor = &left[row as usize * size..][..size];
            let noise = fresh(u64::from(product) << 16 | u64::from(row));
            entries.extend((0..size).map(|column| {
                if left_out(RowAt { product, row }) {
                    return i32::from(noise.as_bytes()[column % 32]) * 97 - 12_000 - column as i32;
                }
                factor.iter().zip(right[column..].iter().step_by(size)).map(|(a, b)| i32::from(*a) * i32::from(*b)).sum()
            }));
        }
        left = entries.iter().copied().map(requantised).collect();
        products.push(entries);
    }
    Reference::holding(parameters, products).expect("it fits")
}

/// One question out of fresh randomness, and what becomes of the answer.
fn asked(prover: &mut Reference, verifier: &Verifier, number: u64, rows: usize) -> Result<(), Refusal> {
    let asked = question::rows(parameters(), &fresh(number), rows);
    let openings = prover.open(&asked).expect("it shows what it has");
    let roots = prover.roots();
    let mut check = verifier.rows(&roots, &asked)?;
    check.feed(&openings)?;
    check.finish()
}

/// How many of `trials` questions of so many rows catch who leaves out what `left_out` names, on several seeds.
fn caught(trials: u64, rows: usize, left_out: impl Fn(u64, RowAt) -> bool) -> u64 {
    const SEEDS: u64 = 8;
    let mut caught = 0;
    for seed in 0..SEEDS {
        let mut prover = skipping(&fresh(seed), |at| left_out(seed, at));
        let verifier = Verifier::new(&fresh(seed), parameters(), &fresh(seed + 1_000), Lanes::One);
        for trial in 0..trials / SEEDS {
            match asked(&mut prover, &verifier, 10_000 + seed * trials + trial, rows) {
                Ok(()) => {}
                Err(Refusal::NotComputed { .. }) => caught += 1,
                Err(other) => panic!("caught for the wrong reason: {other}"),
            }
        }
    }
    caught
}

/// The chance that `rows` different rows out of all contain none of `wrong`.
fn unseen(wrong: usize, rows: usize) -> f64 {
    let all = (parameters().size() * parameters().products()) as usize;
    (0..rows).map(|drawn| (all - wrong - drawn) as f64 / (all - drawn) as f64).product()
}

#[track_caller]
fn assert_rate(caught: u64, trials: u64, expected: f64) {
    let deviation = (trials as f64 * expected * (1.0 - expected)).sqrt();
    let distance = (caught as f64 - trials as f64 * expected).abs();
    assert!(distance <= 6.0 * deviation + 1.0, "{caught} of {trials} were caught, {:.1} expected", trials as f64 * expected);
}

/// Every n-th of all rows, beginning elsewhere for each seed.
fn every(nth: u32) -> impl Fn(u64, RowAt) -> bool {
    move |seed, at| (at.product * 64 + at.row + seed as u32).is_multiple_of(nth)
}

#[test]
fn who_leaves_out_a_tenth_is_caught_by_64_rows_as_often_as_the_page_says() {
    // Of 1,280 rows 128: unseen with 0.1 %; where rows are many, 0.9^64 = 0.12 %.
    let expected = 1.0 - unseen(128, 64);
    assert!((0.998_8..0.999_5).contains(&expected), "{expected}");
    assert_rate(caught(1_600, 64, every(10)), 1_600, expected);
    // Fewer rows, so that there is something to miss: the rule is the same.
    assert_rate(caught(1_600, 8, every(10)), 1_600, 1.0 - unseen(128, 8));
}

#[test]
fn who_leaves_out_a_twentieth_is_caught_by_64_rows_as_often_as_the_page_says() {
    let expected = 1.0 - unseen(64, 64);
    assert!((0.962..0.975).contains(&expected), "{expected}");
    assert_rate(caught(1_600, 64, every(20)), 1_600, expected);
}

#[test]
fn whole_products_left_out_are_found_like_single_rows() {
    // Products 6 and 13 of 20: one product named for all rows would see them once in ten times.
    let expected = 1.0 - unseen(128, 64);
    assert_rate(caught(400, 64, |_, at| at.product % 7 == 6), 400, expected);
}

#[test]
fn who_computes_nothing_is_always_caught() {
    assert_eq!(caught(80, 64, |_, _| true), 80);
    assert_eq!(caught(80, 1, |_, _| true), 80, "one row is enough");
}

#[test]
fn one_wrong_entry_is_seen_whatever_it_is_wrong_by() {
    for (number, off) in [1, -1, 63, 4_096, -7_000].into_iter().enumerate() {
        let seed = fresh(number as u64);
        let mut products = chain(&seed, parameters());
        products[7][9 * 64 + 5] += off;
        let mut prover = Reference::holding(parameters(), products).expect("it fits");
        let roots = prover.roots();
        let row = RowAt { product: 7, row: 9 };
        let openings = prover.open(&[row]).expect("it has it");
        for lanes in [Lanes::One, Lanes::Two] {
            let verifier = Verifier::new(&seed, parameters(), &fresh(99), lanes);
            let refused = verifier.rows(&roots, &[row]).expect("a good question").feed(&openings);
            assert_eq!(refused, Err(Refusal::NotComputed { row }), "off by {off}");
        }
    }
}

#[test]
fn the_proof_of_another_seed_is_worth_nothing() {
    let mut replayed = Reference::of(&fresh(1), parameters()).expect("it fits");
    let verifier = Verifier::new(&fresh(2), parameters(), &fresh(3), Lanes::One);
    for trial in 0..50 {
        assert!(matches!(asked(&mut replayed, &verifier, trial, 1), Err(Refusal::NotComputed { .. })));
    }
}

#[test]
fn a_seed_that_was_changed_in_one_bit_is_another_seed() {
    let seed = fresh(1);
    for bit in (0..256).step_by(37) {
        let mut bytes = *seed.as_bytes();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let mut prover = Reference::of(&Digest::from_bytes(bytes), parameters()).expect("it fits");
        let verifier = Verifier::new(&seed, parameters(), &fresh(3), Lanes::One);
        assert!(matches!(asked(&mut prover, &verifier, 7, 1), Err(Refusal::NotComputed { .. })), "bit {bit}");
    }
}

#[test]
fn right_rows_that_were_not_committed_to_come_too_late() {
    let mut lazy = skipping(&fresh(1), |_| true);
    let mut honest = Reference::of(&fresh(1), parameters()).expect("it fits");
    let verifier = Verifier::new(&fresh(1), parameters(), &fresh(2), Lanes::One);
    let asked = question::rows(parameters(), &fresh(3), 64);
    // The lazy one commits, learns what is asked, and computes only that: the roots do not fit.
    let roots = lazy.roots();
    let openings = honest.open(&asked).expect("it has them");
    let refused = verifier.rows(&roots, &asked).expect("a good question").feed(&openings);
    assert_eq!(refused, Err(Refusal::Path { at: 0 }));
    assert!(lazy.open(&asked).is_ok());
}

#[test]
fn memory_that_is_not_there_is_missed_by_64_reads_as_seldom_as_the_page_says() {
    const READS: u32 = 12;
    let parameters = parameters();
    let honest = Reference::of(&fresh(1), parameters).expect("it fits");
    let roots = honest.roots();
    // The products are two blocks each. The second of every tenth block is gone, and noise stands for it in every round.
    let mut products = chain(&fresh(1), parameters);
    for block in (0..40).step_by(10) {
        for entry in 0..2_048 {
            products[block / 2][block % 2 * 2_048 + entry] = (entry as i32).wrapping_mul(7_919) % 5_000;
        }
    }
    let mut forgetful = Reference::holding(parameters, products).expect("it fits");
    let (mut caught, trials) = (0, 300);
    let mut missing = 0;
    for trial in 0..trials {
        let nonce = fresh(500 + trial);
        let answer = forgetful.remember(&nonce, READS).expect("it reads something");
        let reading = Reading::new(parameters, &nonce, READS, &answer).expect("a good answer");
        let asked = question::reads(READS, &fresh(9_000 + trial), 8);
        // It shows the rows that it committed to, computed anew now that there is time, and the paths of what it did read.
        let mut shown = Vec::new();
        let mut right = honest.clone();
        shown.extend(headframe_proof::opening::header(headframe_proof::opening::Kind::Memory, parameters, asked.len()));
        for at in &asked {
            headframe_proof::opening::name_read(*at, &mut shown);
            let (block, path) = forgetful.show_read(*at).expect("it was read");
            missing += u64::from(block.0.is_multiple_of(10));
            for row in block.rows(parameters) {
                right.show_row(row, &mut shown).expect("it is there");
            }
            shown.extend(path);
        }
        match reading.check(&roots, &asked).expect("a good question").feed(&shown) {
            Ok(()) => {}
            Err(Refusal::NotRead { .. }) => caught += 1,
            Err(other) => panic!("caught for the wrong reason: {other}"),
        }
        let trusted = honest.clone().remember(&nonce, READS).expect("it has them");
        assert!(matches!(same(&answer, &trusted), Err(Refusal::NotRead { .. })), "a trusted card's answer always tells");
    }
    assert_rate(missing, trials * 8, 0.1);
    assert_rate(caught, trials, 1.0 - 0.9_f64.powi(8));
}

#[test]
fn an_answer_to_another_nonce_is_worth_nothing() {
    let mut prover = Reference::of(&fresh(1), parameters()).expect("it fits");
    let roots = prover.roots();
    let old = prover.remember(&fresh(2), 32).expect("it has them");
    let asked = question::reads(32, &fresh(4), 1);
    let openings = prover.open_reads(&asked).expect("it has them");
    let reading = Reading::new(parameters(), &fresh(3), 32, &old).expect("the number of roots is right");
    assert!(reading.check(&roots, &asked).expect("a good question").feed(&openings).is_err());
    let trusted = prover.remember(&fresh(3), 32).expect("it has them");
    assert_eq!(same(&old, &trusted), Err(Refusal::NotRead { at: 0 }));
    assert_eq!(same(&trusted, &trusted), Ok(()));
}
