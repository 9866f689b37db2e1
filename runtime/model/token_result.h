// What an evaluated token that wanted something gets.
#pragma once

#include <cstddef>
#include <vector>

#include "runtime/base/logits.h"

namespace bitnet {

struct TokenResult {
  size_t request = 0;      // its index among the requests
  std::vector<Logit> top;  // the best Want::k, value descending, then id ascending; with Want::all
                           // too, where k > 0
  std::vector<float> all;  // [vocabulary], for Want::all
  std::vector<float> hidden;  // final normed hidden state, [hidden]
};

}  // namespace bitnet
