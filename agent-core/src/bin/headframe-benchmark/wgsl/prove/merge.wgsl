// From the kibibytes of a row, or of a block, to its leaf: BLAKE3's own tree, whose odd ones out go up as they are.
@group(0) @binding(1) var<storage, read_write> chunks: array<Node>;
@group(0) @binding(2) var<storage, read_write> tree: array<Node>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
    let id = (p.first + wg.x) * 64u + t;
    if id >= p.rows {
        return;
    }
    let base = id * p.chunks;
    let key = Node(p.key0, p.key1);
    for (var count = p.chunks; count > 1u; count = count / 2u + (count & 1u)) {
        let flags = KEYED | PARENT | select(0u, ROOT, count == 2u);
        for (var i = 0u; i < count / 2u; i++) {
            let left = chunks[base + 2u * i];
            let right = chunks[base + 2u * i + 1u];
            chunks[base + i] = compress(key, left.low, left.high, right.low, right.high, 0u, flags);
        }
        if (count & 1u) == 1u {
            chunks[base + count / 2u] = chunks[base + count - 1u];
        }
    }
    tree[p.place + id] = chunks[base];
}
