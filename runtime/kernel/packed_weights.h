// From the rows of a model file to what kernels read: each matrix is decoded and packed panel by
// panel, on all threads, through buffers that fit a second-level cache. Decoded trits of a whole
// matrix never exist.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "runtime/base/aligned_buffer.h"
#include "runtime/base/result.h"
#include "runtime/gguf/ternary.h"
#include "runtime/kernel/kernel.h"
#include "runtime/threads/pool.h"

namespace bitnet {

// The rows of one (possibly fused) problem in the order that abi/kernel.h fixes: parts stacked (q,
// k, v), or two parts alternating (row 2i gate i, row 2i+1 up i). Views: the model file must
// outlive it.
class ProblemRows {
 public:
  static ProblemRows stacked(std::vector<const TernaryMatrix*> parts) {
    return {std::move(parts), false};
  }
  static ProblemRows alternating(const TernaryMatrix& even, const TernaryMatrix& odd) {
    return {{&even, &odd}, true};
  }

  int64_t n() const;
  int64_t k() const { return parts_.front()->k(); }
  // Rows n0..n1 as trits: out[n1-n0][k]. Thread-safe.
  Result<void> decode(int64_t n0, int64_t n1, int8_t* out) const;
  std::vector<BnSegment> segments() const;
  std::span<const TernaryMatrix* const> parts() const { return parts_; }

 private:
  ProblemRows(std::vector<const TernaryMatrix*> parts, bool alternate)
      : parts_(std::move(parts)), alternate_(alternate) {}
  std::vector<const TernaryMatrix*> parts_;
  bool alternate_ = false;
};

// One matrix in every packing that its kernels want: one copy a packing key.
struct PackedWeights {
  std::vector<AlignedBuffer> copies;
  std::vector<size_t> copy_of_class;  // by index into ProblemKernels::classes

  const uint8_t* of_class(size_t index) const { return copies[copy_of_class[index]].as<uint8_t>(); }
  uint64_t bytes() const;
};

struct PackJob {
  const ProblemRows* rows;
  const ProblemKernels* kernels;
  PackedWeights* out;
};

// What a caller may want to know or say meanwhile; each may be empty.
struct PackEvents {
  // 0..1, now and then, by the calling thread only.
  std::function<void(double)> progress = {};
  // Once a job, after the last of its rows was read, by any thread: the file's copy is used up.
  std::function<void(const ProblemRows&)> packed = {};
  // Asked between panels by the calling thread only: true ends the packing, error kind interrupted.
  std::function<bool()> stop = {};
};
Result<void> pack_weights(ThreadPool& pool, std::span<const PackJob> jobs,
                          const PackEvents& events = {});

}  // namespace bitnet
