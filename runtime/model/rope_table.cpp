#include "runtime/model/rope_table.h"

namespace bitnet {

RopeTable::RopeTable(const RopeSettings& rope, std::span<const float> factors)
    : angles_(rope.dimensions / 2),
      magnitude_(rope_magnitude(rope.scaling)),
      frequencies_(rope_frequencies(rope, factors)) {}

void RopeTable::reach(int64_t positions) {
  while (static_cast<int64_t>(blocks_.size()) * kBlock < positions) {
    std::vector<float> block(static_cast<size_t>(kBlock * 2 * angles_));
    const auto first = static_cast<int64_t>(blocks_.size()) * kBlock;
    for (int64_t t = 0; t < kBlock; ++t)
      for (int64_t i = 0; i < angles_; ++i) {
        const DoubleDouble position{static_cast<double>(first + t), 0};
        const SinCos value = sin_cos(position * frequencies_[static_cast<size_t>(i)]);
        float* row = block.data() + t * 2 * angles_;
        row[i] = static_cast<float>(value.cos * magnitude_);
        row[angles_ + i] = static_cast<float>(value.sin * magnitude_);
      }
    blocks_.push_back(std::move(block));
  }
}

RopeTables::RopeTables(const RopeSettings& rope, std::span<const float> factors,
                       std::span<const float> long_factors)
    : table_(rope, factors), original_context_(rope.scaling.original_context) {
  if (!long_factors.empty()) long_table_.emplace(rope, long_factors);
}

}  // namespace bitnet
