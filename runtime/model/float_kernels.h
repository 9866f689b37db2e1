// Which table of float kernels (abi/floats.h) serves which ISA level.
#pragma once

#include "abi/floats.h"
#include "runtime/cpu/isa.h"

namespace bitnet {
const BnFloatKernels& reference_float_kernels();
const BnFloatKernels& float_kernels(const IsaSet& isa);  // the best level's
const BnFloatKernels* float_kernels_of(Isa level);  // null where not compiled for this architecture
// The best BnHead.prefetch_bytes of this CPU's maker. Speed only.
int64_t head_prefetch_bytes();
}  // namespace bitnet
