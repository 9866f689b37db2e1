// How the next token is chosen: what each number does stands in sampler.h.
#pragma once

#include <cstdint>

#include "runtime/base/result.h"

namespace bitnet {

struct SamplerOptions {
  float temperature = 0.8F;  // <= 0: greedy
  int top_k = 40;            // <= 0: off
  float top_p = 0.95F;       // >= 1: off
  float min_p = 0.05F;       // <= 0: off
  float repeat_penalty = 1;  // 1: off
  int repeat_last_n = 64;    // < 0: everything accepted so far, 0: off
  uint64_t seed = 0;
};
Result<void> check(const SamplerOptions& options);

}  // namespace bitnet
