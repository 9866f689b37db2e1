// A problem is what a kernel is asked to do: one (possibly fused) ternary matrix product of the
// model.
//   qkv      q, k and v rows stacked, K = hidden                N = q + k + v rows
//   output   attention output, added to the residual stream
//   gate_up  gate and up rows alternating, activation(gate) * up in the epilogue
//   down     feed-forward output, added to the residual stream
// Problems are derived from a model's shapes only, so two models of the same shapes share a kernel
// cache.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "abi/kernel.h"

namespace bitnet {

enum class ProblemKind : uint8_t { qkv, output, gate_up, down };

struct Problem {
  ProblemKind kind = ProblemKind::qkv;
  int64_t n = 0;  // output features, all segments together
  int64_t k = 0;  // input features
  // Weights of a scale: 64, 128 or 256, dividing K; 0: one scale for each part of the problem.
  int64_t group = 0;
  BnEpilogue epilogue = BN_SCALED;
  int count = 1;  // how many layers ask for it

  bool operator==(const Problem&) const = default;
};

// Whether rows are gates and ups in turn, so that N rows give N/2 results.
constexpr bool is_gate_up(BnEpilogue epilogue) {
  return epilogue == BN_GATE_UP_SILU || epilogue == BN_GATE_UP_RELU2;
}

std::string_view name(ProblemKind kind);
// "gate_up 13824x2560", with groups "gate_up 13824x2560/128": for tables and messages.
std::string describe(const Problem& problem);

// What of a model's hyper-parameters decides its problems; filled from any model file.
struct LinearShapes {
  int64_t hidden = 0, q_rows = 0, kv_rows = 0, feed_forward = 0;
  int layers = 0;
  bool relu2 = false;  // squared ReLU gate, else SiLU
};
std::vector<Problem> problems_of(const LinearShapes& shapes);

// 16 hexadecimal digits over the problems (kind, n, k, epilogue, count): names a kernel cache.
std::string shape_digest(const std::vector<Problem>& problems);

}  // namespace bitnet
