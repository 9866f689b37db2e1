// The definition of what a kernel computes, in plain scalar C++: trits as bytes, dot products by
// loops, floats transcribed literally from docs/NUMERICS.md. It shares no code with the templates,
// so that the two check each other.
#pragma once

#include "runtime/kernel/kernel.h"

namespace bitnet {

// Packing: trits [N][K] as they come, then scales [N][K/group]. Form: rows of x [M][K], each at a
// multiple of 64 bytes, each followed by its group scales. Any
// part of tokens and rows may be asked for; rows of gate and up come in pairs, so n0 is even.
const KernelFunctions& reference_functions();

// What an epilogue makes of one dot product (scaled) or a pair (gate and up).
float reference_scaled(int32_t dot, float weight_scale, float token_scale);
// One step of the chain over groups; weight_scale is F16.
float reference_chained(int32_t dot, float activation_scale, uint16_t weight_scale, float y);
float reference_gate_up(float gate, float up, BnEpilogue epilogue);

}  // namespace bitnet
