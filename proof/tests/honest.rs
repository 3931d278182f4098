//! Who follows the rules passes, in pieces of any size.

use headframe_proof::{Lanes, Parameters, Prover as _, Reference, Verifier, opening, question, residency::Reading};
use headframe_protocol::challenge::Digest;

fn digest(byte: u8) -> Digest {
    Digest::from_bytes([byte; 32])
}

#[test]
fn an_honest_prover_passes_whatever_the_pieces() {
    for (size, lanes) in [(64, Lanes::One), (192, Lanes::Two), (256, Lanes::One)] {
        let parameters = Parameters::new(size, 20).expect("within bounds");
        let mut prover = Reference::of(&digest(1), parameters).expect("it fits");
        let roots = prover.roots();
        let verifier = Verifier::new(&digest(1), parameters, &digest(2), lanes);
        let asked = question::rows(parameters, &digest(3), question::ASKED);
        let bytes = prover.open(&asked).expect("it has them");
        assert_eq!(bytes.len(), opening::rows_bytes(parameters, &asked));
        for piece in [1, 7, 4_096, bytes.len()] {
            let mut check = verifier.rows(&roots, &asked).expect("a good question");
            for bytes in bytes.chunks(piece) {
                assert_eq!(check.feed(bytes), Ok(()));
            }
            assert_eq!(check.finish(), Ok(()));
        }
    }
}

#[test]
fn an_honest_memory_passes_whatever_the_pieces() {
    // Blocks of 64 and of 192 rows' parts, and blocks that are a part of one row.
    for (size, resident, reads) in [(64, 20, 1), (192, 3, 33), (2_048, 1, 5)] {
        let parameters = Parameters::new(size, 20).and_then(|all| all.keeping(resident)).expect("within bounds");
        // What the products are does not matter here: these are not, and take no time.
        let entry = |at: usize| (at.wrapping_mul(2_654_435_761) >> 7) as i32 % 50_000;
        let side = parameters.rows() * parameters.rows();
        let products = (0..20).map(|product| (0..side).map(|at| entry(product * side + at)).collect()).collect();
        let mut prover = Reference::holding(parameters, products).expect("it fits");
        let roots = prover.roots();
        let answer = prover.remember(&digest(5), reads).expect("it has them");
        let reading = Reading::new(parameters, &digest(5), reads, &answer).expect("a good answer");
        let asked = question::reads(reads, &digest(6), 40);
        let bytes = prover.open_reads(&asked).expect("it has them");
        for piece in [1_000, bytes.len()] {
            let mut check = reading.check(&roots, &asked).expect("a good question");
            for bytes in bytes.chunks(piece) {
                assert_eq!(check.feed(bytes), Ok(()));
            }
            assert_eq!(check.finish(), Ok(()));
        }
    }
}
