//! How much of the memory is really there: blocks that are written, read back, timed, and looked into again at the end.

use std::time::Duration;

use super::{
    context::Event,
    error::CudaError,
    memory::Buffer,
    numbers::{Numbers, random_word},
    runs::Verdict,
    session::Session,
};
use crate::benchmark::device::{DeviceError, Stop};

/// Of the memory that the driver calls free, this part is left alone: it serves what draws the owner's screen.
const LEFT_ALONE: u64 = 20;

/// Blocks that are held, each with the seed of what it holds.
#[derive(Default)]
pub(super) struct Claims {
    blocks: Vec<(Buffer, u64)>,
}

/// The most that should be taken. Where the device shares the PC's memory, half of what nobody uses.
pub(super) fn bytes_max(session: &Session, is_shared: bool) -> Result<u64, CudaError> {
    let (free, _) = session.context.memory()?;
    Ok(if is_shared { free / 2 } else { free - free / LEFT_ALONE })
}

impl Claims {
    /// Takes a block. Returns the bytes a second at which it was read, or nothing if there is no more.
    pub(super) fn claim(&mut self, session: &Session, bytes: u64, seed: u32) -> Result<Option<u64>, DeviceError> {
        let taken = || {
            let (block, seed) = (session.buffer(bytes)?, u64::from(random_word(u64::from(seed), 0)));
            session.fill(&block, Numbers::Raw, seed, 0)?;
            session.stream.wait()?;
            let (time, verdict) = timed(session, || session.audit(&block, Numbers::Raw, seed, 0))?;
            Ok((block, seed, time, verdict))
        };
        let (block, seed, time, verdict) = match taken() {
            Ok(taken) => taken,
            // Also where there is no room to count the wrong words of the last block.
            Err(error) if CudaError::is_out_of_memory(&error) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        verdict.judge()?;
        self.blocks.push((block, seed));
        Ok(Some((bytes as f64 / time.as_secs_f64().max(1e-9)) as u64))
    }

    /// Looks into every block again.
    pub(super) fn recheck(&self, session: &Session, stop: &Stop) -> Result<(), DeviceError> {
        for (block, seed) in &self.blocks {
            stop.check()?;
            session.audit(block, Numbers::Raw, *seed, 0)?.judge()?;
        }
        Ok(())
    }

    /// Gives them back.
    pub(super) fn release(&mut self) {
        self.blocks.clear();
    }
}

/// How long the device takes for what `submit` submits.
fn timed(session: &Session, submit: impl FnOnce() -> Result<Verdict, CudaError>) -> Result<(Duration, Verdict), CudaError> {
    let (from, to) = (Event::new(&session.context)?, Event::new(&session.context)?);
    from.record(&session.stream)?;
    let verdict = submit()?;
    to.record(&session.stream)?;
    to.wait()?;
    Ok((to.since(&from)?, verdict))
}
