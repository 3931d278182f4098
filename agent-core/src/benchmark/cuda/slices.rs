//! Work in slices that are short enough for whoever else uses the card, timed by the device's own clock.
//!
//! A slice is at most 15 ms by measured time: a driver that restarts devices which do not answer waits 2 s, a screen 16 ms, and
//! an owner who comes back should not notice. Two slices are under way at a time, so the device never waits for us, and
//! raising the flag ends everything within two slices.

use std::{
    collections::VecDeque,
    rc::Rc,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use super::{
    context::{Context, Event, Stream},
    error::CudaError,
};

/// What a slice should take.
const SLICE: Duration = Duration::from_millis(12);
/// What a slice may take before the next ones are made smaller at once.
const SLICE_MAX: Duration = Duration::from_millis(15);
/// From here on a time is long enough to compute with; below, an amount is doubled.
const TRUSTED: Duration = Duration::from_millis(3);
/// Slices under way.
const DEPTH: usize = 2;
/// Until an idle device's clocks are where they stay under load.
const WARM_UP: Duration = Duration::from_millis(300);

/// A piece of work that was timed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Slice {
    /// Operations or bytes.
    pub work: f64,
    /// How long the device took.
    pub time: Duration,
}

/// Something that can be done in any amount, again and again.
pub(super) trait Run {
    /// The smallest amount worth submitting, of which every amount is a multiple: a wave of blocks, a round of a loop.
    fn step(&self) -> u64;

    /// The amount after which every place of the output has been written.
    fn whole(&self) -> u64;

    /// An amount that takes long on any device there is: what a slice never exceeds, even if every clock says it took no time.
    fn most(&self) -> u64;

    /// Submits an amount and returns its work in operations or bytes.
    fn submit(&mut self, stream: &Stream, amount: u64) -> Result<f64, CudaError>;
}

/// How much to submit at a time.
#[derive(Debug)]
struct Pace {
    step: u64,
    most: u64,
    amount: u64,
}

impl Pace {
    fn new(step: u64, most: u64) -> Self {
        Self { step, most: most.max(step), amount: step }
    }

    /// Learns from a slice. Only a slice that is much too short or too long changes the amount: one that follows every
    /// flicker of the clock would measure itself.
    fn learn(&mut self, amount: u64, took: Duration) {
        if took < TRUSTED {
            self.amount = self.amount.max(amount.saturating_mul(2).min(self.most / self.step * self.step));
        } else if took > SLICE_MAX || took < SLICE * 3 / 4 {
            let fits = amount as f64 * SLICE.as_secs_f64() / took.as_secs_f64();
            self.amount = (fits.min(self.most as f64) as u64 / self.step).max(1) * self.step;
        }
    }
}

/// What was timed.
#[derive(Debug)]
pub(super) struct Timed {
    /// In their order.
    pub(super) slices: Vec<Slice>,
    /// From the first submission to the last answer.
    pub(super) wall: Duration,
}

/// A slice that was submitted.
struct UnderWay {
    from: Event,
    to: Event,
    amount: u64,
    work: f64,
}

/// Runs slices on one stream.
pub(super) struct Slices<'a> {
    context: &'a Rc<Context>,
    stream: &'a Stream,
    abort: &'a AtomicBool,
    pace: Pace,
    under_way: VecDeque<UnderWay>,
    spare: Vec<(Event, Event)>,
}

impl<'a> Slices<'a> {
    pub(super) fn new(context: &'a Rc<Context>, stream: &'a Stream, abort: &'a AtomicBool, run: &dyn Run) -> Self {
        let pace = Pace::new(run.step(), run.most());
        Self { context, stream, abort, pace, under_way: VecDeque::new(), spare: Vec::new() }
    }

    /// Runs until the device's clocks and the slices' amount have settled; nothing of it counts. The amount is found here with
    /// one slice at a time, from a single step up.
    pub(super) fn settle(&mut self, run: &mut dyn Run, limit: Duration) -> Result<(), CudaError> {
        let started = Instant::now();
        loop {
            let (amount, submitted) = (self.pace.amount, Instant::now());
            self.submit(run)?;
            let took = self.finish_oldest()?.time.max(submitted.elapsed() / 2);
            // Half of our own time, which has the driver's and the system's in it: a device whose clock stands still must not
            // be given ever more.
            self.pace.learn(amount, took);
            let settled = took >= TRUSTED && self.pace.amount == amount;
            let elapsed = started.elapsed();
            // A device whose times jump is measured as it is, and the slices show it.
            if (settled && elapsed >= WARM_UP.min(limit)) || elapsed >= 4 * WARM_UP {
                return Ok(());
            }
        }
    }

    /// Runs for as long as `budget` says, and until the output is whole.
    pub(super) fn time(&mut self, run: &mut dyn Run, budget: Duration) -> Result<Timed, CudaError> {
        let (mut slices, mut amount, started) = (Vec::new(), 0, Instant::now());
        while started.elapsed() < budget || amount < run.whole() {
            if self.under_way.len() == DEPTH {
                slices.push(self.finish_oldest()?);
            }
            amount += self.pace.amount;
            self.submit(run)?;
        }
        while !self.under_way.is_empty() {
            slices.push(self.finish_oldest()?);
        }
        Ok(Timed { slices, wall: started.elapsed() })
    }

    fn submit(&mut self, run: &mut dyn Run) -> Result<(), CudaError> {
        // Before every submission and nowhere else: what is under way is waited for when its buffers are freed.
        if self.abort.load(Ordering::Relaxed) {
            return Err(CudaError::CalledOff);
        }
        let (from, to) = match self.spare.pop() {
            Some(events) => events,
            None => (Event::new(self.context)?, Event::new(self.context)?),
        };
        let amount = self.pace.amount;
        from.record(self.stream)?;
        let work = run.submit(self.stream, amount)?;
        to.record(self.stream)?;
        self.under_way.push_back(UnderWay { from, to, amount, work });
        Ok(())
    }

    fn finish_oldest(&mut self) -> Result<Slice, CudaError> {
        let UnderWay { from, to, amount, work } =
            self.under_way.pop_front().expect("a slice was submitted before it is finished");
        to.wait()?;
        let time = to.since(&from)?;
        self.spare.push((from, to));
        if time >= TRUSTED {
            self.pace.learn(amount, time);
        }
        Ok(Slice { work, time })
    }
}

/// Fails if the flag is up. For work that is not in slices.
pub(super) fn heed(abort: &AtomicBool) -> Result<(), CudaError> {
    if abort.load(Ordering::Relaxed) { Err(CudaError::CalledOff) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// On any device, from a card of a decade ago to one of the next, a dozen slices find the amount.
        #[test]
        fn slices_settle_below_the_limit(step_nanoseconds in 1_u64..12_000_000, step in 1_u64..5_000) {
            let nanoseconds_per_unit = step_nanoseconds.div_ceil(step);
            let mut pace = Pace::new(step, u64::MAX);
            let mut times = Vec::new();
            for _ in 0..60 {
                let took = Duration::from_nanos(pace.amount * nanoseconds_per_unit);
                times.push(took);
                pace.learn(pace.amount, took);
            }
            prop_assert!(times.iter().all(|took| *took <= SLICE_MAX), "{times:?}");
            let last = times[times.len() - 1];
            prop_assert!(last >= SLICE / 2 || nanoseconds_per_unit * step * 2 > 12_000_000, "{last:?}");
            prop_assert!(pace.amount.is_multiple_of(step));
        }
    }

    #[test]
    fn a_device_that_slows_down_gets_smaller_slices_at_once() {
        let mut pace = Pace { step: 10, most: 10_000, amount: 1_000 };
        pace.learn(1_000, Duration::from_millis(120));
        assert_eq!(pace.amount, 100);
        pace.learn(100, Duration::from_millis(500));
        assert_eq!(pace.amount, 10, "a step is the least there is");
    }
}
