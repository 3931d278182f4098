//! The processor's own small suite: whole numbers, single precision and the PC's memory, by threads. Seconds, not half a minute.

use std::{
    collections::VecDeque,
    hint::black_box,
    sync::{Arc, Barrier},
    time::{Duration, Instant},
};

use headframe_protocol::benchmark::{Accumulator, Figure};

use super::{
    device::{Device, DeviceError, Kernel, Stop},
    pattern,
};

/// Independent chains of a thread, so that it waits for no result: two vector units of eight lanes, with four in flight each.
const LANES: usize = 64;

/// Multiplications in a chain before anything else is looked at.
const ROUNDS: u32 = 64;

/// Words of a thread's part of memory, twice: together more than any cache.
const WORDS: usize = 4 << 20;

/// The processor as a device, so that it is paced, aborted and told of as a card is.
#[derive(Debug)]
pub struct Cores {
    threads: usize,
    words: usize,
}

impl Cores {
    /// With so many threads. `is_brief` takes little memory.
    #[must_use]
    pub fn new(threads: usize, is_brief: bool) -> Self {
        Self { threads: threads.clamp(1, 1_024), words: if is_brief { WORDS / 64 } else { WORDS } }
    }
}

impl Device for Cores {
    fn way(&self) -> &'static str {
        "threads"
    }

    fn figures(&self) -> Vec<Figure> {
        vec![Figure::CpuInteger, Figure::CpuIntegerOneCore, Figure::CpuFloat, Figure::CpuMemory]
    }

    fn accumulator(&self, figure: Figure) -> Option<Accumulator> {
        (figure == Figure::CpuFloat).then_some(Accumulator::Fp32)
    }

    fn prepare(&mut self, figure: Figure, seed: u32, stop: &Stop) -> Result<Box<dyn Kernel + '_>, DeviceError> {
        stop.check()?;
        let (threads, task): (usize, fn(&mut Own, u32)) = match figure {
            Figure::CpuInteger => (self.threads, integers),
            Figure::CpuIntegerOneCore => (1, integers),
            Figure::CpuFloat => (self.threads, floats),
            Figure::CpuMemory => (self.threads, copies),
            other => return Err(DeviceError::Refused(format!("the processor does not measure {}", other.words()))),
        };
        let words = if figure == Figure::CpuMemory { self.words } else { 0 };
        let owns = (0..threads).map(|thread| Own::new(pattern::word(seed, u32::try_from(thread).unwrap_or(0)), words)).collect();
        Ok(Box::new(Threads { figure, task, owns, took: VecDeque::new() }))
    }

    fn claim_bytes_max(&self) -> u64 {
        0
    }

    fn claim(&mut self, _: u64, _: u32, _: &Stop) -> Result<Option<u64>, DeviceError> {
        Ok(None)
    }

    fn recheck(&mut self, _: &Stop) -> Result<(), DeviceError> {
        Ok(())
    }

    fn release(&mut self) {}
}

/// What one thread computes on.
struct Own {
    seed: u32,
    integers: [u32; LANES],
    floats: [f32; LANES],
    from: Vec<u32>,
    to: Vec<u32>,
}

impl Own {
    fn new(seed: u32, words: usize) -> Self {
        let at = |index: usize| pattern::word(seed, u32::try_from(index).unwrap_or(0));
        Self {
            seed,
            integers: std::array::from_fn(at),
            floats: std::array::from_fn(|index| pattern::single(at(index))),
            from: (0..words).map(at).collect(),
            to: vec![u32::MAX; words],
        }
    }
}

struct Threads {
    figure: Figure,
    task: fn(&mut Own, u32),
    owns: Vec<Own>,
    took: VecDeque<Duration>,
}

impl Threads {
    /// Every thread does so many steps; the time is that of the slowest, from when all were there.
    fn run(&mut self, steps: u32) -> Duration {
        let (task, barrier) = (self.task, Arc::new(Barrier::new(self.owns.len())));
        std::thread::scope(|scope| {
            let threads: Vec<_> = self
                .owns
                .iter_mut()
                .map(|own| {
                    let barrier = Arc::clone(&barrier);
                    scope.spawn(move || {
                        barrier.wait();
                        let began = Instant::now();
                        task(own, steps);
                        began.elapsed()
                    })
                })
                .collect();
            threads.into_iter().filter_map(|thread| thread.join().ok()).max().unwrap_or_default()
        })
    }
}

impl Kernel for Threads {
    #[expect(clippy::cast_precision_loss, reason = "as many as there are cores, words and lanes")]
    fn step_work(&self) -> f64 {
        let threads = self.owns.len() as f64;
        let each = match self.figure {
            // Read and written.
            Figure::CpuMemory => self.owns.first().map_or(0.0, |own| (own.from.len() * 4 * 2) as f64),
            // A multiplication and an addition.
            _ => LANES as f64 * f64::from(ROUNDS) * 2.0,
        };
        threads * each
    }

    fn steps_max(&self) -> u32 {
        1 << 20
    }

    fn verify(&mut self, stop: &Stop) -> Result<(), DeviceError> {
        stop.check()?;
        self.run(1);
        let wrong = self.owns.iter().any(|own| !is_right(own, self.figure));
        if wrong {
            Err(DeviceError::Wrong("a thread's result is not that of one number after the other".to_owned()))
        } else {
            Ok(())
        }
    }

    fn submit(&mut self, steps: u32) -> Result<(), DeviceError> {
        let took = self.run(steps);
        self.took.push_back(took);
        Ok(())
    }

    fn wait(&mut self) -> Result<Option<Duration>, DeviceError> {
        Ok(self.took.pop_front())
    }
}

fn integers(own: &mut Own, steps: u32) {
    for _ in 0..steps {
        for _ in 0..ROUNDS {
            for lane in &mut own.integers {
                *lane = next_integer(*lane);
            }
        }
        own.integers = black_box(own.integers);
    }
}

/// A step of the generator of *Numerical Recipes*: one multiplication, one addition, and no way to skip any.
const fn next_integer(x: u32) -> u32 {
    x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223)
}

fn floats(own: &mut Own, steps: u32) {
    for _ in 0..steps {
        for _ in 0..ROUNDS {
            for lane in &mut own.floats {
                *lane = next_float(*lane);
            }
        }
        own.floats = black_box(own.floats);
    }
}

/// Not fused: a processor without the instruction for it would call a function instead. Wanders about in (-2, 2) and never settles.
fn next_float(x: f32) -> f32 {
    x * x - 1.8
}

fn copies(own: &mut Own, steps: u32) {
    for _ in 0..steps {
        own.to.copy_from_slice(&own.from);
        std::mem::swap(&mut own.from, &mut own.to);
        own.to = black_box(std::mem::take(&mut own.to));
    }
}

/// Compares what one step made of fresh numbers with the same done for one number at a time.
fn is_right(own: &Own, figure: Figure) -> bool {
    let fresh = Own::new(own.seed, own.from.len());
    if figure == Figure::CpuMemory {
        return own.from == fresh.from && own.to == fresh.from;
    }
    let chain = |mut x: u32| {
        (0..ROUNDS).for_each(|_| x = black_box(next_integer(x)));
        x
    };
    let wander = |mut x: f32| {
        (0..ROUNDS).for_each(|_| x = black_box(next_float(x)));
        x
    };
    let integers = || own.integers.iter().zip(fresh.integers).all(|(found, from)| *found == chain(from));
    let floats = || own.floats.iter().zip(fresh.floats).all(|(found, from)| found.to_bits() == wander(from).to_bits());
    if figure == Figure::CpuFloat { floats() } else { integers() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::benchmark::suite::{Length, World, measure};

    #[test]
    fn every_figure_of_the_processor_is_measured_and_right() {
        let began = Instant::now();
        let (stop, mut told) = (Stop::default(), 0);
        let world = World { clock: &|| began.elapsed(), stop: &stop, tell: &mut |_| told += 1, seed: 5 };
        let found = measure(&mut [Box::new(Cores::new(2, true))], Length::Brief, world);
        assert_eq!(found.failed, []);
        assert_eq!(found.measured.len(), 4);
        assert!(found.measured.iter().all(|measured| measured.burst.median > 0) && told > 4, "{found:?}");
    }

    #[test]
    fn a_wrong_lane_is_seen() {
        let mut own = Own::new(3, 0);
        integers(&mut own, 1);
        assert!(is_right(&own, Figure::CpuInteger));
        own.integers[17] ^= 1;
        assert!(!is_right(&own, Figure::CpuInteger));
    }
}
