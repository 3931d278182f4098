// What the kernels use of the device beyond plain C++. With NVRTC each word is one PTX instruction; the emulation in
// `emulated/` gives the same words the meaning that the PTX ISA (8.x) writes down, so one source is compiled for both.
#pragma once

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

#ifndef EMULATED

#define ENTRY(name, threads, blocks) extern "C" __global__ void __launch_bounds__(threads, blocks) name
#define DEVICE __device__ __forceinline__
#define SHARED __shared__
#define UNROLL _Pragma("unroll")
#define KEEP_LOOP _Pragma("unroll 1")

// The dynamic shared memory of this block. Swizzles are functions of the address, hence the alignment.
extern __shared__ __align__(1024) u8 dynamic_shared[];

DEVICE u32 shared_address(const void *pointer) { return (u32)__cvta_generic_to_shared(pointer); }

DEVICE float fused(float a, float b, float c) { return __fmaf_rn(a, b, c); }

// A load that no optimizer may drop, merge or move past another.
DEVICE uint4 load_stream(const uint4 *from) {
    uint4 v;
    asm volatile("ld.global.v4.u32 {%0, %1, %2, %3}, [%4];" : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w) : "l"(from));
    return v;
}

// Four 8x8 matrices of 16-bit elements. Lane l names the row l % 8 of matrix l / 8; it gets the pair at row l / 4, column
// 2 * (l % 4) of each.
DEVICE void load_matrices(u32 (&d)[4], u32 address) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(d[0]), "=r"(d[1]), "=r"(d[2]), "=r"(d[3])
                 : "r"(address)
                 : "memory");
}

// D += A * B with A of 16 rows and B of 8 columns, both 32 bytes deep: 16 halves or 32 bytes of integers.
#if __CUDA_ARCH__ >= 800
DEVICE void multiply_f16(float (&d)[4], const u32 (&a)[4], const u32 (&b)[2]) {
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
                 "{%0, %1, %2, %3};"
                 : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
DEVICE void multiply_bf16(float (&d)[4], const u32 (&a)[4], const u32 (&b)[2]) {
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
                 "{%0, %1, %2, %3};"
                 : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
DEVICE void multiply_i8(int (&d)[4], const u32 (&a)[4], const u32 (&b)[2]) {
    asm volatile("mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
                 "{%0, %1, %2, %3};"
                 : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

// Sixteen bytes from global to shared memory, past the registers and the first-level cache.
DEVICE void copy_async(u32 to, const void *from) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(to), "l"(from) : "memory");
}
DEVICE void copies_commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }
template <int PENDING> DEVICE void copies_wait() { asm volatile("cp.async.wait_group %0;" ::"n"(PENDING) : "memory"); }
#else
// Turing multiplies half as deep, so a product of the later shape is two or four of its own.
DEVICE void multiply_f16(float (&d)[4], const u32 (&a)[4], const u32 (&b)[2]) {
    UNROLL for (int half = 0; half < 2; half++) {
        asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5}, {%6}, "
                     "{%0, %1, %2, %3};"
                     : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
                     : "r"(a[2 * half]), "r"(a[2 * half + 1]), "r"(b[half]));
    }
}
DEVICE void multiply_i8(int (&d)[4], const u32 (&a)[4], const u32 (&b)[2]) {
    UNROLL for (int half = 0; half < 2; half++) {
        UNROLL for (int rows = 0; rows < 2; rows++) {
            asm volatile("mma.sync.aligned.m8n8k16.row.col.s32.s8.s8.s32 {%0, %1}, {%2}, {%3}, {%0, %1};"
                         : "+r"(d[2 * rows]), "+r"(d[2 * rows + 1])
                         : "r"(a[2 * half + rows]), "r"(b[half]));
        }
    }
}
#endif

#else
#include "emulated/device.h"
#endif

// Splitmix64's finisher (Steele, Lea, Flood 2014) over a counter: any word of any buffer is known without the others.
DEVICE u32 random_word(u64 seed, u64 index) {
    u64 z = seed + (index + 1) * 0x9E3779B97F4A7C15ull;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return (u32)((z ^ (z >> 31)) >> 32);
}

// What the words of a buffer are; the same numbers stand in `numbers.rs`. Floats are between 1/16 and 1 in magnitude, over
// four exponents, with every bit of the fraction random: constant or round data draws less power and clocks higher.
enum { WORDS_RAW = 0, WORDS_F32 = 1, WORDS_F16 = 2, WORDS_BF16 = 3 };

DEVICE u32 number_word(u32 kind, u64 seed, u64 index) {
    const u32 w = random_word(seed, index);
    if (kind == WORDS_F32) return (w & 0x807FFFFFu) | ((126u - ((w >> 23) & 3u)) << 23);
    if (kind == WORDS_F16) {
        const u32 low = (w & 0x83FFu) | ((14u - ((w >> 10) & 3u)) << 10);
        return low | (w & 0x83FF0000u) | ((14u - ((w >> 26) & 3u)) << 26);
    }
    if (kind == WORDS_BF16) {
        const u32 low = (w & 0x807Fu) | ((126u - ((w >> 7) & 3u)) << 7);
        return low | (w & 0x807F0000u) | ((126u - ((w >> 23) & 3u)) << 23);
    }
    return w;
}

// Which tile of the product the block computes: eight rows of tiles at a time, column by column, so that what neighbours in
// time read of both factors fits the second-level cache.
struct Tile {
    u32 row, column;
};

DEVICE Tile tile_at(u32 index, u32 rows, u32 columns) {
    const u32 BAND = 8;
    const u32 band = index / (BAND * columns), inside = index % (BAND * columns);
    const u32 left = rows - band * BAND;
    const u32 height = left < BAND ? left : BAND;
    return {band * BAND + inside % height, inside / height};
}
