//! What a measurement gives.

use std::time::Duration;

use super::{Kernel, Slice, slices::Timed};

/// Slices at the beginning that do not count: one of so many.
const DISCARDED: usize = 5;
/// By how much, of a hundred, the device's clock and ours may differ before ours is believed.
const CLOCKS_APART: f64 = 5.0;

/// Whose clock a rate is by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// The device's, slice by slice.
    Device,
    /// The PC's, over everything: the device's disagreed with it.
    Wall,
}

/// A kernel's speed on a device. Its results were checked; wrong ones are an error and no measurement.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// What was measured.
    pub kernel: Kernel,
    /// Operations or bytes per second: the median of the slices by the device's clock, or all work by the PC's.
    pub per_second: f64,
    /// Whose clock that is by.
    pub clock: Clock,
    /// Every slice, the first ones too.
    pub slices: Vec<Slice>,
    /// From the first submission to the last answer.
    pub wall: Duration,
    /// Places of the output that were compared with what they must hold.
    pub checked: u64,
}

impl Measured {
    pub(super) fn new(kernel: Kernel, timed: Timed, checked: u64) -> Self {
        let Timed { slices, wall } = timed;
        let by_device: f64 = slices.iter().map(|slice| slice.time.as_secs_f64()).sum();
        let by_wall = wall.as_secs_f64();
        let agree = (by_device - by_wall).abs() * 100.0 <= by_wall * CLOCKS_APART;
        let (clock, per_second) = if agree {
            (Clock::Device, median(&slices[slices.len() / DISCARDED..]))
        } else {
            (Clock::Wall, slices.iter().map(|slice| slice.work).sum::<f64>() / by_wall.max(1e-9))
        };
        Self { kernel, per_second, clock, slices, wall, checked }
    }
}

fn median(slices: &[Slice]) -> f64 {
    let mut rates: Vec<f64> = slices.iter().map(|slice| slice.work / slice.time.as_secs_f64().max(1e-9)).collect();
    rates.sort_unstable_by(f64::total_cmp);
    rates.get(rates.len() / 2).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timed(milliseconds: &[u64], wall: u64) -> Timed {
        let slices = milliseconds.iter().map(|ms| Slice { work: 1e9, time: Duration::from_millis(*ms) }).collect();
        Timed { slices, wall: Duration::from_millis(wall) }
    }

    #[test]
    fn the_median_of_what_came_after_the_first_fifth_counts() {
        let measured = Measured::new(Kernel::FmaF32, timed(&[40, 10, 10, 10, 20], 91), 1);
        assert_eq!((measured.clock, measured.per_second), (Clock::Device, 1e11));
    }

    #[test]
    fn a_device_whose_clock_stands_still_is_measured_by_ours() {
        let measured = Measured::new(Kernel::FmaF32, timed(&[0, 0, 0, 0], 40), 1);
        assert_eq!((measured.clock, measured.per_second), (Clock::Wall, 1e11));
    }
}
