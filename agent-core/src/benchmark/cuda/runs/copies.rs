//! The speed of the bus: copies between memory that the system may not move and the device.

use super::{POISON, Ring, Run, Verdict, word};
use crate::benchmark::cuda::{
    context::Stream,
    error::CudaError,
    memory::{Buffer, Pinned},
    numbers::Numbers,
    session::Session,
};

/// Pieces that the memory is copied in. Slices copy neighbours at once; one piece is short even on a single lane.
const PIECES: u64 = 64;
/// How often a slice may copy all of it.
const ROUNDS_MAX: u32 = 16;

/// Which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Direction {
    /// To the device.
    Up,
    /// To the PC.
    Down,
}

pub(in super::super) struct Copies<'s> {
    session: &'s Session,
    direction: Direction,
    host: Pinned,
    buffer: Buffer,
    piece_bytes: u64,
    ring: Ring,
    seed: u64,
}

impl<'s> Copies<'s> {
    /// `bytes` on either side, a multiple of 64 pieces of 16 bytes.
    pub(in super::super) fn new(session: &'s Session, direction: Direction, bytes: u64) -> Result<Self, CudaError> {
        let (buffer, seed) = (session.buffer(bytes)?, session.seed());
        let mut host = Pinned::new(&session.context, bytes, POISON)?;
        match direction {
            Direction::Up => {
                for (word, index) in host.words().iter_mut().zip(0..) {
                    *word = Numbers::Raw.word(seed, index);
                }
            }
            Direction::Down => session.fill(&buffer, Numbers::Raw, seed, 0)?,
        }
        Ok(Self { session, direction, host, buffer, piece_bytes: bytes / PIECES, ring: Ring::new(PIECES), seed })
    }
}

impl Run for Copies<'_> {
    fn step_work(&self) -> f64 {
        self.piece_bytes as f64
    }

    fn whole(&self) -> u32 {
        word(self.ring.length())
    }

    fn most(&self) -> u32 {
        ROUNDS_MAX * self.whole()
    }

    fn submit(&mut self, stream: &Stream, steps: u32) -> Result<(), CudaError> {
        let Self { direction, host, buffer, piece_bytes, ring, .. } = self;
        let every = ring.length();
        ring.take(u64::from(steps), every, |first, count| {
            let (from, bytes) = (first * *piece_bytes, count * *piece_bytes);
            match direction {
                Direction::Up => host.send(buffer, from, bytes, stream),
                Direction::Down => host.fetch(buffer, from, bytes, stream),
            }
        })
    }

    fn poison(&mut self, stream: &Stream) -> Result<(), CudaError> {
        // Nothing may be under way when the PC's side is touched.
        stream.wait()?;
        match self.direction {
            Direction::Up => self.buffer.set(stream, POISON),
            Direction::Down => {
                self.host.words().fill(POISON);
                Ok(())
            }
        }
    }

    fn check(&mut self, session: &Session) -> Result<Verdict, CudaError> {
        session.stream.wait()?;
        match self.direction {
            Direction::Up => session.audit(&self.buffer, Numbers::Raw, self.seed, 0),
            Direction::Down => {
                let mut verdict = Verdict::default();
                for (word, index) in self.host.words().iter().zip(0..) {
                    verdict.see(*word == Numbers::Raw.word(self.seed, index));
                }
                Ok(verdict)
            }
        }
    }
}

impl Drop for Copies<'_> {
    fn drop(&mut self) {
        // The PC's side may be in use until here. A device that is lost uses nothing any more.
        self.session.stream.wait().ok();
    }
}
