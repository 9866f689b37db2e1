// How much faster A is than B, from rounds of both in turns. What drifts (clocks, neighbours, heat)
// hits both halves of a round alike and leaves their ratio alone, which two runs minutes apart
// cannot say of theirs.
#pragma once

#include <span>
#include <string>

namespace bitnet::bench {

struct Ratio {
  double median = 0;
  // The median lies between with 95 % certainty, whatever the distribution: order statistics whose
  // ranks the binomial distribution gives. Fewer than six rounds cannot say so much: least and most
  // (94 % for five, 75 % for three).
  double low = 0, high = 0;
  int rounds = 0;
};

// ratios: of each round, in any order. None: all zero.
Ratio ratio_of(std::span<const double> ratios);
std::string to_string(const Ratio& ratio);  // "1.04x (1.02-1.06, 9 rounds)"

}  // namespace bitnet::bench
