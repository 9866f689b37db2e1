// A plan from memory: what was chosen for these shapes on this machine before.
#pragma once

#include "tuner/plan.h"
#include "tuner/setup.h"
#include "tuner/shaped_kernels.h"

namespace bitnet::tuner {

// Fills in a plan whose every problem and class is remembered (for key's machine, level and
// threads), each by a template that is still the one it was chosen from; otherwise says false and
// leaves the plan alone.
Result<bool> answer_from_memory(const Setup& setup, const RecordKey& key, ShapedKernels& shaped,
                                Plan& plan);

}  // namespace bitnet::tuner
