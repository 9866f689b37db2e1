// The roof's reader reads every byte; the probe of quiet sees a sample in which a thread slept. No
// time is asserted.
#include "runtime/cpu/roof.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <random>
#include <thread>

#include "runtime/base/aligned_buffer.h"
#include "runtime/cpu/quiet.h"
#include "runtime/threads/pool.h"

namespace bitnet {
namespace {

TEST(Roof, EveryWidthAndStyleSumsAllBytes) {
  AlignedBuffer buffer(128 * 1000);  // whole lines of four streams
  std::mt19937_64 random(7);
  uint64_t want = 0;
  for (uint64_t& word : buffer.span<uint64_t>()) want += word = random();
  const std::span<const std::byte> bytes(buffer.data(), buffer.bytes());
  for (Isa isa : reported_isa().levels()) {
    for (const ReadStyle& style : kReadStyles) {
      EXPECT_EQ(plain_read(bytes, style, reported_isa().limited_to(isa)), want)
          << name(isa) << " " << describe(style);
    }
  }
}

TEST(Roof, ReadingNamesItsBestStyle) {
  AlignedBuffer a(1 << 20), b(1 << 19);
  ThreadPool pool = ThreadPool::start(2).value();
  const std::span<const std::byte> blocks[] = {{a.data(), a.bytes()}, {b.data(), b.bytes()}};
  const OnAllThreads on_all = [&](const std::function<void(int)>& body) { pool.run(body); };
  const RoofReading roof = read_roof(blocks, 2, on_all, reported_isa());
  EXPECT_GT(roof.seconds, 0);
  EXPECT_DOUBLE_EQ(roof.bytes_per_second,
                   static_cast<double>(a.bytes() + b.bytes()) / roof.seconds);
  EXPECT_NE(std::ranges::find(kReadStyles, roof.style), std::end(kReadStyles));
}

// Limits hold on a machine at rest; on one that never rests, what is usual there counts.
TEST(Lately, IsUnusualBeyondTheLimitAndBeyondMostOfTheLatest) {
  Lately quiet, busy, nothing;
  for (int i = 0; i < 200; ++i) {
    quiet.add(1 + 0.0001 * (i % 10));
    busy.add(1 + 0.1 * (i % 10));
  }
  EXPECT_FALSE(quiet.is_unusual(1.05, 1.1));
  EXPECT_TRUE(quiet.is_unusual(1.15, 1.1));
  EXPECT_FALSE(busy.is_unusual(1.6, 1.1));
  EXPECT_TRUE(busy.is_unusual(2.0, 1.1));
  EXPECT_FALSE(nothing.is_unusual(2.0, 1.1));
}

TEST(Lately, ForgetsWhatTheMachineDidLongAgo) {
  Lately lately;
  for (int i = 0; i < 200; ++i) lately.add(1);
  EXPECT_TRUE(lately.is_unusual(1.5, 1.1));
  for (int i = 0; i < 70; ++i) lately.add(1.5);
  EXPECT_FALSE(lately.is_unusual(1.5, 1.1));
}

TEST(Quiet, AThreadThatSleptDisturbsTheSample) {
  ThreadPool pool = ThreadPool::start(2).value();
  QuietProbe probe(2, [&](const std::function<void(int)>& body) { pool.run(body); },
                   {.chain = 1e9, .sharing = 1e9});
  EXPECT_FALSE(probe.quiet_during(
      [&] { pool.run([](int) { std::this_thread::sleep_for(std::chrono::milliseconds(20)); }); }));
}

TEST(Quiet, LimitsOfNothingAcceptEverySample) {
  ThreadPool pool = ThreadPool::start(1).value();
  QuietProbe probe(1, [&](const std::function<void(int)>& body) { pool.run(body); },
                   {.chain = 1e9, .sharing = 1e9, .wall = 1e9});
  EXPECT_TRUE(
      probe.quiet_during([] { std::this_thread::sleep_for(std::chrono::milliseconds(2)); }));
}

}  // namespace
}  // namespace bitnet
