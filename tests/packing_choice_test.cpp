// Which packing, or which two: made-up tables of times.
#include "tuner/packing_choice.h"

#include <gtest/gtest.h>

namespace bitnet::tuner {
namespace {

constexpr int64_t kAmple = int64_t{1} << 40;

// Milliseconds of one token and of 128; below 0: no kernel.
PackingTimes packing(const std::string& key, std::vector<double> milliseconds,
                     double error = 0.001) {
  PackingTimes times{.key = key, .builtin = key == "builtin", .bytes = 100};
  for (const double ms : milliseconds)
    times.classes.push_back(
        ms < 0 ? std::nullopt : std::optional(ClassTime{.seconds = 1e-3 * ms, .error = error}));
  return times;
}

std::vector<std::string> chosen(const std::vector<PackingTimes>& packings,
                                std::span<const TokenClass> classes = kBalanced,
                                int64_t bytes_allowed = kAmple) {
  const auto choice = choose_packing(packings, classes, bytes_allowed);
  std::vector<std::string> keys;
  if (choice)
    for (const size_t i : choice->of_class) keys.push_back(packings[i].key);
  return keys;
}
using Keys = std::vector<std::string>;

// 1 ms a token and 64 ms for 128 tokens, so 256 ms a prompt of 512: 1 + 4 = 5 ms.
const PackingTimes kBuiltin = packing("builtin", {1, 64});

TEST(PackingChoice, CostsAllTokenClassesTogether) {
  const auto choice = choose_packing(std::vector{kBuiltin}, kBalanced, kAmple);
  ASSERT_TRUE(choice);
  EXPECT_NEAR(choice->cost, 5e-3, 1e-12);
  EXPECT_EQ(choice->bytes, 100);
  EXPECT_EQ(chosen({kBuiltin, packing("decode", {0.8, 80})}), Keys({"builtin", "builtin"}));
  EXPECT_EQ(chosen({kBuiltin, packing("prompt", {1.1, 48})}), Keys({"prompt", "prompt"}));
}

TEST(PackingChoice, TheBuiltInOneStaysUnlessBeatenByMoreThanTheNoise) {
  EXPECT_EQ(chosen({kBuiltin, packing("tie", {0.998, 63.9})}), Keys({"builtin", "builtin"}));
  EXPECT_EQ(chosen({packing("tie", {0.998, 63.9}), kBuiltin}), Keys({"builtin", "builtin"}));
  EXPECT_EQ(chosen({kBuiltin, packing("noisy", {0.97, 62}, 0.05)}), Keys({"builtin", "builtin"}));
  EXPECT_EQ(chosen({kBuiltin, packing("clear", {0.97, 62})}), Keys({"clear", "clear"}));
}

// Decoding by one and prompts by the other: 0.5 + 4 = 4.5 ms is 10 % below 5.
TEST(PackingChoice, TwoWhereTheyGainElevenPerCentAndOneWhereNine) {
  const PackingTimes at_11 = packing("decode", {0.45, 90}), at_9 = packing("decode", {0.55, 90});
  EXPECT_EQ(chosen({kBuiltin, at_11}), Keys({"decode", "builtin"}));
  EXPECT_EQ(chosen({kBuiltin, at_9}), Keys({"builtin", "builtin"}));
}

TEST(PackingChoice, TwoOnlyWhereMemoryAllows) {
  const std::vector<PackingTimes> packings{kBuiltin, packing("decode", {0.2, 90})};
  EXPECT_EQ(chosen(packings, kBalanced, 200), Keys({"decode", "builtin"}));
  EXPECT_EQ(chosen(packings, kBalanced, 199), Keys({"builtin", "builtin"}));
  EXPECT_EQ(choose_packing(packings, kBalanced, 200)->bytes, 200);
}

TEST(PackingChoice, APackingWithoutAKernelForSomeClassServesInAPair) {
  const PackingTimes decode_only = packing("decode", {0.3, -1});
  EXPECT_EQ(chosen({kBuiltin, decode_only}), Keys({"decode", "builtin"}));
  EXPECT_EQ(chosen({decode_only}), Keys());
  EXPECT_EQ(chosen({decode_only, packing("prompt", {-1, 80})}), Keys({"decode", "prompt"}));
  EXPECT_EQ(chosen({}), Keys());
}

TEST(PackingChoice, AnyNumberOfClasses) {
  const std::vector<TokenClass> four{{.m_min = 1, .m_max = 1, .timed = 1, .weight = 1},
                                     {.m_min = 2, .m_max = 8, .timed = 4, .weight = 0.1},
                                     {.m_min = 9, .m_max = 64, .timed = 32, .weight = 0.1},
                                     {.m_min = 65, .timed = 128, .weight = 0.1}};
  EXPECT_EQ(chosen({packing("builtin", {1, 1, 1, 1}), packing("a", {0.9, 0.9, 0.9, 0.9})}, four),
            Keys(4, "a"));
  // Two packings at the most, whichever classes they serve.
  EXPECT_EQ(chosen({packing("builtin", {1, 9, 9, 9}), packing("a", {9, 2, 2, 9}),
                    packing("b", {9, 9, 9, 2}), packing("c", {9, 3, 3, 3})},
                   four),
            Keys({"builtin", "c", "c", "c"}));
}

}  // namespace
}  // namespace bitnet::tuner
