#include "runtime/kernel/problem.h"

#include <fmt/core.h>

#include "runtime/base/xxh3.h"

namespace bitnet {

std::string_view name(ProblemKind kind) {
  switch (kind) {
    case ProblemKind::qkv:
      return "qkv";
    case ProblemKind::output:
      return "output";
    case ProblemKind::gate_up:
      return "gate_up";
    case ProblemKind::down:
      return "down";
  }
  return "?";
}

std::string describe(const Problem& problem) {
  return fmt::format("{} {}x{}{}", name(problem.kind), problem.n, problem.k,
                     problem.group ? fmt::format("/{}", problem.group) : "");
}

std::vector<Problem> problems_of(const LinearShapes& s) {
  using enum ProblemKind;
  const BnEpilogue gated = s.relu2 ? BN_GATE_UP_RELU2 : BN_GATE_UP_SILU;
  return {
      {.kind = qkv,
       .n = s.q_rows + 2 * s.kv_rows,
       .k = s.hidden,
       .epilogue = BN_SCALED,
       .count = s.layers},
      {.kind = output, .n = s.hidden, .k = s.q_rows, .epilogue = BN_SCALED_ADD, .count = s.layers},
      {.kind = gate_up,
       .n = 2 * s.feed_forward,
       .k = s.hidden,
       .epilogue = gated,
       .count = s.layers},
      {.kind = down,
       .n = s.hidden,
       .k = s.feed_forward,
       .epilogue = BN_SCALED_ADD,
       .count = s.layers},
  };
}

std::string shape_digest(const std::vector<Problem>& problems) {
  std::string text;
  for (const Problem& problem : problems)
    text += fmt::format("{} {} {}\n", describe(problem), static_cast<int>(problem.epilogue),
                        problem.count);
  return fmt::format("{:016x}", XXH3_64bits(text.data(), text.size()));
}

}  // namespace bitnet
