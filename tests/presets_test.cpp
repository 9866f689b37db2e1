// Presets: their order, what they spend, and the message for what is none.
#include "tuner/presets.h"

#include <gtest/gtest.h>

namespace bitnet::tuner {
namespace {

TEST(Presets, HaveAnOrder) {
  EXPECT_LT(effort("quick"), effort("normal"));
  EXPECT_LT(effort("thorough"), effort("exhaustive"));
  EXPECT_EQ(effort("lazy"), -1);
}

TEST(Presets, Grow) {
  EXPECT_LT(find_preset("quick")->candidates, find_preset("normal")->candidates);
  EXPECT_LT(find_preset("normal")->budget_seconds, find_preset("thorough")->budget_seconds);
  const auto none = find_preset("sloppy");
  ASSERT_FALSE(none.has_value());
  EXPECT_EQ(none.error().message, "preset 'sloppy' is none of quick, normal, thorough, exhaustive");
}

}  // namespace
}  // namespace bitnet::tuner
