// The chosen plan once more, as a whole and beside the built-in kernels: the numbers that are
// printed and kept. In every round the roof is read as well, over the very bytes that the plan
// reads.
#pragma once

#include <vector>

#include "tuner/live_workbench.h"
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

// rounds: of each class; up to four times as many while the interval of some ratio (two standard
// errors) includes 1, fewer when the lab's clock or user says so (but at least three). A class may
// take a tenth of `budget_seconds` beyond the lab's time.
Result<RetimedPlan> retime(const Lab& lab, const std::vector<ProblemChoice>& choices, int rounds,
                           double budget_seconds, const IsaSet& isa, Listener& listener);

}  // namespace bitnet::tuner
