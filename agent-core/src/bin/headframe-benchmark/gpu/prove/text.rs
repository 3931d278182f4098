//! The challenge's kernels: their text, and what each dispatch is told.

use std::fmt::Write as _;

use headframe_agent::benchmark::device::DeviceError;

use super::super::{
    device::Gpu,
    programs::{self, Element, Words},
    run::{Load, Run},
};

/// Parameters of a dispatch; `prove/common.wgsl` explains each.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Task {
    pub(super) first: u32,
    pub(super) size: u32,
    pub(super) width4: u32,
    pub(super) left4: u32,
    pub(super) rows: u32,
    pub(super) chunks: u32,
    pub(super) place: u32,
    pub(super) keep: u32,
    pub(super) blocks: u32,
    pub(super) per: u32,
    pub(super) read: u32,
    pub(super) shelf: u32,
    pub(super) key: [u8; 32],
}

impl From<Task> for Words {
    fn from(task: Task) -> Self {
        let Task { first, size, width4, left4, rows, chunks, place, keep, blocks, per, read, shelf, key } = task;
        let mut words = Self::default();
        words[..12].copy_from_slice(&[first, size, width4, left4, rows, chunks, place, keep, blocks, per, read, shelf]);
        for (word, bytes) in words[12..].iter_mut().zip(key.as_chunks().0) {
            *word = u32::from_le_bytes(*bytes);
        }
        words
    }
}

/// The kernels of a challenge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Name {
    Left,
    Right,
    Product,
    Requant,
    Chunks,
    Merge,
    Nodes,
    Reads,
}

/// So many kernels there are.
pub(super) const NAMES: usize = 8;

const COMMON: &str = include_str!("../../wgsl/prove/common.wgsl");

/// All of them, compiled, in the order of [`Name`]. The reading kernel sees one buffer.
pub(super) fn compile(gpu: &Gpu) -> Result<[Run; NAMES], DeviceError> {
    use Load::{Read, Write};
    let run = |text: &str, entry, loads: &[Load]| Run::new(&gpu.device, text, entry, loads);
    let expand = format!("{COMMON}{}", include_str!("../../wgsl/prove/expand.wgsl"));
    let requant = format!("{COMMON}{}", include_str!("../../wgsl/prove/requant.wgsl"));
    Ok([
        run(&expand, "left", &[Read, Write])?,
        run(&expand, "right", &[Read, Write])?,
        run(&programs::product(Element::Bytes), "main", &[Read, Read, Write])?,
        run(&requant, "main", &[Read, Write, Write])?,
        run(&hashing(include_str!("../../wgsl/prove/chunks.wgsl")), "main", &[Read, Write])?,
        run(&hashing(include_str!("../../wgsl/prove/merge.wgsl")), "main", &[Write, Write])?,
        run(&hashing(include_str!("../../wgsl/prove/nodes.wgsl")), "main", &[Write])?,
        reading(gpu, 1)?,
    ])
}

/// The reading kernel, with as many buffers as it is to see: each one more is a branch that every load goes past.
pub(super) fn reading(gpu: &Gpu, shelves: u32) -> Result<Run, DeviceError> {
    let mut loads = vec![Load::Write];
    loads.resize(1 + shelves as usize, Load::Read);
    Run::new(&gpu.device, &hashing(&reads(shelves)), "main", &loads)
}

fn hashing(body: &str) -> String {
    format!("{COMMON}{}{body}", blake3())
}

/// The compression function with its rounds written out: words are chosen while it is compiled, not while it runs.
fn blake3() -> String {
    const PERMUTATION: [usize; 16] = [2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8];
    let mut order: [usize; 16] = std::array::from_fn(|at| at);
    let mut rounds = String::new();
    for _ in 0..7 {
        for (half, turn, back) in [(0, "", ""), (8, "b = b.yzwx; c = c.zwxy; d = d.wxyz;", "b = b.wxyz; c = c.zwxy; d = d.yzwx;")]
        {
            let words = |odd: usize| {
                let word = |lane: usize| order[half + 2 * lane + odd];
                let name = |at: usize| format!("m{}.{}", at / 4, ["x", "y", "z", "w"][at % 4]);
                [0, 1, 2, 3].map(|lane| name(word(lane))).join(", ")
            };
            writeln!(rounds, "    {turn}").ok();
            for (odd, first, second) in [(0, 16, 12), (1, 8, 7)] {
                writeln!(rounds, "    a = a + b + vec4<u32>({}); d = rotated(d ^ a, {first}u);", words(odd)).ok();
                writeln!(rounds, "    c = c + d; b = rotated(b ^ c, {second}u);").ok();
            }
            writeln!(rounds, "    {back}").ok();
        }
        order = PERMUTATION.map(|at| order[at]);
    }
    include_str!("../../wgsl/prove/blake3.wgsl").replace("    ROUNDS", &rounds)
}

/// The reading kernel's text.
fn reads(shelves: u32) -> String {
    let (mut buffers, mut cases) = (String::new(), String::new());
    for shelf in 0..shelves {
        writeln!(buffers, "@group(0) @binding({}) var<storage, read> kept{shelf}: array<vec4<u32>>;", shelf + 2).ok();
        let label = if shelf + 1 == shelves { "default".to_owned() } else { format!("case {shelf}u") };
        let four = [0, 1, 2, 3].map(|lane| format!("kept{shelf}[at + {lane}u]")).join(", ");
        writeln!(cases, "        {label}: {{ return array<vec4<u32>, 4>({four}); }}").ok();
    }
    let body = include_str!("../../wgsl/prove/reads.wgsl");
    body.replace("SHELVES", &buffers).replace("        CASES", &cases).replace("COUNT", &format!("{shelves}u"))
}
