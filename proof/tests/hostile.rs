//! Whatever arrives, nothing panics, nothing large is allocated, and nothing wrong passes.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

use headframe_proof::{Lanes, Parameters, Prover as _, Reference, Refusal, Verifier, question, residency::Reading};
use headframe_protocol::challenge::{Digest, ReadAt, RowAt};
use proptest::prelude::*;

thread_local! {
    static LARGEST: Cell<usize> = const { Cell::new(0) };
}

/// Remembers the largest allocation of this thread.
struct Watching;

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Watching {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LARGEST.with(|largest| largest.set(largest.get().max(layout.size())));
        // SAFETY: the caller keeps the promises of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the promises of `dealloc`.
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static HEAP: Watching = Watching;

fn digest(byte: u8) -> Digest {
    Digest::from_bytes([byte; 32])
}

/// A challenge that was answered honestly, small.
struct Scene {
    verifier: Verifier,
    roots: Vec<Digest>,
    asked: Vec<RowAt>,
    openings: Vec<u8>,
    reading: Reading,
    reads: Vec<ReadAt>,
    read_openings: Vec<u8>,
}

thread_local! {
    static SCENE: Scene = Scene::new();
}

impl Scene {
    fn new() -> Self {
        let parameters = Parameters::new(64, 20).expect("within bounds");
        let mut prover = Reference::of(&digest(1), parameters).expect("it fits");
        let asked = question::rows(parameters, &digest(3), 4);
        let openings = prover.open(&asked).expect("it has them");
        let answer = prover.remember(&digest(4), 8).expect("it has them");
        let reads = question::reads(8, &digest(5), 2);
        Self {
            verifier: Verifier::new(&digest(1), parameters, &digest(2), Lanes::One),
            roots: prover.roots(),
            asked,
            openings,
            reading: Reading::new(parameters, &digest(4), 8, &answer).expect("a good answer"),
            read_openings: prover.open_reads(&reads).expect("it has them"),
            reads,
        }
    }

    fn rows(&self, bytes: &[u8], piece: usize) -> Result<(), Refusal> {
        let mut check = self.verifier.rows(&self.roots, &self.asked)?;
        bytes.chunks(piece).try_for_each(|bytes| check.feed(bytes))?;
        check.finish()
    }

    fn reads(&self, bytes: &[u8], piece: usize) -> Result<(), Refusal> {
        let mut check = self.reading.check(&self.roots, &self.reads)?;
        bytes.chunks(piece).try_for_each(|bytes| check.feed(bytes))?;
        check.finish()
    }
}

/// One change to a message: a byte, a run of bytes gone, doubled or put elsewhere, noise in between.
fn mutated(bytes: &[u8], kind: u8, at: usize, length: usize, noise: &[u8]) -> Vec<u8> {
    let at = at % bytes.len();
    let end = (at + 1 + length % 300).min(bytes.len());
    let mut mutant = bytes.to_vec();
    match kind % 5 {
        0 => mutant[at] ^= noise.first().copied().unwrap_or(1).max(1),
        1 => drop(mutant.drain(at..end)),
        2 => mutant.extend_from_within(at..end),
        3 => drop(mutant.splice(at..end, noise.iter().copied())),
        _ => mutant.rotate_left(at.max(1)),
    }
    mutant
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_mutant_of_good_openings_passes(
        kind in any::<u8>(), at in any::<usize>(), length in any::<usize>(), piece in 1_usize..5_000,
        noise in prop::collection::vec(any::<u8>(), 0..64),
    ) {
        SCENE.with(|scene| {
            for good in [&scene.openings, &scene.read_openings] {
                let mutant = mutated(good, kind, at, length, &noise);
                prop_assert_eq!(scene.rows(&mutant, piece).is_ok(), mutant == scene.openings);
                prop_assert_eq!(scene.reads(&mutant, piece).is_ok(), mutant == scene.read_openings);
            }
            Ok(())
        })?;
    }

    #[test]
    fn noise_is_refused_at_its_beginning(noise in prop::collection::vec(any::<u8>(), 0..4_000)) {
        SCENE.with(|scene| {
            let expected = if noise.len() < 12 { Refusal::Short(0) } else { Refusal::Header };
            prop_assert_eq!(scene.rows(&noise, 100), Err(expected.clone()));
            prop_assert_eq!(scene.reads(&noise, 100), Err(expected));
            Ok(())
        })?;
    }
}

/// What is wrong with openings whose bytes from `at` are `with`.
fn refused(at: usize, with: &[u8]) -> Refusal {
    SCENE.with(|scene| {
        let mut openings = scene.openings.clone();
        openings[at..at + with.len()].copy_from_slice(with);
        scene.rows(&openings, 1_000).expect_err("it is wrong")
    })
}

#[test]
fn every_fault_has_its_name() {
    SCENE.with(|scene| {
        assert!(scene.asked[0].product > 0, "the first opening begins with the row before");
        let whole = &scene.openings;
        assert_eq!(scene.rows(&whole[..whole.len() - 1], 1_000), Err(Refusal::Short(3)));
        assert_eq!(scene.rows(&[whole, &[0][..]].concat(), 1_000), Err(Refusal::Long));
        assert_eq!(scene.rows(&[], 1), Err(Refusal::Short(0)));
        assert_eq!(scene.verifier.rows(&scene.roots[1..], &scene.asked).err(), Some(Refusal::Roots { found: 19, expected: 20 }));
        let outside = RowAt { product: 20, row: 0 };
        for odd in [vec![], vec![outside], vec![RowAt { product: 0, row: 64 }], vec![RowAt { product: 0, row: 0 }; 257]] {
            assert_eq!(scene.verifier.rows(&scene.roots, &odd).err(), Some(Refusal::Question));
        }
    });
    let (header, name, row, path) = (0, 12, 20, 20 + 192);
    assert_eq!(refused(header, b"pogm"), Refusal::Header);
    assert_eq!(refused(header + 4, &[128]), Refusal::Header);
    assert_eq!(refused(header + 8, &[5]), Refusal::Header);
    assert_eq!(refused(name, &[99]), Refusal::Unasked { at: 0 });
    // 64 × 31 × 31 = 61,504 is the edge.
    assert_eq!(refused(row, &61_505_i32.to_le_bytes()[..3]), Refusal::Range { at: 0 });
    assert_eq!(refused(row, &(-8_388_608_i32).to_le_bytes()[..3]), Refusal::Range { at: 0 });
    assert_eq!(refused(row, &61_504_i32.to_le_bytes()[..3]), Refusal::Path { at: 0 });
    assert_eq!(refused(path, &[0xff; 32]), Refusal::Path { at: 0 });
    let after = row + 192 + 6 * 32;
    assert!(matches!(refused(after, &[1, 0, 0]), Refusal::NotComputed { .. }));
}

#[test]
fn what_was_refused_once_is_not_made_good() {
    SCENE.with(|scene| {
        let mut check = scene.verifier.rows(&scene.roots, &scene.asked).expect("a good question");
        let unasked = Err(Refusal::Unasked { at: 0 });
        assert_eq!(check.feed(&scene.openings[..12]), Ok(()));
        assert_eq!(check.feed(&[0xff; 8]), unasked);
        assert_eq!(check.feed(&scene.openings[12..]), unasked);
        assert_eq!(check.finish(), unasked);
    });
}

#[test]
fn endless_bytes_cost_no_memory() {
    SCENE.with(|scene| {
        let mut check = scene.verifier.rows(&scene.roots, &scene.asked).expect("a good question");
        LARGEST.with(|largest| largest.set(0));
        let mut refused = check.feed(&scene.openings);
        assert_eq!(refused, Ok(()));
        for _ in 0..100 {
            refused = check.feed(&[0; 10_000]);
        }
        assert_eq!((refused, check.finish()), (Err(Refusal::Long), Err(Refusal::Long)));
        // A row of 64 entries is 192 bytes; a field twice that is the largest thing there is a reason for.
        let largest = LARGEST.with(Cell::get);
        assert!(largest <= 4_096, "{largest} bytes at once");
    });
}

#[test]
fn a_prover_is_not_hurt_by_questions_about_nothing() {
    let parameters = Parameters::new(64, 20).expect("within bounds");
    let mut prover = Reference::of(&digest(1), parameters).expect("it fits");
    for odd in [RowAt { product: 20, row: 0 }, RowAt { product: 0, row: 64 }, RowAt { product: u32::MAX, row: u32::MAX }] {
        assert!(prover.open(&[odd]).is_err());
    }
    assert!(prover.open_reads(&[ReadAt { round: 0, read: 0 }]).is_err(), "nothing was read yet");
    prover.remember(&digest(2), 4).expect("it has them");
    for odd in [ReadAt { round: 20, read: 0 }, ReadAt { round: 0, read: 4 }, ReadAt { round: u32::MAX, read: u32::MAX }] {
        assert!(prover.open_reads(&[odd]).is_err(), "{odd:?}");
    }
}
