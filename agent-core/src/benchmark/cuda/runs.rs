//! One file per kind of work: what it allocates, how steps of it are submitted, and how its output is checked.
//!
//! Whatever is timed is checked before: outputs start as poison, and after the last slice every place must have been written and
//! sampled places must hold what the processor computes from the same random numbers.

use super::{context::Stream, error::CudaError, session::Session};
use crate::benchmark::device::DeviceError;

pub(super) mod copies;
pub(super) mod fma;
pub(super) mod gemm;
pub(super) mod group_peak;
pub(super) mod peak;
pub(super) mod traffic;

/// Outputs before they are written: as a float not a number, as an integer more than any product here gives (2^28).
pub(super) const POISON: u32 = 0x7FC0_DEAD;

/// Something that can be done in steps, again and again, and whose output can be checked.
pub(super) trait Run {
    /// Operations or bytes of one step, which is the least worth submitting: a wave of blocks, a round of a loop.
    fn step_work(&self) -> f64;

    /// The steps after which every place of the output has been written.
    fn whole(&self) -> u32;

    /// As many steps as take long on any device there is: what a slice never exceeds, even if every clock says it took no time.
    fn most(&self) -> u32;

    /// Submits so many steps.
    fn submit(&mut self, stream: &Stream, steps: u32) -> Result<(), CudaError>;

    /// Makes every output wrong. Submitted before anything that counts.
    fn poison(&mut self, stream: &Stream) -> Result<(), CudaError>;

    /// Looks at the output after the last slice.
    fn check(&mut self, session: &Session) -> Result<Verdict, CudaError>;
}

/// What a check saw.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Verdict {
    /// Places looked at.
    pub(super) checked: u64,
    /// Places that are wrong.
    pub(super) wrong: u64,
}

impl Verdict {
    /// Counts a place.
    pub(super) fn see(&mut self, right: bool) {
        self.checked += 1;
        self.wrong += u64::from(!right);
    }

    /// Fails if any place is wrong: its speed means nothing then.
    pub(super) fn judge(self) -> Result<(), DeviceError> {
        let Self { checked, wrong } = self;
        if wrong > 0 { Err(DeviceError::Wrong(format!("{wrong} of {checked} places"))) } else { Ok(()) }
    }
}

/// Whatever is done over and over, from beginning to end: where the next amount starts.
#[derive(Debug)]
pub(super) struct Ring {
    length: u64,
    at: u64,
}

impl Ring {
    pub(super) fn new(length: u64) -> Self {
        Self { length, at: 0 }
    }

    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Calls `part` with beginning and length of each piece of the next `amount`; a piece never crosses a multiple of `every`.
    pub(super) fn take(
        &mut self,
        mut amount: u64,
        every: u64,
        mut part: impl FnMut(u64, u64) -> Result<(), CudaError>,
    ) -> Result<(), CudaError> {
        while amount > 0 {
            let border = ((self.at / every + 1) * every).min(self.length);
            let piece = amount.min(border - self.at);
            part(self.at, piece)?;
            amount -= piece;
            self.at = (self.at + piece) % self.length;
        }
        Ok(())
    }
}

/// A number of blocks or rounds for the driver. They stay far below its limit of 2^31 - 1: the slices are short.
pub(super) fn word(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_ring_goes_round_in_order_and_stops_at_borders(length in 1_u64..50, every in 1_u64..60, amounts in prop::collection::vec(1_u64..200, 1..20)) {
            let mut ring = Ring::new(length);
            let mut seen = Vec::new();
            for amount in &amounts {
                ring.take(*amount, every, |first, count| {
                    assert!(first / every == (first + count - 1) / every && first + count <= length);
                    seen.extend(first..first + count);
                    Ok(())
                }).expect("nothing here fails");
            }
            let expected: Vec<u64> = (0..amounts.iter().sum()).map(|step| step % length).collect();
            prop_assert_eq!(seen, expected);
        }
    }
}
