// A kibibyte of a block to a thread: where the block lies follows from the round's state, under which it is hashed.
@group(0) @binding(1) var<storage, read_write> chunks: array<Node>;
SHELVES

// Sixteen words from vector `at` of a buffer.
fn load(shelf: u32, at: u32) -> array<vec4<u32>, 4> {
    switch shelf {
        CASES
    }
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
    let id = (p.first + wg.x) * 64u + t;
    if id >= p.rows * 4u {
        return;
    }
    let block = mix(mix((p.read + id / 4u) ^ p.key0.x) ^ p.key0.y) % p.blocks;
    // Those that lie elsewhere are another dispatch's.
    let shelf = block / p.per - p.shelf;
    if shelf >= COUNT {
        return;
    }
    let quarter = id % 4u;
    let at = block % p.per * 256u + quarter * 64u;
    var node = Node(p.key0, p.key1);
    for (var b = 0u; b < 16u; b++) {
        let flags = KEYED | select(0u, CHUNK_START, b == 0u) | select(0u, CHUNK_END, b == 15u);
        let m = load(shelf, at + b * 4u);
        node = compress(node, m[0], m[1], m[2], m[3], quarter, flags);
    }
    chunks[id] = node;
}
