// Runs a grid: blocks one after the other, the threads of one as fibers in turns.
#include "emulation.h"

#include <csetjmp>
#include <ucontext.h>

namespace emulated {

thread_local Thread *self;
dim3 block_dim, grid_dim;

namespace {

enum { STACK_BYTES = 64 << 10, SHARED_MAX = 227 << 10 };

// A context starts a fiber; from then on it is resumed by a jump, which asks nothing of the system and is a hundred times faster.
struct Fiber {
    ucontext_t context;
    jmp_buf resume;
    Thread thread;
    bool started = false, done = false;
};

jmp_buf scheduler;

std::vector<Fiber> fibers;
std::vector<u8> stacks;
const std::function<void()> *body;
Fiber *running;
// Counts what happened; a whole round in which nothing did is a standstill.
u64 steps;
const char *waiting_for;

void enter() {
    (*body)();
    running->done = true;
    steps++;
    _longjmp(scheduler, 1);
}

void resume(Fiber &fiber) {
    running = &fiber;
    self = &fiber.thread;
    if (_setjmp(scheduler)) return;
    if (fiber.started) _longjmp(fiber.resume, 1);
    fiber.started = true;
    setcontext(&fiber.context);
}

// Now and then a warp runs as far as it can before any other does anything, so that whoever forgets to wait is far ahead; else it
// gives way as soon as it may. Which is drawn, the same way in every run.
void run_fibers() {
    static u64 drawn = 0;
    const size_t warps = fibers.size() / 32;
    for (bool alive = true; alive;) {
        alive = false;
        const u64 before_all = steps;
        const size_t first = random_word(0, drawn++) % warps;
        for (size_t turn = 0; turn < warps; turn++) {
            const size_t warp = (first + turn) % warps * 32;
            const bool far = random_word(0, drawn++) & 1;
            u64 before;
            do {
                before = steps;
                for (size_t lane = warp; lane < warp + 32; lane++) {
                    if (!fibers[lane].done) {
                        alive = true;
                        resume(fibers[lane]);
                    }
                }
            } while (far && steps != before);
        }
        if (alive && steps == before_all) give_up(waiting_for);
    }
}

void run_block(u32 index, u32 threads, u32 shared_bytes, u8 *shared) {
    // What no thread wrote is no number.
    memset(shared, 0xFF, shared_bytes);
    Block block = {shared, shared_bytes, threads, {}, std::vector<Meeting>(threads / 32), std::vector<Meeting>(threads / 128 + 1), {}};
    fibers.clear();
    fibers.resize(threads);
    stacks.resize((size_t)threads * STACK_BYTES);
    for (u32 t = 0; t < threads; t++) {
        Fiber &fiber = fibers[t];
        fiber.thread.block = &block;
        fiber.thread.index = {t, 0, 0};
        fiber.thread.block_index = {index, 0, 0};
        fiber.thread.warp = &block.warps[t / 32];
        getcontext(&fiber.context);
        fiber.context.uc_stack.ss_sp = stacks.data() + (size_t)t * STACK_BYTES;
        fiber.context.uc_stack.ss_size = STACK_BYTES;
        fiber.context.uc_link = nullptr;
        makecontext(&fiber.context, enter, 0);
    }
    run_fibers();
}

} // namespace

void progress() { steps++; }

void give_up(const char *why) {
    fprintf(stderr, "emulated device: %s\n", why);
    abort();
}

void wait_until(const std::function<bool()> &holds, const char *what) {
    while (!holds()) {
        waiting_for = what;
        if (!_setjmp(running->resume)) _longjmp(scheduler, 1);
    }
    steps++;
}

void run_grid(u32 grid, u32 threads, u32 shared_bytes, const std::function<void()> &kernel) {
    if (threads % 32) give_up("a block of broken warps");
    static std::vector<u8> shared(SHARED_MAX + 1024);
    body = &kernel;
    block_dim = {threads, 1, 1};
    grid_dim = {grid, 1, 1};
    u8 *const aligned = (u8 *)(((uintptr_t)shared.data() + 1023) / 1024 * 1024);
    for (u32 index = 0; index < grid; index++) run_block(index, threads, shared_bytes, aligned);
}

} // namespace emulated
