//! Between the PC's pinned memory and the card's, by whatever engine the driver copies with.

use std::time::Duration;

use headframe_agent::benchmark::{
    device::{DeviceError, Kernel, Stop},
    pattern,
};
use headframe_protocol::benchmark::{CardClass, Figure};

use super::{
    device::{Filling, Gpu},
    slices::Slices,
};

/// The least that is copied at once.
const STEP_BYTES: u64 = 256 << 10;

/// Pinned memory; a slice goes through all of it again and again.
const BYTES: u64 = 256 << 20;

/// The same where a program computes.
const BYTES_OF_SOFTWARE: u64 = 8 << 20;

/// The largest slice, as a multiple of the pinned memory.
const ROUNDS_MAX: u64 = 16;

/// The pattern that lies in the pinned memory is this long and repeats: a processor fills it in a moment.
const REPEATED_BYTES: u64 = 1 << 20;

struct Transfer<'g> {
    slices: Slices<'g>,
    figure: Figure,
    pinned: wgpu::Buffer,
    card: wgpu::Buffer,
    cursor: u64,
    seed: u32,
}

pub(super) fn prepare<'g>(gpu: &'g Gpu, figure: Figure, seed: u32, stop: &Stop) -> Result<Box<dyn Kernel + 'g>, DeviceError> {
    let bytes = if gpu.class == CardClass::Software { BYTES_OF_SOFTWARE } else { BYTES };
    let usage = match figure {
        Figure::Upload => wgpu::BufferUsages::MAP_WRITE | wgpu::BufferUsages::COPY_SRC,
        _ => wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
    };
    let card = gpu.buffer(bytes)?;
    let pinned = pinned(gpu, bytes, usage, figure, seed, stop)?;
    gpu.fill(&card, Filling::Words(seed), stop)?;
    Ok(Box::new(Transfer { slices: Slices::new(gpu)?, figure, pinned, card, cursor: 0, seed }))
}

/// Pinned memory full of the pattern, or, where it will be written to, of poison.
fn pinned(
    gpu: &Gpu,
    bytes: u64,
    usage: wgpu::BufferUsages,
    figure: Figure,
    seed: u32,
    stop: &Stop,
) -> Result<wgpu::Buffer, DeviceError> {
    let descriptor = wgpu::BufferDescriptor { label: None, size: bytes, usage, mapped_at_creation: true };
    let pinned = gpu.guarded(|device| device.create_buffer(&descriptor))?;
    let words: Vec<u32> = (0..u32::try_from(REPEATED_BYTES / 4).unwrap_or(0))
        .map(|index| if figure == Figure::Upload { pattern::word(seed ^ 1, index) } else { 0xdead_beef })
        .collect();
    for offset in (0..bytes).step_by(REPEATED_BYTES as usize) {
        stop.check()?;
        let part = pinned.get_mapped_range_mut(offset..offset + REPEATED_BYTES);
        let mut part = part.map_err(|error| DeviceError::Refused(error.to_string()))?;
        part.copy_from_slice(bytemuck::cast_slice(&words));
    }
    pinned.unmap();
    Ok(pinned)
}

impl Transfer<'_> {
    /// Every word as it must have arrived.
    fn compare(&self, first: u64, words: &[u32]) -> Result<(), DeviceError> {
        let repeated = REPEATED_BYTES / 4;
        for (at, found) in (first..).zip(words) {
            let wanted = match self.figure {
                Figure::Upload => pattern::word(self.seed ^ 1, u32::try_from(at % repeated).unwrap_or(0)),
                _ => pattern::word(self.seed, u32::try_from(at).unwrap_or(0)),
            };
            if *found != wanted {
                return Err(DeviceError::Wrong(format!("word {at} arrived as {found:08x} and was {wanted:08x}")));
            }
        }
        Ok(())
    }

    /// Looks into the pinned memory itself: what the engine copied, not what another copy makes of it.
    fn read_pinned(&self, stop: &Stop) -> Result<(), DeviceError> {
        self.pinned.map_async(wgpu::MapMode::Read, .., |_| ());
        self.slices.gpu().finish(None)?;
        let looked = self.pinned.get_mapped_range(..).map_err(|error| DeviceError::Lost(error.to_string())).and_then(|mapped| {
            for (index, part) in (0..).zip(mapped.chunks(REPEATED_BYTES as usize)) {
                stop.check()?;
                self.compare(index * REPEATED_BYTES / 4, &bytemuck::pod_collect_to_vec::<u8, u32>(part))?;
            }
            Ok(())
        });
        self.pinned.unmap();
        looked
    }
}

impl Kernel for Transfer<'_> {
    #[expect(clippy::cast_precision_loss, reason = "a few hundred KiB")]
    fn step_work(&self) -> f64 {
        STEP_BYTES as f64
    }

    fn steps_max(&self) -> u32 {
        u32::try_from(self.pinned.size() / STEP_BYTES * ROUNDS_MAX).unwrap_or(u32::MAX)
    }

    fn verify(&mut self, stop: &Stop) -> Result<(), DeviceError> {
        let gpu = self.slices.gpu();
        if self.figure == Figure::Upload {
            gpu.fill(&self.card, Filling::Word(0xdead_beef), stop)?;
        }
        self.cursor = 0;
        let all = u32::try_from(self.pinned.size() / STEP_BYTES).unwrap_or(u32::MAX);
        for _ in 0..4 {
            stop.check()?;
            self.submit(all / 4)?;
            self.wait()?;
        }
        if self.figure == Figure::Upload {
            return gpu.read_all(&self.card, stop, |first, words| self.compare(first, words));
        }
        self.read_pinned(stop)
    }

    fn submit(&mut self, steps: u32) -> Result<(), DeviceError> {
        let Self { slices, figure, pinned, card, cursor, .. } = self;
        let mut left = u64::from(steps) * STEP_BYTES;
        slices.submit_copies(|encoder| {
            while left > 0 {
                let bytes = left.min(pinned.size() - *cursor);
                let (from, to) = if *figure == Figure::Upload { (&*pinned, &*card) } else { (&*card, &*pinned) };
                encoder.copy_buffer_to_buffer(from, *cursor, to, *cursor, bytes);
                *cursor = (*cursor + bytes) % pinned.size();
                left -= bytes;
            }
        })
    }

    fn wait(&mut self) -> Result<Option<Duration>, DeviceError> {
        self.slices.wait()
    }
}
