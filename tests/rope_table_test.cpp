// The tables' elementary functions against the C library in 80 or 128 bits (x86-64, AArch64): libm
// serves as the judge here, and only here.
#include "runtime/model/rope_table.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <utility>
#include <vector>

namespace bitnet {
namespace {

long double value(DoubleDouble x) { return static_cast<long double>(x.hi) + x.lo; }

// Long double has 64 bits at least: what it can show of our 95.
constexpr long double kJudge = 0x1p-62L;

TEST(DoubleDouble, ExpAndLog) {
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> exponent(-700, 700), narrow(-2, 2);
  for (int i = 0; i < 20000; ++i) {
    const DoubleDouble x{i % 2 == 0 ? exponent(random) : narrow(random), 0};
    const long double want = expl(value(x));
    // expl's own argument reduction costs it a few of its bits.
    EXPECT_LT(fabsl(value(exp(x)) - want), 4 * kJudge * want) << x.hi;
    const double y = exp(x).hi;
    EXPECT_LT(fabsl(value(log(y)) - logl(y)), 4 * kJudge * (1 + fabsl(logl(y)))) << y;
  }
  EXPECT_EQ(log(1).hi, 0);
  EXPECT_EQ(exp({0, 0}).hi, 1);
}

// What a double cannot show: exp(log 2 in 106 bits) is 2 to far beyond 64 bits.
TEST(DoubleDouble, ExpUsesTheLowPart) {
  for (double x : {2.0, 10000.0, 500000.0, 1000042.0}) {
    const DoubleDouble back = exp(log(x));
    EXPECT_EQ(back.hi, x);
    EXPECT_LT(std::fabs(back.lo), 0x1p-92 * x);
  }
}

TEST(DoubleDouble, SinCosWithinAnUlp) {
  std::mt19937_64 random(2);
  std::uniform_real_distribution<double> wide(-131072, 131072), narrow(-1, 1);
  for (int i = 0; i < 50000; ++i) {
    const double x = i % 2 == 0 ? wide(random) : narrow(random);
    const SinCos got = sin_cos({x, 0});
    const long double sin = sinl(x), cos = cosl(x);
    EXPECT_LT(fabsl(got.sin - sin), 0x1p-52L * fabsl(sin)) << x;
    EXPECT_LT(fabsl(got.cos - cos), 0x1p-52L * fabsl(cos)) << x;
  }
}

// Close to multiples of pi/2 nearly everything cancels: the reduction must keep its bits.
TEST(DoubleDouble, SinCosNearMultiplesOfHalfPi) {
  for (int n = 1; n < 80000; n += 97) {
    const double x = n * 1.5707963267948966;
    const SinCos got = sin_cos({x, 0});
    const long double sin = sinl(x), cos = cosl(x);
    EXPECT_LT(fabsl(got.sin - sin), 0x1p-52L * fabsl(sin)) << n;
    EXPECT_LT(fabsl(got.cos - cos), 0x1p-52L * fabsl(cos)) << n;
  }
}

TEST(RopeTable, IsTheRoundedTruth) {
  for (double base : {10000.0, 500000.0, 1000042.0})
    for (int64_t dims : {32, 100, 128}) {
      RopeTable table({.base = base, .dimensions = dims});
      table.reach(4096);
      int64_t different = 0, compared = 0;
      for (int64_t t : {0, 1, 2, 255, 256, 257, 1000, 4095})
        for (int64_t i = 0; i < dims / 2; ++i) {
          // In long double the frequency is good to 2^-60, so an angle of 4095 to 2^-48: never near
          // a float's ulp, but where the true value lies between two floats it may fall on the
          // other side once in a million.
          const long double angle = t * powl(base, -2.0L * i / dims);
          const float cos = static_cast<float>(cosl(angle)), sin = static_cast<float>(sinl(angle));
          different += (table.row(t).cos[i] != cos) + (table.row(t).sin[i] != sin);
          compared += 2;
          EXPECT_NEAR(table.row(t).cos[i], cos, 6e-8);
          EXPECT_NEAR(table.row(t).sin[i], sin, 6e-8);
        }
      EXPECT_LE(different, compared / 500);
    }
}

TEST(RopeTable, FactorsDivideFrequencies) {
  const float factors[] = {1, 2, 8, 0.3F};
  const RopeSettings rope{.base = 500000, .dimensions = 8};
  RopeTable plain(rope), divided(rope, factors);
  plain.reach(300);
  divided.reach(300);
  for (int64_t t : {0, 1, 17, 299})
    for (int64_t i = 0; i < 4; ++i) {
      const long double angle =
          t * powl(500000, -2.0L * i / 8) / static_cast<long double>(factors[i]);
      EXPECT_NEAR(divided.row(t).cos[i], static_cast<float>(cosl(angle)), 6e-8) << t << " " << i;
      EXPECT_NEAR(divided.row(t).sin[i], static_cast<float>(sinl(angle)), 6e-8) << t << " " << i;
    }
  EXPECT_EQ(divided.row(299).cos[0], plain.row(299).cos[0]);
  EXPECT_NE(divided.row(299).cos[1], plain.row(299).cos[1]);
}

// Bonsai's: base 10^6, 128 dimensions, YaRN with a factor of 4.
RopeSettings bonsai(int64_t original) {
  return {.base = 1e6,
          .dimensions = 128,
          .scaling = {.stretch = RopeStretch::yarn, .factor = 4, .original_context = original}};
}

// Numbers computed apart from this program, by llama.cpp's formulas.
TEST(RopeScaling, YarnAsLlamaCppHasIt) {
  EXPECT_EQ(yarn_ramp(bonsai(8192)).low, 17);
  EXPECT_EQ(yarn_ramp(bonsai(8192)).high, 34);
  EXPECT_EQ(yarn_ramp(bonsai(16384)).low, 20);
  EXPECT_EQ(yarn_ramp(bonsai(16384)).high, 37);
  const std::vector<DoubleDouble> frequencies = rope_frequencies(bonsai(8192));
  ASSERT_EQ(frequencies.size(), 64U);
  const std::pair<size_t, double> kWanted[] = {{0, 1},
                                               {17, 0.025482967},
                                               {18, 0.019629283},
                                               {25, 0.002932201},
                                               {33, 0.000237012},
                                               {34, 0.000162345},
                                               {63, 3.10e-7}};
  for (const auto& [i, wanted] : kWanted) EXPECT_NEAR(frequencies[i].hi, wanted, 6e-10) << i;
  EXPECT_NEAR(frequencies[63].hi / 3.10e-7, 1, 0.01);
  EXPECT_NEAR(rope_magnitude(bonsai(8192).scaling), 1.138629436, 5e-10);
}

TEST(RopeScaling, TheRampStaysWithinTheDimensions) {
  EXPECT_EQ(yarn_ramp(bonsai(16)).low, 0);  // no pair makes 32 turns
  RopeSettings slow = bonsai(1 << 30);
  slow.base = 2;
  EXPECT_EQ(yarn_ramp(slow).high, 127);
  for (const DoubleDouble f : rope_frequencies(bonsai(1))) EXPECT_GT(f.hi, 0);
}

TEST(RopeScaling, OthersDivideOrDoNothing) {
  RopeSettings rope{.base = 10000, .dimensions = 8};
  const auto plain = rope_frequencies(rope);
  const auto is_plain = [&] {
    const auto now = rope_frequencies(rope);
    for (size_t i = 0; i < 4; ++i)
      if (now[i].hi != plain[i].hi || now[i].lo != plain[i].lo) return false;
    return true;
  };
  rope.scaling = {.stretch = RopeStretch::yarn, .factor = 1, .original_context = 64};
  EXPECT_TRUE(is_plain());
  EXPECT_EQ(rope_magnitude(rope.scaling), 1);
  rope.scaling = {.stretch = RopeStretch::none, .factor = 4};
  EXPECT_TRUE(is_plain());
  rope.scaling = {.stretch = RopeStretch::linear, .factor = 2.5, .attention_factor = 1.5};
  EXPECT_FALSE(is_plain());
  EXPECT_EQ(rope_magnitude(rope.scaling), 1.5);
  for (size_t i = 0; i < 4; ++i)
    EXPECT_NEAR(rope_frequencies(rope)[i].hi, plain[i].hi / 2.5, 1e-17);
  rope.scaling = {.stretch = RopeStretch::yarn, .factor = 0.5, .original_context = 64};
  EXPECT_EQ(rope_magnitude(rope.scaling), 1);
}

TEST(RopeTable, TheMagnitudeIsInCosAndSin) {
  RopeTable table(bonsai(8192));
  table.reach(300);
  const long double magnitude = 1 + 0.1L * logl(4);
  for (const int64_t t : {0, 1, 299})
    for (const size_t i : {0U, 25U, 63U}) {
      const long double angle = t * value(rope_frequencies(bonsai(8192))[i]);
      EXPECT_EQ(table.row(t).cos[i], static_cast<float>(magnitude * cosl(angle))) << t << " " << i;
      EXPECT_EQ(table.row(t).sin[i], static_cast<float>(magnitude * sinl(angle))) << t << " " << i;
    }
}

// The context that was asked for decides, not the position.
TEST(RopeTables, LongropeChoosesByTheContext) {
  const float near[] = {1, 1, 1, 1}, far[] = {1, 2, 4, 8};
  const RopeSettings rope{.base = 10000,
                          .dimensions = 8,
                          .scaling = {.stretch = RopeStretch::longrope, .original_context = 64}};
  RopeTables tables(rope, near, far), one(rope, near, {});
  RopeTable short_table(rope, near), long_table(rope, far);
  for (RopeTable* table : {&short_table, &long_table}) table->reach(10);
  for (const int64_t context : {1, 64, 65, 4096}) {
    tables.reach(context, 10);
    one.reach(context, 10);
    const RopeTable& wanted = context > 64 ? long_table : short_table;
    EXPECT_EQ(tables.row(context, 9).sin[3], wanted.row(9).sin[3]) << context;
    EXPECT_EQ(one.row(context, 9).sin[3], short_table.row(9).sin[3]) << context;
  }
  EXPECT_NE(short_table.row(9).sin[3], long_table.row(9).sin[3]);
}

TEST(RopeTable, FarPositionsAndExactBeginnings) {
  RopeTable table({.base = 500000, .dimensions = 128});
  table.reach(131072);
  EXPECT_EQ(table.row(0).cos[5], 1);
  EXPECT_EQ(table.row(0).sin[5], 0);
  // Angle 0 is the position itself: 131071 radians.
  EXPECT_EQ(table.row(131071).cos[0], static_cast<float>(cosl(131071.0L)));
  EXPECT_EQ(table.row(131071).sin[0], static_cast<float>(sinl(131071.0L)));
}

}  // namespace
}  // namespace bitnet
