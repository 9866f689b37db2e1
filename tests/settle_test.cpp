// Choices that are timed again and do not hold are taken back; times are made up.
#include "tuner/settle.h"

#include <gtest/gtest.h>

#include <deque>

namespace bitnet::tuner {
namespace {

const std::vector<Problem> kProblems{
    {.kind = ProblemKind::qkv, .n = 768, .k = 256, .epilogue = BN_SCALED, .count = 4}};
const std::vector<TokenClass> kClasses{kBalanced.begin(), kBalanced.end()};

// Keeps what it shaped, and times kernels by their packing.
class MadeUp {
 public:
  // A choice of one packing for each class.
  ProblemChoice choice(const std::vector<std::string>& packings) {
    ProblemChoice choice;
    for (const std::string& packing : packings) choice.classes.push_back(kernel(packing));
    return choice;
  }

  SettleInput input(std::function<double(const std::string& packing, size_t c)> ratio) {
    return {.problems = kProblems,
            .classes = kClasses,
            .shape = [this](const TokenClass&,
                            const auto& wanted) -> Result<std::vector<const Compiled*>> {
              return std::vector{wanted[0] ? kernel(wanted[0]->packing_key, "shaped") : nullptr};
            },
            .retime = [ratio](const std::vector<ProblemChoice>& choices) -> Result<RetimedPlan> {
              RetimedPlan plan{.classes = {}, .samples = {.all = 5, .disturbed = 1}};
              for (size_t c = 0; c < kClasses.size(); ++c) {
                const auto& kernels = choices[0].classes;
                const double of_kernel =
                    kernels.empty() ? 1 : ratio(kernels[c]->candidate.packing_key, c);
                plan.classes.push_back({{.ratio = {.ratio = of_kernel, .error = 0.001},
                                         .seconds = of_kernel * 1e-3,
                                         .builtin_seconds = 1e-3}});
              }
              return plan;
            },
            .listener = listener_};
  }

 private:
  const Compiled* kernel(const std::string& packing, const std::string& form = "") {
    Compiled& kernel = kernels_.emplace_back();
    kernel.candidate.packing_key = packing;
    kernel.candidate.form = form;
    return &kernel;
  }
  std::deque<Compiled> kernels_;
  SilentListener listener_;
};

SearchResult found_of(ProblemChoice choice, ProblemChoice one, ProblemChoice defaults) {
  SearchResult found;
  found.choices = {std::move(choice)};
  found.ones = {std::move(one)};
  found.defaults = {std::move(defaults)};
  return found;
}

std::vector<std::string> packings_of(const ProblemChoice& choice) {
  std::vector<std::string> packings;
  for (const Compiled* kernel : choice.classes) {
    EXPECT_EQ(kernel->candidate.form, "shaped");
    packings.push_back(kernel->candidate.packing_key);
  }
  return packings;
}

class TwoPackings : public testing::TestWithParam<double> {};
INSTANTIATE_TEST_SUITE_P(, TwoPackings, testing::Values(0.5, 0.85, 0.95));

// Two cost the parameter's share of what one does.
TEST_P(TwoPackings, StayWhereTheirGainLasts) {
  MadeUp made;
  SearchResult found = found_of(made.choice({"decode", "prompts"}), made.choice({"both", "both"}),
                                made.choice({"builtin", "builtin"}));
  const double share = GetParam();
  const auto timed = settle(made.input([&](const std::string& packing, size_t) {
    return packing == "both" ? 0.6 : 0.6 * share;
  }),
                            found);
  ASSERT_TRUE(timed);
  const bool two = share < 0.9;
  EXPECT_EQ(packings_of(found.choices[0]), two ? (std::vector<std::string>{"decode", "prompts"})
                                               : (std::vector<std::string>{"both", "both"}));
  EXPECT_DOUBLE_EQ(timed->classes[0][0].ratio.ratio, two ? 0.6 * share : 0.6);
  EXPECT_EQ(timed->samples.all, 10);  // of both times
}

TEST(Settle, OnePackingIsTimedOnceAndGetsItsShape) {
  MadeUp made;
  SearchResult found = found_of(made.choice({"t2", "t2"}), {}, made.choice({"builtin", "builtin"}));
  const auto timed = settle(made.input([](const std::string&, size_t) { return 0.7; }), found);
  ASSERT_TRUE(timed);
  EXPECT_EQ(packings_of(found.choices[0]), (std::vector<std::string>{"t2", "t2"}));
  EXPECT_EQ(timed->samples.all, 5);
}

TEST(Settle, WhatIsSlowerInAnyClassGivesWayToTheBuiltInParameters) {
  MadeUp made;
  SearchResult found = found_of(made.choice({"t2", "t2"}), {}, made.choice({"builtin", "builtin"}));
  const auto slow_prompts = [](const std::string&, size_t c) { return c == 0 ? 0.9 : 1.05; };
  const auto timed = settle(made.input(slow_prompts), found);
  ASSERT_TRUE(timed);
  EXPECT_EQ(packings_of(found.choices[0]), (std::vector<std::string>{"builtin", "builtin"}));
  EXPECT_DOUBLE_EQ(timed->classes[0][0].ratio.ratio, 1);
  EXPECT_DOUBLE_EQ(timed->classes[1][0].seconds, 1e-3);
}

TEST(Settle, WithoutBuiltInParametersTheBuiltInKernelsStay) {
  MadeUp made;
  SearchResult found = found_of(made.choice({"t2", "t2"}), {}, {.classes = {nullptr, nullptr}});
  ASSERT_TRUE(settle(made.input([](const std::string&, size_t) { return 1.5; }), found));
  EXPECT_TRUE(found.choices[0].classes.empty());
}

}  // namespace
}  // namespace bitnet::tuner
