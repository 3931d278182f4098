//! Multiply-adds from registers.

use std::time::Duration;

use headframe_agent::benchmark::{
    device::{DeviceError, Kernel, Stop},
    pattern,
};
use headframe_protocol::benchmark::CardClass;

use super::{
    device::{Filling, Gpu},
    programs::{self, CHAIN_STEPS, CHAINS, Params},
    run::{Load, Run},
    slices::Slices,
};

/// Threads of a workgroup.
const THREADS: u32 = 256;

/// Workgroups: more than ten waves of the largest card, so that its last wave hardly counts.
const WORKGROUPS: u32 = 8_192;

/// The same where a program computes.
const WORKGROUPS_OF_SOFTWARE: u32 = 64;

/// Threads whose results are compared.
const COMPARED: u32 = 1_024;

/// Never settles: (c, lowest start, width of starts). The starts lie within the fixed points ±1.93 between which x² - 1.8 stays.
const WANDERING: (f32, f32, f32) = (-1.8, -1.4, 2.8);

/// Settles by a fifth each step, so that the processor's rounding does not drift away, and too slowly for a step left out to be overlooked.
const SETTLING: (f32, f32, f32) = (0.24, 0.0, 0.3);

/// Multiply-adds, ready to run.
struct Fma<'g> {
    run: Run,
    slices: Slices<'g>,
    group: wgpu::BindGroup,
    out: wgpu::Buffer,
    workgroups: u32,
    is_half: bool,
    seed: u32,
}

pub(super) fn prepare(gpu: &Gpu, is_half: bool, seed: u32) -> Result<Box<dyn Kernel + '_>, DeviceError> {
    let workgroups = if gpu.class == CardClass::Software { WORKGROUPS_OF_SOFTWARE } else { WORKGROUPS };
    let run = Run::new(&gpu.device, &programs::fma(is_half), "main", &[Load::Write])?;
    let out = gpu.buffer(u64::from(workgroups * THREADS) * 4)?;
    let group = run.group(&gpu.device, &[&out]);
    Ok(Box::new(Fma { run, slices: Slices::new(gpu)?, group, out, workgroups, is_half, seed }))
}

impl Fma<'_> {
    const fn params(&self, rounds: u32, (c, low, span): (f32, f32, f32)) -> Params {
        Params { first: 0, rounds, width4: 0, depth: 0, tiles: 0, seed: self.seed, c, low, span, left4: 0 }
    }
}

impl Kernel for Fma<'_> {
    fn step_work(&self) -> f64 {
        let lanes = if self.is_half { 2.0 } else { 1.0 };
        f64::from(self.workgroups * THREADS) * f64::from(CHAINS * CHAIN_STEPS) * lanes * 2.0
    }

    fn steps_max(&self) -> u32 {
        1 << 20
    }

    fn verify(&mut self, stop: &Stop) -> Result<(), DeviceError> {
        let gpu = self.slices.gpu();
        gpu.fill(&self.out, Filling::Word(f32::NAN.to_bits()), stop)?;
        let submitted = self.run.dispatch(gpu, &self.group, &[(self.params(1, SETTLING), self.workgroups)])?;
        gpu.finish(Some(submitted))?;
        let (seed, is_half, every) = (self.seed, self.is_half, u64::from(self.workgroups * THREADS / COMPARED));
        gpu.read_all(&self.out, stop, |first, words| {
            for (thread, word) in (first..).zip(words) {
                let found = f32::from_bits(*word);
                if found.is_nan() {
                    return Err(DeviceError::Wrong(format!("thread {thread} computed nothing")));
                }
                let thread_u32 = u32::try_from(thread).unwrap_or(u32::MAX);
                let wanted = if thread % every == 0 { expected(seed, thread_u32, is_half) } else { found };
                let tolerance = if is_half { 8e-3 } else { 1e-4 };
                if (found - wanted).abs() > tolerance {
                    return Err(DeviceError::Wrong(format!("thread {thread} computed {found} instead of {wanted}")));
                }
            }
            Ok(())
        })
    }

    fn submit(&mut self, steps: u32) -> Result<(), DeviceError> {
        let params = self.params(steps, WANDERING);
        let Self { run, slices, group, workgroups, .. } = self;
        run.tell(&slices.gpu().queue, std::iter::once(params));
        slices.submit(|pass| run.record(pass, group, 0, *workgroups))
    }

    fn wait(&mut self) -> Result<Option<Duration>, DeviceError> {
        self.slices.wait()
    }
}

/// What a thread computes in one round, step by step as the card does.
fn expected(seed: u32, thread: u32, is_half: bool) -> f32 {
    let (c, low, span) = SETTLING;
    let round: fn(f32) -> f32 = if is_half { to_half } else { |x| x };
    let c = round(c);
    #[expect(clippy::cast_precision_loss, reason = "24 bits fit")]
    let start = |chain: u32| low + span * ((pattern::word(seed, thread * 16 + chain) >> 8) as f32 / 16_777_216.0);
    let chains = if is_half { CHAINS * 2 } else { CHAINS };
    let end = |chain| (0..CHAIN_STEPS).fold(round(start(chain)), |x, _| round(x.mul_add(x, c)));
    (0..chains).map(end).sum()
}

/// The nearest number that half precision has, for those between its least normal one and 1.
fn to_half(x: f32) -> f32 {
    let exponent = x.abs().max(6.2e-5).log2().floor();
    let step = (exponent - 10.0).exp2();
    (x / step).round_ties_even() * step
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_have_eleven_digits() {
        assert_eq!(to_half(0.24), 0.240_001_03_f32.mul_add(0.0, 0.239_990_23));
        assert_eq!([to_half(0.5), to_half(0.0)], [0.5, 0.0]);
    }

    #[test]
    fn a_round_more_or_less_is_seen() {
        let one_step_less = {
            let (c, low, span) = SETTLING;
            #[expect(clippy::cast_precision_loss, reason = "24 bits fit")]
            let start = |chain: u32| low + span * ((pattern::word(9, 16 * 5 + chain) >> 8) as f32 / 16_777_216.0);
            (0..CHAINS).map(|chain| (1..CHAIN_STEPS).fold(start(chain), |x, _| x.mul_add(x, c))).sum::<f32>()
        };
        assert!((expected(9, 5, false) - one_step_less).abs() > 1e-3);
    }
}
