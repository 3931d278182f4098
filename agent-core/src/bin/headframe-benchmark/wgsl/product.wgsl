// C = Aᵀ·B, both stored with the sum's index as the row, so that both are read in whole lines. A workgroup computes 128 × 128 of C
// from 16 rows of each at a time, in 16 KiB of shared memory; a thread computes 8 × 8, as four blocks of 4 × 4 that lie 64 apart, so that
// neighbours read neighbouring vectors. The next rows are on their way while these are multiplied.
@group(0) @binding(1) var<storage, read> a: array<STORED>;
@group(0) @binding(2) var<storage, read> b: array<STORED>;
@group(0) @binding(3) var<storage, read_write> c: array<SUMS>;

var<workgroup> sa: array<SHARED, 512>;
var<workgroup> sb: array<SHARED, 512>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
    let tile = p.first + wg.x;
    let ty = tile / p.tiles;
    let tx = tile % p.tiles;
    let tr = t / 16u;
    let tc = t % 16u;
    let from_a = (t / 32u) * p.left4 + ty * 32u + t % 32u;
    let from_b = (t / 32u) * p.width4 + tx * 32u + t % 32u;
    let eight_a = 8u * p.left4;
    let eight_b = 8u * p.width4;
    DECLARE
    var a0 = a[from_a];
    var a1 = a[from_a + eight_a];
    var b0 = b[from_b];
    var b1 = b[from_b + eight_b];
    for (var k = 16u; k <= p.depth; k += 16u) {
        sa[t] = LOAD(a0);
        sa[t + 256u] = LOAD(a1);
        sb[t] = LOAD(b0);
        sb[t + 256u] = LOAD(b1);
        workgroupBarrier();
        // The last time the same rows again: a read beyond the end would be worse than one for nothing.
        let next = select(k, 0u, k == p.depth);
        a0 = a[from_a + next * p.left4];
        a1 = a[from_a + next * p.left4 + eight_a];
        b0 = b[from_b + next * p.width4];
        b1 = b[from_b + next * p.width4 + eight_b];
        MULTIPLY
        workgroupBarrier();
    }
    let row = (ty * 128u + tr * 4u) * p.width4 + tx * 32u + tc;
    STORE
}
