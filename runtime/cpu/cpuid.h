// What an x86 processor says of itself, leaf by leaf.
#pragma once

#include <cstdint>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace bitnet {

struct CpuidRegisters {
  uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
};

// Zeros where this CPU has no such leaf, or no leaves.
inline CpuidRegisters cpuid([[maybe_unused]] uint32_t leaf, [[maybe_unused]] uint32_t subleaf) {
  CpuidRegisters r;
#if defined(__x86_64__)
  if (__get_cpuid_count(leaf, subleaf, &r.eax, &r.ebx, &r.ecx, &r.edx) == 0) return {};
#endif
  return r;
}

}  // namespace bitnet
