//! A device as the suite sees it: which figures it has, and slices of one.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use headframe_protocol::benchmark::{Accumulator, Figure};

use super::{Device, Kernel, claims, context::Event, kernels::Generation, numbers::Numbers, runs::Run, session::Session};
use crate::benchmark::{
    device::{self, DeviceError, Stop},
    pace::Pace,
};

impl device::Device for Device {
    fn way(&self) -> &'static str {
        "cuda"
    }

    fn figures(&self) -> Vec<Figure> {
        let Some(generation) = Generation::of(self.facts.capability) else { return Vec::new() };
        let is_there = |figure: &Figure| match Kernel::of(*figure) {
            // Turing's tensor cores know no bf16.
            Some(kernel) => generation != Generation::Turing || kernel.numbers() != Numbers::Bf16,
            None => matches!(figure, Figure::Upload | Figure::Download),
        };
        Figure::ALL.into_iter().filter(is_there).collect()
    }

    fn accumulator(&self, figure: Figure) -> Option<Accumulator> {
        match Kernel::of(figure)? {
            Kernel::FmaF32 | Kernel::PeakF16 | Kernel::PeakBf16 | Kernel::GemmF32 | Kernel::GemmF16 | Kernel::GemmBf16 => {
                Some(Accumulator::Fp32)
            }
            Kernel::PeakI8 | Kernel::GemmI8 => Some(Accumulator::Int32),
            Kernel::Read | Kernel::Copy | Kernel::Write => None,
        }
    }

    fn prepare(&mut self, figure: Figure, seed: u32, stop: &Stop) -> Result<Box<dyn device::Kernel + '_>, DeviceError> {
        stop.check()?;
        let session = self.session()?;
        session.sow(seed);
        let run = self.run(session, figure)?;
        // Filling is submitted and not waited for: it would be in the first slice.
        session.stream.wait()?;
        Ok(Box::new(Slices { session, run, under_way: VecDeque::new(), spare: Vec::new() }))
    }

    fn claim_bytes_max(&self) -> u64 {
        let is_shared = self.facts.integrated == Some(true);
        let told = self.session().and_then(|session| claims::bytes_max(session, is_shared));
        told.unwrap_or_else(|error| {
            tracing::debug!(%error, "A card did not say what memory is free");
            0
        })
    }

    fn claim(&mut self, bytes: u64, seed: u32, stop: &Stop) -> Result<Option<u64>, DeviceError> {
        stop.check()?;
        self.session()?;
        let Some(session) = self.session.get() else { return Ok(None) };
        self.claims.claim(session, bytes, seed)
    }

    fn recheck(&mut self, stop: &Stop) -> Result<(), DeviceError> {
        self.claims.recheck(self.session()?, stop)
    }

    fn release(&mut self) {
        self.claims.release();
    }
}

/// One figure's work on the device's stream, in slices between two events.
struct Slices<'s> {
    run: Box<dyn Run + 's>,
    session: &'s Session,
    under_way: VecDeque<(Event, Event)>,
    spare: Vec<(Event, Event)>,
}

impl device::Kernel for Slices<'_> {
    fn step_work(&self) -> f64 {
        self.run.step_work()
    }

    fn steps_max(&self) -> u32 {
        self.run.most()
    }

    /// In slices too: all of a product can take longer than an owner waits.
    fn verify(&mut self, stop: &Stop) -> Result<(), DeviceError> {
        self.run.poison(&self.session.stream)?;
        let (mut pace, mut done) = (Pace::new(self.run.most()), 0_u32);
        while done < self.run.whole() {
            stop.check()?;
            let (steps, began) = (pace.steps(), Instant::now());
            self.submit(steps)?;
            self.wait()?;
            pace.adjust(began.elapsed());
            done = done.saturating_add(steps);
        }
        self.run.check(self.session)?.judge()
    }

    fn submit(&mut self, steps: u32) -> Result<(), DeviceError> {
        let Self { run, session: Session { context, stream, .. }, under_way, spare } = self;
        let (from, to) = match spare.pop() {
            Some(events) => events,
            None => (Event::new(context)?, Event::new(context)?),
        };
        from.record(stream)?;
        run.submit(stream, steps)?;
        to.record(stream)?;
        under_way.push_back((from, to));
        Ok(())
    }

    fn wait(&mut self) -> Result<Option<Duration>, DeviceError> {
        let Some((from, to)) = self.under_way.pop_front() else { return Ok(None) };
        to.wait()?;
        let took = to.since(&from)?;
        self.spare.push((from, to));
        Ok((!took.is_zero()).then_some(took))
    }
}
