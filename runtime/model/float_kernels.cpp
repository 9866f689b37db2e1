// Which table serves which ISA level.
#include "runtime/model/float_kernels.h"

extern "C" {
#if defined(__x86_64__)
extern const BnFloatKernels bn_float_kernels_scalar, bn_float_kernels_ssse3, bn_float_kernels_avx2,
    bn_float_kernels_avxvnni, bn_float_kernels_avx512, bn_float_kernels_avx512vnni;
#else
extern const BnFloatKernels bn_float_kernels_neon;
#endif
}

namespace bitnet {

// A level without a table of its own gains nothing over its parent's.
const BnFloatKernels* float_kernels_of(Isa level) {
  switch (level) {
#if defined(__x86_64__)
    case Isa::scalar:
      return &bn_float_kernels_scalar;
    case Isa::ssse3:
      return &bn_float_kernels_ssse3;
    case Isa::avx2:
      return &bn_float_kernels_avx2;
    case Isa::avxvnni:
      return &bn_float_kernels_avxvnni;
    case Isa::avx512:
      return &bn_float_kernels_avx512;
    case Isa::avx512vnni:
    case Isa::avx512vbmi:
    case Isa::amx:
      return &bn_float_kernels_avx512vnni;
#else
    case Isa::scalar:
    case Isa::neon:
    case Isa::dotprod:
    case Isa::i8mm:
      return &bn_float_kernels_neon;
#endif
    default:
      return nullptr;
  }
}

const BnFloatKernels& float_kernels(const IsaSet& isa) {
  const BnFloatKernels* best = float_kernels_of(Isa::scalar);
  for (const Isa level : isa.levels()) {
    if (const BnFloatKernels* table = float_kernels_of(level)) best = table;
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
