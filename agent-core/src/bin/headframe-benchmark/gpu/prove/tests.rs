//! The card against the reference, byte for byte. They need an adapter: a processor's does.

use std::time::Instant;

use headframe_proof::{Lanes, Reference, Verifier, residency::Reading as Checked};
use headframe_protocol::benchmark::CardClass;

use super::{super::Gpus, *};

fn open() -> Portable {
    let mut gpus = Gpus::look();
    let cards = gpus.cards();
    let software = cards.iter().find(|card| card.class == CardClass::Software).or_else(|| cards.first());
    let id = &software.expect("an adapter; on Debian `apt-get install mesa-vulkan-drivers libvulkan1`").id;
    gpus.open(id).expect("it opens")
}

fn digest(first: u8) -> Digest {
    Digest::from_bytes(std::array::from_fn(|at| first.wrapping_add(u8::try_from(at).expect("32 of them"))))
}

/// Rows from all over, the last ones included.
fn asked(parameters: Parameters) -> Vec<RowAt> {
    let (products, size) = (parameters.products(), parameters.size());
    let some = (0..12).map(|at| RowAt { product: at * 7 % products, row: at * 37 % size });
    some.chain([RowAt { product: 0, row: size - 1 }, RowAt { product: products - 1, row: size - 1 }]).collect()
}

fn agrees(card: &mut CardProver<'_>, size: u32, resident: u32) {
    let parameters = Parameters::new(size, 20).and_then(|all| all.keeping(resident)).expect("within bounds");
    let (seed, nonce, reads) = (digest(0), digest(7), 100 + size);
    let mut reference = Reference::of(&seed, parameters).expect("it computes");
    let roots = card.compute(&seed, parameters).expect("it computes");
    assert_eq!(roots, reference.roots(), "{size}");

    let rows = asked(parameters);
    let openings = card.open(&rows).expect("it opens");
    assert!(openings == reference.open(&rows).expect("it opens"), "rows of {size}");
    let verifier = Verifier::new(&seed, parameters, &digest(3), Lanes::One);
    let mut check = verifier.rows(&roots, &rows).expect("a question");
    check.feed(&openings).and_then(|()| check.finish()).expect("it holds");

    let answer = card.remember(&nonce, reads).expect("it reads");
    assert_eq!(answer, reference.remember(&nonce, reads).expect("it reads"), "{size}");
    let asked: Vec<_> = [(0, 0), (19, reads - 1), (7, 5), (0, 3)].map(|(round, read)| ReadAt { round, read }).to_vec();
    let openings = card.open_reads(&asked).expect("it opens");
    assert!(openings == reference.open_reads(&asked).expect("it opens"), "reads of {size}");
    let reading = Checked::new(parameters, &nonce, reads, &answer).expect("an answer");
    let mut check = reading.check(&roots, &asked).expect("a question");
    check.feed(&openings).and_then(|()| check.finish()).expect("it holds");

    let beyond = RowAt { product: 0, row: size };
    assert_eq!(card.open(&[beyond]), Err(nothing()));
    assert_eq!(card.open_reads(&[ReadAt { round: 0, read: reads }]), Err(nothing()));
}

#[test]
fn a_card_says_what_the_reference_says_byte_for_byte() {
    let gpu = open();
    let mut card = CardProver::new(&gpu, Stop::default()).expect("it compiles");
    assert_eq!(card.remember(&digest(1), 10), Err(unasked()));
    for (size, resident) in [(64, 5), (128, 20), (192, 3)] {
        agrees(&mut card, size, resident);
    }
}

#[test]
fn products_may_lie_in_more_buffers_than_a_kernel_sees() {
    let gpu = open();
    // Two products to a buffer and two buffers to a kernel: four buffers, the last one half full.
    let shape = Shape { buffer_bytes: 2 * 2 * 64 * 64 + 100, seen: 2 };
    agrees(&mut CardProver::shaped(&gpu, Stop::default(), shape).expect("it compiles"), 64, 9);
}

#[test]
fn rows_of_any_length_are_hashed_as_the_crate_does() {
    let gpu = open();
    let mut work = Work::new(&gpu.gpu, Stop::default()).expect("it compiles");
    // 1, 2, 3 and 5 kibibytes, the last one begun, to a row.
    for size in [64, 448, 1_024, 1_408] {
        let parameters = Parameters::new(size, 20).expect("within bounds");
        let right = Right::new(&mut work, digest(9), parameters).expect("it fits");
        let chain = Chain::new(&mut work, &right, &[1, size - 1]).expect("it fits");
        chain.multiply(&mut work, &right).expect("it computes");
        let trees = Trees::new(&work, &chain, parameters).expect("it fits");
        // Only the first two rows are any; the others are whatever lies there.
        trees.hash(&mut work, &right, 0, 2).expect("it hashes");
        let rows = chain.read(&mut work, &right, &[0, 1]).expect("it reads");
        let leaves = u64::from(parameters.size().next_power_of_two());
        let found = chain::nodes(&work, &trees.nodes, &[leaves, leaves + 1]).expect("it reads");
        for (row, found) in rows.iter().zip(found) {
            let mut packed = Vec::new();
            row::pack(row, &mut packed).expect("it fits");
            assert_eq!(found.as_bytes(), &headframe_proof::tree::row_leaf(&packed), "{size}");
        }
    }
}

#[test]
fn whoever_wants_the_card_back_ends_it() {
    let (gpu, stop) = (open(), Stop::default());
    let mut card = CardProver::new(&gpu, stop.clone()).expect("it compiles");
    stop.set();
    assert_eq!(card.compute(&digest(0), Parameters::new(64, 20).expect("within bounds")), Err(DeviceError::Stopped));
}

#[test]
fn half_a_thousand_rows_take_as_long_as_they_take() {
    let gpu = open();
    let mut card = CardProver::new(&gpu, Stop::default()).expect("it compiles");
    let parameters = Parameters::new(512, 20).and_then(|all| all.keeping(10)).expect("within bounds");
    let began = Instant::now();
    let roots = card.compute(&digest(0), parameters).expect("it computes");
    println!("n = 512, 20 products: {:.3} s", began.elapsed().as_secs_f64());
    let began = Instant::now();
    card.remember(&digest(1), 512).expect("it reads");
    println!("20 rounds of 512 reads: {:.3} s", began.elapsed().as_secs_f64());
    assert_eq!(roots, Reference::of(&digest(0), parameters).expect("it computes").roots());
}
