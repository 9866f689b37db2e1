// The chosen plan once more, as a whole and beside the built-in kernels: the numbers that are
// printed and kept. In every round the roof is read as well, over the very bytes that the plan
// reads.
#pragma once

#include <functional>
#include <vector>

#include "tuner/packing_search.h"

namespace bitnet::tuner {

struct Retimed {
  Estimate ratio;      // to the built-in kernel
  double seconds = 0;  // of one call
  double builtin_seconds = 0;
  double roof_share = 0;  // one token only
};

struct RetimedPlan {
  std::vector<std::vector<Retimed>> classes;  // [class][problem]
  double roof_bytes_per_second = 0;           // median
  SampleCount samples;
};

// rounds: of each class, fewer when stop says so (but at least three).
Result<RetimedPlan> retime(SearchInput& input, const std::vector<ProblemChoice>& choices,
                           int rounds, const IsaSet& isa);

}  // namespace bitnet::tuner
