// From a matrix's trits and scales to what kernels read: decoded and packed panel by panel, on all
// threads, through buffers that fit a second-level cache. Decoded trits of a whole matrix never
// exist.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "runtime/base/aligned_buffer.h"
#include "runtime/base/result.h"
#include "runtime/kernel/kernel.h"
#include "runtime/kernel/product.h"
#include "runtime/kernel/trits.h"
#include "runtime/threads/pool.h"

namespace bitnet {

// One packed copy of a matrix, which a kernel's pack fills in.
struct PackCopy {
  BnSizes sizes{};
  BnPackFn* pack = nullptr;
  uint8_t* packed = nullptr;  // sizes.packed_bytes
};

// A matrix to be packed, into one copy or several.
struct PackJob {
  Problem problem;
  WeightSource weights;
  std::vector<PackCopy> copies;
};

// What a caller may want to know or say meanwhile; each may be empty.
struct PackEvents {
  // 0..1, now and then, by the calling thread only.
  std::function<void(double)> progress = {};
  // Once a job, by its index, after the last of its rows was read, by any thread: the source's
  // bytes are used up.
  std::function<void(size_t job)> packed = {};
  // Asked between panels by the calling thread only: true ends the packing, error kind interrupted.
  std::function<bool()> stop = {};
};
Result<void> pack_weights(ThreadPool& pool, std::span<const PackJob> jobs,
                          const PackEvents& events = {});

// One matrix in every packing that its kernels want: one copy a packing key.
class PackedWeights {
 public:
  PackedWeights() = default;
  // Room for what `kernels` read.
  explicit PackedWeights(const ProblemKernels& kernels);

  // What fills the room in, of the kernels that it was made for.
  PackJob job(const Problem& problem, const ProblemKernels& kernels, WeightSource weights);
  // The kernels, ready to run on what is packed here.
  std::vector<ProductKernel> product_kernels(const ProblemKernels& kernels) const;
  std::span<const AlignedBuffer> copies() const { return copies_; }
  // The only copy, of a single packing.
  AlignedBuffer take_copy() { return std::move(copies_.front()); }

 private:
  std::vector<AlignedBuffer> copies_;
  std::vector<size_t> made_for_;       // of each copy, by index into ProblemKernels::classes
  std::vector<size_t> copy_of_class_;  // by the same index
};

}  // namespace bitnet
