// A stand-in for libcuda.so.1: memory is the process's own, kernels run as emulated, and any call can be made to fail. It
// exports the driver's functions that the agent uses, and `emulated_*`, with which a test sets it up and looks into it.
#include "emulation.h"

#include <chrono>
#include <map>
#include <mutex>
#include <set>
#include <sys/mman.h>

namespace {

enum { SUCCESS = 0, INVALID_VALUE = 1, OUT_OF_MEMORY = 2, NOT_FOUND = 500, NO_DEVICE = 100, INVALID_PTX = 218, UNSUPPORTED_PTX = 222 };

struct Module {
    std::string text, target;
};
struct Kernel {
    std::string name;
    const emulated::Launch *launch;
    int shared_max;
};
struct Event {
    bool recorded;
    std::chrono::steady_clock::time_point at;
};
struct Failure {
    int after, code;
};
struct Corruption {
    int argument;
    size_t word;
};

int capability = 89, multiprocessors = 2, device_count = 1, lost = 0;
size_t memory_total = 64 << 20, memory_used = 0;
std::map<std::string, Failure> failures;
std::map<std::string, Corruption> corruptions;
std::map<std::string, int> live, calls;
std::set<std::string> skipped;
// A test may ask for a count from another thread.
std::mutex counting;
std::map<u8 *, std::pair<void *, size_t>> allocations;
std::string journal;

const std::map<int, const char *> NAMES = {
    {INVALID_VALUE, "CUDA_ERROR_INVALID_VALUE"}, {OUT_OF_MEMORY, "CUDA_ERROR_OUT_OF_MEMORY"}, {NO_DEVICE, "CUDA_ERROR_NO_DEVICE"},
    {INVALID_PTX, "CUDA_ERROR_INVALID_PTX"}, {UNSUPPORTED_PTX, "CUDA_ERROR_UNSUPPORTED_PTX_VERSION"}, {NOT_FOUND, "CUDA_ERROR_NOT_FOUND"},
    {700, "CUDA_ERROR_ILLEGAL_ADDRESS"}, {719, "CUDA_ERROR_LAUNCH_FAILED"}, {702, "CUDA_ERROR_LAUNCH_TIMEOUT"},
};

// What every call does first. A device that is lost answers everything with the reason.
int called(const char *function) {
    {
        std::lock_guard<std::mutex> guard(counting);
        calls[function]++;
    }
    auto planned = failures.find(function);
    if (planned != failures.end() && planned->second.after-- == 0) {
        const int code = planned->second.code;
        failures.erase(planned);
        if (code >= 700 && code < 800) lost = code;
        return code;
    }
    return lost;
}

} // namespace

#define CALLED()                                                                                                                    \
    do {                                                                                                                            \
        if (int code = called(__func__)) return code;                                                                               \
    } while (0)
#define CALLED_AND_NOTED()                                                                                                          \
    do {                                                                                                                            \
        journal += std::string(__func__) + "\n";                                                                                    \
        if (int code = called(__func__)) return code;                                                                               \
    } while (0)

extern "C" {

void emulated_set(const char *what, u64 value) {
    const std::string name = what;
    if (name == "capability") capability = (int)value;
    else if (name == "devices") device_count = (int)value;
    else if (name == "memory") memory_total = value;
    else emulated::give_up("a test sets what does not exist");
}
void emulated_fail(const char *function, int after, int code) { failures[function] = {after, code}; }
void emulated_corrupt(const char *kernel, int argument, u64 word) { corruptions[kernel] = {argument, (size_t)word}; }
int emulated_live(const char *what) { return live[what]; }
void emulated_skip(const char *kernel) { skipped.insert(kernel); }
int emulated_count(const char *function) {
    std::lock_guard<std::mutex> guard(counting);
    return calls[function];
}
const char *emulated_calls() {
    static std::string text;
    text.clear();
    for (const auto &call : calls) text += call.first + " " + std::to_string(call.second) + "\n";
    return text.c_str();
}
const char *emulated_journal() { return journal.c_str(); }

int cuInit(u32) { CALLED(); return SUCCESS; }
int cuDriverGetVersion(int *version) { CALLED(); *version = 12040; return SUCCESS; }
int cuGetErrorName(int code, const char **name) {
    auto found = NAMES.find(code);
    *name = found == NAMES.end() ? nullptr : found->second;
    return found == NAMES.end() ? INVALID_VALUE : SUCCESS;
}
int cuDeviceGetCount(int *count) { CALLED(); *count = device_count; return SUCCESS; }
int cuDeviceGet(int *device, int ordinal) { CALLED(); *device = ordinal; return SUCCESS; }
int cuDeviceGetName(char *name, int bytes, int) { CALLED(); snprintf(name, bytes, "Emulated device"); return SUCCESS; }
int cuDeviceGetUuid_v2(u8 *uuid, int device) {
    CALLED();
    for (int i = 0; i < 16; i++) uuid[i] = (u8)(i + device);
    return SUCCESS;
}
int cuDeviceTotalMem_v2(size_t *bytes, int) { CALLED(); *bytes = memory_total; return SUCCESS; }
int cuDeviceGetPCIBusId(char *id, int bytes, int device) { CALLED(); snprintf(id, bytes, "0000:%02X:00.0", device + 1); return SUCCESS; }
int cuDeviceGetAttribute(int *value, int attribute, int) {
    CALLED();
    const std::map<int, int> values = {{16, multiprocessors}, {32, 0}, {38, 8 << 10}, {75, capability / 10}, {76, capability % 10}, {97, 101376}};
    auto found = values.find(attribute);
    if (found == values.end()) return INVALID_VALUE;
    *value = found->second;
    return SUCCESS;
}
int cuDevicePrimaryCtxSetFlags_v2(int, u32) { CALLED(); return SUCCESS; }
int cuDevicePrimaryCtxRetain(void **context, int) { CALLED(); live["context"]++; *context = &live; return SUCCESS; }
int cuDevicePrimaryCtxRelease_v2(int) { live["context"]--; CALLED_AND_NOTED(); return SUCCESS; }
int cuCtxSetCurrent(void *) { CALLED(); return SUCCESS; }
int cuStreamCreate(void **stream, u32) { CALLED(); live["stream"]++; *stream = new int; return SUCCESS; }
int cuStreamDestroy_v2(void *stream) { live["stream"]--; delete (int *)stream; CALLED_AND_NOTED(); return SUCCESS; }
int cuStreamSynchronize(void *) { CALLED(); return SUCCESS; }
int cuEventCreate(void **event, u32) { CALLED(); live["event"]++; *event = new Event(); return SUCCESS; }
int cuEventDestroy_v2(void *event) { live["event"]--; delete (Event *)event; CALLED_AND_NOTED(); return SUCCESS; }
int cuEventRecord(void *event, void *) { CALLED(); *(Event *)event = {true, std::chrono::steady_clock::now()}; return SUCCESS; }
int cuEventSynchronize(void *) { CALLED(); return SUCCESS; }
int cuEventElapsedTime(float *milliseconds, void *from, void *to) {
    CALLED();
    if (!((Event *)from)->recorded || !((Event *)to)->recorded) return INVALID_VALUE;
    *milliseconds = std::chrono::duration<float, std::milli>(((Event *)to)->at - ((Event *)from)->at).count();
    return SUCCESS;
}

int cuModuleLoadDataEx(void **module, const char *text, u32 options, int *names, void **values) {
    if (int code = called(__func__)) {
        for (u32 i = 0; i < options; i++) {
            // CU_JIT_ERROR_LOG_BUFFER
            if (names[i] == 5) strcpy((char *)values[i], "ptxas: emulated complaint");
        }
        return code;
    }
    const std::string ptx = text;
    const size_t target = ptx.find(".target sm_");
    if (target == std::string::npos) return INVALID_PTX;
    Module *made = new Module{ptx, ptx.substr(target + 8, ptx.find_first_of(", \n", target + 8) - target - 8)};
    const int needs = std::stoi(made->target.substr(3));
    if (needs > capability || (made->target == "sm_90a" && capability != 90)) {
        delete made;
        return 209;
    }
    live["module"]++;
    *module = made;
    return SUCCESS;
}
int cuModuleUnload(void *module) { live["module"]--; delete (Module *)module; CALLED_AND_NOTED(); return SUCCESS; }
int cuModuleGetFunction(void **function, void *module, const char *name) {
    CALLED();
    const Module *of = (const Module *)module;
    const emulated::Launch *launch = emulated::find_kernel(of->target, name);
    // The text must have it too: the two are compiled from one source at different times.
    if (!launch || of->text.find(".entry " + std::string(name) + "(") == std::string::npos) return NOT_FOUND;
    *function = new Kernel{name, launch, 48 << 10};
    return SUCCESS;
}
int cuFuncSetAttribute(void *function, int attribute, int value) {
    CALLED();
    if (attribute == 8) ((Kernel *)function)->shared_max = value;
    return SUCCESS;
}
int cuOccupancyMaxActiveBlocksPerMultiprocessor(int *blocks, void *, int, size_t) { CALLED(); *blocks = 1; return SUCCESS; }
int cuLaunchKernel(void *function, u32 gx, u32 gy, u32 gz, u32 bx, u32 by, u32 bz, u32 shared_bytes, void *, void **arguments, void **) {
    CALLED();
    const Kernel *kernel = (const Kernel *)function;
    if (!gx || gy != 1 || gz != 1 || by != 1 || bz != 1 || (int)shared_bytes > kernel->shared_max) return INVALID_VALUE;
    if (!skipped.count(kernel->name)) (*kernel->launch)(gx, bx, shared_bytes, arguments);
    auto spoil = corruptions.find(kernel->name);
    if (spoil != corruptions.end()) (*(u32 **)arguments[spoil->second.argument])[spoil->second.word] += 0x10001;
    return SUCCESS;
}

int cuTensorMapEncodeTiled(TensorMap *map, int type, u32 rank, void *matrix, const u64 *sizes, const u64 *strides, const u32 *box,
                           const u32 *steps, int interleave, int swizzle, int promotion, int fill) {
    CALLED();
    // Two dimensions of bytes, swizzled over 128; what the real driver asks of alignment.
    if (type != 0 || rank != 2 || steps[0] != 1 || steps[1] != 1 || interleave != 0 || swizzle != 3 || promotion < 0 || promotion > 3 || fill != 0) return INVALID_VALUE;
    if ((uintptr_t)map % 64 || (uintptr_t)matrix % 16 || strides[0] % 16 || strides[0] != sizes[0] || box[0] != 128 || box[1] > 256) return INVALID_VALUE;
    *map = {(const u8 *)matrix, sizes[0], sizes[1], box[0], box[1], {}};
    return SUCCESS;
}

int cuMemGetInfo_v2(size_t *available, size_t *total) { CALLED(); *available = memory_total - memory_used; *total = memory_total; return SUCCESS; }
int cuMemAlloc_v2(u8 **pointer, size_t bytes) {
    CALLED();
    if (!bytes) return INVALID_VALUE;
    if (bytes > memory_total - memory_used) return OUT_OF_MEMORY;
    // The end touches a page that nobody may touch, so that an overrun ends the process where it happens.
    const size_t used = (bytes + 255) / 256 * 256, pages = (used + 4095) / 4096 * 4096;
    u8 *base = (u8 *)mmap(nullptr, pages + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED) return OUT_OF_MEMORY;
    mprotect(base + pages, 4096, PROT_NONE);
    *pointer = base + pages - used;
    allocations[*pointer] = {base, pages + 4096};
    memory_used += pages;
    live["memory"]++;
    return SUCCESS;
}
int cuMemFree_v2(u8 *pointer) {
    auto found = allocations.find(pointer);
    if (found == allocations.end()) return INVALID_VALUE;
    munmap(found->second.first, found->second.second);
    memory_used -= found->second.second - 4096;
    allocations.erase(found);
    live["memory"]--;
    CALLED_AND_NOTED();
    return SUCCESS;
}
int cuMemHostAlloc(void **pointer, size_t bytes, u32) { CALLED(); live["host"]++; *pointer = aligned_alloc(4096, (bytes + 4095) / 4096 * 4096); return SUCCESS; }
int cuMemFreeHost(void *pointer) { live["host"]--; free(pointer); CALLED_AND_NOTED(); return SUCCESS; }
int cuMemcpyHtoDAsync_v2(u8 *to, const void *from, size_t bytes, void *) { CALLED(); memcpy(to, from, bytes); return SUCCESS; }
int cuMemcpyDtoHAsync_v2(void *to, const u8 *from, size_t bytes, void *) { CALLED(); memcpy(to, from, bytes); return SUCCESS; }
int cuMemsetD32Async(u8 *to, u32 word, size_t words, void *) {
    CALLED();
    for (size_t i = 0; i < words; i++) ((u32 *)to)[i] = word;
    return SUCCESS;
}

} // extern "C"
