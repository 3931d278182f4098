//! The card's memory: read, copied, written.

use std::time::Duration;

use headframe_agent::benchmark::{
    device::{DeviceError, Kernel, Stop},
    pattern,
};
use headframe_protocol::benchmark::{CardClass, Figure};

use super::{
    device::{Filling, Gpu},
    programs::{self, Params},
    run::{DISPATCHES_MAX, Load, Run},
    slices::Slices,
};

/// What one workgroup moves.
pub(super) const CHUNK_BYTES: u64 = 256 << 10;

/// The same in vectors of four words.
const CHUNK_VECTORS: u32 = 16_384;

/// Threads of a workgroup.
pub(super) const THREADS: u32 = 256;

/// Buffers at most and at least: larger than eight times any cache where there is the memory for it.
const BYTES: (u64, u64) = (1 << 30, 64 << 20);

/// Where the PC's memory is the card's, and where a program computes.
const BYTES_OF_SHARED: u64 = 256 << 20;
const BYTES_OF_SOFTWARE: u64 = 16 << 20;

/// Threads whose sums are compared.
const COMPARED: u32 = 512;

/// Pieces of memory of which every vector is compared, and the vectors of a piece. A hundredth that was not written is found nine times in ten.
const PIECES: u32 = 256;
const PIECE_VECTORS: u32 = 256;

struct Stream<'g> {
    run: Run,
    slices: Slices<'g>,
    figure: Figure,
    /// Two buffers that are used in turn, and what each dispatch's results go to.
    buffers: [wgpu::Buffer; 2],
    sums: wgpu::Buffer,
    groups: [wgpu::BindGroup; 2],
    chunks: u32,
    cursor: u32,
    seed: u32,
}

pub(super) fn prepare<'g>(gpu: &'g Gpu, figure: Figure, seed: u32, stop: &Stop) -> Result<Box<dyn Kernel + 'g>, DeviceError> {
    let (entry, loads): (_, &[Load]) = match figure {
        Figure::MemoryCopy => ("copy_all", &[Load::Read, Load::Write]),
        Figure::MemoryWrite => ("write_all", &[Load::Read, Load::Write]),
        _ => ("read_all", &[Load::Read, Load::Write, Load::Write]),
    };
    let run = Run::new(&gpu.device, &programs::stream(), entry, loads)?;
    let buffers = buffers(gpu)?;
    let chunks = u32::try_from(buffers[0].size() / CHUNK_BYTES).unwrap_or(1);
    let sums = gpu.buffer(u64::from(chunks * THREADS) * 4)?;
    for (index, buffer) in (0..).zip(&buffers) {
        gpu.fill(buffer, Filling::Words(pattern::word(seed, index)), stop)?;
    }
    let [one, other] = &buffers;
    // A read needs somewhere for its sums and nothing to write to; the other buffer is not touched.
    let bound = |from, to| if figure == Figure::MemoryRead { vec![from, to, &sums] } else { vec![from, to] };
    let groups = [run.group(&gpu.device, &bound(one, other)), run.group(&gpu.device, &bound(other, one))];
    Ok(Box::new(Stream { run, slices: Slices::new(gpu)?, figure, sums, groups, chunks, cursor: 0, seed, buffers }))
}

fn buffers(gpu: &Gpu) -> Result<[wgpu::Buffer; 2], DeviceError> {
    let most = match gpu.class {
        CardClass::Software => BYTES_OF_SOFTWARE,
        CardClass::Integrated => BYTES_OF_SHARED,
        CardClass::Discrete | CardClass::Virtual | CardClass::Other => BYTES.0,
    };
    let mut bytes = most;
    loop {
        match gpu.buffer(bytes).and_then(|one| Ok([one, gpu.buffer(bytes)?])) {
            Err(DeviceError::OutOfMemory) if bytes / 2 >= BYTES.1 => bytes /= 2,
            made => return made,
        }
    }
}

impl Stream<'_> {
    fn params(&self, first: u32) -> Params {
        Params { first, seed: self.seed, ..Params::default() }
    }

    /// What a slice of so many chunks is, from where the last one ended: (first chunk, how many, which of the two groups).
    fn pieces(&mut self, steps: u32) -> Vec<(u32, u32, usize)> {
        let (mut left, mut pieces) = (steps, Vec::with_capacity(DISPATCHES_MAX));
        while left > 0 && pieces.len() < DISPATCHES_MAX {
            let first = self.cursor % self.chunks;
            let count = left.min(self.chunks - first);
            pieces.push((first, count, (self.cursor / self.chunks) as usize));
            self.cursor = (self.cursor + count) % (self.chunks * 2);
            left -= count;
        }
        pieces
    }

    fn is_right(&self, vector: u32, found: [u32; 4]) -> bool {
        let from = pattern::word(self.seed, 0);
        let wanted: [u32; 4] = match self.figure {
            Figure::MemoryWrite => {
                let base = vector.wrapping_mul(0x9e37_79b1);
                [1, 3, 5, 7].map(|factor: u32| base ^ self.seed.wrapping_mul(factor))
            }
            _ => std::array::from_fn(|lane| pattern::word(from, vector * 4 + lane as u32)),
        };
        found == wanted
    }

    fn verify_moved(&self) -> Result<(), DeviceError> {
        let pieces = self.chunks * (CHUNK_VECTORS / PIECE_VECTORS);
        let first = |sample: u32| pattern::word(self.seed ^ 0x5eed, sample) % pieces * PIECE_VECTORS;
        let firsts: Vec<u32> = (0..PIECES).map(first).collect();
        let offsets: Vec<u64> = firsts.iter().map(|vector| u64::from(*vector) * 16).collect();
        let words = self.slices.gpu().read_pieces(&self.buffers[1], &offsets, u64::from(PIECE_VECTORS) * 16)?;
        let vectors = firsts.iter().flat_map(|first| *first..*first + PIECE_VECTORS);
        for (vector, words) in vectors.zip(words.chunks_exact(4)) {
            let found = [words[0], words[1], words[2], words[3]];
            if !self.is_right(vector, found) {
                return Err(DeviceError::Wrong(format!("vector {vector} of memory is {found:x?}")));
            }
        }
        Ok(())
    }
}

impl Kernel for Stream<'_> {
    #[expect(clippy::cast_precision_loss, reason = "a few hundred KiB")]
    fn step_work(&self) -> f64 {
        let times = if self.figure == Figure::MemoryCopy { 2.0 } else { 1.0 };
        CHUNK_BYTES as f64 * times
    }

    fn steps_max(&self) -> u32 {
        self.chunks * (DISPATCHES_MAX as u32 - 1)
    }

    fn verify(&mut self, stop: &Stop) -> Result<(), DeviceError> {
        let gpu = self.slices.gpu();
        self.cursor = 0;
        let into = if self.figure == Figure::MemoryRead { &self.sums } else { &self.buffers[1] };
        gpu.fill(into, Filling::Word(0xdead_beef), stop)?;
        let each = self.chunks.div_ceil(8);
        while self.cursor < self.chunks {
            stop.check()?;
            let left = self.chunks - self.cursor;
            self.submit(each.min(left))?;
            self.wait()?;
        }
        if self.figure == Figure::MemoryRead {
            return verify_sums(gpu, &self.sums, pattern::word(self.seed, 0), self.chunks, stop);
        }
        self.verify_moved()?;
        // What comes next copies back and forth; it needs what it began with.
        gpu.fill(&self.buffers[1], Filling::Words(pattern::word(self.seed, 1)), stop)
    }

    fn submit(&mut self, steps: u32) -> Result<(), DeviceError> {
        let pieces = self.pieces(steps);
        self.run.tell(&self.slices.gpu().queue, pieces.iter().map(|(first, ..)| self.params(*first)));
        let Self { run, slices, groups, .. } = self;
        slices.submit(|pass| {
            for (slot, (_, count, group)) in (0..).zip(&pieces) {
                run.record(pass, &groups[*group], slot, *count);
            }
        })
    }

    fn wait(&mut self) -> Result<Option<Duration>, DeviceError> {
        self.slices.wait()
    }
}

/// Compares sums of the read kernel, a thread's each, with the pattern's.
pub(super) fn verify_sums(gpu: &Gpu, sums: &wgpu::Buffer, seed: u32, chunks: u32, stop: &Stop) -> Result<(), DeviceError> {
    let threads = chunks * THREADS;
    let compared = COMPARED.min(threads);
    let words = gpu.read(sums, 0, u64::from(threads) * 4)?;
    for sample in 0..compared {
        stop.check()?;
        let thread = (sample * (threads / compared) + pattern::word(seed, sample) % (threads / compared)).min(threads - 1);
        let (chunk, place) = (thread / THREADS, thread % THREADS);
        let vectors = (0..CHUNK_VECTORS / THREADS).map(|round| chunk * CHUNK_VECTORS + round * THREADS + place);
        let wanted =
            vectors.flat_map(|vector| (0..4).map(move |lane| pattern::word(seed, vector * 4 + lane))).fold(0, u32::wrapping_add);
        if words.get(thread as usize) != Some(&wanted) {
            return Err(DeviceError::Wrong(format!("memory around chunk {chunk} does not hold what was written")));
        }
    }
    Ok(())
}
