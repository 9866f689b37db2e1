// Kernels that LLVM's model calls hopeless: pruned where a timed sample agrees, timed where it does
// not, named where nobody had time to sample them.
#include <gtest/gtest.h>

#include "tests/made_up_search.h"

namespace bitnet::tuner {
namespace {

// What the search timed of the doubted kernels of each problem, packing and class.
std::map<std::string, std::set<std::string>> doubted_timed(SearchInput input, const World& world,
                                                           SearchResult* result) {
  std::map<std::string, std::set<std::string>> timed;
  input.remember = [&](std::span<const Record> records) {
    for (const Record& r : records) {
      const Candidate candidate{.name = parse_kernel_name(r.key.kernel).value(),
                                .packing_key = packing_key(parse_kernel_name(r.key.kernel).value()),
                                .form = {},
                                .hash = {}};
      if (world.doubted(candidate))
        timed[fmt::format("{} {} {}", candidate.packing_key, describe(r.key.problem), r.key.m_min)]
            .insert(r.key.kernel);
    }
  };
  *result = search(input, world);
  return timed;
}

bool is_doubted(const Candidate& c) { return c.name.parameter("u").value_or(0) > 1; }

TEST(PackingSearch, WhatIsDoubtedIsPrunedWhereASampleAgrees) {
  const SearchInput input = input_for(searched_levels().back(), "thorough");
  SearchResult result;
  const auto timed = doubted_timed(
      input,
      {.truth = [](const Candidate& c, size_t, size_t) { return is_doubted(c) ? 1.4 : 1.0; },
       .doubted = is_doubted},
      &result);
  EXPECT_FALSE(timed.empty());
  for (const auto& [unit, kernels] : timed) EXPECT_LE(kernels.size(), 2U) << unit;
  EXPECT_GT(result.pruned[0], 0);
}

TEST(PackingSearch, NothingIsPrunedWhereTheSampleIsNotSlower) {
  const SearchInput input = input_for(searched_levels().back(), "thorough");
  SearchResult result;
  const auto timed = doubted_timed(
      input,
      {.truth = [](const Candidate& c, size_t, size_t) { return is_doubted(c) ? 0.6 : 1.0; },
       .doubted = is_doubted},
      &result);
  EXPECT_EQ(result.pruned, std::vector<int>(input.classes.size(), 0));
  for (size_t c = 0; c < input.classes.size(); ++c)
    for (const Candidate& candidate : input.candidates[c].kept)
      for (size_t p = 0; is_doubted(candidate) && candidate.distance > 0 && p < 2; ++p) {
        const auto unit =
            timed.find(fmt::format("{} {} {}", candidate.packing_key, describe(input.problems[p]),
                                   input.classes[c].m_min));
        ASSERT_NE(unit, timed.end()) << to_string(candidate.name);
        if (std::ranges::count(candidate.problems, p) > 0)
          EXPECT_TRUE(unit->second.contains(to_string(candidate.name)));
      }
  for (const ProblemChoice& choice : result.choices)
    EXPECT_TRUE(is_doubted(choice.classes[0]->candidate));
}

// Neither pruned nor timed: somebody must say so.
TEST(PackingSearch, DoubtedKernelsThatAreCutShortAreNamed) {
  class Lines final : public Listener {
   public:
    void update(double, const std::string&, double) override {}
    void say(const std::string& line) override { said += line + "\n"; }
    std::string said;
  };
  const SearchInput input = input_for(searched_levels().back(), "quick");
  std::string said;
  for (int stop_after = 0; stop_after < 100; stop_after += 4) {
    MadeUp workbench({.stop_after = stop_after, .doubted = is_doubted}, input.problems.size());
    Lines lines;
    search_packings(input, workbench, lines);
    said += lines.said;
  }
  EXPECT_NE(said.find("no sample could be timed: they are left out"), said.npos) << said;
}

}  // namespace
}  // namespace bitnet::tuner
