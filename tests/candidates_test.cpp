// Which kernels are tried, and in which order.
#include "tuner/candidates.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/made_up_search.h"

namespace bitnet::tuner {
namespace {

std::vector<Isa> best_levels() { return search_levels(proved_isa(), codegen::templates()); }

KernelName builtin_name(int64_t tokens) {
  const auto source = make_builtin_source(proved_isa().limited_to(best_levels().front()));
  const auto kernels = source->find(
      {.kind = ProblemKind::qkv, .n = 768, .k = 256, .epilogue = BN_SCALED, .count = 1});
  return class_of(kernels.value(), tokens).name;
}

TEST(Candidates, TheBuiltInDefaultComesFirstAndLimitsKeepTheNearest) {
  const auto levels = best_levels();
  for (const TokenClass& c : kBalanced) {
    const KernelName builtin = builtin_name(c.timed);
    const auto all = candidates(codegen::templates(), levels, c, builtin, 100000, {}, {}).kept;
    ASSERT_FALSE(all.empty());
    EXPECT_EQ(all.front().name, builtin);
    EXPECT_EQ(all.front().distance, 0);
    const auto few = candidates(codegen::templates(), levels, c, builtin, 5, {}, {}).kept;
    EXPECT_LE(few.size(), 5U);
    EXPECT_EQ(few.front().name, builtin);
    for (const Candidate& each : all) {
      EXPECT_EQ(parse_kernel_name(to_string(each.name)).value(), each.name);
      EXPECT_TRUE(c.is_covered(each.m_min, each.m_max)) << to_string(each.name);
    }
  }
}

TEST(Candidates, EveryLevelOfTheCpuIsTriedTheBestFirst) {
  IsaSet both;  // two branches of the tree
  both.add(Isa::avx512vnni);
  both.add(Isa::avxvnni);
  const auto levels = search_levels(both, codegen::templates());
  EXPECT_EQ(levels,
            (std::vector{Isa::avx512vnni, Isa::avxvnni, Isa::avx2, Isa::ssse3, Isa::scalar}));
  EXPECT_EQ(search_levels(both.limited_to(Isa::avx2), codegen::templates()),
            (std::vector{Isa::avx2, Isa::ssse3, Isa::scalar}));
  const auto builtin = make_builtin_source(both)->find(
      {.kind = ProblemKind::qkv, .n = 768, .k = 256, .epilogue = BN_SCALED, .count = 1});
  ASSERT_TRUE(builtin);
  for (size_t c : {size_t{0}, size_t{1}}) {
    const auto few = candidates(codegen::templates(), levels, kBalanced[c],
                                builtin->classes[c].name, find_preset("normal")->candidates, {}, {})
                         .kept;
    EXPECT_EQ(few.front().name, builtin->classes[c].name);
    for (Isa level : {Isa::avxvnni, Isa::avx2}) {
      EXPECT_TRUE(std::ranges::any_of(few, [&](const Candidate& candidate) {
        return candidate.name.isa == level && candidate.changes == 0;
      })) << name(level);
    }
  }
}

TEST(Candidates, WhatCannotMatterIsLeftOutWithACountAndEveryPackingKeepsItsPlace) {
  const SearchInput all = input_for(searched_levels().back());
  const SearchInput in_cache =
      input_for(searched_levels().back(), "exhaustive",
                {.cache_bytes = {32 << 10, 1 << 20}, .weights_in_memory = false, .threads = 1});
  for (size_t c = 0; c < all.classes.size(); ++c) {
    EXPECT_LT(in_cache.candidates[c].kept.size(), all.candidates[c].kept.size());
    int pairs = 0, kept = 0;
    for (const auto& [reason, count] : in_cache.candidates[c].left_out) pairs += count;
    for (const Candidate& candidate : in_cache.candidates[c].kept)
      kept += static_cast<int>(candidate.problems.size());
    int whole = pairs + kept;
    EXPECT_EQ(whole % static_cast<int>(kProblems.size()), 0);
    EXPECT_EQ(in_cache.candidates[c].kept.front().distance, 0);
  }
  EXPECT_EQ(whole_packings(in_cache), whole_packings(all));
}

}  // namespace
}  // namespace bitnet::tuner
