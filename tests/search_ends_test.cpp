// A search that ends early: it keeps its budget, and interrupted at any moment it answers from what
// it has.
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

}  // namespace
}  // namespace bitnet::tuner
