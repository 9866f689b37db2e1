// Chooses the next token from logits, as NUMERICS "One token", 10, defines it, so that a seed gives
// the same text on every CPU. In this order:
//   1. penalty     of every distinct token among the last n: logit / p if positive, else logit * p
//   2. order       logit descending, then id ascending
//   3. top-k       the first k
//   4. softmax     e[i] = exp(logit[i] / t - logit[0] / t), floats, added up in that order
//   5. top-p       the shortest beginning whose sum reaches p of the whole sum
//   6. min-p       those with e[i] >= p: a beginning too, as e falls
//   7. draw        u in [0, 1); the first i with e[0] + .. + e[i] > u * (the sum of those left)
// Temperature 0 takes the best after 2 and draws nothing. A logit that is NaN counts as -inf.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "runtime/base/logits.h"
#include "runtime/model/float_kernels.h"
#include "runtime/text/pcg.h"
#include "runtime/text/sampler_options.h"

namespace bitnet {

class Sampler {
 public:
  // Options must have passed check(); `vocabulary` is its size. Any table of float kernels gives
  // the same tokens.
  Sampler(const SamplerOptions& options, int64_t vocabulary,
          const BnFloatKernels& floats = reference_float_kernels());

  // What sample() needs for the next token. Greedy and top-k need few logits: penalties can only
  // push a token down (unless they are below 1), so the best k after them are among the best k +
  // (distinct penalised ids) before.
  Want want() const;

  // `best`: at least what want() asked for, in its order. Or all logits by id. Both give the same
  // token. Not to be called with nothing.
  int32_t sample(std::span<const Logit> best);
  int32_t sample(std::span<const float> all);

  // Adds a token of the prompt or the reply to what penalties look at. sample() does not.
  void accept(int32_t token);
  void forget();  // all that was accepted; the draws go on as they would have

 private:
  bool greedy() const { return options_.temperature <= 0; }
  bool penalises() const { return options_.repeat_penalty != 1 && options_.repeat_last_n != 0; }
  void add_candidate(int32_t id, float logit);
  int32_t choose();  // from candidates_, in any order
  void sort_best(size_t count);
  size_t nucleus(size_t count, float sum) const;

  SamplerOptions options_;
  const BnFloatKernels* floats_;
  Pcg32 random_;
  std::vector<int32_t> last_;  // the last n accepted, a ring once it is full
  size_t oldest_ = 0;
  std::vector<int32_t> counts_;  // [vocabulary] how often an id is in last_
  int64_t distinct_ = 0;         // ids that are
  // Logit and id in one integer that ascends in the order of 2; see sampler.cpp.
  std::vector<uint64_t> candidates_, spare_;
  std::vector<float> scaled_, terms_;  // [candidates]
};

}  // namespace bitnet
