//! What a device must be able to do to answer a challenge. The device computes and reads; the words around it are written here,
//! once for all devices.

use headframe_protocol::challenge::{Digest, ReadAt, RowAt};

use crate::{
    Parameters,
    opening::{Kind, header, name_read, name_row},
    residency::Block,
};

/// A device that keeps the last products of one challenge in its memory, and the trees over all.
///
/// A row of a product that is gone it computes anew, from the same row of the first factor on: rows do not need one another.
/// It forgets them at the next [`Prover::compute`]. A question comes from the network: rows and reads that there are not are an
/// error of the device's, never a panic.
pub trait Prover {
    /// What a device says when it cannot.
    type Error;

    /// Computes every product, keeps the last ones, and returns the root over the rows of each.
    ///
    /// # Errors
    /// The device cannot.
    fn compute(&mut self, seed: &Digest, parameters: Parameters) -> Result<Vec<Digest>, Self::Error>;

    /// Appends a packed row and, after it, its path.
    ///
    /// # Errors
    /// The device cannot.
    fn show_row(&mut self, at: RowAt, bytes: &mut Vec<u8>) -> Result<(), Self::Error>;

    /// Reads in rounds as [`crate::residency`] says, keeps the rounds' trees, and returns the root of each.
    ///
    /// # Errors
    /// The device cannot.
    fn remember(&mut self, nonce: &Digest, reads: u32) -> Result<Vec<Digest>, Self::Error>;

    /// Which block a read was, and its path in its round.
    ///
    /// # Errors
    /// The device cannot.
    fn show_read(&mut self, at: ReadAt) -> Result<(Block, Vec<u8>), Self::Error>;

    /// What it computes now.
    fn parameters(&self) -> Parameters;

    /// The openings of these rows.
    ///
    /// # Errors
    /// The device cannot.
    fn open(&mut self, asked: &[RowAt]) -> Result<Vec<u8>, Self::Error> {
        let mut bytes = header(Kind::Rows, self.parameters(), asked.len());
        for at in asked {
            name_row(*at, &mut bytes);
            if let Some(product) = at.product.checked_sub(1) {
                self.show_row(RowAt { product, row: at.row }, &mut bytes)?;
            }
            self.show_row(*at, &mut bytes)?;
        }
        Ok(bytes)
    }

    /// The openings of these reads.
    ///
    /// # Errors
    /// The device cannot.
    fn open_reads(&mut self, asked: &[ReadAt]) -> Result<Vec<u8>, Self::Error> {
        let parameters = self.parameters();
        let mut bytes = header(Kind::Memory, parameters, asked.len());
        for at in asked {
            name_read(*at, &mut bytes);
            let (block, path) = self.show_read(*at)?;
            for row in block.rows(parameters) {
                self.show_row(row, &mut bytes)?;
            }
            bytes.extend_from_slice(&path);
        }
        Ok(bytes)
    }
}
