//! What is measured of a card, in which order, and when a figure is believed. Knows no library and no clock but what it is given.

use std::{collections::VecDeque, time::Duration};

use headframe_protocol::benchmark::{Accumulator, Failed, Figure, MeasureStage, Measured, Outcome, Progress};

pub use super::plan::Length;
use super::{
    device::{Device, DeviceError, Kernel, Stop},
    pace::Pace,
    plan::{Part, Plan, Times, is_of_processor, stage},
    spread::{QUIET, Rates, Slice},
};

mod memory;

/// Slices handed over and not waited for. Two keep a card busy; each one more is 12 ms that an owner waits.
const DEPTH: usize = 2;

/// Tries to find the size of a slice. Growing fourfold each time, ten reach a million steps.
const PACING_SLICES_MAX: usize = 40;

/// Noise beyond which a card is not noisy but somebody else's.
const IN_USE: f64 = 0.25;

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Findings {
    /// How it ended.
    pub outcome: Outcome,
    /// What was measured and verified.
    pub measured: Vec<Measured>,
    /// What was not.
    pub failed: Vec<Failed>,
    /// Memory that a program can have.
    pub usable_vram_bytes: Option<u64>,
}

/// What a measurement needs of the world.
pub struct World<'a> {
    /// The time since some moment.
    pub clock: &'a dyn Fn() -> Duration,
    /// Whether somebody wants the card back.
    pub stop: &'a Stop,
    /// Hears how far it is.
    pub tell: &'a mut dyn FnMut(Progress),
    /// Where the numbers begin that are computed with; another one each time.
    pub seed: u32,
}

impl std::fmt::Debug for World<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World").field("seed", &self.seed).finish_non_exhaustive()
    }
}

/// Measures one card by all `devices` that compute on it; the first that offers a figure measures it.
pub fn measure(devices: &mut [Box<dyn Device>], length: Length, world: World<'_>) -> Findings {
    let figures: Vec<Figure> = Figure::ALL.into_iter().filter(|figure| way_to(devices, *figure).is_some()).collect();
    let plan = Plan::new(&figures, length.times());
    let findings = Findings { outcome: Outcome::Done, measured: Vec::new(), failed: Vec::new(), usable_vram_bytes: None };
    let began = (world.clock)();
    Run { devices, length, times: length.times(), plan, world, began, findings }.run()
}

fn way_to(devices: &[Box<dyn Device>], figure: Figure) -> Option<usize> {
    devices.iter().position(|device| device.figures().contains(&figure))
}

struct Run<'a, 'w> {
    devices: &'a mut [Box<dyn Device>],
    length: Length,
    times: Times,
    plan: Plan,
    world: World<'w>,
    began: Duration,
    findings: Findings,
}

/// Why nothing more is measured.
enum End {
    Outcome(Outcome),
}

impl Run<'_, '_> {
    fn run(mut self) -> Findings {
        for part in self.plan.parts() {
            if let Err(End::Outcome(outcome)) = self.part(part) {
                self.findings.outcome = outcome;
                break;
            }
            self.plan.end(part);
        }
        self.findings
    }

    fn part(&mut self, part: Part) -> Result<(), End> {
        let figure = match part.stage {
            MeasureStage::Probe | MeasureStage::Burst | MeasureStage::Product | MeasureStage::Transfer => part.figure,
            MeasureStage::Sustained => self.worth_sustaining(),
            MeasureStage::Memory => return self.memory(part),
        };
        let Some(figure) = figure else { return Ok(()) };
        match self.figure(part, figure) {
            Ok(rates) => self.found(part, figure, &rates),
            Err(error) => self.failed(figure, error),
        }
    }

    /// The quickest product that a score may use.
    fn worth_sustaining(&self) -> Option<Figure> {
        let products = self.findings.measured.iter().filter(|measured| {
            stage(measured.figure) == MeasureStage::Product && measured.accumulator == Some(Accumulator::Fp32)
        });
        products.max_by_key(|measured| measured.burst.median).map(|measured| measured.figure)
    }

    fn figure(&mut self, part: Part, figure: Figure) -> Result<Rates, DeviceError> {
        let Self { devices, times, plan, world, began, .. } = self;
        let Some(device) = way_to(devices, figure).and_then(|at| devices.get_mut(at)) else { return Ok(Rates::of(&[])) };
        let begun = (world.clock)();
        let mut tell = |world: &mut World<'_>, now: Duration| {
            let told = plan.progress(part, Some(figure), now.saturating_sub(begun), now.saturating_sub(*began));
            (world.tell)(told);
        };
        tell(world, begun);
        world.seed = super::pattern::mix(world.seed);
        let mut kernel = device.prepare(figure, world.seed, world.stop)?;
        // What was verified a moment ago is the same program.
        if part.stage != MeasureStage::Sustained {
            kernel.verify(world.stop)?;
        }
        let mut flow = Flow { kernel: &mut *kernel, pace: None, world, tell: &mut tell };
        flow.find_pace()?;
        let budget = match part.stage {
            MeasureStage::Probe => times.probe,
            MeasureStage::Burst => times.burst,
            MeasureStage::Product => times.product,
            MeasureStage::Transfer => times.transfer,
            MeasureStage::Sustained | MeasureStage::Memory => times.sustained,
        };
        let warm = flow.slices(times.warm)?;
        flow.set_pace_by(&warm);
        let mut slices = flow.slices(budget)?;
        if part.stage == MeasureStage::Sustained {
            // The first half is the burst of a cool card; what counts is what it keeps.
            slices.drain(..slices.len() / 2);
        } else if Rates::of(&slices).noise() > QUIET {
            slices.extend(flow.slices(budget / 2)?);
        }
        Ok(Rates::of(&slices))
    }

    fn found(&mut self, part: Part, figure: Figure, rates: &Rates) -> Result<(), End> {
        let (Some(spread), Some(device)) = (rates.spread(), way_to(self.devices, figure).map(|at| &self.devices[at])) else {
            return Ok(());
        };
        match part.stage {
            // Figures of software and of the processor scatter with whatever else the PC does, and have no score that could be wrong.
            MeasureStage::Probe if rates.noise() > IN_USE && self.length == Length::Full && !is_of_processor(figure) => {
                return Err(End::Outcome(Outcome::InUse { program: None }));
            }
            MeasureStage::Probe | MeasureStage::Memory => {}
            MeasureStage::Burst | MeasureStage::Product | MeasureStage::Transfer => self.findings.measured.push(Measured {
                figure,
                way: device.way().to_owned(),
                accumulator: device.accumulator(figure),
                burst: spread,
                sustained: None,
                noisy: rates.noise() > QUIET,
            }),
            MeasureStage::Sustained => {
                if let Some(measured) = self.findings.measured.iter_mut().find(|measured| measured.figure == figure) {
                    measured.sustained = Some(spread);
                }
            }
        }
        Ok(())
    }

    /// A card that is gone or wanted ends everything; a figure that cannot be had ends itself.
    fn failed(&mut self, figure: Figure, error: DeviceError) -> Result<(), End> {
        match error {
            DeviceError::Stopped => Err(End::Outcome(Outcome::Aborted)),
            DeviceError::Lost(message) => Err(End::Outcome(Outcome::DriverReset { during: figure.words().to_owned(), message })),
            DeviceError::OutOfMemory | DeviceError::Wrong(_) | DeviceError::Refused(_) => {
                let way = way_to(self.devices, figure).map_or("", |at| self.devices[at].way()).to_owned();
                if !self.findings.failed.iter().any(|failed| failed.figure == figure) {
                    self.findings.failed.push(Failed { figure, way, message: error.to_string() });
                }
                Ok(())
            }
        }
    }
}

/// Slices of one kernel, one after the other.
struct Flow<'a, 'k, 'w, T> {
    kernel: &'a mut (dyn Kernel + 'k),
    pace: Option<Pace>,
    world: &'a mut World<'w>,
    tell: &'a mut T,
}

impl<T: FnMut(&mut World<'_>, Duration)> Flow<'_, '_, '_, T> {
    fn pace(&self) -> Pace {
        self.pace.unwrap_or_else(|| Pace::new(self.kernel.steps_max()))
    }

    fn find_pace(&mut self) -> Result<(), DeviceError> {
        let mut pace = self.pace();
        for _ in 0..PACING_SLICES_MAX {
            self.world.stop.check()?;
            let before = (self.world.clock)();
            self.kernel.submit(pace.steps())?;
            self.kernel.wait()?;
            let took = (self.world.clock)().saturating_sub(before);
            if pace.is_set(took) {
                break;
            }
            pace.adjust(took);
        }
        self.pace = Some(pace);
        Ok(())
    }

    /// Once more after warming up: the clocks are those that will be measured.
    fn set_pace_by(&mut self, warm: &[Slice]) {
        let mut walls: Vec<Duration> = warm.iter().map(|slice| slice.wall).collect();
        walls.sort_unstable();
        let mut pace = self.pace();
        if let Some(median) = walls.get(walls.len() / 2).filter(|median| !pace.is_set(**median)) {
            pace.adjust(*median);
        }
        self.pace = Some(pace);
    }

    fn slices(&mut self, budget: Duration) -> Result<Vec<Slice>, DeviceError> {
        let mut pace = self.pace();
        let (mut slices, mut waiting) = (Vec::new(), VecDeque::with_capacity(DEPTH));
        let began = (self.world.clock)();
        let mut before = began;
        loop {
            while waiting.len() < DEPTH && (self.world.clock)().saturating_sub(began) < budget {
                self.world.stop.check()?;
                self.kernel.submit(pace.steps())?;
                waiting.push_back(pace.steps());
            }
            let Some(steps) = waiting.pop_front() else { break };
            let device = self.kernel.wait()?;
            let now = (self.world.clock)();
            let wall = now.saturating_sub(before);
            before = now;
            slices.push(Slice { work: self.kernel.step_work() * f64::from(steps), device, wall });
            pace.restrain(steps, wall);
            (self.tell)(self.world, now);
        }
        self.pace = Some(pace);
        Ok(slices)
    }
}

#[cfg(test)]
mod tests;
