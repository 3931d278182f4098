//! Taking the card's memory block by block: each is written, read back, timed, and looked into again at the end.

use std::time::Instant;

use headframe_agent::benchmark::device::{DeviceError, Stop};
use headframe_protocol::benchmark::CardClass;

use super::{
    device::{FILL_BYTES_MIN, Filling, Gpu},
    programs::{self, Params},
    run::{Load, Run},
    stream::{CHUNK_BYTES, THREADS, verify_sums},
};

/// What is taken of a program's memory: enough to see that it works.
const SOFTWARE_BYTES: u64 = 64 << 20;

/// Blocks that are held.
#[derive(Default)]
pub(super) struct Claims {
    blocks: Vec<(wgpu::Buffer, u32)>,
    reader: Option<Reader>,
}

struct Reader {
    run: Run,
    sums: wgpu::Buffer,
}

/// The most that should be taken. Where the card's memory is the PC's, half of what nobody uses: an owner's programs would be pushed to the disk.
pub(super) fn bytes_max(class: CardClass) -> u64 {
    match class {
        CardClass::Discrete | CardClass::Virtual | CardClass::Other => u64::MAX,
        CardClass::Integrated => {
            let what = sysinfo::RefreshKind::nothing().with_memory(sysinfo::MemoryRefreshKind::nothing().with_ram());
            sysinfo::System::new_with_specifics(what).map_or(0, |system| system.available_memory() / 2)
        }
        CardClass::Software => SOFTWARE_BYTES,
    }
}

impl Claims {
    pub(super) fn claim(&mut self, gpu: &Gpu, bytes: u64, seed: u32, stop: &Stop) -> Result<Option<u64>, DeviceError> {
        let block = match gpu.buffer(bytes) {
            Ok(block) => block,
            Err(DeviceError::OutOfMemory) => return Ok(None),
            Err(error) => return Err(error),
        };
        gpu.fill(&block, Filling::Words(seed), stop)?;
        let reader = match self.reader.take() {
            Some(reader) => reader,
            None => Reader::new(gpu, bytes)?,
        };
        let seconds = reader.read(gpu, &block)?;
        verify_sums(gpu, &reader.sums, seed, chunks(bytes), stop)?;
        self.reader = Some(reader);
        self.blocks.push((block, seed));
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a rate, and positive"
        )]
        Ok(Some((bytes as f64 / seconds.max(1e-9)) as u64))
    }

    pub(super) fn recheck(&self, gpu: &Gpu, stop: &Stop) -> Result<(), DeviceError> {
        let Some(reader) = &self.reader else { return Ok(()) };
        for (block, seed) in &self.blocks {
            stop.check()?;
            reader.read(gpu, block)?;
            verify_sums(gpu, &reader.sums, *seed, chunks(block.size()), stop)?;
        }
        Ok(())
    }

    pub(super) fn release(&mut self) {
        for (block, _) in self.blocks.drain(..) {
            block.destroy();
        }
        self.reader = None;
    }
}

impl Reader {
    fn new(gpu: &Gpu, bytes: u64) -> Result<Self, DeviceError> {
        let run = Run::new(&gpu.device, &programs::stream(), "read_all", &[Load::Read, Load::Write, Load::Write])?;
        Ok(Self { run, sums: gpu.buffer((u64::from(chunks(bytes) * THREADS) * 4).next_multiple_of(FILL_BYTES_MIN))? })
    }

    /// Reads a block once. Returns the seconds it took, with the call: blocks in the PC's memory take ten times that.
    fn read(&self, gpu: &Gpu, block: &wgpu::Buffer) -> Result<f64, DeviceError> {
        let unused = gpu.buffer(256)?;
        let group = self.run.group(&gpu.device, &[block, &unused, &self.sums]);
        gpu.fill(&self.sums, Filling::Word(0), &Stop::default())?;
        let began = Instant::now();
        let submitted = self.run.dispatch(gpu, &group, &[(Params::default(), chunks(block.size()))])?;
        gpu.finish(Some(submitted))?;
        Ok(began.elapsed().as_secs_f64())
    }
}

fn chunks(bytes: u64) -> u32 {
    u32::try_from(bytes / CHUNK_BYTES).unwrap_or(u32::MAX)
}
