//! What many slices say together. Medians throughout: one slice in which the desktop drew a window says nothing about the card.

use std::time::Duration;

use headframe_protocol::benchmark::Spread;

/// The part of the slices that only warm the card up.
const WARM_UP: f64 = 0.2;

/// How much the card's own clock may differ from ours before ours is believed.
const CLOCKS_DIFFER_MAX: f64 = 0.05;

/// The noise of a card that nobody else uses is below this: three hundredths of standard deviation, were it the bell curve.
pub(super) const QUIET: f64 = 0.04;

/// One slice that was computed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Slice {
    /// Operations or bytes.
    pub(super) work: f64,
    /// By the card's clock, where it has a credible one.
    pub(super) device: Option<Duration>,
    /// From the end of the slice before to the end of this one, by ours.
    pub(super) wall: Duration,
}

/// Rates of slices, without those that warmed up.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Rates(Vec<f64>);

impl Rates {
    /// By the card's clock if it agrees with ours, else by ours: a card whose clock stands still or runs wild is still measured.
    pub(super) fn of(slices: &[Slice]) -> Self {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a part of a few thousand"
        )]
        let cold = (slices.len() as f64 * WARM_UP) as usize;
        let warm = &slices[cold..];
        let wall: Duration = warm.iter().map(|slice| slice.wall).sum();
        let device: Option<Duration> = warm.iter().map(|slice| slice.device).sum();
        let agrees = |device: &Duration| {
            let differs = (device.as_secs_f64() - wall.as_secs_f64()).abs() / wall.as_secs_f64().max(1e-9);
            differs < CLOCKS_DIFFER_MAX
        };
        let by_device = device.filter(agrees).is_some();
        let time = |slice: &Slice| slice.device.filter(|_| by_device).unwrap_or(slice.wall);
        let mut rates: Vec<f64> = warm
            .iter()
            .map(|slice| slice.work / time(slice).as_secs_f64())
            .filter(|rate| rate.is_finite() && *rate > 0.0)
            .collect();
        rates.sort_by(f64::total_cmp);
        Self(rates)
    }

    /// Half of what lies between the slow tenth and the quick tenth, as a part of the median. Nothing measured is as noisy as can be.
    ///
    /// Not the median deviation: a card that a game has every other slice has two rates, and half of the slices lie exactly on the median.
    pub(super) fn noise(&self) -> f64 {
        match (self.at(0.1), self.at(0.5), self.at(0.9)) {
            (Some(slow), Some(median), Some(quick)) => (quick - slow) / 2.0 / median,
            _ => f64::INFINITY,
        }
    }

    /// Nothing if nothing was measured.
    pub(super) fn spread(&self) -> Option<Spread> {
        let at = |part| self.at(part).map(whole);
        let slices = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        Some(Spread { median: at(0.5)?, p10: at(0.1)?, p90: at(0.9)?, slices })
    }

    /// The rate below which this part of the slices lies.
    fn at(&self, part: f64) -> Option<f64> {
        let last = self.0.len().checked_sub(1)?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a part of a few thousand"
        )]
        let index = (last as f64 * part).round() as usize;
        self.0.get(index).copied()
    }
}

/// A rate as reports have it. No rate comes near 2^64.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a cast of a float saturates, and rates are positive"
)]
pub(super) const fn whole(rate: f64) -> u64 {
    rate.round() as u64
}

/// Spearman's rank correlation of pairs: 1 if one grows whenever the other does, -1 if it falls, 0 if there is no telling. Ties share their
/// mean rank (C. Spearman, 1904; computed as Pearson's correlation of ranks). Absent below three pairs, and where one side is all the same.
#[must_use]
pub fn rank_correlation(pairs: &[(f64, f64)]) -> Option<f64> {
    if pairs.len() < 3 {
        return None;
    }
    let (a, b): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
    let (a, b) = (ranks(&a), ranks(&b));
    #[expect(clippy::cast_precision_loss, reason = "as many as there are machines")]
    let mean = (a.len() as f64 + 1.0) / 2.0;
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - mean) * (b - mean)).sum::<f64>();
    let scale = (product(&a, &a) * product(&b, &b)).sqrt();
    (scale > 0.0).then(|| product(&a, &b) / scale)
}

fn ranks(values: &[f64]) -> Vec<f64> {
    let rank = |value: f64| {
        let below = values.iter().filter(|other| **other < value).count();
        let same = values.iter().filter(|other| other.total_cmp(&value).is_eq()).count();
        #[expect(clippy::cast_precision_loss, reason = "as many as there are machines")]
        let rank = below as f64 + (same as f64 + 1.0) / 2.0;
        rank
    };
    values.iter().map(|value| rank(*value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slices(rates: &[f64], device: Option<f64>) -> Vec<Slice> {
        let time = Duration::from_millis(10);
        rates.iter().map(|rate| Slice { work: rate * 0.01, device: device.map(|part| time.mul_f64(part)), wall: time }).collect()
    }

    #[test]
    fn the_start_is_not_counted_and_the_middle_is_told() {
        let spread =
            Rates::of(&slices(&[1.0, 1.0, 60.0, 70.0, 80.0, 90.0, 100.0, 75.0, 85.0, 80.0], None)).spread().expect("measured");
        assert_eq!((spread.median, spread.p10, spread.p90, spread.slices), (80, 70, 90, 8));
        assert!(Rates::of(&[]).spread().is_none() && Rates::of(&[]).noise().is_infinite());
    }

    #[test]
    fn a_card_whose_clock_stands_still_is_measured_by_ours() {
        let median = |device| Rates::of(&slices(&[100.0; 10], device)).spread().expect("measured").median;
        assert_eq!([median(Some(0.98)), median(Some(0.0)), median(Some(0.5)), median(None)], [102, 100, 100, 100]);
    }

    #[test]
    fn a_busy_card_is_noisy_and_one_hiccup_is_not() {
        let quiet: Vec<f64> = (0..50).map(|n| if n == 30 { 10.0 } else { 100.0 + f64::from(n % 3) }).collect();
        let busy: Vec<f64> = (0..50).map(|n| 60.0 + f64::from(n * 7 % 40)).collect();
        assert!(Rates::of(&slices(&quiet, None)).noise() < QUIET);
        assert!(Rates::of(&slices(&busy, None)).noise() > QUIET);
        let shared: Vec<f64> = (0..50).map(|n| if n % 2 == 0 { 100.0 } else { 40.0 }).collect();
        assert!(Rates::of(&slices(&shared, None)).noise() > QUIET);
    }

    #[test]
    fn ranks_correlate_by_order_alone() {
        let close =
            |pairs: &[(f64, f64)], wanted: f64| rank_correlation(pairs).is_some_and(|found| (found - wanted).abs() < 1e-9);
        assert!(close(&[(1.0, 10.0), (2.0, 1_000.0), (3.0, 1_001.0)], 1.0));
        assert!(close(&[(1.0, 3.0), (2.0, 2.0), (3.0, 1.0)], -1.0));
        // By hand: d² = 0 + 1 + 1 + 0, so 1 - 6·2 / (4·15).
        assert!(close(&[(1.0, 1.0), (2.0, 3.0), (3.0, 2.0), (4.0, 4.0)], 0.8));
        assert_eq!(rank_correlation(&[(1.0, 1.0), (2.0, 2.0)]), None);
        assert_eq!(rank_correlation(&[(1.0, 1.0), (1.0, 2.0), (1.0, 3.0)]), None);
    }
}
