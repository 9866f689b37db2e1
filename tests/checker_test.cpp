// The check of compiled kernels sees wrong results, stray writes and limits that are too low.
#include <gtest/gtest.h>

#include "runtime/kernel/reference.h"
#include "tuner/check.h"

namespace bitnet::tuner {
namespace {

// The reference with one result in a thousand off by one, or with a write beside its part.
BnRunFn* const kReferenceRun = reference_functions().run;
void wrong_run(const BnRun* run) {
  kReferenceRun(run);
  if (run->epilogue == BN_INT32) static_cast<int32_t*>(run->y)[run->n1 - 1] += 1;
}
void straying_run(const BnRun* run) {
  kReferenceRun(run);
  if (run->n0 > 0) static_cast<int32_t*>(run->y)[0] = 0;
}

TEST(Checker, AcceptsTheReferenceAndRefusesWrongResultsAndStrayWrites) {
  const Problem problem{
      .kind = ProblemKind::gate_up, .n = 198, .k = 300, .epilogue = BN_GATE_UP_RELU2, .count = 1};
  KernelFunctions functions = reference_functions();
  BnSizes sizes{};
  functions.sizes(problem.n, problem.k, problem.group, &sizes);
  for (int64_t m_min : {1, 2}) {
    Checker checker(problem, m_min, m_min == 1 ? 1 : kAnyTokens);
    functions.run = kReferenceRun;
    EXPECT_TRUE(checker.check("right", sizes, functions).has_value());
    functions.run = wrong_run;
    EXPECT_FALSE(checker.check("wrong", sizes, functions).has_value());
    functions.run = straying_run;
    const auto stray = checker.check("straying", sizes, functions);
    ASSERT_FALSE(stray.has_value());
    EXPECT_NE(stray.error().message.find("outside its part"), std::string::npos)
        << stray.error().message;
    sizes.exact_k = 299;
    EXPECT_TRUE(checker.check("short", sizes, functions)
                    .error()
                    .message.ends_with("is above 299, up to which its sums are exact"));
    sizes.exact_k = BN_MAX_K;
    functions.facts = [](int64_t, BnFacts* facts) { facts->unfit = BN_UNFIT_CODE; };
    EXPECT_EQ(checker.check("never", sizes, functions).error().message,
              "never: its largest code is above what its level multiplies");
    functions.facts = reference_functions().facts;
  }
}

}  // namespace
}  // namespace bitnet::tuner
