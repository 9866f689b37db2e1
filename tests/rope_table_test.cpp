// The tables' elementary functions against the C library in 80 or 128 bits (x86-64, AArch64): libm
// serves as the judge here, and only here.
#include "runtime/model/rope_table.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

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
      RopeTable table(base, dims);
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
  RopeTable plain(500000, 8), divided(500000, 8, factors);
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

TEST(RopeTable, FarPositionsAndExactBeginnings) {
  RopeTable table(500000, 128);
  table.reach(131072);
  EXPECT_EQ(table.row(0).cos[5], 1);
  EXPECT_EQ(table.row(0).sin[5], 0);
  // Angle 0 is the position itself: 131071 radians.
  EXPECT_EQ(table.row(131071).cos[0], static_cast<float>(cosl(131071.0L)));
  EXPECT_EQ(table.row(131071).sin[0], static_cast<float>(sinl(131071.0L)));
}

}  // namespace
}  // namespace bitnet
