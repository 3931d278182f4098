// The kernels themselves, compiled for the processor: once for every architecture the sources distinguish.
#include "emulation.h"

#include <map>
#include <utility>

namespace emulated {
namespace {

namespace base {
#include "../base.cu"
}
namespace turing {
#define __CUDA_ARCH__ 750
#include "../tensor.cu"
#undef AMPERE
#undef __CUDA_ARCH__
} // namespace turing
namespace ampere {
#define __CUDA_ARCH__ 800
#include "../tensor.cu"
#undef AMPERE
#undef __CUDA_ARCH__
} // namespace ampere
namespace hopper {
#include "../hopper.cu"
} // namespace hopper

template <class... Parameters, size_t... Index>
void call(void (*kernel)(Parameters...), void **arguments, std::index_sequence<Index...>) {
    kernel(*(Parameters *)arguments[Index]...);
}

template <class... Parameters> Launch launch(void (*kernel)(Parameters...)) {
    return [=](u32 grid, u32 threads, u32 shared_bytes, void **arguments) {
        run_grid(grid, threads, shared_bytes, [&] { call(kernel, arguments, std::make_index_sequence<sizeof...(Parameters)>()); });
    };
}

} // namespace

const Launch *find_kernel(const std::string &target, const std::string &name) {
    static const std::map<std::string, Launch> kernels = {
        {"fill", launch(base::fill)},
        {"audit", launch(base::audit)},
        {"count_word", launch(base::count_word)},
        {"fma_peak", launch(base::fma_peak)},
        {"gemm_f32", launch(base::gemm_f32)},
        {"memory_read", launch(base::memory_read)},
        {"memory_copy", launch(base::memory_copy)},
        {"memory_write", launch(base::memory_write)},
        {"sm_75 gemm_f16", launch(turing::gemm_f16)},
        {"sm_75 gemm_i8", launch(turing::gemm_i8)},
        {"sm_75 peak_f16", launch(turing::peak_f16)},
        {"sm_75 peak_i8", launch(turing::peak_i8)},
        {"sm_80 gemm_f16", launch(ampere::gemm_f16)},
        {"sm_80 gemm_bf16", launch(ampere::gemm_bf16)},
        {"sm_80 gemm_i8", launch(ampere::gemm_i8)},
        {"sm_80 peak_f16", launch(ampere::peak_f16)},
        {"sm_80 peak_bf16", launch(ampere::peak_bf16)},
        {"sm_80 peak_i8", launch(ampere::peak_i8)},
        {"sm_90a gemm_f16", launch(hopper::gemm_f16)},
        {"sm_90a gemm_bf16", launch(hopper::gemm_bf16)},
        {"sm_90a gemm_i8", launch(hopper::gemm_i8)},
        {"sm_90a peak_f16", launch(hopper::peak_f16)},
        {"sm_90a peak_bf16", launch(hopper::peak_bf16)},
        {"sm_90a peak_i8", launch(hopper::peak_i8)},
    };
    auto found = kernels.find(target + " " + name);
    if (found == kernels.end()) found = kernels.find(name);
    return found == kernels.end() ? nullptr : &found->second;
}

} // namespace emulated
