// Both factors from the seed, four numbers of the sum's index in a word, a line for each four: as `product.wgsl` reads them.
@group(0) @binding(1) var<storage, read> rows: array<u32>;
@group(0) @binding(2) var<storage, read_write> into: array<u32>;

fn folded(place: u32, key: vec4<u32>) -> u32 {
    return mix(mix(mix(mix(place ^ key.x) ^ key.y) ^ key.z) ^ key.w);
}

fn word(place: u32, pair: u32) -> u32 {
    var x = pair + folded(place, p.key0);
    x ^= x >> 16u;
    x *= 0x21f0aaadu;
    x ^= folded(place, p.key1);
    x ^= x >> 15u;
    x *= 0xd35a2d97u;
    return x ^ (x >> 15u);
}

fn byte(half: u32) -> u32 {
    return (((half * 63u) >> 16u) - 31u) & 0xffu;
}

// The rows that are named, of the first left factor.
@compute @workgroup_size(256)
fn left(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
    let at = (p.first + wg.x) * 256u + t;
    let width = p.left4 * 4u;
    let row = rows[at % width];
    let w0 = word(row, at / width * 2u);
    let w1 = word(row, at / width * 2u + 1u);
    into[at] = byte(w0 & 0xffffu) | (byte(w0 >> 16u) << 8u) | (byte(w1 & 0xffffu) << 16u) | (byte(w1 >> 16u) << 24u);
}

// The right factor. Columns beyond the last are of no use, and of no harm: their sums are never looked at.
@compute @workgroup_size(256)
fn right(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
    let at = (p.first + wg.x) * 256u + t;
    let width = p.width4 * 4u;
    let column = at % width;
    var four = 0u;
    for (var i = 0u; i < 4u; i++) {
        let w = word((at / width * 4u + i) | 0x10000u, column / 2u);
        four |= byte((w >> ((column & 1u) * 16u)) & 0xffffu) << (i * 8u);
    }
    into[at] = four;
}
