//! From a seed to matrices, entry by entry: with nothing but 32-bit operations, so that a kernel in any language can make entry
//! (matrix, row, column) where it needs it.
//!
//! Each row has two keys, made by four rounds of mixing each; each pair of columns costs one mixing more. That one is cheap on
//! purpose: a verifier makes all of B on a processor.

use headframe_protocol::challenge::Digest;

use crate::parameters::{FACTOR_MAX, Parameters};

/// Which matrix of a challenge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Matrix {
    /// The first left factor, `A_0`.
    First,
    /// The right factor of every product, `B`.
    Right,
}

/// What has to be known of a seed, as words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seed([u32; 8]);

/// What has to be known of a row to make its entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowKeys {
    /// Added to the column's number before mixing.
    pub start: u32,
    /// Mixed in half-way, so that two rows whose starts lie close together are not shifted copies.
    pub middle: u32,
}

/// Values of a factor's entry: -31 to 31.
const VALUES: u32 = 2 * FACTOR_MAX as u32 + 1;

/// Wellons' constants for mixing 32 bits by two multiplications, found by search for the least bias ("lowbias32", improved set).
const MIX: [u32; 2] = [0x21f0_aaad, 0xd35a_2d97];

impl Seed {
    /// The seed's bytes as eight little-endian words.
    #[must_use]
    pub fn new(seed: &Digest) -> Self {
        let mut words = [0; 8];
        for (word, bytes) in words.iter_mut().zip(seed.as_bytes().chunks_exact(4)) {
            *word = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        }
        Self(words)
    }

    /// The keys of one row. Two rows of a seed never have the same start: each step permutes.
    #[must_use]
    pub fn row_keys(&self, matrix: Matrix, row: u32) -> RowKeys {
        let place = row
            | match matrix {
                Matrix::First => 0,
                Matrix::Right => 1 << 16,
            };
        let folded = |words: &[u32]| words.iter().fold(place, |state, word| mix(state ^ word));
        RowKeys { start: folded(&self.0[..4]), middle: folded(&self.0[4..]) }
    }

    /// One row, as many entries as `entries` has.
    pub fn fill_row(&self, matrix: Matrix, row: u32, entries: &mut [i8]) {
        let keys = self.row_keys(matrix, row);
        for (pair, two) in (0..).zip(entries.chunks_mut(2)) {
            let word = keys.word(pair);
            for (entry, half) in two.iter_mut().zip([word & 0xffff, word >> 16]) {
                *entry = to_entry(half) as i8;
            }
        }
    }

    /// One whole matrix, row after row.
    #[must_use]
    pub fn matrix(&self, matrix: Matrix, parameters: Parameters) -> Vec<i8> {
        let mut entries = vec![0; parameters.rows() * parameters.rows()];
        for (row, slice) in (0..).zip(entries.chunks_exact_mut(parameters.rows())) {
            self.fill_row(matrix, row, slice);
        }
        entries
    }
}

impl RowKeys {
    /// The word of columns `2 * pair` and `2 * pair + 1`: the even column's entry comes of its low half.
    #[must_use]
    #[inline(always)]
    pub const fn word(self, pair: u32) -> u32 {
        let mut x = pair.wrapping_add(self.start);
        x ^= x >> 16;
        x = x.wrapping_mul(MIX[0]);
        x ^= self.middle;
        x ^= x >> 15;
        x = x.wrapping_mul(MIX[1]);
        x ^ (x >> 15)
    }
}

/// Mixes 32 bits; a permutation.
#[must_use]
pub const fn mix(mut x: u32) -> u32 {
    x ^= x >> 16;
    x = x.wrapping_mul(MIX[0]);
    x ^= x >> 15;
    x = x.wrapping_mul(MIX[1]);
    x ^ (x >> 15)
}

/// From 16 bits to an entry. Each of the 63 values has 1,040 or 1,041 of the 65,536 halves.
#[must_use]
#[inline(always)]
pub const fn to_entry(half: u32) -> i32 {
    ((half * VALUES) >> 16) as i32 - FACTOR_MAX
}

/// From an entry of a product to one of the next left factor: the remainder that is never negative, minus 31.
#[must_use]
pub const fn requantised(entry: i32) -> i8 {
    (entry.rem_euclid(VALUES as i32) - FACTOR_MAX) as i8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seed() -> Seed {
        let mut bytes = [0; 32];
        for (at, byte) in (0..).zip(&mut bytes) {
            *byte = at;
        }
        Seed::new(&Digest::from_bytes(bytes))
    }

    #[test]
    fn the_test_vectors_of_the_page_hold() {
        let keys = seed().row_keys(Matrix::Right, 5);
        let mut first = [0; 8];
        let mut right = [0; 8];
        seed().fill_row(Matrix::First, 0, &mut first);
        seed().fill_row(Matrix::Right, 5, &mut right);
        let found = format!("{:08x} {:08x} {:08x} {first:?} {right:?}", mix(1), keys.start, keys.middle);
        assert!(include_str!("../../docs/proof.md").contains(&format!("`{found}`")), "{found}");
    }

    #[test]
    fn remainders_of_negative_numbers_are_not_negative() {
        let cases = [(0, -31), (31, 0), (62, 31), (63, -31), (-1, 31), (-63, -31), (-64, 31), (-8_388_607, 1), (7_872_512, 1)];
        for (entry, expected) in cases {
            assert_eq!(requantised(entry), expected, "{entry}");
            assert_eq!((entry + 8_388_639) % 63 - 31, i32::from(expected), "the way that needs no signs");
        }
    }

    #[test]
    fn entries_are_spread_evenly_and_rows_are_unlike() {
        let parameters = Parameters::new(512, 20).expect("within bounds");
        let entries = seed().matrix(Matrix::Right, parameters);
        let mut counts = [0_u32; 63];
        for entry in &entries {
            counts[usize::try_from(i32::from(*entry) + 31).expect("within -31 and 31")] += 1;
        }
        let expected = entries.len() as f64 / 63.0;
        let chi: f64 = counts.iter().map(|count| (f64::from(*count) - expected).powi(2) / expected).sum();
        // 62 degrees of freedom: beyond 120 lies one seed in a hundred thousand.
        assert!(chi < 120.0, "chi squared is {chi:.1}");
        let mut worst = 0.0_f64;
        for other in 1..512 {
            for shift in [0, 1, 2] {
                let pairs = entries[..512 - shift].iter().zip(&entries[other * 512 + shift..]);
                let sum: i32 = pairs.map(|(a, b)| i32::from(*a) * i32::from(*b)).sum();
                worst = worst.max(f64::from(sum.abs()));
            }
        }
        // A sum of 512 independent products has a deviation of 330.7 * sqrt(512) = 7,482; six of them among 1,533 sums never happen.
        assert!(worst < 45_000.0, "two rows agree by {worst}");
    }
}
