// What the emulated driver knows of the emulated device.
#pragma once

#ifndef EMULATED
#define EMULATED
#endif
#include "../device.h"
#include "hopper.h"

#include <functional>
#include <string>

namespace emulated {

// Runs `kernel` in every thread of the grid.
void run_grid(u32 grid, u32 threads, u32 shared_bytes, const std::function<void()> &kernel);

// Runs a kernel with arguments as the driver gets them: one pointer to each.
typedef std::function<void(u32 grid, u32 threads, u32 shared_bytes, void **arguments)> Launch;

// The kernel of a module for one architecture, or null.
const Launch *find_kernel(const std::string &target, const std::string &name);

} // namespace emulated
