// The pool: every thread runs once, barriers separate phases, parking and oversubscription lose no
// wake-up. Run under TSan (preset tsan) it also proves that the memory order is enough.
#include "runtime/threads/pool.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <new>
#include <string>
#include <thread>
#include <vector>

namespace bitnet {
namespace {

class EverySize : public testing::TestWithParam<int> {};

TEST_P(EverySize, RunsEachThreadOnceAndShowsItsWrites) {
  ThreadPool pool = ThreadPool::start(GetParam()).value();
  ASSERT_EQ(pool.size(), GetParam());
  std::vector<int> count(static_cast<size_t>(pool.size()));
  for (int round = 1; round <= 200; ++round) {
    pool.run([&](int thread) { ++count[static_cast<size_t>(thread)]; });
    for (int c : count) ASSERT_EQ(c, round);
  }
}

// Each phase reads what every thread wrote in the one before: plain ints, so a missing barrier is a
// wrong sum (and a race under TSan).
TEST_P(EverySize, BarriersSeparatePhases) {
  ThreadPool pool = ThreadPool::start(GetParam()).value();
  const auto size = static_cast<size_t>(pool.size());
  std::vector<int64_t> a(size, 1), b(size, 0);
  constexpr int kPhases = 500;
  pool.run([&](int thread) {
    for (int phase = 0; phase < kPhases; ++phase) {
      const std::vector<int64_t>& from = phase % 2 == 0 ? a : b;
      std::vector<int64_t>& to = phase % 2 == 0 ? b : a;
      int64_t sum = 0;
      for (int64_t v : from) sum += v;
      to[static_cast<size_t>(thread)] = sum / pool.size() + 1;
      pool.barrier(thread);
    }
  });
  for (int64_t v : a) EXPECT_EQ(v, 1 + kPhases);
}

TEST_P(EverySize, WakesThreadsThatParked) {
  ThreadPool pool = ThreadPool::start(GetParam()).value();
  int total = 0;
  for (int round = 0; round < 20; ++round) {
    std::this_thread::sleep_for(
        std::chrono::milliseconds(round % 4));  // spinning, about to park, parked
    std::vector<int> one(static_cast<size_t>(pool.size()));
    pool.run([&](int thread) {
      if (thread == round % pool.size()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      one[static_cast<size_t>(thread)] = 1;
    });
    for (int v : one) total += v;
  }
  EXPECT_EQ(total, 20 * pool.size());
}

TEST(Pool, StartsAndEndsWithoutWork) {
  for (int i = 0; i < 50; ++i) ThreadPool pool = ThreadPool::start(1 + i % 4).value();
}

// Whoever fails, before, between and after barriers, and whoever else does: the run ends, its
// caller is told, and the next run is like any other.
TEST_P(EverySize, WhatBodyThrowsReachesTheCaller) {
  ThreadPool pool = ThreadPool::start(GetParam()).value();
  for (int round = 0; round < 100; ++round) {
    const int victim = round % pool.size(), phase_of_failure = round % 4;
    const bool all_fail = round % 5 == 0;
    EXPECT_THROW(pool.run([&](int thread) {
      for (int phase = 0; phase < 4; ++phase) {
        if (phase == phase_of_failure && (all_fail || thread == victim)) throw std::bad_alloc();
        if (phase < 3) pool.barrier(thread);
      }
    }),
                 std::bad_alloc);
    std::vector<int> count(static_cast<size_t>(pool.size()));
    pool.run([&](int thread) {
      pool.barrier(thread);
      ++count[static_cast<size_t>(thread)];
    });
    for (int c : count) ASSERT_EQ(c, 1);
  }
}

INSTANTIATE_TEST_SUITE_P(Pool, EverySize, testing::Values(1, 2, 3, 7));

// Stacks of 8 MB do not fit into what is left: an error that counts, and no thread that waits for
// ever. In a child, for the limit stays.
TEST(Pool, SaysHowManyThreadsThereAre) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || \
    (defined(__has_feature) &&                                       \
     (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer)))
  GTEST_SKIP() << "sanitizers need the address space";
#endif
  const auto limited = [] {
    alarm(20);
    const rlimit limit{256U << 20, 256U << 20};
    setrlimit(RLIMIT_AS, &limit);
    const auto pool = ThreadPool::start(500);
    const bool told = !pool && pool.error().message.find(" of 500 threads: ") != std::string::npos;
    const bool fewer_work = ThreadPool::start(2).has_value();
    _exit(told && fewer_work ? 0 : 1);
  };
  EXPECT_EXIT(limited(), testing::ExitedWithCode(0), "");
}

TEST(Share, CoversEverythingOnceInSteps) {
  for (int64_t total : {0, 1, 31, 32, 33, 2560, 6912})
    for (int64_t step : {1, 4, 32, 48})
      for (int parts : {1, 2, 3, 7}) {
        int64_t next = 0;
        for (int i = 0; i < parts; ++i) {
          const Range r = share(total, step, parts, i);
          EXPECT_EQ(r.begin, next);
          EXPECT_LE(r.begin, r.end);
          if (r.end != total) {
            EXPECT_EQ(r.end % step, 0);
          }
          EXPECT_LE(r.size(), ((total + step - 1) / step / parts + 1) * step);
          next = r.end;
        }
        EXPECT_EQ(next, total);
      }
}

}  // namespace
}  // namespace bitnet
