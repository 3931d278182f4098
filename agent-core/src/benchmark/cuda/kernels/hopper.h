// The words of `hopper.cu` for NVRTC: one instruction each.
#pragma once

// What the driver makes of a matrix for the fetcher (`cuTensorMapEncodeTiled`); opaque.
struct alignas(64) TensorMap {
    u64 opaque[16];
};
#define MAP_PARAMETER const __grid_constant__ TensorMap

DEVICE void barrier_begin(u32 barrier, u32 arrivals) {
    asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(barrier), "r"(arrivals) : "memory");
}
// Makes begun barriers known to the fetcher.
DEVICE void barriers_visible() { asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); }
DEVICE void barrier_expect(u32 barrier, u32 bytes) {
    asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(barrier), "r"(bytes) : "memory");
}
DEVICE void barrier_arrive(u32 barrier) {
    asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(barrier) : "memory");
}
// Waits until the phase of this parity is over.
DEVICE void barrier_wait(u32 barrier, u32 parity) {
    asm volatile("{\n"
                 ".reg .pred done;\n"
                 "AGAIN_%=:\n"
                 "mbarrier.try_wait.parity.shared::cta.b64 done, [%0], %1;\n"
                 "@done bra OVER_%=;\n"
                 "bra AGAIN_%=;\n"
                 "OVER_%=:\n"
                 "}" ::"r"(barrier),
                 "r"(parity)
                 : "memory");
}
// A box of the map, from this byte of this row on; the bytes count for the barrier.
DEVICE void copy_tile(u32 to, const TensorMap &map, u32 byte, u32 row, u32 barrier) {
    asm volatile("cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1, {%2, %3}], [%4];" ::"r"(to),
                 "l"(&map), "r"(byte), "r"(row), "r"(barrier)
                 : "memory");
}
template <int COUNT> DEVICE void registers_give() { asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(COUNT)); }
template <int COUNT> DEVICE void registers_take() { asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(COUNT)); }

// Makes what threads wrote to shared memory known to wgmma.
DEVICE void group_visible() { asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); }
DEVICE void group_begin() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
DEVICE void group_commit() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }
// Waits until at most this many of the committed groups are under way.
template <int PENDING> DEVICE void group_wait() { asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(PENDING) : "memory"); }

#define NAMES                                                                                                                      \
    "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, %19, %20, %21, %22, %23, %24, %25, "     \
    "%26, %27, %28, %29, %30, %31, %32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, %48, %49, "      \
    "%50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63, %64, %65, %66, %67, %68, %69, %70, %71, %72, %73, "      \
    "%74, %75, %76, %77, %78, %79, %80, %81, %82, %83, %84, %85, %86, %87, %88, %89, %90, %91, %92, %93, %94, %95, %96, %97, "      \
    "%98, %99, %100, %101, %102, %103, %104, %105, %106, %107, %108, %109, %110, %111, %112, %113, %114, %115, %116, %117, %118, "  \
    "%119, %120, %121, %122, %123, %124, %125, %126, %127}"
#define FOUR(kind, i) kind(d[i]), kind(d[i + 1]), kind(d[i + 2]), kind(d[i + 3])
#define SIXTEEN(kind, i) FOUR(kind, i), FOUR(kind, i + 4), FOUR(kind, i + 8), FOUR(kind, i + 12)
#define SUMS(kind)                                                                                                                 \
    SIXTEEN(kind, 0), SIXTEEN(kind, 16), SIXTEEN(kind, 32), SIXTEEN(kind, 48), SIXTEEN(kind, 64), SIXTEEN(kind, 80),               \
        SIXTEEN(kind, 96), SIXTEEN(kind, 112)
#define GROUP_MULTIPLY(instruction, kind, rest)                                                                                    \
    asm volatile("{\n.reg .pred add;\nsetp.ne.b32 add, %130, 0;\n" instruction " " NAMES ", %128, %129, add" rest ";\n}"            \
                 : SUMS(kind)                                                                                                      \
                 : "l"(a), "l"(b), "r"(1))

// The predicate says that D is added to; a constant, which costs nothing. D must be set by the program before the first: a product
// that sets it behind the compiler's back makes ptxas run all of them one by one.
// D += A * B: 64 rows, 256 columns, 32 bytes deep.
DEVICE void group_multiply_f16(float (&d)[128], u64 a, u64 b) {
    GROUP_MULTIPLY("wgmma.mma_async.sync.aligned.m64n256k16.f32.f16.f16", "+f", ", 1, 1, 0, 0");
}
DEVICE void group_multiply_bf16(float (&d)[128], u64 a, u64 b) {
    GROUP_MULTIPLY("wgmma.mma_async.sync.aligned.m64n256k16.f32.bf16.bf16", "+f", ", 1, 1, 0, 0");
}
DEVICE void group_multiply_i8(int (&d)[128], u64 a, u64 b) {
    GROUP_MULTIPLY("wgmma.mma_async.sync.aligned.m64n256k32.s32.s8.s8", "+r", "");
}
