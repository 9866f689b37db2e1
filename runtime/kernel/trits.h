// Where the weights of a matrix come from: a model file, or a generator of random ones.
#pragma once

#include <cstdint>
#include <functional>

#include "runtime/base/result.h"

namespace bitnet {

// Rows n0..n1 of a matrix as trits (-1, 0, +1), out[n1-n0][K]. Thread-safe.
using TritSource = std::function<Result<void>(int64_t n0, int64_t n1, int8_t* out)>;

// Their scales, F16 bits, one for each group of the problem: out[n1-n0][K/group]. Thread-safe.
using ScaleSource = std::function<Result<void>(int64_t n0, int64_t n1, uint16_t* out)>;

struct WeightSource {
  TritSource trits;
  ScaleSource scales{};  // empty where the problem's group is 0
};

}  // namespace bitnet
