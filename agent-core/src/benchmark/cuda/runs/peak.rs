//! The peak of tensor cores: the same fragments multiplied out of registers.

use super::{POISON, Run, Verdict};
use crate::benchmark::cuda::{
    context::Stream,
    error::CudaError,
    kernels::Kernel,
    memory::Buffer,
    module::{Argument, Function},
    numbers::random_word,
    session::Session,
};

/// Threads of a block, and blocks per multiprocessor: 32 warps of 57 registers, which fill it.
pub(in super::super) const THREADS: u32 = 256;
const BLOCKS: u32 = 4;
/// Products that a warp sums independently, times how often in a round: `peak` in `tensor.cu`.
const SUMS: u64 = 8;
const DEPTH: u64 = 256;
/// Rows and columns of one product. Both factors are 32 bytes deep.
const SIDES: (u64, u64) = (16, 8);
/// Words that a lane has of A, and of A and every B together.
const A_WORDS: u64 = 4;
const LANE_WORDS: u64 = 20;
/// Warps whose sums the processor computes too.
const SAMPLES: u64 = 8;

pub(in super::super) struct Peak {
    kernel: Kernel,
    function: Function,
    out: Buffer,
    blocks: u32,
    seed: u64,
}

impl Peak {
    pub(in super::super) fn new(session: &Session, kernel: Kernel) -> Result<Self, CudaError> {
        let function = session.peak(kernel)?;
        let blocks = session.multiprocessors * BLOCKS;
        let out = session.buffer(u64::from(blocks * THREADS / 32) * SUMS * SIDES.0 * SIDES.1 * 4)?;
        Ok(Self { kernel, function, out, blocks, seed: session.seed() })
    }

    /// Elements in the depth of a product.
    fn depth(&self) -> u64 {
        8 * self.kernel.numbers().per_word()
    }

    /// Element `k` of what lane `lane` and its neighbours hold of a row of A or a column of B, after the layout of fragments in
    /// the PTX ISA: four lanes share a row, a word each; the second half of the depth is in a later word.
    fn element(&self, warp: u64, line: u64, k: u64, word_of: impl Fn(u64) -> u64) -> f64 {
        let numbers = self.kernel.numbers();
        let (in_half, half) = (k % (4 * numbers.per_word()), k / (4 * numbers.per_word()));
        let lane = (line % 8) * 4 + in_half / numbers.per_word();
        let index = (warp * 32 + lane) * LANE_WORDS + word_of(half);
        numbers.value(numbers.word(self.seed, index), in_half % numbers.per_word())
    }

    /// A sum after a round, and how far it may be off.
    fn expected(&self, warp: u64, product: u64, row: u64, column: u64) -> (f64, f64) {
        let (mut sum, mut magnitude) = (0.0, 0.0);
        for k in 0..self.depth() {
            let a = self.element(warp, row, k, |half| row / 8 + 2 * half);
            let b = self.element(warp, column, k, |half| A_WORDS + 2 * product + half);
            sum += a * b;
            magnitude += (a * b).abs();
        }
        // Each of the additions may cut off 2^-21 of what is there by then.
        let times = DEPTH as f64;
        (times * sum, times * magnitude * times * 2_f64.powi(-21))
    }
}

impl Run for Peak {
    fn step_work(&self) -> f64 {
        let warps = u64::from(self.blocks * THREADS / 32);
        (2 * warps * SUMS * DEPTH * SIDES.0 * SIDES.1 * self.depth()) as f64
    }

    fn whole(&self) -> u32 {
        1
    }

    fn most(&self) -> u32 {
        1 << 16
    }

    fn submit(&mut self, stream: &Stream, rounds: u32) -> Result<(), CudaError> {
        let arguments = [
            Argument::Wide(self.out.at()),
            Argument::Wide(self.seed),
            Argument::Word(self.kernel.numbers().code()),
            Argument::Word(rounds),
        ];
        self.function.launch(stream, self.blocks, &arguments)
    }

    fn poison(&mut self, stream: &Stream) -> Result<(), CudaError> {
        self.out.set(stream, POISON)
    }

    fn check(&mut self, session: &Session) -> Result<Verdict, CudaError> {
        let mut verdict = session.unwritten(&self.out)?;
        let (warps, places) = (u64::from(self.blocks * THREADS / 32), SIDES.0 * SIDES.1);
        for sample in 0..SAMPLES {
            let warp = u64::from(random_word(self.seed ^ 1, sample)) % warps;
            let found = self.out.read(&session.stream, warp * SUMS * places, (SUMS * places) as usize)?;
            for (found, at) in found.into_iter().zip(0_u64..) {
                let (product, register, lane) = (at / places, at % places / 32, at % 32);
                let (row, column) = (lane / 4 + 8 * (register / 2), lane % 4 * 2 + register % 2);
                let (expected, tolerance) = self.expected(warp, product, row, column);
                verdict.see(self.kernel.numbers().agrees(found, expected, || tolerance));
            }
        }
        Ok(verdict)
    }
}
