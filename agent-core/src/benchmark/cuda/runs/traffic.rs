//! The speed of the device's own memory.

use super::{POISON, Ring, Run, Verdict, word};
use crate::benchmark::cuda::{
    context::Stream,
    error::CudaError,
    kernels::{BASE, Kernel},
    memory::Buffer,
    module::{Argument, Function},
    numbers::{Numbers, random_word},
    session::Session,
};

const THREADS: u32 = 256;
/// 16-byte words that a block moves at a time; `base.cu` has the same numbers.
const READ_QUADS: u64 = 4096;
const COPY_QUADS: u64 = 1024;
/// Places of each chunk that are read back after writing.
const SAMPLES: u64 = 16;

/// Two buffers in chunks, gone through one after the other: together far more than any cache holds.
pub(in super::super) struct Traffic {
    kernel: Kernel,
    function: Function,
    buffers: [Buffer; 2],
    sum: Buffer,
    chunk_quads: u64,
    multiprocessors: u32,
    ring: Ring,
    seed: u64,
    /// How often each chunk was read since the sum was zero.
    reads: Vec<u32>,
}

impl Traffic {
    /// `bytes` each, a multiple of `chunk_bytes`, which is one of 64 KiB.
    pub(in super::super) fn new(session: &Session, kernel: Kernel, bytes: u64, chunk_bytes: u64) -> Result<Self, CudaError> {
        let entry = match kernel {
            Kernel::Copy => c"memory_copy",
            Kernel::Write => c"memory_write",
            _ => c"memory_read",
        };
        let buffers = [session.buffer(bytes)?, session.buffer(bytes)?];
        let seed = session.seed();
        for (buffer, first) in buffers.iter().zip([0, bytes / 4]) {
            session.fill(buffer, Numbers::Raw, seed, first)?;
        }
        let sum = session.buffer(16)?;
        sum.set(&session.stream, 0)?;
        // A copy goes through the chunks of one buffer, into the other.
        let chunks = bytes / chunk_bytes * if kernel == Kernel::Copy { 1 } else { 2 };
        Ok(Self {
            kernel,
            function: session.function(BASE, entry, THREADS, 0)?,
            buffers,
            sum,
            chunk_quads: chunk_bytes / 16,
            multiprocessors: session.multiprocessors,
            ring: Ring::new(chunks),
            seed,
            reads: vec![0; usize::try_from(chunks).unwrap_or(0)],
        })
    }

    fn chunks_per_buffer(&self) -> u64 {
        self.buffers[0].quads() / self.chunk_quads
    }

    /// The sum of all words read, which wraps like the device's.
    fn expected_sum(&self) -> u32 {
        let words = self.chunk_quads * 4;
        let of_chunk = |chunk: u64| {
            (chunk * words..(chunk + 1) * words).fold(0_u32, |sum, index| sum.wrapping_add(random_word(self.seed, index)))
        };
        self.reads.iter().zip(0..).fold(0, |sum, (times, chunk)| sum.wrapping_add(times.wrapping_mul(of_chunk(chunk))))
    }

    /// Where a run of chunks is launched: its address, its length, its blocks.
    fn piece(&self, first: u64, count: u64) -> (u64, u64, u32) {
        let quads = count * self.chunk_quads;
        let at = first % self.chunks_per_buffer() * self.chunk_quads * 16;
        let work = quads / if self.kernel == Kernel::Read { READ_QUADS } else { COPY_QUADS };
        // Eight blocks fill a multiprocessor; each goes on to its next piece by itself.
        (at, quads, word(work.min(u64::from(self.multiprocessors * 8))))
    }

    fn submit_piece(&self, stream: &Stream, first: u64, count: u64) -> Result<(), CudaError> {
        let (at, quads, blocks) = self.piece(first, count);
        let buffer = &self.buffers[usize::from(first >= self.chunks_per_buffer())];
        let from = Argument::Wide(buffer.at() + at);
        let arguments = match self.kernel {
            Kernel::Copy => [from, Argument::Wide(self.buffers[1].at() + at), Argument::Wide(quads)],
            Kernel::Write => [from, Argument::Wide(quads), Argument::Word((first * self.chunk_quads) as u32)],
            _ => [from, Argument::Wide(quads), Argument::Wide(self.sum.at())],
        };
        self.function.launch(stream, blocks, &arguments)
    }

    fn check_written(&self, stream: &Stream) -> Result<Verdict, CudaError> {
        let mut verdict = Verdict::default();
        for sample in 0..self.ring.length() * SAMPLES {
            let chunk = sample / SAMPLES;
            let quad = u64::from(random_word(self.seed ^ 1, sample)) % self.chunk_quads;
            let buffer = &self.buffers[usize::from(chunk >= self.chunks_per_buffer())];
            let at = (chunk % self.chunks_per_buffer() * self.chunk_quads + quad) * 4;
            let found = buffer.read(stream, at, 4)?;
            let value = ((chunk * self.chunk_quads + quad) as u32).wrapping_mul(0x9E37_79B1);
            verdict.see(found == [value, value ^ 0x5555_5555, value ^ 0xAAAA_AAAA, !value]);
        }
        Ok(verdict)
    }
}

impl Run for Traffic {
    fn step_work(&self) -> f64 {
        let ways = if self.kernel == Kernel::Copy { 2 } else { 1 };
        (self.chunk_quads * 16 * ways) as f64
    }

    fn whole(&self) -> u32 {
        word(self.ring.length())
    }

    fn most(&self) -> u32 {
        256 * self.whole()
    }

    fn submit(&mut self, stream: &Stream, steps: u32) -> Result<(), CudaError> {
        let mut pieces = Vec::new();
        self.ring.take(u64::from(steps), self.chunks_per_buffer(), |first, count| {
            pieces.push((first, count));
            Ok(())
        })?;
        for (first, count) in pieces {
            self.submit_piece(stream, first, count)?;
            for chunk in first..first + count {
                self.reads[chunk as usize] = self.reads[chunk as usize].wrapping_add(1);
            }
        }
        Ok(())
    }

    fn poison(&mut self, stream: &Stream) -> Result<(), CudaError> {
        match self.kernel {
            Kernel::Copy => self.buffers[1].set(stream, POISON),
            Kernel::Write => self.buffers.iter().try_for_each(|buffer| buffer.set(stream, POISON)),
            // What was summed up so far stays in the sum, and in the count of what was read.
            _ => Ok(()),
        }
    }

    fn check(&mut self, session: &Session) -> Result<Verdict, CudaError> {
        match self.kernel {
            Kernel::Copy => session.audit(&self.buffers[1], Numbers::Raw, self.seed, 0),
            Kernel::Write => self.check_written(&session.stream),
            _ => {
                let found = self.sum.read(&session.stream, 0, 1)?;
                let mut verdict = session.audit(&self.buffers[0], Numbers::Raw, self.seed, 0)?;
                verdict.see(found == [self.expected_sum()]);
                Ok(verdict)
            }
        }
    }
}
