//! The two programs for matrix units: products out of registers, and large ones.

use rspirv::{dr::Error, spirv::Word};

use super::{
    offer::Fragments,
    text::{Place, QUAD_BYTES, Side, Text, Written},
};

/// Rows and columns of a workgroup's tile of a large product, as of the portable program.
pub(super) use super::super::product::TILE;

/// Quads of a line that a step of a tile takes: 64 bytes.
const STEP: u32 = 4;

/// Quads between lines of shared memory. One more than there are, so that neighbouring lines lie in other banks.
const STRIDE: u32 = 5;

/// Quads that a thread fetches for a step, two of each factor.
const FETCHES: usize = 4;

/// Factors that a subgroup has for products out of registers. Each left one is multiplied with each right one.
pub(super) const LEFTS: u32 = 2;
pub(super) const RIGHTS: u32 = 4;

/// How often in a round.
pub(super) const REPEATS: u32 = 8;

/// How the subgroups of a workgroup share its tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Parts {
    /// Subgroups beside each other.
    across: u32,
    /// Rows and columns of a subgroup's part.
    rows: u32,
    columns: u32,
}

impl Parts {
    /// As square as it goes. Nothing if the part is not made up of whole fragments.
    fn new(fragments: Fragments, subgroups: u32) -> Option<Self> {
        let down = 1 << (subgroups.checked_ilog2()? / 2);
        let across = subgroups / down;
        let (rows, columns) = (TILE.checked_div(down)?, TILE.checked_div(across)?);
        let is_whole = subgroups.is_power_of_two() && rows >= fragments.rows && columns >= fragments.columns;
        (is_whole && fragments.is_usable()).then_some(Self { across, rows, columns })
    }
}

/// Products out of registers: each subgroup loads its factors once, multiplies them `rounds` times 8 times, and writes the sums.
///
/// # Errors
/// Only if it is written in a wrong order here.
pub(super) fn peak(fragments: Fragments, subgroups: u32) -> Result<Vec<u32>, Error> {
    let Fragments { rows, columns, .. } = fragments;
    let stride = fragments.line_bytes() / QUAD_BYTES;
    let mut text = Text::new(fragments);
    let (factors, out) = (text.buffer(1, true), text.buffer(2, false));
    text.begin()?;
    let sums: Vec<Word> = (0..LEFTS * RIGHTS).map(|_| text.own_sums()).collect();
    let at = text.own_word();
    let [_, rounds, ..] = text.params()?;
    let [group, _, subgroup] = text.places()?;
    text.only_with_subgroups(subgroups, |text| {
        text.clear(&sums)?;
        let count = text.number(subgroups);
        let me = text.times(group, count)?;
        let me = text.plus(me, subgroup)?;
        let own = text.number((LEFTS * rows + RIGHTS * columns) * stride);
        let first = text.times(me, own)?;
        let factor = |text: &mut Text, side, lines: u32| {
            let offset = text.number(lines * stride);
            let index = text.plus(first, offset)?;
            text.factor(side, (Place::Buffer, factors), index, stride)
        };
        let lefts: Vec<Word> = (0..LEFTS).map(|at| factor(text, Side::Left, at * rows)).collect::<Written<_>>()?;
        let rights =
            (0..RIGHTS).map(|at| factor(text, Side::Right, LEFTS * rows + at * columns)).collect::<Written<Vec<Word>>>()?;
        text.repeat(at, (1, rounds), |text, _| {
            let mut values: Vec<Word> = sums.iter().map(|sums| text.load_sums(*sums)).collect::<Written<_>>()?;
            for _ in 0..REPEATS {
                for (value, place) in values.iter_mut().zip(0..) {
                    *value = text.multiply_add(lefts[place / RIGHTS as usize], rights[place % RIGHTS as usize], *value)?;
                }
            }
            sums.iter().zip(values).try_for_each(|(sums, value)| text.store_sums(*sums, value))
        })?;
        let (each, stride) = (text.number(rows * columns), text.number(columns));
        let all = text.number(LEFTS * RIGHTS * rows * columns);
        let mut index = text.times(me, all)?;
        for sums in &sums {
            let value = text.load_sums(*sums)?;
            text.write_sums(out, index, stride, value)?;
            index = text.plus(index, each)?;
        }
        Ok(())
    })
}

/// A large product: C = A·B, of A the rows and of B the columns stored one after the other, in tiles of 128 × 128.
///
/// As in `product.wgsl` a step of both factors is shared while the next is on its way. Parameters: `first` tile; `rounds`, the tiles of a band; `width4`, C's width in
/// numbers; `depth`, quads of a line; `tiles` across. Tiles go down a band of some rows before the next column, so that what runs at the same time reads the same lines.
///
/// # Errors
/// Only if it is written in a wrong order here.
pub(super) fn product(fragments: Fragments, subgroups: u32) -> Result<Option<Vec<u32>>, Error> {
    let Some(parts) = Parts::new(fragments, subgroups) else { return Ok(None) };
    let mut text = Text::new(fragments);
    let (a, b, c) = (text.buffer(1, true), text.buffer(2, true), text.buffer(3, false));
    let shared = [text.shared(TILE * STRIDE), text.shared(TILE * STRIDE)];
    text.begin()?;
    let sums = (0..parts.rows / fragments.rows * (parts.columns / fragments.columns)).map(|_| text.own_sums()).collect();
    let (fetched, at) = (std::array::from_fn(|_| text.own_quad()), text.own_word());
    let params = text.params()?;
    let [group, thread, subgroup] = text.places()?;
    let tile = Tile { fragments, parts, factors: [a, b], shared, fetched, sums };
    text.only_with_subgroups(subgroups, |text| {
        text.clear(&tile.sums)?;
        let [first, band, width, depth, across, ..] = params;
        let (row, column) = place(text, (first, group), band, across)?;
        let reads = Reads::new(text, thread, [row, column], depth)?;
        let zero = text.number(0);
        tile.fetch(text, &reads, zero)?;
        let own = tile.own(text, subgroup)?;
        text.repeat(at, (STEP, depth), |text, k| {
            tile.share(text, &reads)?;
            text.meet()?;
            let step = text.number(STEP);
            let next = text.plus(k, step)?;
            // The last time the same again: a read beyond the end would be worse than one for nothing.
            let next = text.below_or(next, depth, k)?;
            tile.fetch(text, &reads, next)?;
            tile.multiply(text, own)?;
            text.meet()
        })?;
        tile.write(text, c, [row, column], (own, width))
    })
    .map(Some)
}

/// Which tile a workgroup computes: its first row and column of C.
fn place(text: &mut Text, (first, group): (Word, Word), band: Word, across: Word) -> Written<(Word, Word)> {
    let tile = text.plus(first, group)?;
    let of_band = text.times(band, across)?;
    let (above, within) = (text.over(tile, of_band)?, text.rest_of(tile, of_band)?);
    let (down, right) = (text.rest_of(within, band)?, text.over(within, band)?);
    let above = text.times(above, band)?;
    let side = text.number(TILE);
    let row = text.plus(above, down)?;
    Ok((text.times(row, side)?, text.times(right, side)?))
}

/// Where a thread fetches from, and where it puts it: quad `thread % 4` of lines `thread / 4` and 64 further, of each factor.
struct Reads {
    from: [Word; FETCHES],
    to: [Word; FETCHES / 2],
}

impl Reads {
    fn new(text: &mut Text, thread: Word, firsts: [Word; 2], depth: Word) -> Written<Self> {
        let (step, stride) = (text.number(STEP), text.number(STRIDE));
        let (line, quad) = (text.over(thread, step)?, text.rest_of(thread, step)?);
        let half = text.number(TILE / 2);
        let far = text.times(half, depth)?;
        let mut from = [0; FETCHES];
        for (of, first) in firsts.into_iter().enumerate() {
            let line = text.plus(first, line)?;
            let line = text.times(line, depth)?;
            from[of * 2] = text.plus(line, quad)?;
            from[of * 2 + 1] = text.plus(from[of * 2], far)?;
        }
        let to = text.times(line, stride)?;
        let to = text.plus(to, quad)?;
        let far = text.number(TILE / 2 * STRIDE);
        Ok(Self { from, to: [to, text.plus(to, far)?] })
    }
}

/// A subgroup's part of a tile: its first row and column, as lines of shared memory and as places of the tile.
#[derive(Debug, Clone, Copy)]
struct Own {
    lines: [Word; 2],
    places: [Word; 2],
}

struct Tile {
    fragments: Fragments,
    parts: Parts,
    factors: [Word; 2],
    shared: [Word; 2],
    fetched: [Word; FETCHES],
    sums: Vec<Word>,
}

impl Tile {
    fn fetch(&self, text: &mut Text, reads: &Reads, k: Word) -> Written<()> {
        for (at, (into, from)) in self.fetched.iter().zip(reads.from).enumerate() {
            let index = text.plus(from, k)?;
            text.fetch(*into, self.factors[at / 2], index)?;
        }
        Ok(())
    }

    fn share(&self, text: &mut Text, reads: &Reads) -> Written<()> {
        let mut places = self.fetched.iter().enumerate();
        places.try_for_each(|(at, from)| text.share(self.shared[at / 2], reads.to[at % 2], *from))
    }

    fn own(&self, text: &mut Text, subgroup: Word) -> Written<Own> {
        let Parts { across, rows, columns } = self.parts;
        let across = text.number(across);
        let (down, right) = (text.over(subgroup, across)?, text.rest_of(subgroup, across)?);
        let (rows, columns, stride) = (text.number(rows), text.number(columns), text.number(STRIDE));
        let (down, right) = (text.times(down, rows)?, text.times(right, columns)?);
        Ok(Own { lines: [text.times(down, stride)?, text.times(right, stride)?], places: [down, right] })
    }

    fn multiply(&self, text: &mut Text, own: Own) -> Written<()> {
        let Fragments { rows, columns, .. } = self.fragments;
        let quads = self.fragments.line_bytes() / QUAD_BYTES;
        let (down, across) = (self.parts.rows / rows, self.parts.columns / columns);
        for k in (0..STEP).step_by(quads as usize) {
            let load = |text: &mut Text, of: usize, side, line: u32| {
                let offset = text.number(line * STRIDE + k);
                let index = text.plus(own.lines[of], offset)?;
                text.factor(side, (Place::Shared, self.shared[of]), index, STRIDE)
            };
            let lefts = (0..down).map(|at| load(text, 0, Side::Left, at * rows)).collect::<Written<Vec<Word>>>()?;
            let rights = (0..across).map(|at| load(text, 1, Side::Right, at * columns)).collect::<Written<Vec<Word>>>()?;
            for (at, sums) in self.sums.iter().enumerate() {
                let value = text.load_sums(*sums)?;
                let value = text.multiply_add(lefts[at / rights.len()], rights[at % rights.len()], value)?;
                text.store_sums(*sums, value)?;
            }
        }
        Ok(())
    }

    fn write(&self, text: &mut Text, c: Word, tile: [Word; 2], (own, width): (Own, Word)) -> Written<()> {
        let Fragments { rows, columns, .. } = self.fragments;
        let across = self.parts.columns / columns;
        let (row, column) = (text.plus(tile[0], own.places[0])?, text.plus(tile[1], own.places[1])?);
        for (sums, at) in self.sums.iter().zip(0..) {
            let (down, right) = (text.number(at / across * rows), text.number(at % across * columns));
            let (row, column) = (text.plus(row, down)?, text.plus(column, right)?);
            let index = text.times(row, width)?;
            let index = text.plus(index, column)?;
            let value = text.load_sums(*sums)?;
            text.write_sums(c, index, width, value)?;
        }
        Ok(())
    }
}
