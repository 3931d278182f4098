// The most that the silicon can do: multiply-adds from registers, eight chains a thread that wait for nobody.
//
// x·x + c cannot be folded into fewer operations as a·x + b may be. With c near -1.8 it wanders about in (-2, 2) for ever, so the
// multipliers toggle as they do on real numbers; with c near 0.24 it settles slowly, and the processor can follow it.
@group(0) @binding(1) var<storage, read_write> out: array<f32>;

fn start(at: u32) -> f32 {
    return p.low + p.span * (f32(word(p.seed, at) >> 8u) / 16777216.0);
}

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let c = NUMBER(p.c);
    let at = id.x * 16u;
    STARTS
    for (var r = 0u; r < p.rounds; r++) {
        ROUND
    }
    out[id.x] = SUM;
}
