// The words of `../device.h` for a processor: what each instruction does, after the PTX ISA. Threads are fibers that give way
// where an instruction waits for others, so wrong synchronization shows as a wrong product or as a standstill, not as luck.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <utility>
#include <vector>

#define ENTRY(name, threads, blocks) static void name
#define DEVICE inline
#define SHARED static
#define UNROLL
#define KEEP_LOOP

struct alignas(16) uint4 {
    u32 x, y, z, w;
};
struct alignas(16) float4 {
    float x, y, z, w;
};
struct dim3 {
    u32 x, y, z;
};

namespace emulated {

struct Block;

// What the lanes of a warp, or the threads of a group of warps, meet at.
struct Meeting {
    u32 arrived = 0, generation = 0;
    const char *what = nullptr;
    void *words[128];
};

struct Copy {
    u8 *to;
    const u8 *from;
};

// A barrier in shared memory: who has still to arrive, what bytes have.
struct Barrier {
    bool begun;
    u32 arrivals, missing, missing_bytes, parity;
    std::vector<std::function<u32()>> copies;
};

// A product of a group of warps, with this thread's sums.
struct Product {
    void *sums;
    std::function<void(void **)> work;
};

struct Thread {
    Block *block;
    dim3 index, block_index;
    Meeting *warp;
    std::vector<std::vector<Copy>> copies{1};
    std::vector<std::vector<Product>> products{1};
};

struct Block {
    u8 *shared;
    u32 shared_bytes;
    u32 threads;
    Meeting all;
    // Of 32 and of 128 threads.
    std::vector<Meeting> warps, groups;
    std::map<u32, Barrier> barriers;
};

extern thread_local Thread *self;
extern dim3 block_dim, grid_dim;

// Gives way until the condition holds. If it can hold for nobody any more, the process ends with `what`.
void wait_until(const std::function<bool()> &holds, const char *what);
// Something happened: this is no standstill.
void progress();
[[noreturn]] void give_up(const char *why);

// Everybody hands in an argument; the last one does the work for all.
template <class Argument, class Work> void meet(Meeting &at, u32 members, u32 place, const char *what, Argument &argument, Work work) {
    if (at.arrived && at.what != what) give_up("threads that should do the same do different things");
    at.what = what;
    at.words[place] = &argument;
    progress();
    if (++at.arrived == members) {
        work((Argument **)at.words);
        at.arrived = 0;
        at.generation++;
        return;
    }
    const u32 generation = at.generation;
    wait_until([&] { return at.generation != generation; }, what);
}

inline float from_bits(u32 bits) {
    float f;
    memcpy(&f, &bits, 4);
    return f;
}
inline float half(u16 h) {
    // The tests' numbers are normal; anything else is a mistake that must show.
    const u32 exponent = (h >> 10) & 31;
    if (exponent == 0 || exponent == 31) return NAN;
    return from_bits((u32)(h & 0x8000) << 16 | (exponent + 112) << 23 | (u32)(h & 1023) << 13);
}
inline float brain(u16 b) { return from_bits((u32)b << 16); }

} // namespace emulated

#define threadIdx (emulated::self->index)
#define blockIdx (emulated::self->block_index)
#define blockDim (emulated::block_dim)
#define gridDim (emulated::grid_dim)
#define dynamic_shared (emulated::self->block->shared)

inline void __syncthreads() {
    emulated::Block *block = emulated::self->block;
    int nothing = 0;
    emulated::meet(block->all, block->threads, 0, "__syncthreads", nothing, [](int **) {});
}
inline u32 atomicAdd(u32 *at, u32 more) {
    const u32 before = *at;
    *at += more;
    return before;
}
inline u32 shared_address(const void *pointer) { return (u32)((const u8 *)pointer - emulated::self->block->shared); }
inline u8 *shared_at(u32 address, u32 bytes) {
    emulated::Block *block = emulated::self->block;
    if (address % bytes || address + bytes > block->shared_bytes) emulated::give_up("an address outside of shared memory, or askew");
    return block->shared + address;
}
inline float fused(float a, float b, float c) { return fmaf(a, b, c); }
inline uint4 load_stream(const uint4 *from) { return *from; }

inline void load_matrices(u32 (&d)[4], u32 address) {
    struct Argument {
        u32 *d;
        const u8 *row;
    } mine{d, shared_at(address, 16)};
    emulated::meet(*emulated::self->warp, 32, threadIdx.x % 32, "ldmatrix", mine, [](Argument **lanes) {
        for (u32 lane = 0; lane < 32; lane++) {
            // Right but eight times slower: a mistake in a kernel that is for measuring.
            for (u32 other = lane / 8 * 8; other < lane; other++) {
                if ((uintptr_t)lanes[lane]->row / 16 % 8 == (uintptr_t)lanes[other]->row / 16 % 8) {
                    emulated::give_up("rows of one matrix in the same banks");
                }
            }
        }
        for (u32 lane = 0; lane < 32; lane++) {
            for (u32 matrix = 0; matrix < 4; matrix++) memcpy(&lanes[lane]->d[matrix], lanes[matrix * 8 + lane / 4]->row + 4 * (lane % 4), 4);
        }
    });
}

// `DEEP` elements of `Element` fill four bytes. Fragments of mma.m16n8k16 and m16n8k32: a register of A holds `DEEP` elements of
// row lane / 4 (+ 8 for odd registers), from 4 * (lane % 4) bytes on (+ 16 for registers 2 and 3); one of B the same of column lane / 4.
template <class Sum, class Take> void emulated_multiply(Sum (&d)[4], const u32 (&a)[4], const u32 (&b)[2], const char *what, u32 deep, Take take) {
    struct Argument {
        Sum *d;
        const u32 *a, *b;
    } mine{d, a, b};
    emulated::meet(*emulated::self->warp, 32, threadIdx.x % 32, what, mine, [&](Argument **lanes) {
        Sum fa[16][32], fb[8][32];
        for (u32 k = 0; k < 8 * deep; k++) {
            const u32 of_lane = k / deep % 4, upper = k / (4 * deep);
            for (u32 row = 0; row < 16; row++) fa[row][k] = take(lanes[(row % 8) * 4 + of_lane]->a[row / 8 + 2 * upper], k % deep);
            for (u32 column = 0; column < 8; column++) fb[column][k] = take(lanes[column * 4 + of_lane]->b[upper], k % deep);
        }
        for (u32 lane = 0; lane < 32; lane++) {
            for (u32 e = 0; e < 4; e++) {
                const u32 row = lane / 4 + (e / 2) * 8, column = (lane % 4) * 2 + e % 2;
                Sum sum = lanes[lane]->d[e];
                for (u32 k = 0; k < 8 * deep; k++) sum += fa[row][k] * fb[column][k];
                lanes[lane]->d[e] = sum;
            }
        }
    });
}
inline void multiply_f16(float (&d)[4], const u32 (&a)[4], const u32 (&b)[2]) {
    emulated_multiply(d, a, b, "mma f16", 2, [](u32 word, u32 e) { return emulated::half((u16)(word >> (16 * e))); });
}
inline void multiply_bf16(float (&d)[4], const u32 (&a)[4], const u32 (&b)[2]) {
    emulated_multiply(d, a, b, "mma bf16", 2, [](u32 word, u32 e) { return emulated::brain((u16)(word >> (16 * e))); });
}
inline void multiply_i8(int (&d)[4], const u32 (&a)[4], const u32 (&b)[2]) {
    emulated_multiply(d, a, b, "mma s8", 4, [](u32 word, u32 e) { return (int)(int8_t)(word >> (8 * e)); });
}

// A copy happens when its group is waited for and not sooner: what was not waited for is seen to be missing.
inline void copy_async(u32 to, const void *from) {
    emulated::self->copies.back().push_back({shared_at(to, 16), (const u8 *)from});
}
inline void copies_commit() { emulated::self->copies.emplace_back(); }
template <int PENDING> void copies_wait() {
    auto &groups = emulated::self->copies;
    while (groups.size() - 1 > PENDING) {
        for (const emulated::Copy &copy : groups.front()) memcpy(copy.to, copy.from, 16);
        groups.erase(groups.begin());
    }
}
