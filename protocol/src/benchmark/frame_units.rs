//! Frame Units: what a card's figures are worth, against an RTX 4090's. The formula, its weights and where the reference figures come from are
//! published in `docs/frame-units.md`; a test keeps that page and this file the same.

use super::{Accumulator, Benchmark, Figure, Outcome, Subject};

/// What the reference card is worth, by definition.
const REFERENCE_UNITS: f64 = 1_000.0;

/// What a figure counts at least, as a part of the reference. One that is missing counts this: leaving a figure out never pays, and one
/// broken kernel does not make a good card worthless.
const RATIO_MIN: f64 = 0.01;

/// A product that was not seen to be sustained counts as this part of its burst, which is less than any cooled card sustains.
const UNSUSTAINED: f64 = 0.5;

/// A figure that counts, and how much.
#[derive(Debug, Clone, Copy)]
pub struct Scored {
    /// Its name in the published table.
    pub name: &'static str,
    /// Its part of the score; all parts together are 1.
    pub weight: f64,
    /// What an RTX 4090 reaches: operations or bytes a second, or bytes.
    pub reference: f64,
    value: fn(&Benchmark) -> Option<f64>,
}

/// The published table.
pub const REFERENCE: [Scored; 6] = [
    Scored { name: "half-precision product, sustained", weight: 0.35, reference: 148.7e12, value: half },
    Scored { name: "memory read", weight: 0.25, reference: 937.4e9, value: |of| burst(of, Figure::MemoryRead) },
    Scored { name: "single-precision product", weight: 0.15, reference: 49.6e12, value: |of| burst(of, Figure::GemmFp32) },
    Scored { name: "byte product", weight: 0.05, reference: 561.5e12, value: bytes },
    Scored {
        name: "usable memory",
        weight: 0.15,
        reference: 23.0 * 1_073_741_824.0,
        value: |of| of.usable_vram_bytes.map(approximate),
    },
    Scored { name: "transfer, the slower way", weight: 0.05, reference: 25.2e9, value: transfer },
];

/// The score: the weighted geometric mean of figures over the reference's, times 1,000, rounded. Absent for what has no score: software, the
/// processor, and a run that was not finished.
///
/// It grows with every figure and never by leaving one out.
#[must_use]
pub fn frame_units(of: &Benchmark) -> Option<u32> {
    let scored = match &of.subject {
        Subject::Card(card) => card.is_scored(),
        Subject::Cpu(_) => false,
    };
    if !scored || of.outcome != Outcome::Done {
        return None;
    }
    let exponent: f64 = REFERENCE.iter().map(|scored| scored.weight * scored.ratio(of).ln()).sum();
    let units = (REFERENCE_UNITS * exponent.exp()).round();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a cast of a float saturates, and this one is positive"
    )]
    Some(units as u32)
}

/// Thousandths of a Frame Unit per watt, where the card told what it drew.
#[must_use]
pub fn milli_units_per_watt(fu: u32, milliwatts: u32) -> Option<u32> {
    let per_watt = u64::from(fu) * 1_000_000 / u64::from(if milliwatts == 0 { return None } else { milliwatts });
    u32::try_from(per_watt).ok()
}

impl Scored {
    fn ratio(&self, of: &Benchmark) -> f64 {
        let ratio = (self.value)(of).unwrap_or(0.0) / self.reference;
        ratio.max(RATIO_MIN)
    }
}

fn burst(of: &Benchmark, figure: Figure) -> Option<f64> {
    of.best(figure).map(|measured| approximate(measured.burst.median))
}

/// Half-precision work may be done in half precision, in bfloat16 or, by a card that is quicker so, in single precision. Sums in single
/// precision only: half the digits at twice the rate is another product.
fn half(of: &Benchmark) -> Option<f64> {
    let fit = of.measured.iter().filter(|measured| {
        let product = matches!(measured.figure, Figure::GemmFp16 | Figure::GemmBf16 | Figure::GemmFp32);
        product && measured.accumulator == Some(Accumulator::Fp32)
    });
    let values = fit.map(|measured| {
        let sustained = measured.sustained.map_or(0.0, |sustained| approximate(sustained.median));
        sustained.max(approximate(measured.burst.median) * UNSUSTAINED)
    });
    values.max_by(f64::total_cmp)
}

/// Products of bytes can be computed in half precision too.
fn bytes(of: &Benchmark) -> Option<f64> {
    [burst(of, Figure::GemmInt8), half(of)].into_iter().flatten().max_by(f64::total_cmp)
}

/// A job waits for both directions.
fn transfer(of: &Benchmark) -> Option<f64> {
    burst(of, Figure::Upload).zip(burst(of, Figure::Download)).map(|(up, down)| up.min(down))
}

/// Rates have fewer digits than these conversions keep.
#[expect(clippy::cast_precision_loss, reason = "53 bits are more digits than any rate was measured to")]
const fn approximate(whole: u64) -> f64 {
    whole as f64
}

#[cfg(test)]
mod tests;
