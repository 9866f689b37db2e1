// cos and sin of every RoPE angle, position times frequency (rope_scaling.h), computed in 106 bits
// by the project's own routines, times the magnitude in double, and rounded once to float: the same
// table on every machine.
//
// Rows appear when a position is first asked for, 256 at a time (about 1 ms for 64 angles), so a
// model of 131072 positions starts at once. Not thread-safe: `reach` before threads read `row`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "runtime/base/double_double.h"
#include "runtime/model/rope_scaling.h"

namespace bitnet {

class RopeTable {
 public:
  // factors: as in rope_frequencies.
  explicit RopeTable(const RopeSettings& rope, std::span<const float> factors = {});

  // Makes rows of positions 0..positions-1.
  void reach(int64_t positions);

  struct Row {
    const float* cos;  // [dimensions / 2]
    const float* sin;  // [dimensions / 2]
  };
  Row row(int64_t position) const {
    const float* cos =
        blocks_[static_cast<size_t>(position / kBlock)].data() + position % kBlock * 2 * angles_;
    return {cos, cos + angles_};
  }

 private:
  static constexpr int64_t kBlock = 256;
  int64_t angles_;
  double magnitude_;
  std::vector<DoubleDouble> frequencies_;   // [angles_]
  std::vector<std::vector<float>> blocks_;  // each [kBlock][cos, sin][angles_]
};

// Those of a model. longrope has two: of contexts of at most the original one, and of longer ones;
// the context is what a sequence has room for, not how much of it is filled.
class RopeTables {
 public:
  // long_factors: of longrope, else none.
  RopeTables(const RopeSettings& rope, std::span<const float> factors,
             std::span<const float> long_factors);

  void reach(int64_t context, int64_t positions) {
    RopeTable& table = long_table_ && context > original_context_ ? *long_table_ : table_;
    table.reach(positions);
  }
  RopeTable::Row row(int64_t context, int64_t position) const {
    const RopeTable& table = long_table_ && context > original_context_ ? *long_table_ : table_;
    return table.row(position);
  }

 private:
  RopeTable table_;
  std::optional<RopeTable> long_table_;
  int64_t original_context_;
};

}  // namespace bitnet
