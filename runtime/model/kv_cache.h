// Keys and values of one sequence, all layers and kv heads, in the layouts of abi/floats.h: K in
// groups of 16 keys, d-major; V row-major; each F16 or F32. Memory is taken from the system page by
// page as positions are first written: with 2 MB pages the first token of 2B-4T would take 300 MB,
// for every layer and head begins a page of its own.
#pragma once

#include <cstddef>
#include <cstdint>

#include "runtime/base/aligned_buffer.h"
#include "runtime/base/result.h"
#include "runtime/model/float_kernels.h"

namespace bitnet {

struct KvShape {
  int64_t layers = 0, kv_heads = 0, head_size = 0;
  int64_t positions = 0;
  BnKvType k_type = BN_KV_F16, v_type = BN_KV_F16;
};

class KvCache {
 public:
  // An error where the system has no such amount of memory.
  static Result<KvCache> make(const KvShape& shape);

  int64_t positions() const { return shape_.positions; }  // the context that was asked for
  int32_t k_type() const { return shape_.k_type; }
  int32_t v_type() const { return shape_.v_type; }
  void* k(int64_t layer, int64_t head) { return pair(layer, head); }
  void* v(int64_t layer, int64_t head) { return pair(layer, head) + k_bytes_; }
  uint64_t bytes() const { return buffer_.bytes(); }

 private:
  std::byte* pair(int64_t layer, int64_t head) {
    return buffer_.data() + (layer * shape_.kv_heads + head) * (k_bytes_ + v_bytes_);
  }
  KvShape shape_;
  // Of one layer's and head's keys and values: whole blocks of 256 positions, so multiples of 512.
  int64_t k_bytes_ = 0, v_bytes_ = 0;
  AlignedBuffer buffer_;
};

}  // namespace bitnet
