// One round of timing: a replay with candidates between two with the built-in kernels.
#pragma once

#include <vector>

namespace bitnet::tuner {

struct Sample {
  std::vector<double> ratios;  // of each problem: its time over the built-in kernel's
  bool quiet = true;           // nobody disturbed it (runtime/cpu/quiet.h)
};

struct SampleCount {
  int all = 0, disturbed = 0;
};

}  // namespace bitnet::tuner
