// The rows of one (possibly fused) problem in the order that abi/kernel.h fixes: parts stacked (q,
// k, v), or two parts alternating (row 2i gate i, row 2i+1 up i). Views: the model file must
// outlive them.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

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
  WeightSource weights() const;
  std::vector<BnSegment> segments() const;
  std::span<const TernaryMatrix* const> parts() const { return parts_; }

 private:
  ProblemRows(std::vector<const TernaryMatrix*> parts, bool alternate)
      : parts_(std::move(parts)), alternate_(alternate) {}
  std::vector<const TernaryMatrix*> parts_;
  bool alternate_ = false;
};

// Those of a layer.
ProblemRows problem_rows(const LayerTensors& layer, ProblemKind kind);

}  // namespace bitnet
