#include "tools/bench/ratio.h"

#include <fmt/core.h>

#include <algorithm>
#include <vector>

namespace bitnet::bench {
namespace {

constexpr double kDoubt = 0.05;

// The largest rank (from 0) such that the median is below it, or above its mirror image, with a
// probability of at most kDoubt: the tails of the binomial distribution of n fair coins. 0 where
// there is none.
size_t rank_of_low_end(size_t n) {
  double each = 1;  // C(n, k) / 2^n
  for (size_t i = 0; i < n; ++i) each /= 2;
  double tail = each;  // of 0..k heads
  size_t rank = 0;
  for (size_t k = 0; 2 * tail <= kDoubt; ++k) {
    rank = k;
    each *= static_cast<double>(n - k) / static_cast<double>(k + 1);
    tail += each;
  }
  return rank;
}

}  // namespace

Ratio ratio_of(std::span<const double> ratios) {
  if (ratios.empty()) return {};
  std::vector<double> sorted(ratios.begin(), ratios.end());
  std::ranges::sort(sorted);
  const size_t n = sorted.size(), low = rank_of_low_end(n);
  return {.median = (sorted[(n - 1) / 2] + sorted[n / 2]) / 2,
          .low = sorted[low],
          .high = sorted[n - 1 - low],
          .rounds = static_cast<int>(n)};
}

std::string to_string(const Ratio& ratio) {
  return fmt::format("{:.2f}x ({:.2f}-{:.2f}, {} round{})", ratio.median, ratio.low, ratio.high,
                     ratio.rounds, ratio.rounds == 1 ? "" : "s");
}

}  // namespace bitnet::bench
