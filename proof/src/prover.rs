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

    /// These rows are shown next. A device that computes rows anew can do so for all of them at once.
    ///
    /// # Errors
    /// The device cannot.
    fn expect_rows(&mut self, _rows: &[RowAt]) -> Result<(), Self::Error> {
        Ok(())
    }

    /// What it computes now.
    fn parameters(&self) -> Parameters;

    /// The openings of these rows.
    ///
    /// # Errors
    /// The device cannot.
    fn open(&mut self, asked: &[RowAt]) -> Result<Vec<u8>, Self::Error> {
        let before = |at: &RowAt| at.product.checked_sub(1).map(|product| RowAt { product, row: at.row });
        self.expect_rows(&asked.iter().flat_map(|at| before(at).into_iter().chain([*at])).collect::<Vec<_>>())?;
        let mut bytes = header(Kind::Rows, self.parameters(), asked.len());
        for at in asked {
            name_row(*at, &mut bytes);
            if let Some(before) = before(at) {
                self.show_row(before, &mut bytes)?;
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
        let reads = asked.iter().map(|at| self.show_read(*at)).collect::<Result<Vec<_>, _>>()?;
        self.expect_rows(&reads.iter().flat_map(|(block, _)| block.rows(parameters)).collect::<Vec<_>>())?;
        let mut bytes = header(Kind::Memory, parameters, asked.len());
        for (at, (block, path)) in asked.iter().zip(reads) {
            name_read(*at, &mut bytes);
            for row in block.rows(parameters) {
                self.show_row(row, &mut bytes)?;
            }
            bytes.extend_from_slice(&path);
        }
        Ok(bytes)
    }
}
