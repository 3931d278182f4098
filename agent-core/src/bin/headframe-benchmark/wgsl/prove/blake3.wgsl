// BLAKE3 in keyed mode (the BLAKE3 paper, section 2), four words of a state to a vector. Every block here is a whole one.
struct Node {
    low: vec4<u32>,
    high: vec4<u32>,
}

const CHUNK_START = 1u;
const CHUNK_END = 2u;
const PARENT = 4u;
const ROOT = 8u;
const KEYED = 16u;

fn rotated(x: vec4<u32>, bits: u32) -> vec4<u32> {
    return (x >> vec4<u32>(bits)) | (x << vec4<u32>(32u - bits));
}

fn compress(from_: Node, m0: vec4<u32>, m1: vec4<u32>, m2: vec4<u32>, m3: vec4<u32>, counter: u32, flags: u32) -> Node {
    var a = from_.low;
    var b = from_.high;
    var c = vec4<u32>(0x6a09e667u, 0xbb67ae85u, 0x3c6ef372u, 0xa54ff53au);
    var d = vec4<u32>(counter, 0u, 64u, flags);
    ROUNDS
    return Node(a ^ c, b ^ d);
}
