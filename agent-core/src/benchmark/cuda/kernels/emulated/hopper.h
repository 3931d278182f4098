// The words of `../hopper.h` for a processor. Whatever the device does in its own time happens as late as a program may rely on:
// products when their group is waited for, copies when their barrier is. Every other copy happens as early as it may, at once.
#pragma once

// The driver's opaque description, as the emulated driver fills it.
struct alignas(64) TensorMap {
    const u8 *matrix;
    u64 row_bytes, rows;
    u32 box_bytes, box_rows;
    u8 unused[96];
};
static_assert(sizeof(TensorMap) == 128, "as large as the real one");
#define MAP_PARAMETER const TensorMap

inline emulated::Barrier &barrier_at(u32 address) {
    shared_at(address, 8);
    emulated::Barrier &barrier = emulated::self->block->barriers[address];
    if (!barrier.begun) emulated::give_up("a barrier that was not begun");
    return barrier;
}
inline void barrier_begin(u32 address, u32 arrivals) {
    shared_at(address, 8);
    emulated::self->block->barriers[address] = {true, arrivals, arrivals, 0, 0, {}};
}
inline void barriers_visible() {}
inline void barrier_settle(emulated::Barrier &barrier) {
    if (barrier.missing == 0 && barrier.missing_bytes == 0) {
        barrier.missing = barrier.arrivals;
        barrier.parity ^= 1;
        emulated::progress();
    }
}
inline void barrier_arrive(u32 address) {
    emulated::Barrier &barrier = barrier_at(address);
    if (barrier.missing == 0) emulated::give_up("more arrive than a barrier was told");
    barrier.missing--;
    emulated::progress();
    barrier_settle(barrier);
    // Others may act on it before this thread does anything else.
    bool others_had_a_turn = false;
    emulated::wait_until([&] { return std::exchange(others_had_a_turn, true); }, "others");
}
inline void barrier_expect(u32 address, u32 bytes) {
    barrier_at(address).missing_bytes += bytes;
    barrier_arrive(address);
}
inline void barrier_wait(u32 address, u32 parity) {
    emulated::wait_until(
        [&] {
            emulated::Barrier &barrier = barrier_at(address);
            std::vector<std::function<u32()>> copies;
            copies.swap(barrier.copies);
            for (const auto &copy : copies) barrier.missing_bytes -= copy();
            if (!copies.empty()) barrier_settle(barrier);
            return barrier.parity != parity;
        },
        "mbarrier.try_wait");
}
// The swizzle over 128 bytes: which of the eight rows of a kilobyte an address is in, into its 16-byte piece.
inline u32 swizzled(u32 address) { return address ^ ((address >> 7 & 7) << 4); }

inline void copy_tile(u32 to, const TensorMap &map, u32 byte, u32 row, u32 barrier) {
    if (to % 1024 || map.box_bytes != 128) emulated::give_up("a swizzled tile that does not begin with a kilobyte");
    shared_at(to + map.box_rows * 128 - 16, 16);
    u8 *shared = emulated::self->block->shared;
    const auto copy = [=] {
        for (u32 r = 0; r < map.box_rows; r++) {
            for (u32 b = 0; b < 128; b++) {
                const bool inside = row + r < map.rows && byte + b < map.row_bytes;
                shared[swizzled(to + r * 128 + b)] = inside ? map.matrix[(row + r) * map.row_bytes + byte + b] : 0;
            }
        }
        return map.box_rows * 128;
    };
    static u64 copies = 0;
    emulated::Barrier &counts = barrier_at(barrier);
    if (random_word(0, copies++) & 1) {
        counts.copies.push_back(copy);
    } else {
        counts.missing_bytes -= copy();
        barrier_settle(counts);
    }
}
template <int COUNT> void registers_give() {}
template <int COUNT> void registers_take() {}

inline void group_visible() {}
inline void group_begin() {}
inline void group_commit() { emulated::self->products.emplace_back(); }

// Elements of a described tile: `rows` rows, 32 bytes from where the description says.
template <class Number, class Take> void described_elements(Number *to, u64 description, u32 rows, u32 bytes, Take take) {
    if (description >> 62 != 1 || description >> 49 & 7) emulated::give_up("a layout that is not emulated");
    const u32 start = (u32)(description & 0x3FFF) << 4, group = (u32)(description >> 32 & 0x3FFF) << 4;
    for (u32 row = 0; row < rows; row++) {
        for (u32 b = 0; b < 32; b += bytes) {
            *to++ = take(shared_at(swizzled(start + row / 8 * group + row % 8 * 128 + b), bytes));
        }
    }
}

// A product that waits to be waited for: all threads of the group by their sums.
template <class Sum, class Take> void group_multiply(Sum (&d)[128], u64 a, u64 b, u32 bytes, Take take) {
    emulated::self->products.back().push_back({d, [=](void **sums) {
        const u32 depth = 32 / bytes;
        std::vector<Sum> fa(64 * depth), fb(256 * depth);
        described_elements(fa.data(), a, 64, bytes, take);
        described_elements(fb.data(), b, 256, bytes, take);
        for (u32 t = 0; t < 128; t++) {
            for (u32 i = 0; i < 128; i++) {
                const u32 row = t / 32 * 16 + t % 32 / 4 + i % 4 / 2 * 8, column = i / 4 * 8 + t % 4 * 2 + i % 2;
                Sum *const to = (Sum *)sums[t] + i;
                Sum sum = *to;
                for (u32 k = 0; k < depth; k++) sum += fa[row * depth + k] * fb[column * depth + k];
                *to = sum;
            }
        }
    }});
}
template <int PENDING> void group_wait() {
    auto &mine = emulated::self->products;
    emulated::meet(emulated::self->block->groups[threadIdx.x / 128], 128, threadIdx.x % 128, "wgmma.wait_group", mine,
                   [](std::vector<std::vector<emulated::Product>> **all) {
                       const auto &groups = *all[0];
                       for (size_t group = 0; group + 1 + PENDING < groups.size(); group++) {
                           for (size_t at = 0; at < groups[group].size(); at++) {
                               void *sums[128];
                               for (u32 t = 0; t < 128; t++) sums[t] = (*all[t])[group][at].sums;
                               groups[group][at].work(sums);
                           }
                       }
                   });
    if (mine.size() > 1 + PENDING) mine.erase(mine.begin(), mine.end() - 1 - PENDING);
}
inline void group_multiply_f16(float (&d)[128], u64 a, u64 b) {
    group_multiply(d, a, b, 2, [](const u8 *at) { return emulated::half((u16)(at[0] | at[1] << 8)); });
}
inline void group_multiply_bf16(float (&d)[128], u64 a, u64 b) {
    group_multiply(d, a, b, 2, [](const u8 *at) { return emulated::brain((u16)(at[0] | at[1] << 8)); });
}
inline void group_multiply_i8(int (&d)[128], u64 a, u64 b) {
    group_multiply(d, a, b, 1, [](const u8 *at) { return (int)(int8_t)*at; });
}
