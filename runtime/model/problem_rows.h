// The rows of one (possibly fused) problem in the order that abi/kernel.h fixes: parts stacked (q,
// k, v), or two parts alternating (row 2i gate i, row 2i+1 up i). Views: the model file must
// outlive them.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include "runtime/base/range.h"
#include "runtime/gguf/ternary.h"
#include "runtime/kernel/problem.h"
#include "runtime/kernel/trits.h"
#include "runtime/model/model_file.h"

namespace bitnet {

class ProblemRows {
 public:
  static ProblemRows stacked(std::vector<const TernaryMatrix*> parts) {
    return {std::move(parts), false};
  }
  static ProblemRows alternating(const TernaryMatrix& even, const TernaryMatrix& odd) {
    return {{&even, &odd}, true};
  }

  int64_t k() const { return parts_.front()->k(); }
  // Rows n0..n1 as trits: out[n1-n0][k]. Thread-safe.
  Result<void> decode(int64_t n0, int64_t n1, int8_t* out) const;
  // Their scales, where every part has one for each part.group() weights: one for each `group`,
  // within which they are equal. out[n1-n0][K/group]. Thread-safe.
  Result<void> decode_scales(int64_t group, int64_t n0, int64_t n1, uint16_t* out) const;
  // group: of the problem.
  WeightSource weights(int64_t group) const;
  std::vector<BnSegment> segments() const;
  std::span<const TernaryMatrix* const> parts() const { return parts_; }

 private:
  Result<void> for_each_part(
      int64_t n0, int64_t n1,
      const std::function<Result<void>(const TernaryMatrix&, Range, int64_t at)>& visit) const;
  ProblemRows(std::vector<const TernaryMatrix*> parts, bool alternate)
      : parts_(std::move(parts)), alternate_(alternate) {}
  std::vector<const TernaryMatrix*> parts_;
  bool alternate_ = false;
};

// Weights of a scale: the largest of 256, 128 and 64 that divides K and within which all scales of
// these matrices are equal; 0 where each has one scale.
Result<int64_t> common_group(std::span<const TernaryMatrix* const> parts);

// Those of a layer.
ProblemRows problem_rows(const LayerTensors& layer, ProblemKind kind);

}  // namespace bitnet
