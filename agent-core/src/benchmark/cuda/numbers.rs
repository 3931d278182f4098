//! Random numbers that device and processor agree on word for word: the same as `kernels/device.h`.
//!
//! Any word is known without the others, so a result of gigabytes is checked from a few rows, and nothing is copied to the device.

/// What the words of a buffer are. The numbers are those of `device.h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Numbers {
    /// Every bit random: bytes from -128 to 127, or words to be moved around.
    Raw = 0,
    /// One float. Floats have magnitudes from 1/16 to 1: four exponents, every bit of the fraction random.
    F32 = 1,
    /// Two of IEEE's half width.
    F16 = 2,
    /// Two with the exponent of a float and 7 bits of fraction.
    Bf16 = 3,
}

impl Numbers {
    /// Elements in a word; of raw words, bytes.
    pub(super) const fn per_word(self) -> u64 {
        match self {
            Self::Raw => 4,
            Self::F32 => 1,
            Self::F16 | Self::Bf16 => 2,
        }
    }

    /// The number for the kernels.
    pub(super) const fn code(self) -> u32 {
        self as u32
    }

    /// One word.
    pub(super) const fn word(self, seed: u64, index: u64) -> u32 {
        let w = random_word(seed, index);
        match self {
            Self::Raw => w,
            Self::F32 => (w & 0x807F_FFFF) | ((126 - ((w >> 23) & 3)) << 23),
            Self::F16 => (w & 0x83FF_83FF) | ((14 - ((w >> 10) & 3)) << 10) | ((14 - ((w >> 26) & 3)) << 26),
            Self::Bf16 => (w & 0x807F_807F) | ((126 - ((w >> 7) & 3)) << 7) | ((126 - ((w >> 23) & 3)) << 23),
        }
    }

    /// The value of one element of a word, exactly.
    pub(super) fn value(self, word: u32, element: u64) -> f64 {
        match self {
            Self::Raw => f64::from((word >> (8 * element)) as u8 as i8),
            Self::F32 => f64::from(f32::from_bits(word)),
            Self::F16 => half((word >> (16 * element)) as u16),
            Self::Bf16 => f64::from(f32::from_bits((word >> (16 * element)) << 16)),
        }
    }

    /// Whether a sum, as the device keeps it, is what it should be: whole numbers exactly, floats within what their additions cut off.
    pub(super) fn agrees(self, found: u32, expected: f64, tolerance: impl FnOnce() -> f64) -> bool {
        match self {
            Self::Raw => f64::from(found.cast_signed()) == expected,
            Self::F32 | Self::F16 | Self::Bf16 => (f64::from(f32::from_bits(found)) - expected).abs() <= tolerance(),
        }
    }

    /// The value of the element of this index in the seed's sequence.
    pub(super) fn at(self, seed: u64, index: u64) -> f64 {
        self.value(self.word(seed, index / self.per_word()), index % self.per_word())
    }
}

/// Splitmix64's finisher (Steele, Lea, Flood 2014) over a counter; its upper half.
pub(super) const fn random_word(seed: u64, index: u64) -> u32 {
    let mut z = seed.wrapping_add((index + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((z ^ (z >> 31)) >> 32) as u32
}

/// A normal number of half width; ours are never anything else.
fn half(bits: u16) -> f64 {
    let fraction = 1.0 + f64::from(bits & 0x3FF) / 1024.0;
    let magnitude = fraction * 2_f64.powi(i32::from((bits >> 10) & 31) - 15);
    if bits & 0x8000 == 0 { magnitude } else { -magnitude }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_normal_and_between_a_sixteenth_and_one() {
        for numbers in [Numbers::F32, Numbers::F16, Numbers::Bf16] {
            let all: Vec<f64> = (0..4096).map(|index| numbers.at(7, index)).collect();
            assert!(all.iter().all(|value| (0.0625..1.0).contains(&value.abs())), "{numbers:?}");
            let mean = all.iter().sum::<f64>() / 4096.0;
            assert!(mean.abs() < 0.05, "{numbers:?} lean to one side: {mean}");
        }
    }

    #[test]
    fn a_half_is_what_ieee_says() {
        assert_eq!([half(0x3C00), half(0xB800), half(0x3555)], [1.0, -0.5, 1365.0 / 4096.0]);
    }
}
