//! Products of matrices, tile by tile.

use super::{POISON, Ring, Run, Verdict, word};
use crate::benchmark::cuda::{
    context::Stream,
    error::CudaError,
    kernels::Kernel,
    memory::Buffer,
    module::{Argument, Described, Function},
    numbers::{Numbers, random_word},
    session::{Launch, Session},
};

/// What a kernel for products asks for.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Shape {
    /// Rows and columns of a block's tile.
    pub(in super::super) tile: (u32, u32),
    /// Whether the factors lie with K outermost, as `gemm_f32` takes them.
    pub(in super::super) k_outermost: bool,
    /// Whether the device fetches factors by description, in blocks that each take one tile after the other.
    pub(in super::super) fetched: bool,
}

pub(in super::super) struct Gemm {
    kernel: Kernel,
    function: Function,
    shape: Shape,
    a: Buffer,
    b: Buffer,
    c: Buffer,
    side: u32,
    wave: u64,
    ring: Ring,
    seeds: (u64, u64),
    described: Option<(Described, Described)>,
}

impl Gemm {
    /// A product of two square matrices, `side` long, which is a multiple of the tile's sides and of 128.
    pub(in super::super) fn new(session: &Session, kernel: Kernel, side: u32) -> Result<Self, CudaError> {
        let Launch { function, shape } = session.gemm(kernel)?;
        let (elements, tiles) = (u64::from(side) * u64::from(side), (side / shape.tile.0, side / shape.tile.1));
        let numbers = kernel.numbers();
        let factor = |seed| -> Result<Buffer, CudaError> {
            let buffer = session.buffer(elements / numbers.per_word() * 4)?;
            session.fill(&buffer, numbers, seed, 0)?;
            Ok(buffer)
        };
        let seeds = (session.seed(), session.seed());
        let (a, b) = (factor(seeds.0)?, factor(seeds.1)?);
        let describe = |matrix, rows| Described::of(&session.context, matrix, depth(numbers, side), rows);
        let described = if shape.fetched { describe(&a, shape.tile.0)?.zip(describe(&b, shape.tile.1)?) } else { None };
        Ok(Self {
            kernel,
            wave: u64::from(session.multiprocessors * function.blocks_per_multiprocessor()?),
            a,
            b,
            described,
            c: session.buffer(elements * 4)?,
            side,
            ring: Ring::new(u64::from(tiles.0) * u64::from(tiles.1)),
            function,
            shape,
            seeds,
        })
    }

    /// Tiles of a step: a block for every place that there is.
    fn step(&self) -> u64 {
        self.wave.min(self.ring.length()).max(1)
    }

    /// A row of A or a column of B.
    fn line(&self, seed: u64, index: u64) -> Vec<f64> {
        let (numbers, side) = (self.kernel.numbers(), u64::from(self.side));
        let at = |k| if self.shape.k_outermost { k * side + index } else { index * side + k };
        (0..side).map(|k| numbers.at(seed, at(k))).collect()
    }

    /// One random line out of each `every`, so that every tile is looked at somewhere.
    fn sampled(&self, every: u32, salt: u64) -> Vec<u64> {
        let every = u64::from(every);
        (0..u64::from(self.side) / every).map(|at| at * every + u64::from(random_word(self.seeds.0 ^ salt, at)) % every).collect()
    }

    fn is_right(&self, found: u32, a: &[f64], b: &[f64]) -> bool {
        let (mut sum, mut squares) = (0.0, 0.0);
        for (a, b) in a.iter().zip(b) {
            sum += a * b;
            squares += (a * b) * (a * b);
        }
        // Whole numbers are exact: at most 2^14 products below 2^15 each.
        let numbers = self.kernel.numbers();
        numbers.agrees(found, sum, || tolerance(numbers, a.len(), (squares / a.len() as f64).sqrt()))
    }
}

/// K as a kernel takes it: of floats their number, of anything else bytes.
fn depth(numbers: Numbers, side: u32) -> u32 {
    match numbers {
        Numbers::F32 => side,
        Numbers::Raw | Numbers::F16 | Numbers::Bf16 => side * 4 / word(numbers.per_word()),
    }
}

/// How far a sum of `terms` products may be off, if `typical` is the root of their mean square. The partial sums wander to about
/// √terms times that.
///
/// Ordinary cores round each addition to 2^-24 of the partial sum, and those errors add up like a random walk: together about
/// `terms` · typical · 2^-24, of which 16 times are granted. Tensor cores add 8 or 16 products at once and cut off instead of
/// rounding, some at 2^-22 (Fasi, Higham, Mikaitis, Pranesh 2021), so errors all point one way: 4 times that worst case.
/// Either is far below a single product, so one that is missing shows.
fn tolerance(numbers: Numbers, terms: usize, typical: f64) -> f64 {
    let (terms, unit) = (terms as f64, f64::from(f32::EPSILON));
    match numbers {
        Numbers::F32 | Numbers::Raw => 16.0 * terms * typical * unit / 2.0,
        Numbers::F16 | Numbers::Bf16 => 4.0 * (terms / 8.0) * (terms.sqrt() * typical) * unit * 2.0,
    }
}

impl Run for Gemm {
    fn step_work(&self) -> f64 {
        let tile = u64::from(self.shape.tile.0) * u64::from(self.shape.tile.1);
        (2 * self.step() * tile * u64::from(self.side)) as f64
    }

    fn whole(&self) -> u32 {
        word(self.ring.length().div_ceil(self.step()))
    }

    fn most(&self) -> u32 {
        256 * self.whole()
    }

    fn submit(&mut self, stream: &Stream, steps: u32) -> Result<(), CudaError> {
        let (side, depth) = (self.side, depth(self.kernel.numbers(), self.side));
        let (a, b, c) = (self.a.at(), self.b.at(), Argument::Wide(self.c.at()));
        let (function, described, wave, tiles) = (&self.function, &self.described, self.wave, self.ring.length());
        let amount = u64::from(steps) * self.step();
        self.ring.take(amount, tiles, |first, count| {
            let sizes = [side, side, depth, word(first)].map(Argument::Word);
            if let Some((a, b)) = described {
                let factors = [Argument::Matrix(a), Argument::Matrix(b), c];
                let arguments = [&factors[..], &sizes[..], &[Argument::Word(word(count))]].concat();
                return function.launch(stream, word(count.min(wave)), &arguments);
            }
            let factors = [Argument::Wide(a), Argument::Wide(b), c];
            function.launch(stream, word(count), &[&factors[..], &sizes[..]].concat())
        })
    }

    fn poison(&mut self, stream: &Stream) -> Result<(), CudaError> {
        self.c.set(stream, POISON)
    }

    fn check(&mut self, session: &Session) -> Result<Verdict, CudaError> {
        let mut verdict = session.unwritten(&self.c)?;
        let columns = self.sampled(self.shape.tile.1, 1);
        let b: Vec<Vec<f64>> = columns.iter().map(|column| self.line(self.seeds.1, *column)).collect();
        for row in self.sampled(self.shape.tile.0, 2) {
            let a = self.line(self.seeds.0, row);
            let found = self.c.read(&session.stream, row * u64::from(self.side), self.side as usize)?;
            for (column, b) in columns.iter().zip(&b) {
                verdict.see(self.is_right(found[usize::try_from(*column).unwrap_or(usize::MAX)], &a, b));
            }
        }
        Ok(verdict)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_product_too_few_is_beyond_what_arithmetic_may_lose() {
        for numbers in [Numbers::F32, Numbers::F16, Numbers::Bf16] {
            for terms in [128, 4096, 16_384] {
                assert!(tolerance(numbers, terms, 1.0) < 0.6, "{numbers:?} over {terms}");
            }
        }
    }
}
