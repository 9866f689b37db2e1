// The innermost loops of a decoded function, by its control flow: compilers rotate loops and put
// blocks anywhere, so a backward jump alone says nothing. Sources of codegen/ only.
#pragma once

#include <cstddef>
#include <vector>

#include "codegen/machine_code.h"

namespace bitnet::codegen {

// A natural loop (its header dominates the jump back) that holds no other: indices into
// DecodedFunction::code, ascending.
struct InnerLoop {
  std::vector<size_t> code;
};
std::vector<InnerLoop> inner_loops(const DecodedFunction& function, const MachineCode& machine);

}  // namespace bitnet::codegen
