//! What computes: one prover for each card that has one.

use std::error::Error;

use headframe_proof::{Parameters, Prover, Reference, residency::Block};
use headframe_protocol::challenge::{Digest, ReadAt, RowAt};
use tokio_util::sync::CancellationToken;

/// Why a card could not.
pub type ProverError = Box<dyn Error + Send + Sync>;

/// Computes on one card.
pub type CardProver = Box<dyn Prover<Error = ProverError> + Send>;

/// Gives each card its prover.
pub trait Provers: Send + Sync {
    /// Whether any card of this PC has one. If not, nothing is asked of it.
    fn is_any(&self) -> bool;

    /// The prover of a card, by the driver's UUID; none if it has none. It ends whatever it does soon after `stop`, and gives the
    /// card's memory back: the owner wants his PC.
    fn prover(&self, gpu: &str, stop: &CancellationToken) -> Option<CardProver>;
}

/// For a PC on which nothing can be proved.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoProvers;

impl Provers for NoProvers {
    fn is_any(&self) -> bool {
        false
    }

    fn prover(&self, _: &str, _: &CancellationToken) -> Option<CardProver> {
        None
    }
}

/// Proves on the processor whatever is asked of a card: for tests, with small matrices.
#[derive(Debug, Clone, Copy, Default)]
pub struct References;

impl Provers for References {
    fn is_any(&self) -> bool {
        true
    }

    fn prover(&self, _: &str, _: &CancellationToken) -> Option<CardProver> {
        // It holds nothing until it computes.
        let smallest =
            Parameters::new(headframe_protocol::challenge::SIZE_MIN, headframe_protocol::challenge::PRODUCTS_MIN).ok()?;
        Reference::holding(smallest, Vec::new()).ok().map(|reference| Box::new(Plain(reference)) as CardProver)
    }
}

/// A prover whose errors have lost their type.
#[derive(Debug)]
struct Plain<P>(P);

impl<P> Prover for Plain<P>
where
    P: Prover,
    P::Error: Error + Send + Sync + 'static,
{
    type Error = ProverError;

    fn compute(&mut self, seed: &Digest, parameters: Parameters) -> Result<Vec<Digest>, ProverError> {
        self.0.compute(seed, parameters).map_err(Into::into)
    }

    fn show_row(&mut self, at: RowAt, bytes: &mut Vec<u8>) -> Result<(), ProverError> {
        self.0.show_row(at, bytes).map_err(Into::into)
    }

    fn remember(&mut self, nonce: &Digest, reads: u32) -> Result<Vec<Digest>, ProverError> {
        self.0.remember(nonce, reads).map_err(Into::into)
    }

    fn show_read(&mut self, at: ReadAt) -> Result<(Block, Vec<u8>), ProverError> {
        self.0.show_read(at).map_err(Into::into)
    }

    fn parameters(&self) -> Parameters {
        self.0.parameters()
    }
}
