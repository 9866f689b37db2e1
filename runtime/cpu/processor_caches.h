// Cache sizes as the processor itself states them, for systems without /sys (chroots, some
// containers). On machines whose cores differ it is the core that happens to run this.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "runtime/cpu/cpuid.h"

namespace bitnet {

// Data and unified caches by ascending level, in bytes; empty where nothing is known. x86: CPUID;
// elsewhere what the C library knows, on AArch64 often nothing, for only the system can read it.
std::vector<int64_t> processor_cache_bytes();

// The same of CPUID's answers, whosever they are: leaf 4 (Intel) or 0x8000001D (AMD).
using Cpuid = std::function<CpuidRegisters(uint32_t leaf, uint32_t subleaf)>;
std::vector<int64_t> cpuid_cache_bytes(const Cpuid& ask);

}  // namespace bitnet
