// What every kernel is told, and the numbers that the processor knows too (`benchmark::pattern`).
struct Params {
    // The first unit of work of this dispatch.
    first: u32,
    // How often its work is repeated.
    rounds: u32,
    // A matrix's width, in vectors of four.
    width4: u32,
    // The length of a product's sums, in rows of the stored matrices.
    depth: u32,
    // Tiles in a row of tiles.
    tiles: u32,
    seed: u32,
    c: f32,
    low: f32,
    span: f32,
    // The width of a product's left matrix, in vectors of four.
    left4: u32,
}

@group(0) @binding(0) var<uniform> p: Params;

fn mix(from_: u32) -> u32 {
    var x = from_;
    x ^= x >> 16u;
    x *= 0x7feb352du;
    x ^= x >> 15u;
    x *= 0x846ca68bu;
    return x ^ (x >> 16u);
}

fn word(seed: u32, index: u32) -> u32 {
    return mix(index ^ mix(seed));
}
