// From a product to the next left factor, turned so that the sum's index is the line; and its lowest 16 bits to where they stay.
// A workgroup turns 16 rows by 64 columns.
@group(0) @binding(1) var<storage, read> c: array<vec4<i32>>;
@group(0) @binding(2) var<storage, read_write> a: array<u32>;
@group(0) @binding(3) var<storage, read_write> kept: array<vec2<u32>>;

// One more than 16 to a line, so that neighbours do not wait for one another.
var<workgroup> turned: array<u32, 272>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
    let across = p.size / 64u;
    let ty = (p.first + wg.x) / across;
    let tx = (p.first + wg.x) % across;
    let row = ty * 16u + t / 16u;
    let four = tx * 16u + t % 16u;
    let v = c[row * p.width4 + four];
    // 15,750,000 is a multiple of 63 above every entry.
    let r = (vec4<u32>(v + vec4<i32>(15750000)) % vec4<u32>(63u) - vec4<u32>(31u)) & vec4<u32>(0xffu);
    turned[(t % 16u) * 17u + t / 16u] = r.x | (r.y << 8u) | (r.z << 16u) | (r.w << 24u);
    if p.keep == 1u && row < p.rows {
        let low = bitcast<vec4<u32>>(v) & vec4<u32>(0xffffu);
        kept[p.place + row * (p.size / 4u) + four] = vec2<u32>(low.x | (low.y << 16u), low.z | (low.w << 16u));
    }
    workgroupBarrier();
    a[(tx * 16u + t / 16u) * p.left4 * 4u + ty * 16u + t % 16u] = turned[(t / 16u) * 17u + t % 16u];
}
