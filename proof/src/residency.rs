//! Memory: proof that the products still lie where they can be read as fast as a card's own memory.
//!
//! A product is kept as the lowest 16 bits of each entry, row after row; these are nearly evenly spread and so cannot be packed
//! tighter. Twenty rounds each read many blocks of 4 KiB. Where a round reads follows from the digest of the one before, so that
//! nothing can be fetched ahead; each block is hashed under that digest as key, so that nothing shorter than the block will do.
//!
//! The answer is the root over the reads of each round. It is checked in one of two ways. Numbers are exact, so a trusted card's
//! roots for the same seed and nonce are the only right ones: [`same`]. Without such a card a few reads are named afterwards, and
//! opened down to the rows that the challenge began with: [`ReadCheck`].

use std::ops::Range;

use headframe_protocol::challenge::{ASKED_MAX, Digest, READS_MAX, ROUNDS, ReadAt, RowAt};

use crate::{
    Parameters,
    expand::mix,
    gather::{Openings, Parts},
    opening::{HEADER_BYTES, Kind, NAME_BYTES, checked_header, named},
    parameters::{BLOCK_BYTES, BLOCK_ENTRIES, PACKED_BYTES},
    row,
    tree::{Node, climbed, path_bytes, row_leaf},
    verify::{Refusal, checked_range, checked_roots},
};

/// The key under which the nonce becomes the first round's state.
const NONCE_KEY: &[u8; 32] = b"headframe pog/1 nonce of reading";

/// The key under which a round's state and root become the next round's state.
const ROUND_KEY: &[u8; 32] = b"headframe pog/1 state of a round";

/// What a round begins with: where it reads, and under which key it hashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State(Node);

/// A block of the products as they are kept, counted through all that stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block(pub u32);

impl State {
    /// The first round's.
    #[must_use]
    pub fn first(nonce: &Digest) -> Self {
        Self(*blake3::keyed_hash(NONCE_KEY, nonce.as_bytes()).as_bytes())
    }

    /// The next round's.
    #[must_use]
    pub fn next(&self, root: &Digest) -> Self {
        let mut both = [0; 64];
        both[..32].copy_from_slice(&self.0);
        both[32..].copy_from_slice(root.as_bytes());
        Self(*blake3::keyed_hash(ROUND_KEY, &both).as_bytes())
    }

    /// The key under which this round's blocks are hashed; its first two words say where to read.
    #[must_use]
    pub const fn key(&self) -> &[u8; 32] {
        &self.0
    }

    /// The block of one read of this round.
    #[must_use]
    pub fn block(&self, read: u32, parameters: Parameters) -> Block {
        let word = |at: usize| self.0[at..].first_chunk().map_or(0, |four| u32::from_le_bytes(*four));
        Block(mix(mix(read ^ word(0)) ^ word(4)) % parameters.blocks())
    }

    /// The leaf of one read of this round.
    #[must_use]
    pub fn leaf(&self, block: &[u8; BLOCK_BYTES]) -> Node {
        *blake3::keyed_hash(&self.0, block).as_bytes()
    }
}

impl Block {
    /// The product it belongs to, counted through the whole chain: the first block is of the first product that stays.
    #[must_use]
    pub const fn product(self, parameters: Parameters) -> u32 {
        parameters.products() - parameters.resident() + self.0 / parameters.blocks_per_product()
    }

    /// Its entries, counted through the product.
    #[must_use]
    pub const fn entries(self, parameters: Parameters) -> Range<usize> {
        let first = (self.0 % parameters.blocks_per_product()) as usize * BLOCK_ENTRIES;
        first..first + BLOCK_ENTRIES
    }

    /// The rows that have a part of it, in order.
    pub fn rows(self, parameters: Parameters) -> impl ExactSizeIterator<Item = RowAt> + use<> {
        let (product, entries, size) = (self.product(parameters), self.entries(parameters), parameters.rows());
        let rows = entries.start / size..(entries.end - 1) / size + 1;
        rows.map(move |row| RowAt { product, row: row as u32 })
    }
}

/// Whether the answer is the one that a trusted card gave to the same seed and nonce.
///
/// # Errors
/// Another number of roots, or another answer; the round in which it first differs is in the place of the opening.
pub fn same(answer: &[Digest], trusted: &[Digest]) -> Result<(), Refusal> {
    checked_roots(answer, trusted.len())?;
    let differs = answer.iter().zip(trusted).position(|(answer, trusted)| answer != trusted);
    differs.map_or(Ok(()), |at| Err(Refusal::NotRead { at }))
}

/// What is known of an answer before it is opened.
#[derive(Debug)]
pub struct Reading {
    parameters: Parameters,
    reads: u32,
    answer: Vec<Digest>,
    states: Vec<State>,
}

impl Reading {
    /// The rounds' states, as they follow from the nonce and the answer itself.
    ///
    /// # Errors
    /// The number of roots, or of reads, is wrong.
    pub fn new(parameters: Parameters, nonce: &Digest, reads: u32, answer: &[Digest]) -> Result<Self, Refusal> {
        checked_roots(answer, ROUNDS as usize)?;
        if !(1..=READS_MAX).contains(&reads) {
            return Err(Refusal::Question);
        }
        let states = answer.iter().scan(State::first(nonce), |state, root| {
            let next = state.next(root);
            Some(std::mem::replace(state, next))
        });
        Ok(Self { parameters, reads, answer: answer.to_vec(), states: states.collect() })
    }

    /// Begins to check the openings of `asked`: against the rounds' roots, and against the products'.
    ///
    /// # Errors
    /// The number of roots or the question is wrong.
    pub fn check<'a>(&'a self, roots: &'a [Digest], asked: &'a [ReadAt]) -> Result<ReadCheck<'a>, Refusal> {
        checked_roots(roots, self.parameters.products() as usize)?;
        let within = |at: &ReadAt| at.round < ROUNDS && at.read < self.reads;
        if !(1..=ASKED_MAX).contains(&asked.len()) || !asked.iter().all(within) {
            return Err(Refusal::Question);
        }
        Ok(Openings::new(Reads {
            of: self,
            roots,
            asked,
            at: 0,
            part: Part::Header,
            block: Block(0),
            row: 0,
            leaf: Node::default(),
            kept: Vec::new(),
        }))
    }
}

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Header,
    Name,
    Row,
    RowPath,
    ReadPath,
    Done,
}

/// Openings of reads on their way in.
pub type ReadCheck<'a> = Openings<Reads<'a>>;

/// What openings of reads come to.
#[derive(Debug)]
pub struct Reads<'a> {
    of: &'a Reading,
    roots: &'a [Digest],
    asked: &'a [ReadAt],
    at: usize,
    part: Part,
    /// Which block the read must have been.
    block: Block,
    /// Which of the block's rows comes next.
    row: usize,
    /// Of the row whose path comes next.
    leaf: Node,
    /// What of the block has arrived.
    kept: Vec<u8>,
}

impl Parts for Reads<'_> {
    fn wanted(&self) -> Option<usize> {
        Some(match self.part {
            Part::Header => HEADER_BYTES,
            Part::Name => NAME_BYTES,
            Part::Row => self.of.parameters.row_bytes(),
            Part::RowPath => path_bytes(self.of.parameters.rows()),
            Part::ReadPath => path_bytes(self.of.reads as usize),
            Part::Done => return None,
        })
    }

    fn check(&mut self, part: &[u8]) -> Result<(), Refusal> {
        self.part = self.next(part)?;
        Ok(())
    }

    fn opened(&self) -> usize {
        self.at
    }
}

impl Reads<'_> {
    /// Checks one whole part, and says what follows it.
    fn next(&mut self, part: &[u8]) -> Result<Part, Refusal> {
        let parameters = self.of.parameters;
        match self.part {
            Part::Header => {
                checked_header(part, Kind::Memory, parameters.size(), self.asked.len())?;
                Ok(Part::Name)
            }
            Part::Name => {
                let ReadAt { round, read } = self.asked[self.at];
                if named(part) != [round, read] {
                    return Err(Refusal::Unasked { at: self.at });
                }
                self.block = self.of.states[round as usize].block(read, parameters);
                self.row = 0;
                self.kept.clear();
                Ok(Part::Row)
            }
            Part::Row => {
                checked_range(part, parameters, self.at)?;
                self.leaf = row_leaf(part);
                self.keep(part);
                Ok(Part::RowPath)
            }
            Part::RowPath => self.row_path(part),
            Part::ReadPath => self.read_path(part),
            Part::Done => Ok(Part::Done),
        }
    }

    /// Keeps what the row has of the block, as the card does.
    fn keep(&mut self, packed: &[u8]) {
        let (entries, size) = (self.block.entries(self.of.parameters), self.of.parameters.rows());
        let first = (entries.start / size + self.row) * size;
        let mine = entries.start.max(first) - first..entries.end.min(first + size) - first;
        for entry in row::entries(&packed[mine.start * PACKED_BYTES..mine.end * PACKED_BYTES]) {
            self.kept.extend_from_slice(&kept(entry));
        }
    }

    fn row_path(&mut self, path: &[u8]) -> Result<Part, Refusal> {
        let mut rows = self.block.rows(self.of.parameters);
        let count = rows.len();
        let holds = rows.nth(self.row).is_some_and(|RowAt { product, row }| {
            climbed(self.leaf, row as usize, path) == *self.roots[product as usize].as_bytes()
        });
        if !holds {
            return Err(Refusal::Path { at: self.at });
        }
        self.row += 1;
        Ok(if self.row == count { Part::ReadPath } else { Part::Row })
    }

    fn read_path(&mut self, path: &[u8]) -> Result<Part, Refusal> {
        let ReadAt { round, read } = self.asked[self.at];
        let leaf = self.kept.first_chunk().map(|block| self.of.states[round as usize].leaf(block));
        let root = *self.of.answer[round as usize].as_bytes();
        if leaf.is_none_or(|leaf| climbed(leaf, read as usize, path) != root) {
            return Err(Refusal::NotRead { at: self.at });
        }
        self.at += 1;
        Ok(if self.at == self.asked.len() { Part::Done } else { Part::Name })
    }
}

/// An entry as it is kept in memory: its lowest 16 bits, little-endian.
#[must_use]
pub const fn kept(entry: i32) -> [u8; 2] {
    (entry as u16).to_le_bytes()
}
