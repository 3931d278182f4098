//! What computes: one prover for each card that has one.

use std::{error::Error, path::PathBuf};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use headframe_proof::{Parameters, Prover, Reference};
use headframe_protocol::challenge::{Digest, PRODUCTS_MIN, ReadAt, RowAt, SIZE_MIN};
use tokio_util::sync::CancellationToken;

use crate::tasks::apart;

/// Why a card could not.
pub type ProverError = Box<dyn Error + Send + Sync>;

/// An answer, when it is there.
pub type Answering<'a, T> = BoxFuture<'a, Result<T, ProverError>>;

/// What a card shows, as bytes of the protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Openings {
    /// In memory.
    Bytes(Bytes),
    /// In a file, until the next question.
    File {
        /// Where.
        file: PathBuf,
        /// How many bytes they are.
        bytes: u64,
    },
}

/// Computes on one card, one question after another. An answer that is not waited for may be dropped; then it is of no more use.
///
/// Dropping it gives the card back, soon. [`CardProver::give_back`] says when.
pub trait CardProver: Send {
    /// Gets the card ready: the first thing that is asked. One for which this fails cannot prove at all.
    fn begin(&mut self) -> Answering<'_, ()>;

    /// Computes the chain. Returns the root over the rows of each product.
    fn compute<'a>(&'a mut self, seed: &'a Digest, parameters: Parameters) -> Answering<'a, Vec<Digest>>;

    /// The openings of these rows.
    fn open<'a>(&'a mut self, rows: &'a [RowAt]) -> Answering<'a, Openings>;

    /// Reads the card's memory in rounds. Returns the root of each.
    fn remember<'a>(&'a mut self, nonce: &'a Digest, reads: u32) -> Answering<'a, Vec<Digest>>;

    /// The openings of these reads.
    fn open_reads<'a>(&'a mut self, reads: &'a [ReadAt]) -> Answering<'a, Openings>;

    /// Ends whatever it does. The card and its memory are free when this returns, within 100 ms: the owner wants his PC.
    fn give_back(self: Box<Self>) -> BoxFuture<'static, ()>;
}

/// Gives each card its prover.
pub trait Provers: Send + Sync {
    /// Whether any card of this PC has one. If not, nothing is asked of it. Asked at every greeting: it starts nothing.
    fn is_any(&self) -> bool;

    /// The prover of a card, by the driver's UUID; none if it has none. One that computes where it cannot be dropped ends soon after
    /// `stop`.
    ///
    /// # Errors
    /// It has one, which cannot be started.
    fn prover(&self, gpu: &str, stop: &CancellationToken) -> Result<Option<Box<dyn CardProver>>, ProverError>;
}

/// For a PC on which nothing can be proved.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoProvers;

impl Provers for NoProvers {
    fn is_any(&self) -> bool {
        false
    }

    fn prover(&self, _: &str, _: &CancellationToken) -> Result<Option<Box<dyn CardProver>>, ProverError> {
        Ok(None)
    }
}

/// Proves on the processor whatever is asked of a card: for tests, with small matrices.
#[derive(Debug, Clone, Copy, Default)]
pub struct References;

impl Provers for References {
    fn is_any(&self) -> bool {
        true
    }

    fn prover(&self, _: &str, _: &CancellationToken) -> Result<Option<Box<dyn CardProver>>, ProverError> {
        // It holds nothing until it computes.
        let reference = Reference::holding(Parameters::new(SIZE_MIN, PRODUCTS_MIN)?, Vec::new())?;
        Ok(Some(Box::new(Apart::new(reference))))
    }
}

/// A prover of this very program, on a thread where its work does no harm. If it panics, or an answer is not waited for, it is gone.
#[derive(Debug)]
pub struct Apart<P>(Option<P>);

impl<P> Apart<P>
where
    P: Prover + Send + 'static,
    P::Error: Into<ProverError> + Send + 'static,
{
    /// Computes with `prover`.
    pub const fn new(prover: P) -> Self {
        Self(Some(prover))
    }

    fn ask<T: Send + 'static>(&mut self, work: impl FnOnce(&mut P) -> Result<T, P::Error> + Send + 'static) -> Answering<'_, T> {
        Box::pin(async move {
            let mut prover = self.0.take().ok_or("it has ended")?;
            let (prover, done) = apart(move || {
                let done = work(&mut prover);
                (prover, done)
            })
            .await
            .ok_or("it panicked")?;
            self.0 = Some(prover);
            done.map_err(Into::into)
        })
    }
}

impl<P> CardProver for Apart<P>
where
    P: Prover + Send + 'static,
    P::Error: Into<ProverError> + Send + 'static,
{
    fn begin(&mut self) -> Answering<'_, ()> {
        Box::pin(async { Ok(()) })
    }

    fn compute<'a>(&'a mut self, seed: &'a Digest, parameters: Parameters) -> Answering<'a, Vec<Digest>> {
        let seed = *seed;
        self.ask(move |prover| prover.compute(&seed, parameters))
    }

    fn open<'a>(&'a mut self, rows: &'a [RowAt]) -> Answering<'a, Openings> {
        let rows = rows.to_vec();
        self.ask(move |prover| prover.open(&rows).map(|bytes| Openings::Bytes(bytes.into())))
    }

    fn remember<'a>(&'a mut self, nonce: &'a Digest, reads: u32) -> Answering<'a, Vec<Digest>> {
        let nonce = *nonce;
        self.ask(move |prover| prover.remember(&nonce, reads))
    }

    fn open_reads<'a>(&'a mut self, reads: &'a [ReadAt]) -> Answering<'a, Openings> {
        let reads = reads.to_vec();
        self.ask(move |prover| prover.open_reads(&reads).map(|bytes| Openings::Bytes(bytes.into())))
    }

    fn give_back(self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async {})
    }
}
