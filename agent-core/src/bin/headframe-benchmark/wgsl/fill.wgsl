// Fills memory, 4096 vectors a workgroup: with one word again and again (rounds 0), with the pattern's words (1), with its numbers in
// single precision (2), or with pairs of them in half precision (3).
@group(0) @binding(1) var<storage, read_write> into: array<vec4<u32>>;

fn single(w: u32) -> u32 {
    return bitcast<u32>(f32(w >> 8u) / 8388608.0 - 1.0);
}

fn half(w: u32) -> f32 {
    return f32(w >> 21u) / 1024.0 - 1.0;
}

fn one(index: u32) -> u32 {
    switch p.rounds {
        case 0u: { return p.seed; }
        case 1u: { return word(p.seed, index); }
        case 2u: { return single(word(p.seed, index)); }
        default: {
            return pack2x16float(vec2<f32>(half(word(p.seed, index * 2u)), half(word(p.seed, index * 2u + 1u))));
        }
    }
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
    for (var i = 0u; i < 16u; i++) {
        let at = (p.first + wg.x) * 4096u + i * 256u + t;
        into[at] = vec4<u32>(one(at * 4u), one(at * 4u + 1u), one(at * 4u + 2u), one(at * 4u + 3u));
    }
}
