//! The cards that this PC has measured prove through the program that measured them, as a child for each challenge: the agent itself never
//! loads a graphics driver for computing, and while nobody asks nothing of it runs.
//!
//! The child gets no token and no address. What it shows is in a file, and is brought from here.

use std::{collections::BTreeMap, path::PathBuf};

use futures_util::future::BoxFuture;
use headframe_proof::Parameters;
use headframe_protocol::challenge::{Digest, ReadAt, RowAt};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::prover::{Answering, CardProver, Openings, ProverError, Provers};
use crate::benchmark::prover::{self, ChildProver};

/// The measuring program's names of cards, by the drivers' UUIDs.
pub type CardNames = BTreeMap<String, String>;

/// Cards that were measured, and the program that knows them.
#[derive(Debug, Clone)]
pub struct MeasuredCards {
    program: PathBuf,
    names: watch::Receiver<CardNames>,
}

impl MeasuredCards {
    /// Those of `names`, by `program`.
    #[must_use]
    pub const fn new(program: PathBuf, names: watch::Receiver<CardNames>) -> Self {
        Self { program, names }
    }
}

impl Provers for MeasuredCards {
    fn is_any(&self) -> bool {
        !self.names.borrow().is_empty()
    }

    fn prover(&self, gpu: &str, _: &CancellationToken) -> Result<Option<Box<dyn CardProver>>, ProverError> {
        let Some(name) = self.names.borrow().get(gpu).cloned() else { return Ok(None) };
        Ok(Some(Box::new(ChildProver::spawn(&self.program, &name)?)))
    }
}

impl CardProver for ChildProver {
    fn begin(&mut self) -> Answering<'_, ()> {
        Box::pin(async move { Ok(self.ready().await?) })
    }

    fn compute<'a>(&'a mut self, seed: &'a Digest, parameters: Parameters) -> Answering<'a, Vec<Digest>> {
        Box::pin(async move { Ok(self.compute(seed, parameters).await?) })
    }

    fn open<'a>(&'a mut self, rows: &'a [RowAt]) -> Answering<'a, Openings> {
        Box::pin(async move { Ok(self.open(rows).await?.into()) })
    }

    fn remember<'a>(&'a mut self, nonce: &'a Digest, reads: u32) -> Answering<'a, Vec<Digest>> {
        Box::pin(async move { Ok(self.remember(nonce, reads).await?) })
    }

    fn open_reads<'a>(&'a mut self, reads: &'a [ReadAt]) -> Answering<'a, Openings> {
        Box::pin(async move { Ok(self.open_reads(reads).await?.into()) })
    }

    fn give_back(self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(self.abort())
    }
}

impl From<prover::Openings> for Openings {
    fn from(prover::Openings { file, bytes }: prover::Openings) -> Self {
        Self::File { file, bytes }
    }
}
