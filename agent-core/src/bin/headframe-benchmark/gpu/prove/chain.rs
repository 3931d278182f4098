//! A chain of products on the card: of all rows, or anew of a few.

use headframe_agent::benchmark::device::DeviceError;
use headframe_proof::{
    Parameters,
    tree::{NODE_KEY, ROW_KEY},
};
use headframe_protocol::challenge::Digest;

use super::{
    super::{product::TILE, programs::Params},
    text::{Name, Task},
    work::Work,
};

/// Bytes of a node of a tree.
pub(super) const NODE_BYTES: u64 = 32;

/// Bytes that BLAKE3 hashes by themselves.
const CHUNK_BYTES: u32 = 1_024;

/// Threads of a workgroup of the kernels that hash.
pub(super) const HASHING: u32 = 64;

/// The right factor of every product of a challenge.
pub(super) struct Right {
    pub(super) parameters: Parameters,
    pub(super) seed: Digest,
    /// Columns as they lie.
    width: u32,
    b: wgpu::Buffer,
}

/// The first left factor's rows that are named, and from then on the rows of one product after another.
pub(super) struct Chain {
    /// So many rows are named.
    rows: u32,
    /// Rows as they lie.
    height: u32,
    a: wgpu::Buffer,
    c: wgpu::Buffer,
    product: wgpu::BindGroup,
}

/// Where the leaves and the trees over all rows go.
pub(super) struct Trees {
    /// Leaves of each tree, those included that only fill it up.
    leaves: u32,
    chunks: u32,
    pub(super) nodes: wgpu::Buffer,
    groups: [wgpu::BindGroup; 3],
}

impl Right {
    pub(super) fn new(work: &mut Work<'_>, seed: Digest, parameters: Parameters) -> Result<Self, DeviceError> {
        let (size, width) = (parameters.size(), parameters.size().next_multiple_of(TILE));
        let b = work.gpu().buffer(u64::from(size) * u64::from(width))?;
        let none = work.gpu().buffer(256)?;
        let group = work.group(Name::Right, &[&none, &b]);
        let task = Task { width4: width / 4, key: *seed.as_bytes(), ..Task::default() };
        work.run(Name::Right, &group, size / 4 * width / 256, |first| Task { first, ..task })?;
        Ok(Self { parameters, seed, width, b })
    }

    /// Bytes of a row of a product as it lies.
    pub(super) const fn row_bytes(&self) -> u64 {
        self.width as u64 * 4
    }
}

impl Chain {
    pub(super) fn new(work: &mut Work<'_>, right: &Right, rows: &[u32]) -> Result<Self, DeviceError> {
        let gpu = work.gpu();
        let count = u32::try_from(rows.len()).map_err(|_| DeviceError::OutOfMemory)?;
        let (size, height) = (right.parameters.size(), count.next_multiple_of(TILE));
        let a = gpu.buffer(u64::from(size) * u64::from(height))?;
        let c = gpu.buffer(u64::from(height) * right.row_bytes())?;
        let named = gpu.buffer(u64::from(height) * 4)?;
        gpu.queue.write_buffer(&named, 0, bytemuck::cast_slice(rows));
        let group = work.group(Name::Left, &[&named, &a]);
        let task = Task { left4: height / 4, key: *right.seed.as_bytes(), ..Task::default() };
        work.run(Name::Left, &group, size / 4 * height / 256, |first| Task { first, ..task })?;
        let product = work.group(Name::Product, &[&a, &right.b, &c]);
        Ok(Self { rows: count, height, a, c, product })
    }

    /// The product of what the left factor is now.
    pub(super) fn multiply(&self, work: &mut Work<'_>, right: &Right) -> Result<(), DeviceError> {
        let across = right.width / TILE;
        let params = Params {
            width4: right.width / 4,
            left4: self.height / 4,
            depth: right.parameters.size() / 4,
            tiles: across,
            ..Params::default()
        };
        work.run(Name::Product, &self.product, across * (self.height / TILE), |first| Params { first, ..params })
    }

    /// The next left factor. The product's lowest bits go to `kept`, from this vector of two words on, unless there is none.
    pub(super) fn requantise(
        &self,
        work: &mut Work<'_>,
        right: &Right,
        kept: Option<(&wgpu::Buffer, u32)>,
    ) -> Result<(), DeviceError> {
        let none = work.gpu().buffer(256)?;
        let (buffer, place) = kept.unwrap_or((&none, 0));
        let group = work.group(Name::Requant, &[&self.c, &self.a, buffer]);
        let task = Task {
            size: right.parameters.size(),
            width4: right.width / 4,
            left4: self.height / 4,
            rows: self.rows,
            place,
            keep: kept.is_some().into(),
            ..Task::default()
        };
        work.run(Name::Requant, &group, task.size / 64 * (self.height / 16), |first| Task { first, ..task })
    }

    /// Rows of the product, entry by entry, by their places among those that were named.
    pub(super) fn read(&self, work: &mut Work<'_>, right: &Right, places: &[u64]) -> Result<Vec<Vec<i32>>, DeviceError> {
        work.finish()?;
        let offsets: Vec<u64> = places.iter().map(|place| place * right.row_bytes()).collect();
        let size = right.parameters.rows();
        let words = work.gpu().read_pieces(&self.c, &offsets, size as u64 * 4)?;
        Ok(words.chunks_exact(size).map(|row| row.iter().map(|word| word.cast_signed()).collect()).collect())
    }
}

impl Trees {
    pub(super) fn new(work: &Work<'_>, chain: &Chain, parameters: Parameters) -> Result<Self, DeviceError> {
        let leaves = parameters.size().next_power_of_two();
        let chunks = (parameters.size() * 3).div_ceil(CHUNK_BYTES);
        // What was never written is zero, as what fills a tree up must be.
        let nodes = work.gpu().buffer(u64::from(parameters.products()) * u64::from(leaves) * 2 * NODE_BYTES)?;
        let hashed = work.gpu().buffer(u64::from(parameters.size()) * u64::from(chunks) * NODE_BYTES)?;
        let groups = [
            work.group(Name::Chunks, &[&chain.c, &hashed]),
            work.group(Name::Merge, &[&hashed, &nodes]),
            work.group(Name::Nodes, &[&nodes]),
        ];
        Ok(Self { leaves, chunks, nodes, groups })
    }

    /// Commits to every row of what the chain holds now.
    pub(super) fn grow(&self, work: &mut Work<'_>, right: &Right, product: u32) -> Result<(), DeviceError> {
        let base = product * self.leaves * 2;
        self.hash(work, right, base, right.parameters.size())?;
        climb(work, &self.groups[2], base, self.leaves)
    }

    /// The leaves of so many rows, in the tree that begins at node `base`.
    pub(super) fn hash(&self, work: &mut Work<'_>, right: &Right, base: u32, rows: u32) -> Result<(), DeviceError> {
        let task = Task {
            size: right.parameters.size(),
            width4: right.width / 4,
            rows,
            chunks: self.chunks,
            place: base + self.leaves,
            key: *ROW_KEY,
            ..Task::default()
        };
        let [chunks, merge, _] = &self.groups;
        work.run(Name::Chunks, chunks, (rows * self.chunks).div_ceil(HASHING), |first| Task { first, ..task })?;
        work.run(Name::Merge, merge, rows.div_ceil(HASHING), |first| Task { first, ..task })
    }

    /// Every root, in order.
    pub(super) fn roots(&self, work: &mut Work<'_>, products: u32) -> Result<Vec<Digest>, DeviceError> {
        work.finish()?;
        let roots: Vec<u64> = (0..products).map(|product| u64::from(product * self.leaves * 2 + 1)).collect();
        nodes(work, &self.nodes, &roots)
    }

    /// What a row's root is found with.
    pub(super) fn path(&self, work: &Work<'_>, product: u32, row: u32) -> Result<Vec<Digest>, DeviceError> {
        path(work, &self.nodes, product * self.leaves * 2, self.leaves + row)
    }
}

/// Computes all inner nodes of the tree that begins at node `base`.
pub(super) fn climb(work: &mut Work<'_>, group: &wgpu::BindGroup, base: u32, leaves: u32) -> Result<(), DeviceError> {
    let mut rows = leaves / 2;
    while rows > 0 {
        let task = Task { rows, place: base, key: *NODE_KEY, ..Task::default() };
        work.run(Name::Nodes, group, rows.div_ceil(HASHING), |first| Task { first, ..task })?;
        rows /= 2;
    }
    Ok(())
}

/// The neighbours of a node and of all above it, as they lie on the card.
pub(super) fn path(work: &Work<'_>, tree: &wgpu::Buffer, base: u32, mut node: u32) -> Result<Vec<Digest>, DeviceError> {
    let mut places = Vec::new();
    while node > 1 {
        places.push(u64::from(base + (node ^ 1)));
        node /= 2;
    }
    nodes(work, tree, &places)
}

/// These nodes, once everything that makes them is done.
pub(super) fn nodes(work: &Work<'_>, tree: &wgpu::Buffer, places: &[u64]) -> Result<Vec<Digest>, DeviceError> {
    let offsets: Vec<u64> = places.iter().map(|place| place * NODE_BYTES).collect();
    if offsets.is_empty() {
        return Ok(Vec::new());
    }
    let words = work.gpu().read_pieces(tree, &offsets, NODE_BYTES)?;
    let bytes: &[u8] = bytemuck::cast_slice(&words);
    Ok(bytes.as_chunks().0.iter().copied().map(Digest::from_bytes).collect())
}
