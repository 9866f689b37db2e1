#include "tuner/model_trits.h"

#include <algorithm>
#include <vector>

namespace bitnet::tuner {
namespace {

TritSource stacked(std::vector<const TernaryMatrix*> parts) {
  return [parts = std::move(parts)](int64_t n0, int64_t n1, int8_t* out) -> Result<void> {
    int64_t begin = 0;
    for (const TernaryMatrix* part : parts) {
      const int64_t from = std::max(n0, begin), to = std::min(n1, begin + part->n());
      if (from < to)
        BITNET_CHECK(part->decode_rows(from - begin, to - begin, out + (from - n0) * part->k()));
      begin += part->n();
    }
    return {};
  };
}

TritSource alternating(const TernaryMatrix& even, const TernaryMatrix& odd) {
  return [&even, &odd](int64_t n0, int64_t n1, int8_t* out) -> Result<void> {
    for (int64_t n = n0; n < n1; ++n, out += even.k()) {
      BITNET_CHECK((n % 2 == 0 ? even : odd).decode_rows(n / 2, n / 2 + 1, out));
    }
    return {};
  };
}

}  // namespace

TritSource trits_of(const LayerTensors& layer, ProblemKind kind) {
  switch (kind) {
    case ProblemKind::qkv:
      return stacked({&layer.q, &layer.k, &layer.v});
    case ProblemKind::output:
      return stacked({&layer.output});
    case ProblemKind::gate_up:
      return alternating(layer.gate, layer.up);
    case ProblemKind::down:
      return stacked({&layer.down});
  }
  return {};
}

}  // namespace bitnet::tuner
