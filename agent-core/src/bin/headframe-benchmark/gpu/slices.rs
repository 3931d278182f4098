//! Slices on their way to the card and back, each with the card's own times of its beginning and end.

use std::{collections::VecDeque, time::Duration};

use headframe_agent::benchmark::device::DeviceError;

use super::device::Gpu;

/// Slices that may be on their way; the suite has two.
const SLOTS: usize = 3;

/// Where the card puts times must begin at a multiple of this.
const ALIGNED: u64 = wgpu::QUERY_RESOLVE_BUFFER_ALIGNMENT;

/// Two times of eight bytes.
const TIMES_BYTES: u64 = 16;

pub(super) struct Slices<'g> {
    gpu: &'g Gpu,
    times: Option<Times>,
    waiting: VecDeque<(wgpu::SubmissionIndex, usize)>,
    next: usize,
}

struct Times {
    queries: wgpu::QuerySet,
    resolved: wgpu::Buffer,
    read: [wgpu::Buffer; SLOTS],
}

impl<'g> Slices<'g> {
    pub(super) fn new(gpu: &'g Gpu) -> Result<Self, DeviceError> {
        let times = if gpu.timestamps { Some(Times::new(gpu)?) } else { None };
        Ok(Self { gpu, times, waiting: VecDeque::with_capacity(SLOTS), next: 0 })
    }

    pub(super) const fn gpu(&self) -> &'g Gpu {
        self.gpu
    }

    /// Submits one pass of what `record` says.
    pub(super) fn submit(&mut self, record: impl FnOnce(&mut wgpu::ComputePass<'_>)) -> Result<(), DeviceError> {
        self.gpu.check()?;
        let slot = self.next;
        self.next = (slot + 1) % SLOTS;
        let mut encoder = self.gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let timestamp_writes = self.times.as_ref().map(|times| times.of_pass(slot));
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor { label: None, timestamp_writes });
        record(&mut pass);
        drop(pass);
        if let Some(times) = &self.times {
            times.resolve(&mut encoder, slot);
        }
        self.send(encoder, slot)
    }

    /// Submits copies, of which no card tells the times.
    pub(super) fn submit_copies(&mut self, record: impl FnOnce(&mut wgpu::CommandEncoder)) -> Result<(), DeviceError> {
        self.gpu.check()?;
        let mut encoder = self.gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        record(&mut encoder);
        self.times = None;
        self.send(encoder, 0)
    }

    fn send(&mut self, encoder: wgpu::CommandEncoder, slot: usize) -> Result<(), DeviceError> {
        let submitted = self.gpu.queue.submit([encoder.finish()]);
        if let Some(times) = &self.times {
            times.read[slot].map_async(wgpu::MapMode::Read, .., |_| ());
        }
        self.waiting.push_back((submitted, slot));
        Ok(())
    }

    /// Waits for the oldest. Returns how long it took by the card's clock, if that clock moved.
    pub(super) fn wait(&mut self) -> Result<Option<Duration>, DeviceError> {
        let Some((submitted, slot)) = self.waiting.pop_front() else { return Ok(None) };
        self.gpu.finish(Some(submitted))?;
        Ok(self.times.as_ref().and_then(|times| times.took(self.gpu, slot)))
    }
}

impl Times {
    fn new(gpu: &Gpu) -> Result<Self, DeviceError> {
        let count = u32::try_from(SLOTS * 2).unwrap_or(u32::MAX);
        let descriptor = wgpu::QuerySetDescriptor { label: None, ty: wgpu::QueryType::Timestamp, count };
        let usage = wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST;
        Ok(Self {
            queries: gpu.guarded(|device| device.create_query_set(&descriptor))?,
            resolved: gpu.buffer_for(ALIGNED * SLOTS as u64, wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC)?,
            read: [gpu.buffer_for(TIMES_BYTES, usage)?, gpu.buffer_for(TIMES_BYTES, usage)?, gpu.buffer_for(TIMES_BYTES, usage)?],
        })
    }

    fn of_pass(&self, slot: usize) -> wgpu::ComputePassTimestampWrites<'_> {
        wgpu::ComputePassTimestampWrites {
            query_set: &self.queries,
            beginning_of_pass_write_index: Some(first(slot)),
            end_of_pass_write_index: Some(first(slot) + 1),
        }
    }

    fn resolve(&self, encoder: &mut wgpu::CommandEncoder, slot: usize) {
        let at = ALIGNED * slot as u64;
        encoder.resolve_query_set(&self.queries, first(slot)..first(slot) + 2, &self.resolved, at);
        encoder.copy_buffer_to_buffer(&self.resolved, at, &self.read[slot], 0, TIMES_BYTES);
    }

    fn took(&self, gpu: &Gpu, slot: usize) -> Option<Duration> {
        let read = &self.read[slot];
        let ticks = {
            let mapped = read.get_mapped_range(..).ok()?;
            let times: Vec<u64> = bytemuck::pod_collect_to_vec(&mapped[..]);
            let (began, ended) = (*times.first()?, *times.get(1)?);
            // Some drivers write zeros, others write the same time twice.
            ended.checked_sub(began).filter(|ticks| began > 0 && *ticks > 0)
        };
        read.unmap();
        #[expect(clippy::cast_precision_loss, reason = "a slice is far below 2^53 ticks")]
        ticks.map(|ticks| Duration::from_secs_f64(ticks as f64 * f64::from(gpu.queue.get_timestamp_period()) / 1e9))
    }
}

const fn first(slot: usize) -> u32 {
    slot as u32 * 2
}
