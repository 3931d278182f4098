// Products and peak of Hopper's tensor cores, which only its own instructions drive at full rate: a group of four warps multiplies
// straight out of shared memory (wgmma), and one thread fetches whole tiles (TMA) while the others compute.
#include "device.h"
#ifdef EMULATED
#include "emulated/hopper.h"
#else
#include "hopper.h"
#endif

enum {
    ROWS = 128,        // Of a block's tile: two groups of warps with 64 each.
    COLUMNS = 256,     // Of a block's tile.
    DEPTH_BYTES = 128, // Of each row, per stage: one swizzled line.
    A_BYTES = ROWS * DEPTH_BYTES,
    B_BYTES = COLUMNS * DEPTH_BYTES,
    STAGE_BYTES = A_BYTES + B_BYTES,
    STAGES = 4,
    // Barriers stand behind the stages: one says that a stage is full, one that both groups are done with it.
    BARRIERS = STAGES * STAGE_BYTES,
    GROUP = 128,
};

struct Half {
    typedef float Sum;
    static DEVICE void multiply(float (&d)[128], u64 a, u64 b) { group_multiply_f16(d, a, b); }
};
struct Brain {
    typedef float Sum;
    static DEVICE void multiply(float (&d)[128], u64 a, u64 b) { group_multiply_bf16(d, a, b); }
};
struct Byte {
    typedef int Sum;
    static DEVICE void multiply(int (&d)[128], u64 a, u64 b) { group_multiply_i8(d, a, b); }
};
struct alignas(8) FloatPair {
    float x, y;
};
struct alignas(8) IntPair {
    int x, y;
};
DEVICE FloatPair pair(float x, float y) { return {x, y}; }
DEVICE IntPair pair(int x, int y) { return {x, y}; }

// What describes a tile in shared memory to wgmma: K innermost, lines of 128 bytes swizzled over eight rows, so groups of eight
// rows are 1024 bytes apart; the other distance means nothing in this layout. All in units of 16 bytes.
DEVICE u64 described(u32 address) { return (u64)((address & 0x3FFFF) >> 4) | (u64)1 << 16 | (u64)(1024 >> 4) << 32 | (u64)1 << 62; }

DEVICE u32 full(u32 shared, u32 stage) { return shared + BARRIERS + 8 * stage; }
DEVICE u32 empty(u32 shared, u32 stage) { return shared + BARRIERS + 8 * (STAGES + stage); }

// Where a walk through the stages is: which one, and which time round.
struct Place {
    u32 stage, round;
    DEVICE void next() {
        if (++stage == STAGES) stage = 0, round ^= 1;
    }
};

// One thread keeps the stages full, through all tiles of its block.
DEVICE void fetch(const TensorMap &a, const TensorMap &b, u32 shared, u32 steps, u32 m, u32 n, u32 first_tile, u32 tiles) {
    Place place = {0, 0};
    KEEP_LOOP for (u32 index = blockIdx.x; index < tiles; index += gridDim.x) {
        const Tile tile = tile_at(first_tile + index, m / ROWS, n / COLUMNS);
        KEEP_LOOP for (u32 step = 0; step < steps; step++) {
            const u32 at = shared + place.stage * STAGE_BYTES, ready = full(shared, place.stage);
            // The first time round every stage is empty already: waiting for the phase before the first returns at once.
            barrier_wait(empty(shared, place.stage), place.round ^ 1);
            barrier_expect(ready, STAGE_BYTES);
            copy_tile(at, a, step * DEPTH_BYTES, tile.row * ROWS, ready);
            copy_tile(at + A_BYTES, b, step * DEPTH_BYTES, tile.column * COLUMNS, ready);
            place.next();
        }
    }
}

// A group of warps multiplies its 64 rows of every tile of its block.
template <class Element>
DEVICE void multiply(typename Element::Sum *c, u32 shared, u32 steps, u32 m, u32 n, u32 first_tile, u32 tiles) {
    const u32 group = threadIdx.x / GROUP - 1, t = threadIdx.x % GROUP, lane = t % 32;
    Place place = {0, 0};
    typename Element::Sum sum[128];
    KEEP_LOOP for (u32 index = blockIdx.x; index < tiles; index += gridDim.x) {
        const Tile tile = tile_at(first_tile + index, m / ROWS, n / COLUMNS);
        u32 before = 0;
        UNROLL for (int i = 0; i < 128; i++) sum[i] = 0;
        KEEP_LOOP for (u32 step = 0; step < steps; step++) {
            const u32 at = shared + place.stage * STAGE_BYTES;
            barrier_wait(full(shared, place.stage), place.round);
            const u64 a = described(at + group * 64 * DEPTH_BYTES), b = described(at + A_BYTES);
            group_begin();
            // Four steps of 32 bytes along a line; the swizzle is a function of the address, so they are plain offsets.
            UNROLL for (u32 k = 0; k < 4; k++) Element::multiply(sum, a + 2 * k, b + 2 * k);
            group_commit();
            // The product of this stage goes on while the next is waited for; that of the stage before is done.
            group_wait<1>();
            if (step > 0 && lane == 0) barrier_arrive(empty(shared, before));
            before = place.stage;
            place.next();
        }
        group_wait<0>();
        if (lane == 0) barrier_arrive(empty(shared, before));
        const u32 row = tile.row * ROWS + group * 64 + t / 32 * 16 + lane / 4, column = tile.column * COLUMNS + 2 * (lane % 4);
        UNROLL for (u32 j = 0; j < 32; j++) {
            typedef decltype(pair(sum[0], sum[0])) Pair;
            *(Pair *)(c + (u64)row * n + column + 8 * j) = pair(sum[4 * j], sum[4 * j + 1]);
            *(Pair *)(c + (u64)(row + 8) * n + column + 8 * j) = pair(sum[4 * j + 2], sum[4 * j + 3]);
        }
    }
}

// C = A * B^T, both factors with K innermost, described to the fetcher by `a` and `b` in bytes. `row_bytes` is K in bytes, a
// multiple of 128. Every block takes one tile of `tiles` after the other.
template <class Element>
DEVICE void product(const TensorMap &a, const TensorMap &b, typename Element::Sum *c, u32 m, u32 n, u32 row_bytes, u32 first_tile, u32 tiles) {
    const u32 shared = shared_address(dynamic_shared), steps = row_bytes / DEPTH_BYTES;
    if (threadIdx.x == 0) {
        for (u32 stage = 0; stage < STAGES; stage++) {
            barrier_begin(full(shared, stage), 1);
            // One arrival for each warp that reads: what a warp waits for is its own part of a group's product.
            barrier_begin(empty(shared, stage), 8);
        }
        barriers_visible();
    }
    __syncthreads();
    if (threadIdx.x < GROUP) {
        registers_give<40>();
        if (threadIdx.x == 0) fetch(a, b, shared, steps, m, n, first_tile, tiles);
    } else {
        registers_take<232>();
        multiply<Element>(c, shared, steps, m, n, first_tile, tiles);
    }
}

// Multiplies what stands in shared memory again and again: two groups, 64 x 256 each. Every round starts from zero, so what is left
// is 64 times the product of 128 bytes' depth.
template <class Element> DEVICE void peak(typename Element::Sum *out, u64 seed, u32 kind, u32 rounds) {
    enum { DEPTH = 64 };
    const u32 shared = shared_address(dynamic_shared), group = threadIdx.x / GROUP, t = threadIdx.x % GROUP;
    // The block's words in order: 384 rows of 32, A's 128 and then B's. The swizzle moves the 16 bytes of a line.
    for (u32 at = threadIdx.x; at < STAGE_BYTES / 4; at += blockDim.x) {
        const u32 row = at / 32, chunk = at % 32 / 4;
        *(u32 *)(dynamic_shared + row * DEPTH_BYTES + ((chunk ^ (row % 8)) << 4) + at % 4 * 4) =
            number_word(kind, seed, (u64)blockIdx.x * (STAGE_BYTES / 4) + at);
    }
    group_visible();
    __syncthreads();
    const u64 a = described(shared + group * 64 * DEPTH_BYTES), b = described(shared + A_BYTES);
    typename Element::Sum sum[128];
    KEEP_LOOP for (u32 round = 0; round < rounds; round++) {
        UNROLL for (int i = 0; i < 128; i++) sum[i] = 0;
        KEEP_LOOP for (u32 step = 0; step < DEPTH; step++) {
            group_begin();
            UNROLL for (u32 k = 0; k < 4; k++) Element::multiply(sum, a + 2 * k, b + 2 * k);
            group_commit();
        }
        group_wait<0>();
    }
    // As C would lie in memory: 128 rows of 256.
    typename Element::Sum *to = out + ((u64)blockIdx.x * ROWS + group * 64 + t / 32 * 16 + t % 32 / 4) * COLUMNS + 2 * (t % 4);
    UNROLL for (u32 j = 0; j < 32; j++) {
        UNROLL for (u32 e = 0; e < 4; e++) to[(e / 2) * 8 * COLUMNS + 8 * j + e % 2] = sum[4 * j + e];
    }
}

#define PRODUCT(name, Element)                                                                                                     \
    ENTRY(name, 384, 1)                                                                                                            \
    (MAP_PARAMETER a, MAP_PARAMETER b, Element::Sum *c, u32 m, u32 n, u32 row_bytes, u32 first_tile, u32 tiles) {                   \
        product<Element>(a, b, c, m, n, row_bytes, first_tile, tiles);                                                             \
    }
#define PEAK(name, Element)                                                                                                        \
    ENTRY(name, 256, 1)(Element::Sum *out, u64 seed, u32 kind, u32 rounds) { peak<Element>(out, seed, kind, rounds); }

PRODUCT(gemm_f16, Half)
PRODUCT(gemm_bf16, Brain)
PRODUCT(gemm_i8, Byte)
PEAK(peak_f16, Half)
PEAK(peak_bf16, Brain)
PEAK(peak_i8, Byte)
