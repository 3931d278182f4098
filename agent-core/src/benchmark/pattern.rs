//! The numbers that kernels compute with: random enough to draw the power that real ones draw, and known to both sides without being
//! brought. The kernels' own text has the same functions.

/// Mixes 32 bits well: Chris Wellons' `lowbias32`, which was found by search for the least bias.
#[must_use]
pub const fn mix(mut x: u32) -> u32 {
    x ^= x >> 16;
    x = x.wrapping_mul(0x7feb_352d);
    x ^= x >> 15;
    x = x.wrapping_mul(0x846c_a68b);
    x ^ (x >> 16)
}

/// The word at `index` of the pattern of `seed`.
#[must_use]
pub const fn word(seed: u32, index: u32) -> u32 {
    mix(index ^ mix(seed))
}

/// A word as a number in [-1, 1) that single precision holds exactly.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "24 bits fit")]
pub const fn single(word: u32) -> f32 {
    (word >> 8) as f32 / 8_388_608.0 - 1.0
}

/// A word as a number in [-1, 1) that half precision holds exactly.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "11 bits fit")]
pub const fn half(word: u32) -> f32 {
    (word >> 21) as f32 / 1_024.0 - 1.0
}

/// A word as four signed bytes, the lowest first.
#[must_use]
pub const fn bytes(word: u32) -> [i8; 4] {
    let [a, b, c, d] = word.to_le_bytes();
    [a.cast_signed(), b.cast_signed(), c.cast_signed(), d.cast_signed()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_in_their_range_and_spread_over_it() {
        let words: Vec<u32> = (0..4_096).map(|index| word(7, index)).collect();
        for number in [single, half] {
            let numbers: Vec<f32> = words.iter().map(|word| number(*word)).collect();
            assert!(numbers.iter().all(|number| (-1.0..1.0).contains(number)));
            let mean = numbers.iter().sum::<f32>() / 4_096.0;
            assert!(mean.abs() < 0.05, "{mean}");
        }
        assert_ne!(word(7, 0), word(8, 0));
        assert_eq!(bytes(0xff01_807f), [127, -128, 1, -1]);
    }
}
