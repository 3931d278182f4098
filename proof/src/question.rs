//! What is named after the commitment, out of randomness that did not exist before it.
//!
//! Every row is drawn over all rows of all products alike. One product with 64 rows would be the same for a prover who leaves out
//! a tenth of every product, and would catch one who leaves out whole products only as often as it names them.

use headframe_protocol::challenge::{ASKED_MAX, Digest, ROUNDS, ReadAt, RowAt};

use crate::parameters::Parameters;

/// Rows and reads that are usually asked for: who left out a tenth is caught with 1 - 0.9^64 = 99.88 %, a twentieth with 96 %.
pub const ASKED: usize = 64;

/// Draws `count` different rows (at most [`ASKED_MAX`]) from 32 fresh random bytes.
#[must_use]
pub fn rows(parameters: Parameters, randomness: &Digest, count: usize) -> Vec<RowAt> {
    let size = parameters.size();
    let places = draw("headframe pog/1 2026 rows to open", randomness, u64::from(size) * u64::from(parameters.products()), count);
    places
        .into_iter()
        .map(|place| RowAt { product: (place / u64::from(size)) as u32, row: (place % u64::from(size)) as u32 })
        .collect()
}

/// Draws `count` different reads (at most [`ASKED_MAX`]) of all rounds from 32 fresh random bytes.
#[must_use]
pub fn reads(reads: u32, randomness: &Digest, count: usize) -> Vec<ReadAt> {
    let places = draw("headframe pog/1 2026 reads to open", randomness, u64::from(reads) * u64::from(ROUNDS), count);
    places
        .into_iter()
        .map(|place| ReadAt { round: (place / u64::from(reads)) as u32, read: (place % u64::from(reads)) as u32 })
        .collect()
}

/// Different places below `end`. What is drawn twice is drawn again; there are always many more places than draws or as many.
fn draw(context: &str, randomness: &Digest, end: u64, count: usize) -> Vec<u64> {
    let count = count.min(ASKED_MAX).min(usize::try_from(end).unwrap_or(ASKED_MAX));
    let mut stream = blake3::Hasher::new_derive_key(context).update(randomness.as_bytes()).finalize_xof();
    let mut places = Vec::with_capacity(count);
    while places.len() < count {
        let mut bytes = [0; 8];
        stream.fill(&mut bytes);
        // Less than 2^29 places: what the remainder favours, it favours by one in 2^35.
        let place = u64::from_le_bytes(bytes) % end;
        if !places.contains(&place) {
            places.push(place);
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_different_and_lie_everywhere() {
        let parameters = Parameters::new(64, 20).expect("within bounds");
        let mut seen = vec![0; 20];
        for byte in 0..100 {
            let mut rows = rows(parameters, &Digest::from_bytes([byte; 32]), ASKED);
            assert!(rows.iter().all(|at| at.product < 20 && at.row < 64));
            for at in &rows {
                seen[at.product as usize] += 1;
            }
            rows.sort();
            rows.dedup();
            assert_eq!(rows.len(), ASKED);
        }
        // 6,400 rows over 20 products: 320 each, with a deviation of 18.
        assert!(seen.iter().all(|count| (210..430).contains(count)), "{seen:?}");
    }

    #[test]
    fn a_few_reads_are_all_asked_for() {
        let mut all = reads(1, &Digest::from_bytes([7; 32]), ASKED);
        all.sort();
        assert_eq!(all, (0..ROUNDS).map(|round| ReadAt { round, read: 0 }).collect::<Vec<_>>());
    }
}
