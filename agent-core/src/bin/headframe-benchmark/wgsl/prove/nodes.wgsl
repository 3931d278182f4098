// One level of a tree that lies as a heap does: the nodes below node i are 2i and 2i + 1, and the root is 1.
@group(0) @binding(1) var<storage, read_write> tree: array<Node>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
    let id = (p.first + wg.x) * 64u + t;
    if id >= p.rows {
        return;
    }
    let node = p.rows + id;
    let left = tree[p.place + 2u * node];
    let right = tree[p.place + 2u * node + 1u];
    let flags = KEYED | CHUNK_START | CHUNK_END | ROOT;
    tree[p.place + node] = compress(Node(p.key0, p.key1), left.low, left.high, right.low, right.high, 0u, flags);
}
