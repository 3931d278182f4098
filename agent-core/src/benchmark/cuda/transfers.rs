//! What lies between the PC and the device: the bus, and how much of the memory is really there.

use std::{sync::atomic::AtomicBool, time::Duration};

use super::{
    context::{Event, Stream},
    error::CudaError,
    memory::{Buffer, Pinned},
    numbers::Numbers,
    runs::Verdict,
    session::Session,
    slices::heed,
};

/// Copies in each direction; the median counts. The first wake the link up and do not.
const COPIES: usize = 8;
const WAKING_COPIES: usize = 2;
/// Of the memory that the driver calls free, this part is left alone: it serves what draws the owner's screen.
const LEFT_ALONE: u64 = 20;
/// A block that takes so many times longer than the median lies in the PC's memory, whatever the driver says.
const SLOW: u32 = 4;

/// Speed of the bus, between memory that the system may not move and the device.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Transfers {
    /// Bytes per second to the device.
    pub to_device: f64,
    /// Bytes per second from the device.
    pub to_host: f64,
}

/// Memory of the device that holds what is written and is as fast as memory of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UsableMemory {
    /// Bytes that passed.
    pub usable_bytes: u64,
    /// Bytes that were given but lie in the PC's memory, by their speed.
    pub slow_bytes: u64,
    /// What the driver called free before.
    pub free_bytes: u64,
}

/// Copies `bytes` to and fro, and checks that they arrive.
pub(super) fn transfers(session: &Session, bytes: u64, abort: &AtomicBool) -> Result<(Transfers, Verdict), CudaError> {
    let buffer = session.buffer(bytes)?;
    let mut host = Pinned::new(&session.context, bytes, 0)?;
    let seed = session.seed();
    for (word, index) in host.words().iter_mut().zip(0..) {
        *word = Numbers::Raw.word(seed, index);
    }
    let to_device = median(session, abort, &mut |stream| host.send(&buffer, stream))?;
    let mut verdict = session.audit(&buffer, Numbers::Raw, seed, 0)?;
    session.fill(&buffer, Numbers::Raw, !seed, 0)?;
    let to_host = median(session, abort, &mut |stream| host.fetch(&buffer, stream))?;
    for (word, index) in host.words().iter().zip(0..) {
        verdict.see(*word == Numbers::Raw.word(!seed, index));
    }
    let rate = |time: Duration| bytes as f64 / time.as_secs_f64().max(1e-9);
    Ok((Transfers { to_device: rate(to_device), to_host: rate(to_host) }, verdict))
}

/// The median time of a copy. Each is waited for, also because nothing may be under way when the memory is touched.
fn median(
    session: &Session,
    abort: &AtomicBool,
    copy: &mut dyn FnMut(&Stream) -> Result<(), CudaError>,
) -> Result<Duration, CudaError> {
    let mut times = Vec::with_capacity(COPIES);
    for turn in 0..WAKING_COPIES + COPIES {
        heed(abort)?;
        let time = timed(session, || copy(&session.stream))?;
        if turn >= WAKING_COPIES {
            times.push(time);
        }
    }
    times.sort_unstable();
    Ok(times[COPIES / 2])
}

/// How long the device takes for what `submit` submits.
fn timed(session: &Session, submit: impl FnOnce() -> Result<(), CudaError>) -> Result<Duration, CudaError> {
    let (from, to) = (Event::new(&session.context)?, Event::new(&session.context)?);
    from.record(&session.stream)?;
    let submitted = submit().and_then(|()| to.record(&session.stream));
    // Also after a failure: the caller's memory may be in use until here.
    session.stream.wait()?;
    submitted?;
    to.since(&from)
}

/// Takes all free memory in blocks, writes each, and only when all are there reads them back: memory that is given twice shows.
pub(super) fn usable(session: &Session, block_bytes: u64, abort: &AtomicBool) -> Result<(UsableMemory, Verdict), CudaError> {
    let (free_bytes, _) = session.context.memory()?;
    let seed = session.seed();
    let mut blocks: Vec<Buffer> = Vec::new();
    while (blocks.len() as u64 + 1) * block_bytes <= free_bytes - free_bytes / LEFT_ALONE {
        heed(abort)?;
        match session.buffer(block_bytes) {
            Ok(block) => blocks.push(block),
            Err(error) if error.is_out_of_memory() => break,
            Err(error) => return Err(error),
        }
        let index = blocks.len() - 1;
        session.fill(&blocks[index], Numbers::Raw, seed, index as u64 * block_bytes / 4)?;
        session.stream.wait()?;
    }
    let (mut times, mut verdict) = (Vec::with_capacity(blocks.len()), Verdict::default());
    for (block, index) in blocks.iter().zip(0_u64..) {
        heed(abort)?;
        let time = timed(session, || {
            let seen = session.audit(block, Numbers::Raw, seed, index * block_bytes / 4)?;
            verdict.checked += seen.checked;
            verdict.wrong += seen.wrong;
            Ok(())
        })?;
        times.push(time);
    }
    let slow_bytes = slow(&times) as u64 * block_bytes;
    let usable_bytes = times.len() as u64 * block_bytes - slow_bytes;
    Ok((UsableMemory { usable_bytes, slow_bytes, free_bytes }, verdict))
}

/// How many of the times are those of another kind of memory.
fn slow(times: &[Duration]) -> usize {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    let Some(median) = sorted.get(sorted.len() / 2) else { return 0 };
    times.iter().filter(|time| **time > *median * SLOW).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_behind_the_bus_are_told_by_their_time() {
        let mut times = vec![Duration::from_micros(600); 20];
        times.extend([Duration::from_millis(11); 4]);
        assert_eq!(slow(&times), 4);
        assert_eq!(slow(&times[..20]), 0);
        assert_eq!(slow(&[]), 0);
    }
}
