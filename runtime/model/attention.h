// Attention of a block of tokens, divided over threads. A token and kv head with its group of query
// heads is one piece of work and independent of all others, so the division changes no bit.
#pragma once

#include <cstdint>
#include <span>

#include "runtime/model/float_kernels.h"
#include "runtime/model/kv_cache.h"
#include "runtime/model/linear.h"
#include "runtime/model/rope_table.h"

namespace bitnet {

// A token of a block: which sequence's keys and values it sees, and where it stands there.
struct TokenPlace {
  KvCache* cache;
  int64_t position;
};

struct AttentionShape {
  int64_t heads = 0, kv_heads = 0, head_size = 0, rope_dimensions = 0;
  bool neox = true;
  float scale = 0;  // 1 / sqrt(head_size)
  float norm_epsilon = 0;
};

// Gains of the RMSNorms of each head's query and key, [head_size]; empty: there is no such norm.
struct HeadNorms {
  std::span<const float> q, k;
};

class Attention {
 public:
  Attention(const AttentionShape& shape, const BnFloatKernels& floats)
      : shape_(shape), floats_(floats) {}

  // qkv[tokens][ld]: query heads, key heads, value heads of each token.
  // Normalises and rotates queries and keys in place and writes this thread's keys and values to
  // the caches.
  void store(std::span<const TokenPlace> places, int64_t layer, float* qkv, int64_t ld,
             const HeadNorms& norms, const RopeTables& rope, Share who) const;
  // After a barrier (none is needed for a single token: store and attend divide its heads alike):
  // out[tokens][ldo], all heads of a token side by side. scratch: scratch_bytes() of this thread.
  void attend(std::span<const TokenPlace> places, int64_t layer, const float* qkv, int64_t ld,
              float* out, int64_t ldo, float* scratch, Share who) const;

  int64_t scratch_bytes() const {
    return BN_ATTEND_SCRATCH(group(), shape_.head_size) * int64_t{sizeof(float)};
  }

 private:
  int64_t group() const { return shape_.heads / shape_.kv_heads; }
  void norm(float* x, int64_t heads, std::span<const float> gain) const;  // of each head; in place
  AttentionShape shape_;
  const BnFloatKernels& floats_;
};

}  // namespace bitnet
