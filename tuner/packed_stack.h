// One problem's packed weights for all layers of a token, in one block of memory: what a kernel
// streams through when it is timed. The first layer is packed from the model's own trits by the
// kernel's own pack and copied to the others: the time of a kernel depends on where bytes come
// from, not on which bytes they are (kernels have no branches on weights).
#pragma once

#include <cstdint>
#include <functional>

#include "runtime/base/aligned_buffer.h"
#include "runtime/base/result.h"
#include "runtime/kernel/packed_weights.h"
#include "runtime/threads/pool.h"

namespace bitnet::tuner {

// Random trits, P(0) = 0.4, the same on every call, and scales of 1.
WeightSource random_weights(int64_t k, int64_t group, uint64_t seed);

class PackedStack {
 public:
  static Result<PackedStack> pack(ThreadPool& pool, const Problem& problem, const BnSizes& sizes,
                                  BnPackFn* pack, const WeightSource& weights, int layers);

  const uint8_t* layer(int index) const { return buffer_.as<uint8_t>() + index * stride_; }
  std::span<const std::byte> layer_bytes(int index) const {
    return bytes().subspan(static_cast<size_t>(index * stride_), static_cast<size_t>(stride_));
  }
  int layers() const { return layers_; }
  std::span<const std::byte> bytes() const { return {buffer_.data(), buffer_.bytes()}; }

 private:
  AlignedBuffer buffer_;
  int64_t stride_ =
      0;  // packed_bytes rounded up to 64: past one layer a kernel reads into the next
  int layers_ = 0;
};

}  // namespace bitnet::tuner
