//! The peak of Hopper's tensor cores, which work out of shared memory: the same tile multiplied again and again.

use super::{POISON, Run, Verdict, word};
use crate::benchmark::cuda::{
    context::Stream,
    error::CudaError,
    kernels::Kernel,
    memory::Buffer,
    module::{Argument, Function},
    numbers::random_word,
    session::Session,
};

/// Rows and columns of a block's tile, bytes of each in shared memory, and how often a round multiplies them: `peak` in `hopper.cu`.
const ROWS: u64 = 128;
const COLUMNS: u64 = 256;
const DEPTH_BYTES: u64 = 128;
const DEPTH: u64 = 64;
/// Places of the output that the processor computes too.
const SAMPLES: u64 = 1024;

pub(in super::super) struct GroupPeak {
    kernel: Kernel,
    function: Function,
    out: Buffer,
    blocks: u32,
    seed: u64,
}

impl GroupPeak {
    pub(in super::super) fn new(session: &Session, kernel: Kernel) -> Result<Self, CudaError> {
        let function = session.peak(kernel)?;
        let blocks = session.multiprocessors * word(u64::from(function.blocks_per_multiprocessor()?));
        let out = session.buffer(u64::from(blocks) * ROWS * COLUMNS * 4)?;
        Ok(Self { kernel, function, out, blocks, seed: session.seed() })
    }

    /// Elements in the depth of the tile.
    fn depth(&self) -> u64 {
        DEPTH_BYTES / 4 * self.kernel.numbers().per_word()
    }

    /// A sum after a round, and how far it may be off. Rows of A come first, then rows of B.
    fn expected(&self, block: u64, row: u64, column: u64) -> (f64, f64) {
        let (numbers, depth) = (self.kernel.numbers(), self.depth());
        let line = |line: u64| (block * (ROWS + COLUMNS) + line) * depth;
        let (mut sum, mut magnitude) = (0.0, 0.0);
        for k in 0..depth {
            let product = numbers.at(self.seed, line(row) + k) * numbers.at(self.seed, line(ROWS + column) + k);
            sum += product;
            magnitude += product.abs();
        }
        // Each of the four additions of a step may cut off 2^-21 of what is there by then.
        let times = DEPTH as f64;
        (times * sum, times * magnitude * 4.0 * times * 2_f64.powi(-21))
    }
}

impl Run for GroupPeak {
    fn step_work(&self) -> f64 {
        (2 * u64::from(self.blocks) * ROWS * COLUMNS * self.depth() * DEPTH) as f64
    }

    fn whole(&self) -> u32 {
        1
    }

    fn most(&self) -> u32 {
        1 << 16
    }

    fn submit(&mut self, stream: &Stream, rounds: u32) -> Result<(), CudaError> {
        let [out, seed] = [self.out.at(), self.seed].map(Argument::Wide);
        let [kind, rounds] = [self.kernel.numbers().code(), rounds].map(Argument::Word);
        self.function.launch(stream, self.blocks, &[out, seed, kind, rounds])
    }

    fn poison(&mut self, stream: &Stream) -> Result<(), CudaError> {
        self.out.set(stream, POISON)
    }

    fn check(&mut self, session: &Session) -> Result<Verdict, CudaError> {
        let mut verdict = session.unwritten(&self.out)?;
        for sample in 0..SAMPLES {
            let at = u64::from(random_word(self.seed ^ 1, sample)) % (self.out.bytes() / 4);
            let found = self.out.read(&session.stream, at, 1)?[0];
            let (expected, tolerance) = self.expected(at / (ROWS * COLUMNS), at / COLUMNS % ROWS, at % COLUMNS);
            verdict.see(self.kernel.numbers().agrees(found, expected, || tolerance));
        }
        Ok(verdict)
    }
}
