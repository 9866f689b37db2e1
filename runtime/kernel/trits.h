// Where the ternary weights of a matrix come from: a model file, or a generator of random ones.
#pragma once

#include <cstdint>
#include <functional>

#include "runtime/base/result.h"

namespace bitnet {

// Rows n0..n1 of a matrix as trits (-1, 0, +1), out[n1-n0][K]. Thread-safe.
using TritSource = std::function<Result<void>(int64_t n0, int64_t n1, int8_t* out)>;

}  // namespace bitnet
