//! The peak of matrix units: the same fragments multiplied out of registers.

use std::time::Duration;

use headframe_agent::benchmark::{
    device::{DeviceError, Kernel, Stop},
    pattern,
};
use headframe_protocol::benchmark::CardClass;

use super::{
    offer::{Factor, Fragments},
    programs::{LEFTS, REPEATS, RIGHTS},
};
use crate::gpu::{
    device::{FILL_BYTES_MIN, Filling, Gpu},
    programs::Params,
    run::{Load, Run},
    slices::Slices,
};

/// What the kernel reads and writes.
pub(super) const LOADS: [Load; 2] = [Load::Read, Load::Write];

/// Workgroups: some waves of a large card, and no more than results of 128 MiB.
const WORKGROUPS: u32 = 1_024;

/// The same where a program computes.
const WORKGROUPS_OF_SOFTWARE: u32 = 4;

/// Subgroups whose sums the processor computes too.
const COMPARED: u32 = 8;

/// What no sum is: a number that is none, and for whole numbers more than a round can give.
const POISON: u32 = 0x7fc0_dead;

/// Products out of registers, ready to run.
pub(super) struct Peak<'g> {
    run: Run,
    slices: Slices<'g>,
    group: wgpu::BindGroup,
    out: wgpu::Buffer,
    fragments: Fragments,
    workgroups: u32,
    subgroups: u32,
    seed: u32,
}

impl<'g> Peak<'g> {
    pub(super) fn new(
        gpu: &'g Gpu,
        run: Run,
        (fragments, subgroups): (Fragments, u32),
        seed: u32,
        stop: &Stop,
    ) -> Result<Self, DeviceError> {
        let workgroups = if gpu.class == CardClass::Software { WORKGROUPS_OF_SOFTWARE } else { WORKGROUPS };
        let all = u64::from(workgroups * subgroups);
        let factors =
            gpu.buffer((all * u64::from(lines(fragments) * fragments.line_bytes())).next_multiple_of(FILL_BYTES_MIN))?;
        let filling = match fragments.factor {
            Factor::Half => Filling::Halves(seed),
            Factor::Bytes => Filling::Words(seed),
        };
        gpu.fill(&factors, filling, stop)?;
        let out = gpu.buffer((all * u64::from(sums(fragments)) * 4).next_multiple_of(FILL_BYTES_MIN))?;
        let group = run.group(&gpu.device, &[&factors, &out]);
        Ok(Self { run, slices: Slices::new(gpu)?, group, out, fragments, workgroups, subgroups, seed })
    }

    /// Whether what a subgroup wrote is what its factors give.
    fn compare(&self, subgroup: u32, found: &[u32]) -> Result<(), DeviceError> {
        for (found, at) in found.iter().zip(0..) {
            let (wanted, tolerance) = expected(self.fragments, self.seed, subgroup, at);
            let found = match self.fragments.factor {
                Factor::Half => f64::from(f32::from_bits(*found)),
                Factor::Bytes => f64::from(found.cast_signed()),
            };
            if (found - wanted).abs() > tolerance || found.is_nan() {
                return Err(DeviceError::Wrong(format!("sum {at} of subgroup {subgroup} is {found} instead of {wanted}")));
            }
        }
        Ok(())
    }
}

/// Lines of all factors of a subgroup.
const fn lines(fragments: Fragments) -> u32 {
    LEFTS * fragments.rows + RIGHTS * fragments.columns
}

/// Numbers that a subgroup writes.
const fn sums(fragments: Fragments) -> u32 {
    LEFTS * RIGHTS * fragments.rows * fragments.columns
}

/// Number `at` of what a subgroup writes after one round, and how far it may be off.
pub(super) fn expected(fragments: Fragments, seed: u32, subgroup: u32, at: u32) -> (f64, f64) {
    let Fragments { factor, rows, columns, depth } = fragments;
    let (product, row, column) = (at / (rows * columns), at / columns % rows, at % columns);
    let first = subgroup * lines(fragments);
    let left = (first + product / RIGHTS * rows + row) * depth;
    let right = (first + LEFTS * rows + product % RIGHTS * columns + column) * depth;
    let number = |index: u32| match factor {
        Factor::Half => f64::from(pattern::half(pattern::word(seed, index))),
        Factor::Bytes => f64::from(pattern::bytes(pattern::word(seed, index / 4))[index as usize % 4]),
    };
    let terms = (0..depth).map(|k| number(left + k) * number(right + k));
    let (sum, magnitude) = terms.fold((0.0, 0.0), |(sum, magnitude), term| (sum + term, magnitude + f64::abs(term)));
    let times = f64::from(REPEATS);
    let tolerance = match factor {
        // Each of the additions may cut off 2^-21 of what is there by then.
        Factor::Half => times * magnitude * times * 2_f64.powi(-21),
        Factor::Bytes => 0.0,
    };
    (times * sum, tolerance)
}

impl Kernel for Peak<'_> {
    fn step_work(&self) -> f64 {
        let Fragments { rows, columns, depth, .. } = self.fragments;
        let each = 2.0 * f64::from(rows * columns * depth) * f64::from(LEFTS * RIGHTS * REPEATS);
        f64::from(self.workgroups * self.subgroups) * each
    }

    fn steps_max(&self) -> u32 {
        1 << 16
    }

    fn verify(&mut self, stop: &Stop) -> Result<(), DeviceError> {
        let gpu = self.slices.gpu();
        gpu.fill(&self.out, Filling::Word(POISON), stop)?;
        let submitted = self.run.dispatch(gpu, &self.group, &[(Params { rounds: 1, ..Params::default() }, self.workgroups)])?;
        gpu.finish(Some(submitted))?;
        let all = self.workgroups * self.subgroups;
        let each = sums(self.fragments);
        let written = u64::from(all) * u64::from(each);
        gpu.read_all(&self.out, stop, |first, words| match words.iter().position(|word| *word == POISON) {
            Some(at) if first + (at as u64) < written => Err(DeviceError::Wrong(format!("sum {at} was not computed"))),
            Some(_) | None => Ok(()),
        })?;
        for sample in 0..COMPARED {
            stop.check()?;
            let subgroup = pattern::word(self.seed ^ 0x5eed, sample) % all;
            let bytes = u64::from(each) * 4;
            self.compare(subgroup, &gpu.read(&self.out, u64::from(subgroup) * bytes, bytes)?)?;
        }
        Ok(())
    }

    fn submit(&mut self, steps: u32) -> Result<(), DeviceError> {
        let Self { run, slices, group, workgroups, .. } = self;
        run.tell(&slices.gpu().queue, std::iter::once(Params { rounds: steps, ..Params::default() }));
        slices.submit(|pass| run.record(pass, group, 0, *workgroups))
    }

    fn wait(&mut self) -> Result<Option<Duration>, DeviceError> {
        self.slices.wait()
    }
}
