// A kibibyte of a packed row to a thread: three bytes to an entry, read straight from the product.
@group(0) @binding(1) var<storage, read> c: array<u32>;
@group(0) @binding(2) var<storage, read_write> chunks: array<Node>;

// Word `w` of the packed row that begins at `base`: of entries w·4/3 and the one after it.
fn packed(base: u32, w: u32) -> u32 {
    let q = w / 3u;
    let shift = (w - q * 3u) * 8u;
    let at = base + w + q;
    return ((c[at] & 0xffffffu) >> shift) | (c[at + 1u] << (24u - shift));
}

fn packed4(base: u32, w: u32) -> vec4<u32> {
    return vec4<u32>(packed(base, w), packed(base, w + 1u), packed(base, w + 2u), packed(base, w + 3u));
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
    let id = (p.first + wg.x) * 64u + t;
    if id >= p.rows * p.chunks {
        return;
    }
    let chunk = id % p.chunks;
    let base = id / p.chunks * p.width4 * 4u;
    let blocks = min(16u, p.size * 3u / 64u - chunk * 16u);
    var node = Node(p.key0, p.key1);
    for (var b = 0u; b < blocks; b++) {
        let w = chunk * 256u + b * 16u;
        let end = CHUNK_END | select(0u, ROOT, p.chunks == 1u);
        let flags = KEYED | select(0u, CHUNK_START, b == 0u) | select(0u, end, b + 1u == blocks);
        node = compress(node, packed4(base, w), packed4(base, w + 4u), packed4(base, w + 8u), packed4(base, w + 12u), chunk, flags);
    }
    chunks[id] = node;
}
