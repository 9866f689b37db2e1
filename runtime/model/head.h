// The end of the network for the tokens that want logits: final norm, the head's rows split over
// the threads, and the best k of each token, selected by each thread among its own rows while they
// are in its cache.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "runtime/base/aligned_buffer.h"
#include "runtime/base/logits.h"
#include "runtime/model/float_kernels.h"
#include "runtime/model/linear.h"
#include "runtime/model/model_file.h"
#include "runtime/model/token_result.h"
#include "runtime/model/top_k.h"
#include "runtime/threads/pool.h"

namespace bitnet {

struct HeadRequest {
  int64_t token;  // row of x
  Want want;
  TokenResult* result;  // its memory is reused
};

class Head {
 public:
  // logit_factor: what logits are multiplied by; 1 is exact.
  Head(const FloatMatrix& rows, std::span<const float> norm, float epsilon, float logit_factor,
       const BnFloatKernels& floats, int threads);

  // Called by every thread of the pool with the same arguments. x[..][ldx]: the residual stream
  // after the last layer.
  void run(const float* x, int64_t ldx, std::span<const HeadRequest> requests, ThreadPool& pool,
           int thread);

  uint64_t bytes() const { return static_cast<uint64_t>(rows_.n * rows_.row_bytes); }

 private:
  // Tokens that are computed together: enough to be bound by arithmetic, few enough to keep
  // [group][vocabulary] small.
  static constexpr int64_t kGroup = 16;
  void norm_and_prepare(const float* x, int64_t ldx, std::span<const HeadRequest> group, Share who);
  void logits(std::span<const HeadRequest> group, Share who);
  void collect(std::span<const HeadRequest> group, Share who);

  FloatMatrix rows_;
  std::span<const float> norm_;
  float epsilon_, logit_factor_;
  const BnFloatKernels& floats_;
  int64_t ld_hidden_, ld_prepared_, ld_logits_;
  AlignedBuffer hidden_;    // float [kGroup][ld_hidden_]
  AlignedBuffer prepared_;  // [kGroup][ld_prepared_] bytes
  AlignedBuffer logits_;    // float [kGroup][ld_logits_]
  std::vector<TopK> best_;  // [threads][kGroup]
};

}  // namespace bitnet
