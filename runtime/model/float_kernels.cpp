#include "runtime/model/float_kernels.h"

#include "float_tables.inc"

namespace bitnet {

std::span<const FloatTable> float_tables() { return kLevelTable; }

// A level without a table of its own has its parent's.
const BnFloatKernels& float_kernels(const IsaSet& isa) {
  const BnFloatKernels* best = kLevelTable[0].second;
  for (const auto& [level, kernels] : kLevelTable) {
    if (isa.has(level)) best = kernels;
  }
  return *best;
}

// Measured from memory, one thread, shares of the roof: on an Intel Xeon (Sapphire Rapids kind) an
// F16 head goes from 60 % to 87 %, Q6_K from 67 % to 84 %; on AMD Zen 4 every prefetch makes an F16
// head slower. Others: as AMD.
int64_t head_prefetch_bytes() {
#if defined(__x86_64__)
  return __builtin_cpu_is("intel") ? 8192 : 0;
#else
  return 0;
#endif
}

}  // namespace bitnet
