// Products and peak of the tensor cores from Turing on. Compiled twice: for Turing, which has neither asynchronous copies nor
// bf16, and for Ampere and everything later.
#include "device.h"

#define AMPERE (__CUDA_ARCH__ >= 800)

// What a type of element adds: its accumulator and its multiplication. All else is bytes.
struct Half {
    typedef float Sum;
    static DEVICE void multiply(float (&d)[4], const u32 (&a)[4], const u32 (&b)[2]) { multiply_f16(d, a, b); }
};
#if AMPERE
struct Brain {
    typedef float Sum;
    static DEVICE void multiply(float (&d)[4], const u32 (&a)[4], const u32 (&b)[2]) { multiply_bf16(d, a, b); }
};
#endif
struct Byte {
    typedef int Sum;
    static DEVICE void multiply(int (&d)[4], const u32 (&a)[4], const u32 (&b)[2]) { multiply_i8(d, a, b); }
};
struct alignas(8) FloatPair {
    float x, y;
};
struct alignas(8) IntPair {
    int x, y;
};
DEVICE FloatPair pair(float x, float y) { return {x, y}; }
DEVICE IntPair pair(int x, int y) { return {x, y}; }

enum {
    SIDE = 128,       // Rows and columns of a block's tile.
    DEPTH_BYTES = 64, // Of each row, per stage.
    TILE_BYTES = SIDE * DEPTH_BYTES,
    STAGE_BYTES = 2 * TILE_BYTES,
    // Three stages are 48 KiB, and two blocks of them fit the 100 KiB of a GeForce's multiprocessor; four would not.
    STAGES = AMPERE ? 3 : 2,
};

// Where the 16 bytes `chunk` of a row lie in a tile. Two rows share 128 bytes; the exclusive-or spreads the eight rows that one
// ldmatrix reads over all banks.
DEVICE u32 place(u32 row, u32 chunk) { return row * DEPTH_BYTES + ((chunk ^ ((row >> 1) & 3)) << 4); }

// One stage's share of a warp: 64 x 64 of the product, two steps of 32 bytes.
template <class Element>
DEVICE void multiply_stage(typename Element::Sum (&sum)[4][8][4], u32 a_tile, u32 b_tile, u32 warp_row, u32 warp_column, u32 lane) {
    UNROLL for (int step = 0; step < 2; step++) {
        u32 a[4][4], b[8][2];
        UNROLL for (int i = 0; i < 4; i++) {
            // The matrices in the order of a fragment: rows 0-7 and 8-15 of the first 16 bytes, then of the second.
            load_matrices(a[i], a_tile + place(warp_row + 16 * i + lane % 16, 2 * step + lane / 16));
        }
        UNROLL for (int j = 0; j < 4; j++) {
            // Columns 0-7 with both halves of the depth, then columns 8-15.
            u32 two[4];
            load_matrices(two, b_tile + place(warp_column + 16 * j + (lane / 16) * 8 + lane % 8, 2 * step + (lane / 8) % 2));
            b[2 * j][0] = two[0], b[2 * j][1] = two[1];
            b[2 * j + 1][0] = two[2], b[2 * j + 1][1] = two[3];
        }
        UNROLL for (int i = 0; i < 4; i++) {
            UNROLL for (int j = 0; j < 8; j++) Element::multiply(sum[i][j], a[i], b[j]);
        }
    }
}

// C = A * B^T, both factors with K innermost. `row_bytes` is K in bytes, a multiple of 64; M and N are multiples of 128.
template <class Element>
DEVICE void product(const u8 *a, const u8 *b, typename Element::Sum *c, u32 m, u32 n, u32 row_bytes, u32 first_tile) {
    const Tile tile = tile_at(first_tile + blockIdx.x, m / SIDE, n / SIDE);
    const u32 t = threadIdx.x, lane = t % 32, warp_row = (t / 64) * 64, warp_column = (t / 32 % 2) * 64;
    const u32 shared = shared_address(dynamic_shared);
    // A thread loads four times 16 bytes of each factor, 32 rows apart.
    const u32 load_row = t / 4, load_chunk = t % 4;
    const u8 *a_from = a + (u64)(tile.row * SIDE + load_row) * row_bytes + load_chunk * 16;
    const u8 *b_from = b + (u64)(tile.column * SIDE + load_row) * row_bytes + load_chunk * 16;
    const u32 steps = row_bytes / DEPTH_BYTES;

    typename Element::Sum sum[4][8][4];
    UNROLL for (int i = 0; i < 4; i++) {
        UNROLL for (int j = 0; j < 8; j++) {
            UNROLL for (int e = 0; e < 4; e++) sum[i][j][e] = 0;
        }
    }
#if AMPERE
    const auto fetch = [&](u32 step) {
        if (step < steps) {
            const u32 stage = shared + step % STAGES * STAGE_BYTES;
            UNROLL for (int i = 0; i < 4; i++) {
                const u32 to = place(load_row + 32 * i, load_chunk);
                const u64 from = (u64)(32 * i) * row_bytes + (u64)step * DEPTH_BYTES;
                copy_async(stage + to, a_from + from);
                copy_async(stage + TILE_BYTES + to, b_from + from);
            }
        }
        // Empty groups too: what is waited for is a number of groups.
        copies_commit();
    };
    UNROLL for (int step = 0; step < STAGES - 1; step++) fetch(step);
    KEEP_LOOP for (u32 step = 0; step < steps; step++) {
        copies_wait<STAGES - 2>();
        // After this everybody's copies have arrived, and nobody reads the stage that is filled next.
        __syncthreads();
        fetch(step + STAGES - 1);
        const u32 stage = shared + step % STAGES * STAGE_BYTES;
        multiply_stage<Element>(sum, stage, stage + TILE_BYTES, warp_row, warp_column, lane);
    }
#else
    uint4 a_next[4], b_next[4];
    const auto fetch = [&](u32 step) {
        UNROLL for (int i = 0; i < 4; i++) {
            const u64 from = (u64)(32 * i) * row_bytes + (u64)step * DEPTH_BYTES;
            a_next[i] = *(const uint4 *)(a_from + from);
            b_next[i] = *(const uint4 *)(b_from + from);
        }
    };
    const auto keep = [&](u32 step) {
        u8 *stage = dynamic_shared + step % STAGES * STAGE_BYTES;
        UNROLL for (int i = 0; i < 4; i++) {
            const u32 to = place(load_row + 32 * i, load_chunk);
            *(uint4 *)(stage + to) = a_next[i];
            *(uint4 *)(stage + TILE_BYTES + to) = b_next[i];
        }
    };
    fetch(0);
    keep(0);
    __syncthreads();
    KEEP_LOOP for (u32 step = 0; step < steps; step++) {
        if (step + 1 < steps) fetch(step + 1);
        const u32 stage = shared + step % STAGES * STAGE_BYTES;
        multiply_stage<Element>(sum, stage, stage + TILE_BYTES, warp_row, warp_column, lane);
        if (step + 1 < steps) {
            keep(step + 1);
            __syncthreads();
        }
    }
#endif
    UNROLL for (int i = 0; i < 4; i++) {
        UNROLL for (int j = 0; j < 8; j++) {
            const u32 row = tile.row * SIDE + warp_row + 16 * i + lane / 4;
            const u32 column = tile.column * SIDE + warp_column + 8 * j + 2 * (lane % 4);
            typedef decltype(pair(sum[0][0][0], sum[0][0][0])) Pair;
            *(Pair *)(c + (u64)row * n + column) = pair(sum[i][j][0], sum[i][j][1]);
            *(Pair *)(c + (u64)(row + 8) * n + column) = pair(sum[i][j][2], sum[i][j][3]);
        }
    }
}

// Multiplies the same fragments again and again: eight independent sums per warp and no memory. Each round starts from zero,
// so what is left is exactly known for integers and close to it for floats: 256 times the product.
template <class Element> DEVICE void peak(typename Element::Sum *out, u64 seed, u32 kind, u32 rounds) {
    enum { SUMS = 8, DEPTH = 256 };
    const u32 lane = threadIdx.x % 32, warp = (blockIdx.x * blockDim.x + threadIdx.x) / 32;
    u32 a[4], b[SUMS][2];
    // Word w of lane l of warp p, as `numbers.rs` writes it too: 20 words each, 4 of A and 2 of every B.
    const u64 first = ((u64)warp * 32 + lane) * 20;
    UNROLL for (int i = 0; i < 4; i++) a[i] = number_word(kind, seed, first + i);
    UNROLL for (int j = 0; j < SUMS; j++) {
        b[j][0] = number_word(kind, seed, first + 4 + 2 * j);
        b[j][1] = number_word(kind, seed, first + 5 + 2 * j);
    }
    typename Element::Sum sum[SUMS][4];
    KEEP_LOOP for (u32 round = 0; round < rounds; round++) {
        UNROLL for (int j = 0; j < SUMS; j++) {
            UNROLL for (int e = 0; e < 4; e++) sum[j][e] = 0;
        }
        KEEP_LOOP for (int step = 0; step < DEPTH; step += 4) {
            UNROLL for (int again = 0; again < 4; again++) {
                UNROLL for (int j = 0; j < SUMS; j++) Element::multiply(sum[j], a, b[j]);
            }
        }
    }
    UNROLL for (int j = 0; j < SUMS; j++) {
        UNROLL for (int e = 0; e < 4; e++) out[((u64)warp * SUMS + j) * 128 + e * 32 + lane] = sum[j][e];
    }
}

ENTRY(gemm_f16, 128, 2)(const u8 *a, const u8 *b, float *c, u32 m, u32 n, u32 row_bytes, u32 first_tile) {
    product<Half>(a, b, c, m, n, row_bytes, first_tile);
}
ENTRY(gemm_i8, 128, 2)(const u8 *a, const u8 *b, int *c, u32 m, u32 n, u32 row_bytes, u32 first_tile) {
    product<Byte>(a, b, c, m, n, row_bytes, first_tile);
}
ENTRY(peak_f16, 256, 1)(float *out, u64 seed, u32 kind, u32 rounds) { peak<Half>(out, seed, kind, rounds); }
ENTRY(peak_i8, 256, 1)(int *out, u64 seed, u32 kind, u32 rounds) { peak<Byte>(out, seed, kind, rounds); }
#if AMPERE
ENTRY(gemm_bf16, 128, 2)(const u8 *a, const u8 *b, float *c, u32 m, u32 n, u32 row_bytes, u32 first_tile) {
    product<Brain>(a, b, c, m, n, row_bytes, first_tile);
}
ENTRY(peak_bf16, 256, 1)(float *out, u64 seed, u32 kind, u32 rounds) { peak<Brain>(out, seed, kind, rounds); }
#endif
