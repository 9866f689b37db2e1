#include "runtime/model/problem_rows.h"

#include <algorithm>

namespace bitnet {

Result<void> ProblemRows::decode(int64_t n0, int64_t n1, int8_t* out) const {
  if (alternate_) {
    for (int64_t n = n0; n < n1; ++n, out += k())
      BITNET_CHECK(parts_[static_cast<size_t>(n % 2)]->decode_rows(n / 2, n / 2 + 1, out));
    return {};
  }
  int64_t begin = 0;
  for (const TernaryMatrix* part : parts_) {
    const int64_t from = std::max(n0, begin), to = std::min(n1, begin + part->n());
    if (from < to)
      BITNET_CHECK(part->decode_rows(from - begin, to - begin, out + (from - n0) * k()));
    begin += part->n();
  }
  return {};
}

WeightSource ProblemRows::weights() const {
  return {.trits = [rows = *this](int64_t n0, int64_t n1, int8_t* out) {
    return rows.decode(n0, n1, out);
  }};
}

std::vector<BnSegment> ProblemRows::segments() const {
  std::vector<BnSegment> segments;
  int32_t begin = 0;
  for (const TernaryMatrix* part : parts_) {
    const auto rows = static_cast<int32_t>(part->n());
    if (alternate_) {
      segments.push_back({begin, 2 * rows, 2, part->scale()});
      ++begin;
    } else {
      segments.push_back({begin, begin + rows, 1, part->scale()});
      begin += rows;
    }
  }
  return segments;
}

ProblemRows problem_rows(const LayerTensors& layer, ProblemKind kind) {
  switch (kind) {
    case ProblemKind::qkv:
      return ProblemRows::stacked({&layer.q, &layer.k, &layer.v});
    case ProblemKind::gate_up:
      return ProblemRows::alternating(layer.gate, layer.up);
    case ProblemKind::output:
      return ProblemRows::stacked({&layer.output});
    case ProblemKind::down:
      break;
  }
  return ProblemRows::stacked({&layer.down});
}

}  // namespace bitnet
