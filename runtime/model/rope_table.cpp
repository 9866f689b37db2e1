#include "runtime/model/rope_table.h"

namespace bitnet {

RopeTable::RopeTable(double base, int64_t dims, std::span<const float> factors)
    : angles_(dims / 2) {
  const DoubleDouble log_base = log(base);
  for (int64_t i = 0; i < angles_; ++i) {
    const DoubleDouble power = log_base * DoubleDouble{static_cast<double>(2 * i), 0};
    const double factor =
        factors.empty() ? 1 : static_cast<double>(factors[static_cast<size_t>(i)]);
    frequencies_.push_back(exp(-(power / static_cast<double>(dims))) / factor);
  }
}

void RopeTable::reach(int64_t positions) {
  while (static_cast<int64_t>(blocks_.size()) * kBlock < positions) {
    std::vector<float> block(static_cast<size_t>(kBlock * 2 * angles_));
    const auto first = static_cast<int64_t>(blocks_.size()) * kBlock;
    for (int64_t t = 0; t < kBlock; ++t)
      for (int64_t i = 0; i < angles_; ++i) {
        const DoubleDouble position{static_cast<double>(first + t), 0};
        const SinCos value = sin_cos(position * frequencies_[static_cast<size_t>(i)]);
        float* row = block.data() + t * 2 * angles_;
        row[i] = static_cast<float>(value.cos);
        row[angles_ + i] = static_cast<float>(value.sin);
      }
    blocks_.push_back(std::move(block));
  }
}

}  // namespace bitnet
