//! The challenge `pog/1` on a card, by the portable library: every number of it is made on the card, and what leaves it are roots, paths and the
//! rows that are asked for. `docs/proof.md` has the protocol.
//!
//! Only the lowest 16 bits of a product stay. A row is opened with all of them, and is computed anew from its own row of the first factor on: at
//! most a few hundred rows of thousands.

mod chain;
mod memory;
mod text;
mod work;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use headframe_agent::benchmark::device::{DeviceError, Stop};
use headframe_proof::{
    Parameters, Prover,
    residency::{Block, State},
    row,
};
use headframe_protocol::challenge::{Digest, READS_MAX, ROUNDS, ReadAt, RowAt};

use self::{
    chain::{Chain, Right, Trees},
    memory::{Rounds, Shape, Shelves},
    work::Work,
};
use super::Portable;

/// The most buffers that the reading kernel sees at once: products of 40 GiB in buffers of three. Of more it takes two looks at every read.
const SEEN_MAX: u32 = 28;

/// Buffers of the reading kernel that hold no products.
const OTHERS: u32 = 1;

/// The library binds no more than this, whatever a driver says.
const BUFFER_BYTES_MAX: u64 = (1 << 31) - 4;

/// A card that answers one challenge after another.
pub(crate) struct CardProver<'g> {
    work: Work<'g>,
    shape: Shape,
    held: Option<Held>,
}

/// What there is of the challenge that it was asked last.
struct Held {
    right: Right,
    trees: Trees,
    shelves: Shelves,
    /// Rows that will be shown, packed.
    rows: HashMap<RowAt, Vec<u8>>,
    reading: Option<Reading>,
}

/// What there is of the last nonce.
struct Reading {
    rounds: Rounds,
    states: Vec<State>,
    /// The round whose tree is on the card.
    last: usize,
}

impl<'g> CardProver<'g> {
    /// Compiles what a challenge takes.
    pub(crate) fn new(card: &'g Portable, stop: Stop) -> Result<Self, DeviceError> {
        let limits = card.gpu.device.limits();
        let bound = limits.max_storage_buffer_binding_size.min(limits.max_buffer_size);
        let seen = limits.max_storage_buffers_per_shader_stage.saturating_sub(OTHERS).clamp(1, SEEN_MAX);
        Self::shaped(card, stop, Shape { buffer_bytes: bound.min(BUFFER_BYTES_MAX), seen })
    }

    fn shaped(card: &'g Portable, stop: Stop, shape: Shape) -> Result<Self, DeviceError> {
        Ok(Self { work: Work::new(&card.gpu, stop)?, shape, held: None })
    }

    /// The challenge that is held, if one is.
    pub(crate) fn held(&self) -> Option<Parameters> {
        self.held.as_ref().map(|held| held.right.parameters)
    }
}

impl Held {
    /// Computes the chain and commits to it.
    fn compute(
        work: &mut Work<'_>,
        seed: Digest,
        parameters: Parameters,
        shape: Shape,
    ) -> Result<(Self, Vec<Digest>), DeviceError> {
        let right = Right::new(work, seed, parameters)?;
        let shelves = Shelves::new(work, parameters, shape)?;
        let chain = Chain::new(work, &right, &(0..parameters.size()).collect::<Vec<_>>())?;
        let trees = Trees::new(work, &chain, parameters)?;
        for product in 0..parameters.products() {
            chain.multiply(work, &right)?;
            trees.grow(work, &right, product)?;
            chain.requantise(work, &right, shelves.place(product))?;
        }
        let roots = trees.roots(work, parameters.products())?;
        Ok((Self { right, trees, shelves, rows: HashMap::new(), reading: None }, roots))
    }

    /// Computes these rows anew, all together.
    fn expect(&mut self, work: &mut Work<'_>, rows: &[RowAt]) -> Result<(), DeviceError> {
        let parameters = self.right.parameters;
        let exists = |at: &&RowAt| at.product < parameters.products() && at.row < parameters.size();
        self.rows.clear();
        let numbers: BTreeSet<u32> = rows.iter().filter(exists).map(|at| at.row).collect();
        let numbers: Vec<u32> = numbers.into_iter().collect();
        let mut wanted: BTreeMap<u32, BTreeSet<u64>> = BTreeMap::new();
        for at in rows.iter().filter(exists) {
            let place = numbers.partition_point(|row| *row < at.row) as u64;
            wanted.entry(at.product).or_default().insert(place);
        }
        let Some(last) = wanted.keys().next_back().copied() else { return Ok(()) };
        let chain = Chain::new(work, &self.right, &numbers)?;
        for product in 0..=last {
            chain.multiply(work, &self.right)?;
            let places: Vec<u64> = wanted.remove(&product).unwrap_or_default().into_iter().collect();
            if !places.is_empty() {
                let entries = chain.read(work, &self.right, &places)?;
                for (place, entries) in places.into_iter().zip(entries) {
                    let mut packed = Vec::with_capacity(parameters.row_bytes());
                    row::pack(&entries, &mut packed).map_err(|error| DeviceError::Wrong(error.to_string()))?;
                    let row = usize::try_from(place).ok().and_then(|place| numbers.get(place));
                    self.rows.extend(row.map(|row| (RowAt { product, row: *row }, packed)));
                }
            }
            if product < last {
                chain.requantise(work, &self.right, None)?;
            }
        }
        Ok(())
    }
}

fn nothing() -> DeviceError {
    DeviceError::Refused("there is nothing to show at this place".to_owned())
}

fn unasked() -> DeviceError {
    DeviceError::Refused("nothing was computed yet".to_owned())
}

fn append(nodes: &[Digest], bytes: &mut Vec<u8>) {
    nodes.iter().for_each(|node| bytes.extend_from_slice(node.as_bytes()));
}

impl Prover for CardProver<'_> {
    type Error = DeviceError;

    fn compute(&mut self, seed: &Digest, parameters: Parameters) -> Result<Vec<Digest>, DeviceError> {
        // The memory of the challenge before is needed for this one.
        self.held = None;
        self.work.begin_anew()?;
        let (held, roots) = Held::compute(&mut self.work, *seed, parameters, self.shape)?;
        self.held = Some(held);
        Ok(roots)
    }

    fn expect_rows(&mut self, rows: &[RowAt]) -> Result<(), DeviceError> {
        self.held.as_mut().ok_or_else(unasked)?.expect(&mut self.work, rows)
    }

    fn show_row(&mut self, at: RowAt, bytes: &mut Vec<u8>) -> Result<(), DeviceError> {
        let held = self.held.as_mut().ok_or_else(unasked)?;
        if !held.rows.contains_key(&at) {
            held.expect(&mut self.work, &[at])?;
        }
        bytes.extend_from_slice(held.rows.get(&at).ok_or_else(nothing)?);
        append(&held.trees.path(&self.work, at.product, at.row)?, bytes);
        Ok(())
    }

    fn remember(&mut self, nonce: &Digest, reads: u32) -> Result<Vec<Digest>, DeviceError> {
        let held = self.held.as_mut().ok_or_else(unasked)?;
        if !(1..=READS_MAX).contains(&reads) {
            return Err(DeviceError::Refused(format!("1 to {READS_MAX} reads are a round")));
        }
        held.reading = None;
        let rounds = held.shelves.rounds(&self.work, reads)?;
        let (mut states, mut roots) = (vec![State::first(nonce)], Vec::new());
        for _ in 0..ROUNDS {
            let Some(state) = states.last() else { break };
            let root = rounds.read(&mut self.work, &held.shelves, state)?;
            states.push(state.next(&root));
            roots.push(root);
        }
        held.reading = Some(Reading { rounds, states, last: roots.len() - 1 });
        Ok(roots)
    }

    fn show_read(&mut self, at: ReadAt) -> Result<(Block, Vec<u8>), DeviceError> {
        let held = self.held.as_mut().ok_or_else(unasked)?;
        let reading = held.reading.as_mut().filter(|reading| at.round < ROUNDS && at.read < reading.rounds.reads);
        let reading = reading.ok_or_else(nothing)?;
        let state = reading.states.get(at.round as usize).ok_or_else(nothing)?;
        if reading.last != at.round as usize {
            reading.rounds.read(&mut self.work, &held.shelves, state)?;
            reading.last = at.round as usize;
        }
        let mut bytes = Vec::new();
        append(&reading.rounds.path(&self.work, at.read)?, &mut bytes);
        Ok((state.block(at.read, held.right.parameters), bytes))
    }

    fn parameters(&self) -> Parameters {
        self.held().unwrap_or(LEAST)
    }
}

/// What is answered for before anything was computed; nothing is opened then.
const LEAST: Parameters = match Parameters::new(64, 20) {
    Ok(least) => least,
    Err(_) => panic!("within bounds"),
};

#[cfg(test)]
mod tests;
