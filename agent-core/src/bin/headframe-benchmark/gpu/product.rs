//! Products of large matrices: C = Aᵀ·B, both of the same size and full of the pattern's numbers.

use std::{
    cell::Cell,
    time::{Duration, Instant},
};

use headframe_agent::benchmark::{
    device::{DeviceError, Kernel, Stop},
    pattern,
};

use super::{
    device::{Filling, Gpu},
    programs::{self, Element, Params},
    run::{DISPATCHES_MAX, Load, Run},
    slices::Slices,
};

/// Rows and columns that a workgroup computes.
pub(super) const TILE: u32 = 128;

/// The least matrix, and the largest: beyond it no card becomes quicker.
const SIZES: (u32, u32) = (256, 8_192);

/// A size is grown until one product takes this long. More says nothing more, and checking it would take the owner's time.
const PRODUCT_MAX: Duration = Duration::from_millis(120);

/// Elements that are compared in each tile.
const COMPARED: u32 = 2;

/// Rows of tiles that matrix units compute column by column.
const BAND: u32 = 8;

/// What no product is: a number that is none, and for whole numbers one that no sum of these sizes reaches.
const POISON: u32 = 0x7fc0_dead;

/// How factors are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lay {
    /// The sum's index is the row of both, for ordinary units.
    Across,
    /// Rows of A and columns of B, one after the other, for matrix units.
    Along,
}

/// A product that is ready to run.
pub(super) struct Product<'g> {
    run: Run,
    slices: Slices<'g>,
    matrices: Matrices,
    element: Element,
    lay: Lay,
    seed: u32,
    /// The tile with which the next slice begins.
    cursor: u32,
}

/// What a product's kernel reads and writes.
pub(super) const LOADS: [Load; 3] = [Load::Read, Load::Read, Load::Write];

pub(super) fn prepare<'g>(gpu: &'g Gpu, element: Element, seed: u32, stop: &Stop) -> Result<Product<'g>, DeviceError> {
    let run = Run::new(&gpu.device, &programs::product(element), "main", &LOADS)?;
    let mut product = Product::least(gpu, run, (element, Lay::Across), seed, stop)?;
    product.grow(gpu, stop)?;
    Ok(product)
}

/// What is multiplied, and where the product goes.
struct Matrices {
    size: u32,
    c: wgpu::Buffer,
    group: wgpu::BindGroup,
}

impl Matrices {
    fn new(gpu: &Gpu, run: &Run, element: Element, size: u32, seed: u32, stop: &Stop) -> Result<Self, DeviceError> {
        stop.check()?;
        let filling: fn(u32) -> Filling = match element {
            Element::Single => Filling::Singles,
            Element::Half => Filling::Halves,
            Element::Bytes => Filling::Words,
        };
        let (elements, bytes) = (u64::from(size) * u64::from(size), u64::from(element.bytes()));
        let (a, b, c) = (gpu.buffer(elements * bytes)?, gpu.buffer(elements * bytes)?, gpu.buffer(elements * 4)?);
        gpu.fill(&a, filling(pattern::word(seed, 0)), stop)?;
        gpu.fill(&b, filling(pattern::word(seed, 1)), stop)?;
        let group = run.group(&gpu.device, &[&a, &b, &c]);
        Ok(Self { size, c, group })
    }
}

/// The sizes that were found for each kind of element, while the card is open.
#[derive(Debug, Default)]
pub(super) struct Sizes(Cell<[Option<u32>; 3]>);

impl Sizes {
    fn get(&self, element: Element) -> Option<u32> {
        self.0.get()[element as usize]
    }

    fn set(&self, element: Element, size: u32) {
        let mut sizes = self.0.get();
        sizes[element as usize] = Some(size);
        self.0.set(sizes);
    }
}

impl<'g> Product<'g> {
    /// The least there is, by a kernel that computes it from factors that lie so.
    pub(super) fn least(
        gpu: &'g Gpu,
        run: Run,
        (element, lay): (Element, Lay),
        seed: u32,
        stop: &Stop,
    ) -> Result<Self, DeviceError> {
        let matrices = Matrices::new(gpu, &run, element, SIZES.0, seed, stop)?;
        Ok(Self { run, slices: Slices::new(gpu)?, matrices, element, lay, seed, cursor: 0 })
    }

    /// To the size at which one product takes long enough, or to the largest that there is memory for. What was found out for a burst holds for the
    /// sustained part too.
    pub(super) fn grow(&mut self, gpu: &Gpu, stop: &Stop) -> Result<(), DeviceError> {
        if let Some(size) = gpu.sizes.get(self.element) {
            self.matrices = Matrices::new(gpu, &self.run, self.element, size, self.seed, stop)?;
            return Ok(());
        }
        // Twice the size is eight times the work.
        while self.matrices.size < SIZES.1 && self.time_one(stop)? * 8 <= PRODUCT_MAX {
            match Matrices::new(gpu, &self.run, self.element, self.matrices.size * 2, self.seed, stop) {
                Ok(larger) => self.matrices = larger,
                Err(DeviceError::OutOfMemory) => break,
                Err(error) => return Err(error),
            }
        }
        gpu.sizes.set(self.element, self.matrices.size);
        Ok(())
    }

    /// How quick it is now, in operations a second, to within what a single product tells.
    pub(super) fn rate(mut self, stop: &Stop) -> Result<f64, DeviceError> {
        let took = self.time_one(stop)?.as_secs_f64().max(1e-9);
        Ok(self.step_work() * f64::from(self.tiles()) / took)
    }

    const fn tiles(&self) -> u32 {
        (self.matrices.size / TILE) * (self.matrices.size / TILE)
    }

    /// Rows of the stored matrices: four bytes of a sum lie in one word.
    const fn depth(&self) -> u32 {
        match self.element {
            Element::Single | Element::Half => self.matrices.size,
            Element::Bytes => self.matrices.size / 4,
        }
    }

    fn params(&self, first: u32) -> Params {
        let (size, tiles) = (self.matrices.size, self.matrices.size / TILE);
        let (width4, depth, rounds) = match self.lay {
            Lay::Across => (size / 4, self.depth(), 0),
            // As `units::programs::product` says.
            Lay::Along => (size, size * self.element.bytes() / 16, tiles.min(BAND)),
        };
        Params { first, width4, left4: width4, depth, tiles, rounds, ..Params::default() }
    }

    /// How long one whole product takes now.
    fn time_one(&mut self, stop: &Stop) -> Result<Duration, DeviceError> {
        self.whole(stop)?;
        let began = Instant::now();
        self.whole(stop)?;
        Ok(began.elapsed())
    }

    /// Computes all of C once, a few tiles at a time where the card may be slow.
    fn whole(&mut self, stop: &Stop) -> Result<(), DeviceError> {
        let each = self.tiles().div_ceil(8);
        self.cursor = 0;
        let mut left = self.tiles();
        while left > 0 {
            stop.check()?;
            let steps = each.min(left);
            self.submit(steps)?;
            self.wait()?;
            left -= steps;
        }
        Ok(())
    }

    /// Compares one element with what the processor makes of the same rows.
    fn compare(&self, row: u32, column: u32, found: u32) -> Result<(), DeviceError> {
        let (a, b) = (pattern::word(self.seed, 0), pattern::word(self.seed, 1));
        let each = if self.element == Element::Bytes { 4 } else { 1 };
        let at = |k: u32, across: u32| match self.lay {
            Lay::Across => k * self.matrices.size + across,
            Lay::Along => across * (self.matrices.size / each) + k,
        };
        let wrong =
            |found: f64, wanted: f64| DeviceError::Wrong(format!("row {row}, column {column}: {found} instead of {wanted}"));
        if self.element == Element::Bytes {
            let dot = |k: u32| {
                let (x, y) = (pattern::bytes(pattern::word(a, at(k, row))), pattern::bytes(pattern::word(b, at(k, column))));
                x.iter().zip(y).map(|(x, y)| i32::from(*x) * i32::from(y)).sum::<i32>()
            };
            let wanted: i32 = (0..self.depth()).map(dot).sum();
            let found = found.cast_signed();
            return if found == wanted { Ok(()) } else { Err(wrong(found.into(), wanted.into())) };
        }
        let number = if self.element == Element::Single { pattern::single } else { pattern::half };
        let term = |k: u32| f64::from(number(pattern::word(a, at(k, row)))) * f64::from(number(pattern::word(b, at(k, column))));
        let wanted: f64 = (0..self.depth()).map(term).sum();
        let found = f64::from(f32::from_bits(found));
        let tolerance = tolerance(self.lay, self.matrices.size);
        if (found - wanted).abs() <= tolerance { Ok(()) } else { Err(wrong(found, wanted)) }
    }
}

/// How far a sum of `terms` products of numbers in [-1, 1) may be off. A typical term is far more.
///
/// Ordinary units round each addition, and such errors add up like a random walk. Matrix units add 8 or 16 products at once and may cut off
/// instead of rounding, some at 2^-22 of a sum that wanders to √terms times a third (Fasi, Higham, Mikaitis, Pranesh 2021): 4 times that.
fn tolerance(lay: Lay, terms: u32) -> f64 {
    let terms = f64::from(terms);
    match lay {
        Lay::Across => 2e-7 * terms + 1e-5,
        Lay::Along => 4.0 * (terms / 8.0) * (terms.sqrt() / 3.0) * 2_f64.powi(-22),
    }
}

impl Kernel for Product<'_> {
    fn step_work(&self) -> f64 {
        2.0 * f64::from(TILE) * f64::from(TILE) * f64::from(self.matrices.size)
    }

    fn steps_max(&self) -> u32 {
        // One dispatch is kept for the piece that a slice begins in the middle with.
        self.tiles() * (DISPATCHES_MAX as u32 - 1)
    }

    fn verify(&mut self, stop: &Stop) -> Result<(), DeviceError> {
        let gpu = self.slices.gpu();
        gpu.fill(&self.matrices.c, Filling::Word(POISON), stop)?;
        self.whole(stop)?;
        let across = self.matrices.size / TILE;
        let mut wanted: Vec<u64> = (0..self.tiles() * COMPARED)
            .map(|sample| {
                let (tile, place) = (sample % self.tiles(), pattern::word(self.seed ^ 0x5eed, sample));
                let (row, column) = (tile / across * TILE + place % TILE, tile % across * TILE + (place >> 16) % TILE);
                u64::from(row) * u64::from(self.matrices.size) + u64::from(column)
            })
            .collect();
        wanted.sort_unstable();
        let mut wanted = wanted.into_iter().peekable();
        gpu.read_all(&self.matrices.c, stop, |first, words| {
            if let Some(at) = words.iter().position(|word| *word == POISON) {
                return Err(DeviceError::Wrong(format!("element {} was not computed", first + at as u64)));
            }
            while let Some(at) = wanted.next_if(|at| *at < first + words.len() as u64) {
                stop.check()?;
                let split = |part: u64| u32::try_from(part).unwrap_or(u32::MAX);
                let (row, column) = (split(at / u64::from(self.matrices.size)), split(at % u64::from(self.matrices.size)));
                let found = usize::try_from(at - first).ok().and_then(|at| words.get(at)).copied();
                self.compare(row, column, found.unwrap_or(POISON))?;
            }
            Ok(())
        })
    }

    fn submit(&mut self, steps: u32) -> Result<(), DeviceError> {
        let (tiles, mut left, mut pieces) = (self.tiles(), steps, Vec::with_capacity(DISPATCHES_MAX));
        while left > 0 && pieces.len() < DISPATCHES_MAX {
            let count = left.min(tiles - self.cursor);
            pieces.push((self.params(self.cursor), count));
            self.cursor = (self.cursor + count) % tiles;
            left -= count;
        }
        let Self { run, slices, matrices, .. } = self;
        run.tell(&slices.gpu().queue, pieces.iter().map(|(params, _)| *params));
        slices.submit(|pass| {
            for (slot, (_, count)) in (0..).zip(&pieces) {
                run.record(pass, &matrices.group, slot, *count);
            }
        })
    }

    fn wait(&mut self) -> Result<Option<Duration>, DeviceError> {
        self.slices.wait()
    }
}
