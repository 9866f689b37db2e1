// Keys and values of one sequence, all layers and kv heads, in the layouts of float_kernels.h: K in
// groups of 16 keys, d-major; V row-major; F16 or F32. Memory is taken from the system page by page
// as positions are first written: with 2 MB pages the first token of 2B-4T would take 300 MB, for
// every layer and head begins a page of its own.
#pragma once

#include <cstdint>

#include "runtime/base/aligned_buffer.h"
#include "runtime/base/result.h"
#include "runtime/model/float_kernels.h"

namespace bitnet {

struct KvShape {
  int64_t layers = 0, kv_heads = 0, head_size = 0;
  int64_t positions = 0;
  BnKvType type = BN_KV_F16;
};

class KvCache {
 public:
  // An error where the system has no such amount of memory.
  static Result<KvCache> make(const KvShape& shape);

  int32_t type() const { return shape_.type; }
  void* k(int64_t layer, int64_t head) { return at(2 * (layer * shape_.kv_heads + head)); }
  void* v(int64_t layer, int64_t head) { return at(2 * (layer * shape_.kv_heads + head) + 1); }
  uint64_t bytes() const { return buffer_.bytes(); }

 private:
  void* at(int64_t plane) { return buffer_.data() + plane * plane_bytes_; }
  KvShape shape_;
  int64_t plane_bytes_ = 0;  // of one layer's and head's K or V: whole blocks of 256 positions
  AlignedBuffer buffer_;
};

}  // namespace bitnet
