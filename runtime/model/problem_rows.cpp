#include "runtime/model/problem_rows.h"

#include <algorithm>
#include <vector>

namespace bitnet {

// visit(part, its rows, where the problem's row n0 + at is the first of them), part by part.
Result<void> ProblemRows::for_each_part(
    int64_t n0, int64_t n1,
    const std::function<Result<void>(const TernaryMatrix&, Range, int64_t at)>& visit) const {
  if (alternate_) {
    for (int64_t n = n0; n < n1; ++n)
      BITNET_CHECK(visit(*parts_[static_cast<size_t>(n % 2)], {n / 2, n / 2 + 1}, n - n0));
    return {};
  }
  int64_t begin = 0;
  for (const TernaryMatrix* part : parts_) {
    const int64_t from = std::max(n0, begin), to = std::min(n1, begin + part->n());
    if (from < to) BITNET_CHECK(visit(*part, {from - begin, to - begin}, from - n0));
    begin += part->n();
  }
  return {};
}

Result<void> ProblemRows::decode(int64_t n0, int64_t n1, int8_t* out) const {
  return for_each_part(n0, n1, [&](const TernaryMatrix& part, Range rows, int64_t at) {
    return part.decode_rows(rows.begin, rows.end, out + at * k());
  });
}

Result<void> ProblemRows::decode_scales(int64_t group, int64_t n0, int64_t n1,
                                        uint16_t* out) const {
  std::vector<uint16_t> all;  // of the file
  return for_each_part(n0, n1,
                       [&](const TernaryMatrix& part, Range rows, int64_t at) -> Result<void> {
                         const int64_t together = group / part.group();
                         all.resize(static_cast<size_t>(rows.size() * (k() / part.group())));
                         BITNET_CHECK(part.decode_scales(rows.begin, rows.end, all.data()));
                         uint16_t* to = out + at * (k() / group);
                         for (size_t i = 0; i < all.size(); i += static_cast<size_t>(together))
                           *to++ = all[i];
                         return {};
                       });
}

WeightSource ProblemRows::weights(int64_t group) const {
  WeightSource source{.trits = [rows = *this](int64_t n0, int64_t n1, int8_t* out) {
    return rows.decode(n0, n1, out);
  }};
  if (group)
    source.scales = [rows = *this, group](int64_t n0, int64_t n1, uint16_t* out) {
      return rows.decode_scales(group, n0, n1, out);
    };
  return source;
}

Result<int64_t> common_group(std::span<const TernaryMatrix* const> parts) {
  if (std::ranges::all_of(parts, [](const TernaryMatrix* part) { return part->one_scale(); }))
    return 0;
  int64_t group = 256;
  for (const TernaryMatrix* part : parts) {
    if (part->group() == 0 || part->has_factor())
      return fail(Error::Kind::unsupported,
                  "{}: found one scale a matrix, wanted one for each group of weights, as in the "
                  "matrices beside it",
                  part->name());
    group = std::min(group, part->constant_group(0, part->n()));
  }
  return group;
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
