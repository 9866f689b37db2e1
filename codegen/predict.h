// The static cost model: LLVM MCA on an innermost loop. Good for ranking and pruning, never for a
// final choice: it sees no caches and no store-to-load traffic, takes full latency along
// accumulator chains where CPUs forward, and does not ask whether a CPU has an instruction. Within
// 13 % of measured L1-resident cycles for 16 of 20 kernels that were tried; wrong by up to 2.6x
// with one or two accumulators and with spills. Sources of codegen/ only.
#pragma once

#include <string>
#include <string_view>

#include "codegen/loops.h"
#include "codegen/machine_code.h"

namespace bitnet::codegen {

// The CPU whose scheduling model is used: this one where LLVM has a model of it (has_cost_model),
// else one that stands in, good for telling people and not for leaving candidates out. LLVM 19
// shares models widely (sapphirerapids = graniterapids, znver5 = znver4).
std::string model_cpu(std::string_view architecture);

// The innermost loops of a kernel's run that do its work, products, sums and look-ups of integers:
// those that compute vectors, the one with most such instructions first; where there is none, any,
// the longest first. Loops that compute floats are left out: an epilogue is run once a row.
std::vector<InnerLoop> work_loops(const DecodedFunction& run, const MachineCode& machine);

// Cycles of one iteration; 0 where there is no model.
double cycles_of(const DecodedFunction& run, const InnerLoop& loop, const MachineCode& machine);

}  // namespace bitnet::codegen
