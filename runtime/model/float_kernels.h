// Which table of float kernels (abi/floats.h) serves which ISA level.
#pragma once

#include <span>
#include <utility>

#include "abi/floats.h"
#include "runtime/cpu/isa.h"

namespace bitnet {
const BnFloatKernels& reference_float_kernels();
const BnFloatKernels& float_kernels(const IsaSet& isa);  // the best level's
// Every level of this architecture that has a table of its own, ascending.
using FloatTable = std::pair<Isa, const BnFloatKernels*>;
std::span<const FloatTable> float_tables();
// The best BnHead.prefetch_bytes of this CPU's maker. Speed only.
int64_t head_prefetch_bytes();
}  // namespace bitnet
