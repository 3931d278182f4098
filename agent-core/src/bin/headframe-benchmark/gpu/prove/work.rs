//! A challenge's dispatches, cut into slices so short that a desktop keeps moving and whoever wants the card back has it at once.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use headframe_agent::benchmark::device::{DeviceError, Stop};

use super::{
    super::{
        device::Gpu,
        programs::Words,
        run::{DISPATCHES_MAX, Run},
        slices::Slices,
    },
    text::{self, NAMES, Name},
};

/// How long a slice is meant to take, in milliseconds; a half more is as long as one may.
const SLICE_MS: f64 = 10.0;

/// Slices on their way at once.
const DEPTH: usize = 2;

/// So many workgroups a millisecond nobody doubts: one in a slice.
const FIRST_RATE: f64 = 1.0 / SLICE_MS;

/// The most workgroups of a dispatch, by WebGPU's rules.
const WORKGROUPS_MAX: u32 = 65_535;

/// A slice says how fast a kernel is. A faster one is believed only so far: a card that idles looks slower than it is, never faster.
const FASTER_MAX: f64 = 8.0;

/// What is on its way, and how fast each kernel was.
pub(super) struct Work<'g> {
    slices: Slices<'g>,
    stop: Stop,
    runs: [Run; NAMES],
    /// Workgroups a millisecond.
    rates: [f64; NAMES],
    next: Vec<Dispatch>,
    /// What is in `next` will take so long.
    next_ms: f64,
    under_way: VecDeque<Sent>,
    waited: Instant,
}

struct Dispatch {
    kernel: Name,
    group: wgpu::BindGroup,
    words: Words,
    workgroups: u32,
}

/// One slice as it was estimated.
struct Sent {
    at: Instant,
    /// The kernel with the largest part, its workgroups, and its part of the time.
    most: Option<(Name, u32, f64)>,
}

impl<'g> Work<'g> {
    pub(super) fn new(gpu: &'g Gpu, stop: Stop) -> Result<Self, DeviceError> {
        Ok(Self {
            slices: Slices::new(gpu)?,
            stop,
            runs: text::compile(gpu)?,
            rates: [FIRST_RATE; NAMES],
            next: Vec::new(),
            next_ms: 0.0,
            under_way: VecDeque::new(),
            waited: Instant::now(),
        })
    }

    pub(super) const fn gpu(&self) -> &'g Gpu {
        self.slices.gpu()
    }

    /// Waits until memory that nobody uses any more is given back, and forgets how fast kernels were: with matrices of another size each workgroup
    /// takes another time.
    pub(super) fn begin_anew(&mut self) -> Result<(), DeviceError> {
        self.next.clear();
        self.next_ms = 0.0;
        self.finish()?;
        self.gpu().finish(None)?;
        self.rates = [FIRST_RATE; NAMES];
        Ok(())
    }

    pub(super) fn group(&self, kernel: Name, buffers: &[&wgpu::Buffer]) -> wgpu::BindGroup {
        self.runs[kernel as usize].group(&self.gpu().device, buffers)
    }

    /// From now on the reading kernel sees so many buffers.
    pub(super) fn see(&mut self, shelves: u32) -> Result<(), DeviceError> {
        self.runs[Name::Reads as usize] = text::reading(self.gpu(), shelves)?;
        Ok(())
    }

    /// Hands so many workgroups to the card, after what was handed over before. `words` are told the first of a dispatch.
    pub(super) fn run<W: Into<Words>>(
        &mut self,
        kernel: Name,
        group: &wgpu::BindGroup,
        workgroups: u32,
        words: impl Fn(u32) -> W,
    ) -> Result<(), DeviceError> {
        let mut first = 0;
        while first < workgroups {
            let rate = self.rates[kernel as usize];
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "positive, and cut at the most there may be"
            )]
            let fits = ((SLICE_MS - self.next_ms) * rate) as u32;
            let same = self.next.iter().filter(|dispatch| dispatch.kernel == kernel).count();
            if !self.next.is_empty() && (fits == 0 || same == DISPATCHES_MAX) {
                self.submit()?;
                continue;
            }
            let count = fits.clamp(1, WORKGROUPS_MAX).min(workgroups - first);
            self.next_ms += f64::from(count) / rate;
            self.next.push(Dispatch { kernel, group: group.clone(), words: words(first).into(), workgroups: count });
            first += count;
        }
        Ok(())
    }

    /// Waits until all that was handed over is done.
    pub(super) fn finish(&mut self) -> Result<(), DeviceError> {
        self.submit()?;
        while !self.under_way.is_empty() {
            self.wait()?;
        }
        Ok(())
    }

    fn submit(&mut self) -> Result<(), DeviceError> {
        self.stop.check()?;
        if self.next.is_empty() {
            return Ok(());
        }
        while self.under_way.len() >= DEPTH {
            self.wait()?;
        }
        // The wish may have come meanwhile.
        self.stop.check()?;
        let dispatches = std::mem::take(&mut self.next);
        let mut slots = [0; NAMES];
        let of = |kernel: usize| dispatches.iter().filter(move |dispatch| dispatch.kernel as usize == kernel);
        for (kernel, run) in self.runs.iter().enumerate() {
            if of(kernel).next().is_some() {
                run.tell(&self.slices.gpu().queue, of(kernel).map(|dispatch| dispatch.words));
            }
        }
        let runs = &self.runs;
        self.slices.submit(|pass| {
            for Dispatch { kernel, group, workgroups, .. } in &dispatches {
                let slot = &mut slots[*kernel as usize];
                runs[*kernel as usize].record(pass, group, *slot, *workgroups);
                *slot += 1;
            }
        })?;
        let most = self.most(&dispatches);
        self.under_way.push_back(Sent { at: Instant::now(), most });
        self.next_ms = 0.0;
        Ok(())
    }

    /// The kernel that has at least half of these dispatches' time.
    fn most(&self, dispatches: &[Dispatch]) -> Option<(Name, u32, f64)> {
        let ms = |dispatch: &Dispatch| f64::from(dispatch.workgroups) / self.rates[dispatch.kernel as usize];
        let all: f64 = dispatches.iter().map(ms).sum();
        dispatches.iter().find_map(|Dispatch { kernel, .. }| {
            let same = || dispatches.iter().filter(|other| other.kernel == *kernel);
            let part = same().map(ms).sum::<f64>() / all;
            (part >= 0.5).then(|| (*kernel, same().map(|dispatch| dispatch.workgroups).sum(), part))
        })
    }

    fn wait(&mut self) -> Result<(), DeviceError> {
        let Some(sent) = self.under_way.pop_front() else { return Ok(()) };
        let took = self.slices.wait()?;
        // It began when it was sent, or when the one before it ended.
        let by_clock = self.waited.max(sent.at).elapsed();
        self.waited = Instant::now();
        if let Some((kernel, workgroups, part)) = sent.most {
            let took = took.unwrap_or(by_clock).max(Duration::from_micros(1)).as_secs_f64() * 1e3 * part;
            let rate = &mut self.rates[kernel as usize];
            *rate = (f64::from(workgroups) / took).min(*rate * FASTER_MAX);
        }
        Ok(())
    }
}
