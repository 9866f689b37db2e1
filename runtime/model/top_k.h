// The best k of many logits in the project's order: value descending, then id ascending; NaN counts
// as -inf.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "runtime/base/logits.h"

namespace bitnet {

inline bool better(const Logit& a, const Logit& b) {
  const auto key = [](float v) { return v == v ? v : -std::numeric_limits<float>::infinity(); };
  return key(a.value) > key(b.value) || (key(a.value) == key(b.value) && a.id < b.id);
}

// Keeps the best k of what is offered; its memory is kept from one use to the next.
class TopK {
 public:
  void start(size_t k) {
    k_ = k;
    heap_.clear();
    heap_.reserve(k);
  }

  // Logits of ids first_id, first_id + 1, ...
  void offer(const float* values, int64_t count, int32_t first_id) {
    if (k_ == 0) return;
    for (int64_t i = 0; i < count; ++i) {
      if (full() && values[i] < heap_.front().value)
        continue;  // nearly always; NaN on either side goes on
      offer({first_id + static_cast<int32_t>(i), values[i]});
    }
  }

  void offer(const Logit& logit) {
    if (!full()) {
      heap_.push_back(logit);
      std::ranges::push_heap(heap_, better);
    } else if (k_ > 0 && better(logit, heap_.front())) {
      std::ranges::pop_heap(heap_, better);
      heap_.back() = logit;
      std::ranges::push_heap(heap_, better);
    }
  }

  std::span<const Logit> kept() const { return heap_; }  // in no order

  // Ends it: best first.
  std::span<const Logit> sorted() {
    std::ranges::sort(heap_, better);
    return heap_;
  }

 private:
  bool full() const { return heap_.size() >= k_; }
  size_t k_ = 0;
  std::vector<Logit> heap_;  // the worst one kept in front
};

}  // namespace bitnet
