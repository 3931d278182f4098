// What the kernels of the challenge pog/1 are told. `docs/proof.md` has the protocol.
struct Task {
    // The first workgroup of this dispatch.
    first: u32,
    // Rows and columns of every matrix.
    size: u32,
    // Columns of a product as it lies, in vectors of four, and rows of its left factor.
    width4: u32,
    left4: u32,
    // So many rows, nodes or reads there are to work on.
    rows: u32,
    // Kibibytes of each, the last one begun.
    chunks: u32,
    // Where what is made begins.
    place: u32,
    // Whether the product stays in memory.
    keep: u32,
    // Blocks that stay in memory, and how many of them a buffer has.
    blocks: u32,
    per: u32,
    // The first read, and the first buffer that can be seen.
    read: u32,
    shelf: u32,
    // A seed, or a key of BLAKE3.
    key0: vec4<u32>,
    key1: vec4<u32>,
}

@group(0) @binding(0) var<uniform> p: Task;

fn mix(from_: u32) -> u32 {
    var x = from_;
    x ^= x >> 16u;
    x *= 0x21f0aaadu;
    x ^= x >> 15u;
    x *= 0xd35a2d97u;
    return x ^ (x >> 15u);
}
