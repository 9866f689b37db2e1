// cos and sin of every RoPE angle, position * base^(-2i/dims), computed in 106 bits by the
// project's own routines and rounded once to float: the same table on every machine.
//
// Rows appear when a position is first asked for, 256 at a time (about 1 ms for 64 angles), so a
// model of 131072 positions starts at once. Not thread-safe: `reach` before threads read `row`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "runtime/base/double_double.h"

namespace bitnet {

class RopeTable {
 public:
  // dims even: dims / 2 angles a position. factors[dims / 2], or none: frequency i is divided by
  // factor i (Llama 3.1's rope_freqs.weight).
  RopeTable(double base, int64_t dims, std::span<const float> factors = {});

  // Makes rows of positions 0..positions-1.
  void reach(int64_t positions);

  struct Row {
    const float* cos;  // [dims / 2]
    const float* sin;  // [dims / 2]
  };
  Row row(int64_t position) const {
    const float* cos =
        blocks_[static_cast<size_t>(position / kBlock)].data() + position % kBlock * 2 * angles_;
    return {cos, cos + angles_};
  }

 private:
  static constexpr int64_t kBlock = 256;
  int64_t angles_;
  std::vector<DoubleDouble> frequencies_;   // [angles_]
  std::vector<std::vector<float>> blocks_;  // each [kBlock][cos, sin][angles_]
};

}  // namespace bitnet
