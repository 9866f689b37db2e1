// Writes a model of random ternary weights in a given shape, tensor by tensor, with little memory:
// to time engines, to test them at sizes and types for which there are no real weights at hand.
//   weights     P(0) = 0.4, one scale a matrix, within 20 % of 1/sqrt(0.6 K) and exact in F16, or
//               one a group, within 25 % of that; of binary types P(0) = 0
//   norms       F32, 1 +- 10 %
//   embedding   Gaussian rows whose norms vary by 30 %, then quantised: no head is exact by
//   accident
// A seed and a group fix trits, scales, norms and embedding, whatever types store them and however
// many threads write them.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "runtime/base/result.h"
#include "runtime/gguf/types.h"
#include "runtime/threads/pool.h"
#include "tools/synth/shape.h"

namespace bitnet::synth {

struct Options {
  GgmlType type = GgmlType::i2_s;  // of the ternary matrices
  // Weights that share a scale: 64, 128 or 256; 0: one scale a matrix in I2_S and TQ types, groups
  // of 128 in the others.
  int64_t group = 0;
  // Of embedding and head, ternary ones included; nothing: Q6_K where its blocks fit, else F16.
  std::optional<GgmlType> head = {};
  uint64_t seed = 1;
  const std::atomic<bool>* stop = nullptr;  // ends the writing; nothing is left behind
  std::function<void(uint64_t done, uint64_t total)> progress = {};  // bytes, now and then
};

struct Summary {
  int64_t tensors = 0;
  uint64_t ternary_bytes = 0, head_bytes = 0, file_bytes = 0;
};

Result<Summary> write_model(const std::string& path, const Shape& shape, const Options& options,
                            ThreadPool& pool);

}  // namespace bitnet::synth
