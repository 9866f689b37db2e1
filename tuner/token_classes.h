// Token classes: how many tokens an evaluation has decides which kernel is the fastest, so a plan
// holds a kernel for each class. A table: what divides evaluations, times and weighs them stands
// here and nowhere else.
#pragma once

#include <algorithm>
#include <array>
#include <cassert>
#include <cstdint>
#include <string>

#include "runtime/kernel/kernel.h"

namespace bitnet::tuner {

struct TokenClass {
  int64_t m_min = 1, m_max = kAnyTokens;
  int64_t timed = 1;  // M that its kernels are timed with
  double weight = 1;  // of the seconds of such a call in the objective

  // Whether a kernel for from..to tokens serves all of the class.
  bool is_covered(int64_t from, int64_t to) const { return from <= m_min && m_max <= to; }
  bool operator==(const TokenClass&) const = default;
};

// The objective "balanced": one token's time and a 64th of a prompt of 512 tokens.
inline constexpr std::array<TokenClass, 2> kBalanced{{
    {.m_min = 1, .m_max = 1, .timed = 1, .weight = 1},
    {.m_min = 2, .m_max = kAnyTokens, .timed = 128, .weight = 512.0 / 128 / 64},
}};

// The kernel of `kernels` for evaluations of `tokens` tokens.
inline const ClassKernel& class_of(const ProblemKernels& kernels, int64_t tokens) {
  const auto found = std::ranges::find_if(kernels.classes,
                                          [&](const ClassKernel& c) { return tokens <= c.m_max; });
  assert(found != kernels.classes.end());  // a source answers for every number of tokens
  return *found;
}

// "1", "2-8", "2+"
inline std::string label(const TokenClass& c) {
  if (c.m_min == c.m_max) return fmt::format("{}", c.m_min);
  return c.m_max == kAnyTokens ? fmt::format("{}+", c.m_min)
                               : fmt::format("{}-{}", c.m_min, c.m_max);
}

}  // namespace bitnet::tuner
