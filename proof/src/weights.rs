//! The arithmetic of the check (Freivalds, 1977), modulo the prime p = 2^31 - 1.
//!
//! If `C = A·B` then `C·r = A·(B·r)` for every vector r. If a row of C is wrong, a random r that its maker did not know hides that
//! with a chance of 1 in p. `B·r` takes one pass over B, which is made row by row and never kept.

use headframe_protocol::challenge::Digest;

use crate::{
    expand::{Matrix, RowKeys, Seed, to_entry},
    parameters::Parameters,
};

/// The prime. Larger than twice any entry, so that different entries stay different.
const P: i64 = (1 << 31) - 1;

/// Pairs of columns that are made at a time: they stay in the nearest cache.
const PAIRS: usize = 512;

/// Columns of such a block. 1,024 products of 5 and 15 bits fit into 32.
const COLUMNS: usize = 2 * PAIRS;

/// Bits of the lower half of a weight. The upper half has 16 with its sign, so that both fit into 16-bit lanes.
const LOW_BITS: u32 = 15;

/// Entries of a product that are summed before the remainder is taken: 512 times 2^23 times 2^30 is 2^62.
const SUMMED: usize = 512;

/// A secret vector r.
#[derive(Debug)]
pub(crate) struct Weights {
    /// As numbers around zero, -2^30 < r < 2^30.
    balanced: Vec<i32>,
    /// The same, split for making and summing a block at once. Filled up with zeros.
    blocks: Vec<Block>,
}

/// A block's weights, even columns apart from odd ones: in this order entries come out of the words without being shuffled.
#[derive(Debug)]
struct Block {
    low: [[i16; PAIRS]; 2],
    high: [[i16; PAIRS]; 2],
}

impl Weights {
    /// The vector that follows from 32 secret random bytes; `lane` tells several of one secret apart.
    pub(crate) fn draw(parameters: Parameters, secret: &Digest, lane: u8) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("headframe pog/1 2026 secret weights");
        let mut stream = hasher.update(secret.as_bytes()).update(&[lane]).finalize_xof();
        let mut balanced = Vec::with_capacity(parameters.rows());
        while balanced.len() < parameters.rows() {
            let mut bytes = [0; 4];
            stream.fill(&mut bytes);
            let weight = i64::from(u32::from_le_bytes(bytes) >> 1);
            // The prime itself is zero once more; drawn again, every remainder is as likely as any other.
            if weight != P {
                balanced.push(if weight > P / 2 { weight - P } else { weight } as i32);
            }
        }
        let blocks = balanced.chunks(COLUMNS).map(Block::of).collect();
        Self { balanced, blocks }
    }

    /// A row of a product times r, modulo p.
    pub(crate) fn times_product(&self, mut row: impl Iterator<Item = i32>) -> u32 {
        let mut total = 0;
        for weights in self.balanced.chunks(SUMMED) {
            let sum: i64 = weights.iter().zip(&mut row).map(|(weight, entry)| i64::from(*weight) * i64::from(entry)).sum();
            total = (total + sum) % P;
        }
        remainder(total)
    }
}

impl Block {
    fn of(weights: &[i32]) -> Self {
        let mut block = Self { low: [[0; PAIRS]; 2], high: [[0; PAIRS]; 2] };
        for (column, weight) in weights.iter().enumerate() {
            let (parity, pair) = (column % 2, column / 2);
            block.low[parity][pair] = (weight & ((1 << LOW_BITS) - 1)) as i16;
            block.high[parity][pair] = (weight >> LOW_BITS) as i16;
        }
        block
    }
}

/// `B·r` modulo p for each r: one pass over B, of which one block exists at a time.
pub(crate) fn right_times(seed: &Seed, parameters: Parameters, all: &[Weights]) -> Vec<Vec<u32>> {
    let mut images: Vec<Vec<u32>> = all.iter().map(|_| Vec::with_capacity(parameters.rows())).collect();
    let mut entries = [[0; PAIRS]; 2];
    for row in 0..parameters.size() {
        let keys = seed.row_keys(Matrix::Right, row);
        let mut sums = [0; 2];
        for block in 0..parameters.rows().div_ceil(COLUMNS) {
            expand(keys, (block * PAIRS) as u32, &mut entries);
            for (sum, weights) in sums.iter_mut().zip(all) {
                *sum += times(&entries, &weights.blocks[block]);
            }
        }
        for (image, sum) in images.iter_mut().zip(sums) {
            image.push(remainder(sum));
        }
    }
    images
}

/// A row of a left factor times `B·r`, modulo p.
pub(crate) fn times_image(row: impl Iterator<Item = i8>, image: &[u32]) -> u32 {
    // 16,384 products of 5 and 31 bits are less than 2^50.
    remainder(row.zip(image).map(|(entry, image)| i64::from(entry) * i64::from(*image)).sum())
}

fn expand(keys: RowKeys, first: u32, entries: &mut [[i16; PAIRS]; 2]) {
    let [even, odd] = entries;
    for pair in 0..PAIRS {
        let word = keys.word(first.wrapping_add(pair as u32));
        even[pair] = to_entry(word & 0xffff) as i16;
        odd[pair] = to_entry(word >> 16) as i16;
    }
}

fn times(entries: &[[i16; PAIRS]; 2], block: &Block) -> i64 {
    let half = |weights: &[[i16; PAIRS]; 2]| i64::from(dot(&entries[0], &weights[0])) + i64::from(dot(&entries[1], &weights[1]));
    half(&block.low) + (half(&block.high) << LOW_BITS)
}

/// Of 512 products of at most 31 and 2^15: less than 2^29.
fn dot(entries: &[i16; PAIRS], weights: &[i16; PAIRS]) -> i32 {
    entries.iter().zip(weights).fold(0, |sum: i32, (entry, weight)| sum.wrapping_add(i32::from(*entry) * i32::from(*weight)))
}

fn remainder(value: i64) -> u32 {
    value.rem_euclid(P) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fast_way_through_b_is_the_plain_one() {
        // 64 fills a part of one block, 1,088 one block and a part of another.
        for size in [64, 1_088] {
            let parameters = Parameters::new(size, 20).expect("within bounds");
            let seed = Seed::new(&Digest::from_bytes([3; 32]));
            let all: Vec<_> = (0..2).map(|lane| Weights::draw(parameters, &Digest::from_bytes([9; 32]), lane)).collect();
            assert_ne!(all[0].balanced, all[1].balanced);
            let images = right_times(&seed, parameters, &all);
            let right = seed.matrix(Matrix::Right, parameters);
            for (weights, image) in all.iter().zip(&images) {
                for (row, found) in right.chunks_exact(parameters.rows()).zip(image) {
                    let plain: i128 = row.iter().zip(&weights.balanced).map(|(a, r)| i128::from(*a) * i128::from(*r)).sum();
                    assert_eq!(i128::from(*found), plain.rem_euclid(i128::from(P)));
                }
            }
        }
    }

    #[test]
    fn sums_do_not_overflow_at_the_edges() {
        let parameters = Parameters::new(16_384, 20).expect("within bounds");
        let weights = Weights { balanced: vec![-(1 << 30) + 1; 16_384], blocks: Vec::new() };
        let edge = parameters.entry_max();
        let expected = i128::from(edge) * (-(1_i128 << 30) + 1) * 16_384;
        assert_eq!(i128::from(weights.times_product(std::iter::repeat_n(edge, 16_384))), expected.rem_euclid(i128::from(P)));
        let image = vec![(P - 1) as u32; 16_384];
        let expected = -31_i128 * i128::from(P - 1) * 16_384;
        assert_eq!(i128::from(times_image(std::iter::repeat_n(-31, 16_384), &image)), expected.rem_euclid(i128::from(P)));
        let block = Block::of(&[-(1 << 30) + 1; COLUMNS]);
        assert_eq!(times(&[[31; PAIRS]; 2], &block), 31 * (-(1 << 30) + 1) * COLUMNS as i64);
    }
}
