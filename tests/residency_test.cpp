// Where weights are read from: told, measured (made-up rates), or not known.
#include "tuner/residency.h"

#include <gtest/gtest.h>

namespace bitnet::tuner {
namespace {

constexpr int64_t kMega = 1000000;

auto rates(double weights, double memory) {
  return [=](int64_t) { return std::optional(ReadRates{1e9 * weights, 1e9 * memory}); };
}
std::optional<ReadRates> never(int64_t) {
  ADD_FAILURE() << "measured though the machine tells";
  return std::nullopt;
}

TEST(Residency, TheLastCacheDecidesWhereItIsTold) {
  const std::vector<int64_t> caches = {32768, 1 << 20, 32 << 20};
  const Residency small = residency_of(21 * kMega, caches, never),
                  large = residency_of(400 * kMega, caches, never);
  EXPECT_TRUE(small.in_cache);
  EXPECT_FALSE(large.in_cache);
  EXPECT_EQ(small.notice + large.notice, "");
}

// The figures of a Zen 5 virtual machine that tells nothing.
TEST(Residency, ReadingDecidesWhereItIsNotTold) {
  const Residency small = residency_of(21 * kMega, {}, rates(150, 43));
  EXPECT_TRUE(small.in_cache);
  EXPECT_EQ(small.notice,
            "this machine does not tell its cache sizes: 21 MB of packed weights read at 150.0 "
            "GB/s, memory at 43.0: in cache");
  const Residency large = residency_of(400 * kMega, {}, rates(44, 43));
  EXPECT_FALSE(large.in_cache);
  EXPECT_NE(large.notice.find("memory at 43.0: in memory"), std::string::npos);
}

TEST(Residency, WhatCannotBeMeasuredCountsAsMemoryAndSaysSo) {
  const Residency unknown = residency_of(21 * kMega, {}, [](int64_t) { return std::nullopt; });
  EXPECT_FALSE(unknown.in_cache);
  EXPECT_NE(unknown.notice.find("count as in memory"), std::string::npos);
}

TEST(ReadRates, OfSizesBelowTheBlockOnly) {
  ThreadPool pool = ThreadPool::start(1).value();
  EXPECT_FALSE(measure_read_rates(pool, int64_t{1} << 40, reported_isa()));
  const auto measured = measure_read_rates(pool, 100000, reported_isa());
  if (!measured) GTEST_SKIP() << "less than 1.3 GB of memory are available";
  EXPECT_GT(measured->weights, 0);
  EXPECT_GT(measured->memory, 0);
}

}  // namespace
}  // namespace bitnet::tuner
