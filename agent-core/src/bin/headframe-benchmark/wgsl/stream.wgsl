// Memory, 256 KiB a workgroup and 64 vectors a thread.
@group(0) @binding(1) var<storage, read> source: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read_write> sink: array<vec4<u32>>;
@group(0) @binding(3) var<storage, read_write> sums: array<u32>;

// Sixteen loads are on their way before the first is needed.
@compute @workgroup_size(256)
fn read_all(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
    let base = (p.first + wg.x) * 16384u + t;
    var sum = vec4<u32>(0u);
    for (var i = 0u; i < 4u; i++) {
        let at = base + i * 4096u;
        let v0 = source[at];
        let v1 = source[at + 256u];
        let v2 = source[at + 512u];
        let v3 = source[at + 768u];
        let v4 = source[at + 1024u];
        let v5 = source[at + 1280u];
        let v6 = source[at + 1536u];
        let v7 = source[at + 1792u];
        let v8 = source[at + 2048u];
        let v9 = source[at + 2304u];
        let v10 = source[at + 2560u];
        let v11 = source[at + 2816u];
        let v12 = source[at + 3072u];
        let v13 = source[at + 3328u];
        let v14 = source[at + 3584u];
        let v15 = source[at + 3840u];
        sum += ((v0 + v1) + (v2 + v3)) + ((v4 + v5) + (v6 + v7)) + ((v8 + v9) + (v10 + v11)) + ((v12 + v13) + (v14 + v15));
    }
    sums[(p.first + wg.x) * 256u + t] = sum.x + sum.y + sum.z + sum.w;
}

// Four loads, then four stores.
@compute @workgroup_size(256)
fn copy_all(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
    let base = (p.first + wg.x) * 16384u + t;
    for (var i = 0u; i < 16u; i++) {
        let at = base + i * 1024u;
        let v0 = source[at];
        let v1 = source[at + 256u];
        let v2 = source[at + 512u];
        let v3 = source[at + 768u];
        sink[at] = v0;
        sink[at + 256u] = v1;
        sink[at + 512u] = v2;
        sink[at + 768u] = v3;
    }
}

// Something else everywhere, cheaper to make than to store.
@compute @workgroup_size(256)
fn write_all(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
    let base = (p.first + wg.x) * 16384u + t;
    for (var i = 0u; i < 64u; i++) {
        let at = base + i * 256u;
        sink[at] = vec4<u32>(at * 0x9e3779b1u) ^ vec4<u32>(p.seed, p.seed * 3u, p.seed * 5u, p.seed * 7u);
    }
}
