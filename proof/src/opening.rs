//! Openings as bytes: a header, then for each thing asked for its name and what shows it. No lengths: they follow from the question.
//!
//! ```text
//! openings  kind: 4 bytes, "pogr" (rows) or "pogm" (memory) · size: u32 · count: u32 · count times an opening
//! of a row  product: u32 · row: u32 · [row of the product before · its path, unless product is 0] · row · path
//! of a read round: u32 · read: u32 · each row that has a part of the block: row · path · path of the read in its round
//! row       size entries of 3 bytes    path   one node of 32 bytes for each level, from the leaf upwards
//! ```
//! Numbers are little-endian.

use headframe_protocol::challenge::{ReadAt, RowAt};

use crate::{Parameters, verify::Refusal};

/// Bytes of the header.
pub const HEADER_BYTES: usize = 12;

/// Bytes of a name.
pub const NAME_BYTES: usize = 8;

/// What is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Rows of products.
    Rows,
    /// Reads of memory.
    Memory,
}

impl Kind {
    const fn magic(self) -> &'static [u8; 4] {
        match self {
            Self::Rows => b"pogr",
            Self::Memory => b"pogm",
        }
    }
}

/// The beginning of openings of `count` things.
#[must_use]
pub fn header(kind: Kind, parameters: Parameters, count: usize) -> Vec<u8> {
    let mut bytes = kind.magic().to_vec();
    bytes.extend_from_slice(&parameters.size().to_le_bytes());
    bytes.extend_from_slice(&(count as u32).to_le_bytes());
    bytes
}

/// The name of a row.
pub fn name_row(at: RowAt, bytes: &mut Vec<u8>) {
    bytes.extend_from_slice(&at.product.to_le_bytes());
    bytes.extend_from_slice(&at.row.to_le_bytes());
}

/// The name of a read.
pub fn name_read(at: ReadAt, bytes: &mut Vec<u8>) {
    bytes.extend_from_slice(&at.round.to_le_bytes());
    bytes.extend_from_slice(&at.read.to_le_bytes());
}

/// The bytes that openings of these rows have, to the byte: whoever receives them need take no more.
#[must_use]
pub fn rows_bytes(parameters: Parameters, asked: &[RowAt]) -> usize {
    let one = parameters.row_bytes() + crate::tree::path_bytes(parameters.rows());
    let rows: usize = asked.iter().map(|at| if at.product == 0 { 1 } else { 2 }).sum();
    HEADER_BYTES + asked.len() * NAME_BYTES + rows * one
}

pub(crate) fn checked_header(bytes: &[u8], kind: Kind, size: u32, count: usize) -> Result<(), Refusal> {
    let (magic, numbers) = bytes.split_at(4);
    let holds = magic == kind.magic() && named(numbers) == [size, count as u32];
    if holds { Ok(()) } else { Err(Refusal::Header) }
}

/// Two numbers.
pub(crate) fn named(bytes: &[u8]) -> [u32; 2] {
    let number = |at: usize| bytes[at..].first_chunk::<4>().map_or(u32::MAX, |four| u32::from_le_bytes(*four));
    [number(0), number(4)]
}
