#pragma once

#include <algorithm>
#include <cstdint>

namespace bitnet {

struct Range {
  int64_t begin = 0, end = 0;
  int64_t size() const { return end - begin; }
  bool empty() const { return begin >= end; }
};

// Part `index` of `parts` nearly equal ranges of 0..total, whose ends are multiples of step (but
// for total itself).
inline Range share(int64_t total, int64_t step, int parts, int index) {
  const int64_t units = (total + step - 1) / step;
  const auto end_of = [&](int64_t part) { return std::min(total, units * part / parts * step); };
  return {end_of(index), end_of(index + 1)};
}

}  // namespace bitnet
