//! The peak of ordinary cores: chains of fused multiply-adds that no memory slows down.

use super::{POISON, Run, Verdict};
use crate::benchmark::cuda::{
    context::Stream,
    error::CudaError,
    kernels::BASE,
    memory::Buffer,
    module::{Argument, Function},
    numbers::random_word,
    session::Session,
};

const THREADS: u32 = 256;
/// Chains of a thread, and steps of each in a round: `fma_peak` in `base.cu`.
const CHAINS: u64 = 8;
const STEPS: u64 = 16;
/// Blocks per multiprocessor. Together they fill it: 256 threads with 28 registers.
const BLOCKS: u32 = 8;
/// Chains that the processor computes too, every step of them.
const SAMPLES: u64 = 8;

pub(in super::super) struct Fma {
    function: Function,
    out: Buffer,
    blocks: u32,
    seed: u64,
    last_rounds: u32,
}

impl Fma {
    pub(in super::super) fn new(session: &Session) -> Result<Self, CudaError> {
        let function = session.function(BASE, c"fma_peak", THREADS, 0)?;
        let blocks = session.multiprocessors * BLOCKS;
        let out = session.buffer(u64::from(blocks) * u64::from(THREADS) * CHAINS * 4)?;
        Ok(Self { function, out, blocks, seed: session.seed(), last_rounds: 0 })
    }

    /// What the chain holds after the last launch. Fused multiply-add rounds once, on every machine alike.
    fn chain(&self, index: u64) -> f32 {
        let w = random_word(self.seed, index);
        let mut x = (w >> 16) as f32 / 65_536.0;
        let c = ((w & 0xFFFF) as f32).mul_add(-0.5 / 65_536.0, -1.4);
        for _ in 0..u64::from(self.last_rounds) * STEPS {
            x = x.mul_add(x, c);
        }
        x
    }
}

impl Run for Fma {
    fn step_work(&self) -> f64 {
        (2 * u64::from(self.blocks) * u64::from(THREADS) * CHAINS * STEPS) as f64
    }

    /// One round writes everything; a chain wanders for some more before what it holds is a good witness.
    fn whole(&self) -> u32 {
        16
    }

    fn most(&self) -> u32 {
        1 << 16
    }

    fn submit(&mut self, stream: &Stream, rounds: u32) -> Result<(), CudaError> {
        let arguments = [Argument::Wide(self.out.at()), Argument::Wide(self.seed), Argument::Word(rounds)];
        self.function.launch(stream, self.blocks, &arguments)?;
        self.last_rounds = rounds;
        Ok(())
    }

    fn poison(&mut self, stream: &Stream) -> Result<(), CudaError> {
        self.out.set(stream, POISON)
    }

    fn check(&mut self, session: &Session) -> Result<Verdict, CudaError> {
        let chains = self.out.bytes() / 4;
        let mut verdict = session.unwritten(&self.out)?;
        for sample in 0..SAMPLES {
            let index = (chains / SAMPLES) * sample + u64::from(random_word(self.seed ^ 1, sample)) % (chains / SAMPLES);
            let found = self.out.read(&session.stream, index, 1)?;
            verdict.see(found == [self.chain(index).to_bits()]);
        }
        Ok(verdict)
    }
}
