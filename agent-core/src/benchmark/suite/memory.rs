//! How much of a card's memory a program can really have. Drivers lend the PC's memory when the card's is full, and say nothing: only the
//! speed of each block tells.

use headframe_protocol::benchmark::Outcome;

use super::{End, Part, Run};
use crate::benchmark::{
    device::{Device, DeviceError, Stop},
    pattern,
    suite::Length,
};

/// A block. Small enough to be claimed, filled and read within the time an owner waits.
const BLOCK_BYTES: u64 = 256 << 20;

/// The same on software, where filling is slow.
const BRIEF_BLOCK_BYTES: u64 = 8 << 20;

/// A block that is read at less than this part of the first ones' speed lies in the PC's memory: PCI Express is a tenth of a card's own at best.
const COLLAPSED: f64 = 0.25;

/// Blocks whose speed the others are compared with.
const FIRST_BLOCKS: usize = 4;

impl Run<'_, '_> {
    pub(super) fn memory(&mut self, part: Part) -> Result<(), End> {
        let now = (self.world.clock)();
        let told = self.plan.progress(part, None, std::time::Duration::ZERO, now.saturating_sub(self.began));
        (self.world.tell)(told);
        let block = match self.length {
            Length::Full => BLOCK_BYTES,
            Length::Brief => BRIEF_BLOCK_BYTES,
        };
        let until = now + self.times.memory;
        let (clock, stop, seed) = (self.world.clock, self.world.stop, self.world.seed);
        let Some(device) = self.devices.first_mut() else { return Ok(()) };
        let claimed = claim(device.as_mut(), block, seed, stop, &|| clock() < until);
        device.release();
        match claimed {
            Ok(bytes) => {
                self.findings.usable_vram_bytes = (bytes > 0).then_some(bytes);
                Ok(())
            }
            Err(DeviceError::Stopped) => Err(End::Outcome(Outcome::Aborted)),
            Err(DeviceError::Lost(message)) => {
                Err(End::Outcome(Outcome::DriverReset { during: "taking memory".to_owned(), message }))
            }
            // Memory that does not hold what was written is no memory one can use.
            Err(DeviceError::OutOfMemory | DeviceError::Wrong(_) | DeviceError::Refused(_)) => Ok(()),
        }
    }
}

fn claim(device: &mut dyn Device, block: u64, seed: u32, stop: &Stop, has_time: &dyn Fn() -> bool) -> Result<u64, DeviceError> {
    let (most, mut rates) = (device.claim_bytes_max(), Vec::new());
    let mut claimed = 0;
    while claimed + block <= most && has_time() {
        stop.check()?;
        let index = u32::try_from(rates.len()).unwrap_or(u32::MAX);
        let Some(rate) = device.claim(block, pattern::word(seed, index), stop)? else { break };
        rates.push(rate);
        if is_collapsed(&rates) {
            break;
        }
        claimed += block;
    }
    device.recheck(stop)?;
    Ok(claimed)
}

/// Whether the newest block is much slower than the first ones were.
#[expect(clippy::cast_precision_loss, reason = "rates have fewer digits")]
fn is_collapsed(rates: &[u64]) -> bool {
    let mut first: Vec<u64> = rates.iter().copied().take(FIRST_BLOCKS).collect();
    first.sort_unstable();
    let usual = first.get(first.len() / 2);
    let (Some(usual), Some(newest)) = (usual, rates.last().filter(|_| rates.len() > FIRST_BLOCKS)) else { return false };
    (*newest as f64) < *usual as f64 * COLLAPSED
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_in_the_pcs_memory_is_seen_and_a_slow_first_one_is_no_reason() {
        assert!(!is_collapsed(&[900, 910, 890, 900, 880]));
        assert!(is_collapsed(&[900, 910, 890, 900, 20]));
        assert!(!is_collapsed(&[20, 910, 890, 900, 880]), "the card was asleep");
        assert!(!is_collapsed(&[20]));
    }
}
