//! The products that stay on the card, and reading them in rounds.

use headframe_agent::benchmark::device::DeviceError;
use headframe_proof::{Parameters, parameters::BLOCK_BYTES, residency::State};
use headframe_protocol::challenge::Digest;

use super::{
    chain::{HASHING, NODE_BYTES, climb, nodes, path},
    text::{Name, Task},
    work::Work,
};

/// Kibibytes of a block.
const BLOCK_CHUNKS: u32 = 4;

/// Reads whose kibibytes are hashed before their leaves are made: 64 MiB of digests.
const BATCH: u32 = 1 << 19;

/// How memory is cut up.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    /// The most bytes of one buffer.
    pub(super) buffer_bytes: u64,
    /// The most buffers that the reading kernel may see at once.
    pub(super) seen: u32,
}

/// The lowest bits of the last products: whole products to a buffer, as many as one may have.
pub(super) struct Shelves {
    parameters: Parameters,
    seen: u32,
    /// Products of a buffer.
    each: u32,
    buffers: Vec<wgpu::Buffer>,
}

/// One round after another over the same number of reads.
pub(super) struct Rounds {
    pub(super) reads: u32,
    leaves: u32,
    batch: u32,
    tree: wgpu::Buffer,
    /// The reading kernel's, for one set of buffers after another.
    groups: Vec<wgpu::BindGroup>,
    merge: wgpu::BindGroup,
    climb: wgpu::BindGroup,
}

impl Shelves {
    pub(super) fn new(work: &mut Work<'_>, parameters: Parameters, shape: Shape) -> Result<Self, DeviceError> {
        let one = parameters.kept_bytes() / u64::from(parameters.resident());
        let each = u32::try_from(shape.buffer_bytes / one).unwrap_or(u32::MAX).min(parameters.resident());
        if each == 0 {
            return Err(DeviceError::OutOfMemory);
        }
        let bytes = |shelf: u32| u64::from(each.min(parameters.resident() - shelf * each)) * one;
        let count = parameters.resident().div_ceil(each);
        let buffers = (0..count).map(|shelf| work.gpu().buffer(bytes(shelf))).collect::<Result<_, _>>()?;
        let seen = shape.seen.min(count);
        work.see(seen)?;
        Ok(Self { parameters, seen, each, buffers })
    }

    /// Where a product goes: which buffer, and from which vector of two words on. None for one that does not stay.
    pub(super) fn place(&self, product: u32) -> Option<(&wgpu::Buffer, u32)> {
        let slot = product.checked_sub(self.parameters.products() - self.parameters.resident())?;
        let vectors = self.parameters.blocks_per_product() * (BLOCK_BYTES as u32 / 8);
        self.buffers.get((slot / self.each) as usize).map(|buffer| (buffer, slot % self.each * vectors))
    }

    /// Makes ready to read so many blocks a round.
    pub(super) fn rounds(&self, work: &Work<'_>, reads: u32) -> Result<Rounds, DeviceError> {
        let gpu = work.gpu();
        let (leaves, batch) = (reads.next_power_of_two(), reads.min(BATCH));
        let tree = gpu.buffer(u64::from(leaves) * 2 * NODE_BYTES)?;
        let hashed = gpu.buffer(u64::from(batch * BLOCK_CHUNKS) * NODE_BYTES)?;
        let group = |seen: &[wgpu::Buffer]| {
            // A kernel sees a fixed number of buffers. Those that the last ones are short of are never looked into.
            let filled = seen.iter().chain(std::iter::repeat_n(&seen[0], self.seen as usize - seen.len()));
            work.group(Name::Reads, &std::iter::once(&hashed).chain(filled).collect::<Vec<_>>())
        };
        let groups = self.buffers.chunks(self.seen as usize).map(group).collect();
        let (merge, climb) = (work.group(Name::Merge, &[&hashed, &tree]), work.group(Name::Nodes, &[&tree]));
        Ok(Rounds { reads, leaves, batch, tree, groups, merge, climb })
    }
}

impl Rounds {
    /// Reads one round, and returns its root. Only now is it known where the next one reads.
    pub(super) fn read(&self, work: &mut Work<'_>, shelves: &Shelves, state: &State) -> Result<Digest, DeviceError> {
        let mut first_read = 0;
        while first_read < self.reads {
            let rows = self.batch.min(self.reads - first_read);
            let mut task = Task {
                rows,
                chunks: BLOCK_CHUNKS,
                place: self.leaves + first_read,
                blocks: shelves.parameters.blocks(),
                per: shelves.parameters.blocks_per_product() * shelves.each,
                read: first_read,
                key: *state.key(),
                ..Task::default()
            };
            for group in &self.groups {
                work.run(Name::Reads, group, (rows * BLOCK_CHUNKS).div_ceil(HASHING), |first| Task { first, ..task })?;
                task.shelf += shelves.seen;
            }
            work.run(Name::Merge, &self.merge, rows.div_ceil(HASHING), |first| Task { first, ..task })?;
            first_read += rows;
        }
        climb(work, &self.climb, 0, self.leaves)?;
        work.finish()?;
        let root = nodes(work, &self.tree, &[1])?;
        root.first().copied().ok_or_else(|| DeviceError::Wrong("a tree without a root".to_owned()))
    }

    /// What a read's root is found with, of the round that was read last.
    pub(super) fn path(&self, work: &Work<'_>, read: u32) -> Result<Vec<Digest>, DeviceError> {
        path(work, &self.tree, 0, self.leaves + read)
    }
}
