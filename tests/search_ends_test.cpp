// A search that ends early: it keeps its budget, interrupted at any moment it answers from what it
// has, and what was not timed has the true reason.
#include <gtest/gtest.h>

#include "tests/made_up_search.h"

namespace bitnet::tuner {
namespace {

TEST(PackingSearch, KeepsItsBudget) {
  const SearchInput input = input_for(searched_levels().back(), "thorough");
  for (const double seconds : {20.0, 60.0, 300.0}) {
    double spent = 0;
    const SearchResult result = search(
        input, {.seconds = seconds, .compile_seconds = 0.05, .sample_seconds = 0.02}, &spent);
    EXPECT_LE(spent, 1.1 * seconds);
    EXPECT_FALSE(result.choices.front().classes.empty());
  }
}

TEST(PackingSearch, InterruptedAtAnyMomentItAnswersFromWhatItHas) {
  const SearchInput input = input_for(searched_levels().back(), "quick");
  double all = 0;
  search(input, {.sample_seconds = 1}, &all);
  for (int calls = 0; calls < static_cast<int>(all); calls += 7) {
    const SearchResult result = search(input, {.stop_after = calls});
    ASSERT_EQ(result.choices.size(), input.problems.size());
    for (const ProblemChoice& choice : result.choices)
      EXPECT_TRUE(choice.classes.empty() || choice.classes.size() == input.classes.size());
  }
}

// Reasons of all rows without a kernel, over searches that end after so many calls or seconds.
std::set<std::string> reasons_of(const SearchInput& input, const std::vector<World>& worlds) {
  std::set<std::string> reasons;
  for (const World& world : worlds)
    for (const PackingRow& row : search(input, world).table)
      if (row.kernel.empty()) reasons.insert(row.reason);
  return reasons;
}

TEST(PackingSearch, WhoWasInterruptedDoesNotHearOfTheTimeAndViceVersa) {
  const SearchInput input = input_for(searched_levels().back(), "quick");
  double calls = 0;
  search(input, {.sample_seconds = 1}, &calls);
  std::vector<World> interrupted, late;
  for (int after = 0; after < static_cast<int>(calls); ++after)
    interrupted.push_back({.stop_after = after});
  for (double seconds = 0.5; seconds < 0.02 * calls; seconds += 0.25)
    late.push_back({.seconds = seconds, .compile_seconds = 0.05, .sample_seconds = 0.02});
  EXPECT_EQ(reasons_of(input, interrupted),
            (std::set<std::string>{"interrupted", "interrupted before its best were timed again"}));
  const auto of_late = reasons_of(input, late);
  EXPECT_TRUE(of_late.contains("the time was up"));
  for (const std::string& reason : of_late)
    EXPECT_TRUE(reason.starts_with("the time was up")) << reason;
}

// One problem's candidates come last, and the time ends while they are compiled.
TEST(PackingSearch, WhatNobodyHadTimeToCompileIsNotSaidNotToFit) {
  SearchInput input = input_for(searched_levels().back());
  const std::string key = whole_packings(input).back();
  size_t seen = 0;
  for (Candidate& c : input.candidates[0].kept)
    if (c.packing_key == key) c.problems = {seen++ == 0 ? size_t{0} : size_t{1}};
  ASSERT_GT(seen, 1U);
  const SearchResult result =
      search(input, {.seconds = 100, .compile_seconds = 20, .sample_seconds = 1e-4});
  const auto row = std::ranges::find_if(result.table, [&](const PackingRow& r) {
    return r.packing == key && r.token_class == 0 && r.problem == 1;
  });
  ASSERT_NE(row, result.table.end());
  EXPECT_EQ(row->reason, "the time was up");
}

}  // namespace
}  // namespace bitnet::tuner
