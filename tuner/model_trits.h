// A problem's rows in the model's own file, stacked or alternating as abi/kernel.h fixes
// it.
#pragma once

#include "runtime/kernel/problem.h"
#include "runtime/model/hparams.h"
#include "tuner/packed_stack.h"

namespace bitnet::tuner {

// A view: the layer must outlive it.
TritSource trits_of(const LayerTensors& layer, ProblemKind kind);

}  // namespace bitnet::tuner
