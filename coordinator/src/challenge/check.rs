//! Checks openings as they arrive, on threads where computing disturbs nobody.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use headframe_proof::{Lanes, Openings, Parts, Refusal, Verifier, residency::Reading};
use headframe_protocol::challenge::{Digest, ReadAt, RowAt};
use tokio::sync::{Semaphore, mpsc};

use super::course::Opening;

/// Openings received at once. Each holds a thread that mostly waits; whoever finds no place comes again.
const RECEIVED_MAX: usize = 64;

/// Pieces that wait for the check, each as large as the network brings it.
const PIECES_MAX: usize = 4;

/// Why openings were not checked to their end. They may be brought again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unchecked {
    /// Too many at once.
    #[error("too many openings are being received")]
    Crowded,
    /// The sender stopped in the middle.
    #[error("the openings broke off")]
    BrokeOff,
}

/// Bounds what is checked at once. Clones share the bounds.
#[derive(Debug, Clone)]
pub(crate) struct Checks {
    received: Arc<Semaphore>,
    /// For the pass over a whole matrix with which a check begins: tenths of a second of computing.
    prepared: Arc<Semaphore>,
}

impl Default for Checks {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let prepared = Arc::new(Semaphore::new((cores / 2).max(1)));
        Self { received: Arc::new(Semaphore::new(RECEIVED_MAX)), prepared }
    }
}

enum Piece {
    Bytes(Bytes),
    End,
}

impl Checks {
    /// Takes what comes, checks it piece by piece, and keeps no more of it than one row.
    pub(crate) async fn run<E>(
        &self,
        opening: Opening,
        body: impl Stream<Item = Result<Bytes, E>> + Send,
    ) -> Result<Result<(), Refusal>, Unchecked> {
        let _received = self.received.try_acquire().map_err(|_| Unchecked::Crowded)?;
        let prepared = {
            let _prepared = self.prepared.acquire().await.map_err(|_| Unchecked::Crowded)?;
            tokio::task::spawn_blocking(move || Prepared::of(opening)).await.map_err(|_| Unchecked::BrokeOff)?
        };
        let prepared = match prepared {
            Ok(prepared) => prepared,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let (sender, pieces) = mpsc::channel(PIECES_MAX);
        let check = tokio::task::spawn_blocking(move || prepared.check(pieces));
        let mut body = std::pin::pin!(body);
        loop {
            let piece = match body.next().await {
                Some(Ok(bytes)) => Piece::Bytes(bytes),
                None => Piece::End,
                // The check ends with its last sender.
                Some(Err(_)) => break,
            };
            let last = matches!(piece, Piece::End);
            // A check that has found a fault listens no more.
            if sender.send(piece).await.is_err() || last {
                break;
            }
        }
        drop(sender);
        check.await.map_err(|_| Unchecked::BrokeOff)?
    }
}

/// All that is needed before the first byte.
enum Prepared {
    Rows { verifier: Verifier, roots: Vec<Digest>, asked: Vec<RowAt> },
    Reads { reading: Reading, roots: Vec<Digest>, asked: Vec<ReadAt> },
}

impl Prepared {
    fn of(opening: Opening) -> Result<Self, Refusal> {
        match opening {
            Opening::Rows { terms, secret, roots, asked } => {
                let verifier = Verifier::new(&terms.seed, terms.parameters, &secret, Lanes::Two);
                Ok(Self::Rows { verifier, roots, asked })
            }
            Opening::Reads { terms, nonce, reads, answer, roots, asked } => {
                let reading = Reading::new(terms.parameters, &nonce, reads, &answer)?;
                Ok(Self::Reads { reading, roots, asked })
            }
        }
    }

    fn check(self, pieces: mpsc::Receiver<Piece>) -> Result<Result<(), Refusal>, Unchecked> {
        match &self {
            Self::Rows { verifier, roots, asked } => checked(verifier.rows(roots, asked), pieces),
            Self::Reads { reading, roots, asked } => checked(reading.check(roots, asked), pieces),
        }
    }
}

fn checked<P: Parts>(
    begun: Result<Openings<P>, Refusal>,
    mut pieces: mpsc::Receiver<Piece>,
) -> Result<Result<(), Refusal>, Unchecked> {
    let mut openings = match begun {
        Ok(openings) => openings,
        Err(refusal) => return Ok(Err(refusal)),
    };
    loop {
        match pieces.blocking_recv() {
            Some(Piece::Bytes(bytes)) => {
                if let Err(refusal) = openings.feed(&bytes) {
                    return Ok(Err(refusal));
                }
            }
            Some(Piece::End) => return Ok(openings.finish()),
            None => return Err(Unchecked::BrokeOff),
        }
    }
}
