// Which table serves which ISA level.
#include "runtime/model/float_kernels.h"

namespace bitnet {

const BnFloatKernels* float_kernels_of(Isa) { return nullptr; }

const BnFloatKernels& float_kernels(const IsaSet& isa) {
  const BnFloatKernels* best = &reference_float_kernels();
  for (const Isa level : isa.levels()) {
    if (const BnFloatKernels* table = float_kernels_of(level)) best = table;
  }
  return *best;
}

}  // namespace bitnet
