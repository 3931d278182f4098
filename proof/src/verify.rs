//! Checks opened rows: what was asked for, what was committed to, and whether it is the product it should be.
//!
//! Openings are checked as they arrive, in pieces of any length. A verifier holds a few vectors and one row at a time, whatever
//! the other side sends; how long openings are follows from the question, so that there is no length in them to lie about.

use headframe_protocol::challenge::{ASKED_MAX, Digest, RowAt};

use crate::{
    Parameters,
    expand::{Matrix, Seed, requantised},
    gather::{Openings, Parts},
    opening::{HEADER_BYTES, Kind, NAME_BYTES, checked_header, named},
    row,
    tree::{Node, climbed, path_bytes, row_leaf},
    weights::{Weights, right_times, times_image},
};

/// How many secret vectors are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lanes {
    /// A wrong row passes with a chance of 1 in 2^31.
    One,
    /// Of 1 in 2^62.
    Two,
}

/// Why an answer is refused. Each is final: the challenge is not passed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Another number of roots than there are products or rounds.
    #[error("{found} roots instead of {expected}")]
    Roots {
        /// How many came.
        found: usize,
        /// How many there must be.
        expected: usize,
    },
    /// A question that no honest answer fits.
    #[error("the question asks for nothing, for too much, or for what there is not")]
    Question,
    /// Other bytes than openings, or openings of another question.
    #[error("these are no openings of this kind, size and number")]
    Header,
    /// Something else is opened than was asked for.
    #[error("opening {at} is of something else than was asked for")]
    Unasked {
        /// Which opening.
        at: usize,
    },
    /// An entry that no product of two factors has.
    #[error("opening {at} has an entry out of range")]
    Range {
        /// Which opening.
        at: usize,
    },
    /// What is opened is not what was committed to.
    #[error("opening {at} is not what was committed to")]
    Path {
        /// Which opening.
        at: usize,
    },
    /// The row is not its factor times B.
    #[error("row {} of product {} was not computed", row.row, row.product)]
    NotComputed {
        /// Which row.
        row: RowAt,
    },
    /// What was read in a round is not what lies there.
    #[error("opening {at} shows another block than was read")]
    NotRead {
        /// Which opening.
        at: usize,
    },
    /// The bytes ended in the middle.
    #[error("the openings end after {0} of them")]
    Short(usize),
    /// There are more bytes than openings.
    #[error("there are bytes after the last opening")]
    Long,
}

/// What can be known of a challenge before any answer, at the price of one pass over B.
#[derive(Debug)]
pub struct Verifier {
    parameters: Parameters,
    seed: Seed,
    lanes: Vec<Lane>,
}

#[derive(Debug)]
struct Lane {
    weights: Weights,
    /// `B·r`.
    image: Vec<u32>,
}

impl Verifier {
    /// Prepares to check. `secret` are 32 random bytes that the prover must never learn while this challenge counts.
    #[must_use]
    pub fn new(seed: &Digest, parameters: Parameters, secret: &Digest, lanes: Lanes) -> Self {
        let seed = Seed::new(seed);
        let count = match lanes {
            Lanes::One => 1,
            Lanes::Two => 2,
        };
        let all: Vec<_> = (0..count).map(|lane| Weights::draw(parameters, secret, lane)).collect();
        let images = right_times(&seed, parameters, &all);
        let lanes = all.into_iter().zip(images).map(|(weights, image)| Lane { weights, image }).collect();
        Self { parameters, seed, lanes }
    }

    /// Begins to check the openings of `asked`, against the roots that were there before anything was asked.
    ///
    /// # Errors
    /// The number of roots or the question is wrong.
    pub fn rows<'a>(&'a self, roots: &'a [Digest], asked: &'a [RowAt]) -> Result<RowCheck<'a>, Refusal> {
        checked_roots(roots, self.parameters.products() as usize)?;
        let within = |at: &RowAt| at.product < self.parameters.products() && at.row < self.parameters.size();
        if !(1..=ASKED_MAX).contains(&asked.len()) || !asked.iter().all(within) {
            return Err(Refusal::Question);
        }
        Ok(Openings::new(Rows {
            of: self,
            roots,
            asked,
            at: 0,
            part: Part::Header,
            leaf: Node::default(),
            expected: vec![0; self.lanes.len()],
        }))
    }

    /// The left factor's row times `B·r`, for each r: what the product's row times r must be.
    fn expected(&self, factor: impl Iterator<Item = i8> + Clone) -> Vec<u32> {
        self.lanes.iter().map(|lane| times_image(factor.clone(), &lane.image)).collect()
    }
}

pub(crate) fn checked_roots(roots: &[Digest], expected: usize) -> Result<(), Refusal> {
    if roots.len() == expected { Ok(()) } else { Err(Refusal::Roots { found: roots.len(), expected }) }
}

/// A packed row whose entries are all possible.
pub(crate) fn checked_range(packed: &[u8], parameters: Parameters, at: usize) -> Result<(), Refusal> {
    let edge = parameters.entry_max();
    // Folded without an early end: a loop without a branch is four times as fast.
    let worst = row::entries(packed).fold(0, |worst: i32, entry| worst.max(entry.abs()));
    if worst <= edge { Ok(()) } else { Err(Refusal::Range { at }) }
}

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Header,
    Name,
    /// The row of the product before, from which the factor's row follows.
    Before,
    BeforePath,
    Row,
    RowPath,
    Done,
}

/// Openings of rows on their way in.
pub type RowCheck<'a> = Openings<Rows<'a>>;

/// What openings of rows come to.
#[derive(Debug)]
pub struct Rows<'a> {
    of: &'a Verifier,
    roots: &'a [Digest],
    asked: &'a [RowAt],
    at: usize,
    part: Part,
    /// Of the row whose path comes next.
    leaf: Node,
    expected: Vec<u32>,
}

impl Parts for Rows<'_> {
    fn wanted(&self) -> Option<usize> {
        let parameters = self.of.parameters;
        Some(match self.part {
            Part::Header => HEADER_BYTES,
            Part::Name => NAME_BYTES,
            Part::Before | Part::Row => parameters.row_bytes(),
            Part::BeforePath | Part::RowPath => path_bytes(parameters.rows()),
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

impl Rows<'_> {
    /// Checks one whole part, and says what follows it.
    fn next(&mut self, part: &[u8]) -> Result<Part, Refusal> {
        match self.part {
            Part::Header => {
                checked_header(part, Kind::Rows, self.of.parameters.size(), self.asked.len())?;
                Ok(Part::Name)
            }
            Part::Name => self.name(part),
            Part::Before => {
                self.row(part)?;
                self.expected = self.of.expected(row::entries(part).map(requantised));
                Ok(Part::BeforePath)
            }
            Part::BeforePath => {
                self.path(part, 1)?;
                Ok(Part::Row)
            }
            Part::Row => {
                self.row(part)?;
                let computed = self.of.lanes.iter().zip(&self.expected);
                let holds =
                    computed.into_iter().all(|(lane, expected)| lane.weights.times_product(row::entries(part)) == *expected);
                if holds { Ok(Part::RowPath) } else { Err(Refusal::NotComputed { row: self.asked[self.at] }) }
            }
            Part::RowPath => {
                self.path(part, 0)?;
                self.at += 1;
                Ok(if self.at == self.asked.len() { Part::Done } else { Part::Name })
            }
            Part::Done => Ok(Part::Done),
        }
    }

    fn name(&mut self, part: &[u8]) -> Result<Part, Refusal> {
        let RowAt { product, row } = self.asked[self.at];
        if named(part) != [product, row] {
            return Err(Refusal::Unasked { at: self.at });
        }
        if product > 0 {
            return Ok(Part::Before);
        }
        let mut first = vec![0; self.of.parameters.rows()];
        self.of.seed.fill_row(Matrix::First, row, &mut first);
        self.expected = self.of.expected(first.iter().copied());
        Ok(Part::Row)
    }

    fn row(&mut self, packed: &[u8]) -> Result<(), Refusal> {
        checked_range(packed, self.of.parameters, self.at)?;
        self.leaf = row_leaf(packed);
        Ok(())
    }

    fn path(&self, path: &[u8], back: usize) -> Result<(), Refusal> {
        let RowAt { product, row } = self.asked[self.at];
        let root = &self.roots[product as usize - back];
        let holds = climbed(self.leaf, row as usize, path) == *root.as_bytes();
        if holds { Ok(()) } else { Err(Refusal::Path { at: self.at }) }
    }
}
