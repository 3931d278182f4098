// What every card can run: filling and auditing buffers, FP32 peak and product, and the memory's speed.
#include "device.h"

// Writes random numbers of one kind. `first` is the index of the buffer's first word in the seed's sequence.
ENTRY(fill, 256, 1)(uint4 *out, u64 quads, u64 first, u64 seed, u32 kind) {
    const u64 stride = (u64)gridDim.x * blockDim.x;
    for (u64 at = (u64)blockIdx.x * blockDim.x + threadIdx.x; at < quads; at += stride) {
        uint4 v;
        v.x = number_word(kind, seed, first + 4 * at);
        v.y = number_word(kind, seed, first + 4 * at + 1);
        v.z = number_word(kind, seed, first + 4 * at + 2);
        v.w = number_word(kind, seed, first + 4 * at + 3);
        out[at] = v;
    }
}

// Counts the words that are not the numbers `fill` wrote.
ENTRY(audit, 256, 1)(const uint4 *in, u64 quads, u64 first, u64 seed, u32 kind, u32 *wrong) {
    const u64 stride = (u64)gridDim.x * blockDim.x;
    u32 count = 0;
    for (u64 at = (u64)blockIdx.x * blockDim.x + threadIdx.x; at < quads; at += stride) {
        const uint4 v = in[at];
        count += v.x != number_word(kind, seed, first + 4 * at);
        count += v.y != number_word(kind, seed, first + 4 * at + 1);
        count += v.z != number_word(kind, seed, first + 4 * at + 2);
        count += v.w != number_word(kind, seed, first + 4 * at + 3);
    }
    if (count) atomicAdd(wrong, count);
}

// Counts the words that still hold the poison.
ENTRY(count_word, 256, 1)(const uint4 *in, u64 quads, u32 word, u32 *found) {
    const u64 stride = (u64)gridDim.x * blockDim.x;
    u32 count = 0;
    for (u64 at = (u64)blockIdx.x * blockDim.x + threadIdx.x; at < quads; at += stride) {
        const uint4 v = in[at];
        count += (v.x == word) + (v.y == word) + (v.z == word) + (v.w == word);
    }
    if (count) atomicAdd(found, count);
}

// x = x * x + c with c between -1.9 and -1.4 wanders without end inside [c, c * c + c]: the operands keep changing, no compiler
// can fold it, and the fused result is the same on every machine. Eight chains hide the latency at any occupancy.
ENTRY(fma_peak, 256, 1)(float *out, u64 seed, u32 rounds) {
    const u32 thread = blockIdx.x * blockDim.x + threadIdx.x;
    float x[8], c[8];
    UNROLL for (int i = 0; i < 8; i++) {
        const u32 w = random_word(seed, (u64)thread * 8 + i);
        x[i] = (float)(w >> 16) * (1.0f / 65536.0f);
        c[i] = fused((float)(w & 0xFFFF), -0.5f / 65536.0f, -1.4f);
    }
    KEEP_LOOP for (u32 round = 0; round < rounds; round++) {
        UNROLL for (int step = 0; step < 16; step++) {
            UNROLL for (int i = 0; i < 8; i++) x[i] = fused(x[i], x[i], c[i]);
        }
    }
    UNROLL for (int i = 0; i < 8; i++) out[(u64)thread * 8 + i] = x[i];
}

// C = At^T * B. Both factors lie with K outermost, so both are read in whole lines and nothing is transposed. 128 threads make
// a tile of 128 x 128: four warps of 64 x 64, a thread 8 rows x 16 columns, in four strips of 4 columns.
ENTRY(gemm_f32, 128, 2)(const float *at, const float *b, float *c, u32 m, u32 n, u32 k, u32 first_tile) {
    enum { DEPTH = 16, SIDE = 128 };
    SHARED float a_tile[2][DEPTH][SIDE];
    SHARED float b_tile[2][DEPTH][SIDE];
    const Tile tile = tile_at(first_tile + blockIdx.x, m / SIDE, n / SIDE);
    const u32 t = threadIdx.x, warp = t / 32, lane = t % 32;
    const u32 load_row = t / 32, load_column = (t % 32) * 4;
    // The 8 rows of a thread are 4 + 4, 32 apart: then the 8 different addresses of a warp's read are 128 bytes in a row.
    const u32 row = (warp / 2) * 64 + (lane / 4) * 4, column = (warp % 2) * 64 + (lane % 4) * 4;
    const float *a_from = at + (u64)load_row * m + tile.row * SIDE + load_column;
    const float *b_from = b + (u64)load_row * n + tile.column * SIDE + load_column;

    float sum[8][16];
    UNROLL for (int i = 0; i < 8; i++) {
        UNROLL for (int j = 0; j < 16; j++) sum[i][j] = 0.0f;
    }
    UNROLL for (int i = 0; i < 4; i++) {
        *(float4 *)&a_tile[0][load_row + 4 * i][load_column] = *(const float4 *)(a_from + (u64)(4 * i) * m);
        *(float4 *)&b_tile[0][load_row + 4 * i][load_column] = *(const float4 *)(b_from + (u64)(4 * i) * n);
    }
    __syncthreads();
    u32 now = 0;
    KEEP_LOOP for (u32 depth = DEPTH; depth <= k; depth += DEPTH) {
        float4 a_next[4], b_next[4];
        const bool more = depth < k;
        if (more) {
            UNROLL for (int i = 0; i < 4; i++) {
                a_next[i] = *(const float4 *)(a_from + (u64)(depth + 4 * i) * m);
                b_next[i] = *(const float4 *)(b_from + (u64)(depth + 4 * i) * n);
            }
        }
        UNROLL for (int at_depth = 0; at_depth < DEPTH; at_depth++) {
            float fa[8], fb[16];
            *(float4 *)&fa[0] = *(const float4 *)&a_tile[now][at_depth][row];
            *(float4 *)&fa[4] = *(const float4 *)&a_tile[now][at_depth][row + 32];
            UNROLL for (int strip = 0; strip < 4; strip++) {
                *(float4 *)&fb[4 * strip] = *(const float4 *)&b_tile[now][at_depth][column + 16 * strip];
            }
            UNROLL for (int i = 0; i < 8; i++) {
                UNROLL for (int j = 0; j < 16; j++) sum[i][j] = fused(fa[i], fb[j], sum[i][j]);
            }
        }
        if (more) {
            now ^= 1;
            UNROLL for (int i = 0; i < 4; i++) {
                *(float4 *)&a_tile[now][load_row + 4 * i][load_column] = a_next[i];
                *(float4 *)&b_tile[now][load_row + 4 * i][load_column] = b_next[i];
            }
            __syncthreads();
        }
    }
    UNROLL for (int i = 0; i < 8; i++) {
        const u32 to_row = tile.row * SIDE + row + (i / 4) * 32 + i % 4;
        UNROLL for (int strip = 0; strip < 4; strip++) {
            const float4 v = {sum[i][4 * strip], sum[i][4 * strip + 1], sum[i][4 * strip + 2], sum[i][4 * strip + 3]};
            *(float4 *)(c + (u64)to_row * n + tile.column * SIDE + column + 16 * strip) = v;
        }
    }
}

// Sums a buffer: sixteen loads in flight per thread. `quads` is a multiple of a block's 4096.
ENTRY(memory_read, 256, 2)(const uint4 *in, u64 quads, u32 *out) {
    u32 sum = 0;
    for (u64 block = blockIdx.x; block < quads / 4096; block += gridDim.x) {
        uint4 v[16];
        UNROLL for (int i = 0; i < 16; i++) v[i] = load_stream(in + block * 4096 + i * 256 + threadIdx.x);
        UNROLL for (int i = 0; i < 16; i++) sum += v[i].x + v[i].y + v[i].z + v[i].w;
    }
    // Addition wraps, so the total does not depend on who adds first.
    atomicAdd(out, sum);
}

// Copies a buffer: four loads, then four stores. `quads` is a multiple of a block's 1024.
ENTRY(memory_copy, 256, 2)(const uint4 *in, uint4 *out, u64 quads) {
    for (u64 block = blockIdx.x; block < quads / 1024; block += gridDim.x) {
        uint4 v[4];
        UNROLL for (int i = 0; i < 4; i++) v[i] = load_stream(in + block * 1024 + i * 256 + threadIdx.x);
        UNROLL for (int i = 0; i < 4; i++) out[block * 1024 + i * 256 + threadIdx.x] = v[i];
    }
}

// Writes words that differ everywhere and cost one multiplication. `first` is the index of the first 16 bytes.
ENTRY(memory_write, 256, 2)(uint4 *out, u64 quads, u32 first) {
    for (u64 block = blockIdx.x; block < quads / 1024; block += gridDim.x) {
        UNROLL for (int i = 0; i < 4; i++) {
            const u64 at = block * 1024 + i * 256 + threadIdx.x;
            const u32 word = ((u32)at + first) * 0x9E3779B1u;
            out[at] = uint4{word, word ^ 0x55555555u, word ^ 0xAAAAAAAAu, ~word};
        }
    }
}
