#include "runtime/cpu/quiet.h"

#include <time.h>

#include <algorithm>
#include <cstring>

#include "runtime/base/statistics.h"

namespace bitnet {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kRemembered = 64;  // probes that say what is usual

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

// About 20 us each. Multiplies, because recent cores fold chains of additions at rename.
double time_chain() {
  const auto begin = Clock::now();
  uint64_t x = 3;
  for (int i = 0; i < 20000; ++i) {
    x *= 0x9e3779b97f4a7c15U;
    __asm__ volatile("" : "+r"(x));
  }
  return seconds_since(begin);
}

// The first pass fetches code and loads that the sample drove out of the cache.
double time_throughput() {
  using Vector [[gnu::vector_size(16)]] = uint32_t;
  alignas(64) static const Vector kLoads[64] = {};
  double seconds = 0;
  for (const int count : {300, 3000}) {
    const auto begin = Clock::now();
    Vector sums[8] = {};
    for (int i = 0; i < count; ++i) {
      for (int j = 0; j < 8; ++j) {
        sums[j] += *const_cast<const volatile Vector*>(&kLoads[(i * 8 + j) & 63]);
      }
    }
    for (auto& sum : sums) __asm__ volatile("" : : "m"(sum));
    seconds = seconds_since(begin);
  }
  return seconds;
}

double thread_cpu_seconds() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

}  // namespace

QuietProbe::QuietProbe(int threads, OnAllThreads on_all, QuietLimits limits)
    : threads_(threads), on_all_(std::move(on_all)), limits_(limits) {
  for (int i = 0; i < 20; ++i) probe();
}

QuietProbe::Sign QuietProbe::probe() {
  std::vector<Sign> signs(static_cast<size_t>(threads_));
  on_all_([&](int thread) {
    Sign& sign = signs[static_cast<size_t>(thread)];
    sign.chain = time_chain();
    sign.sharing = time_throughput() / sign.chain;
  });
  Sign worst;
  for (const Sign& sign : signs) {
    worst.chain = std::max(worst.chain, sign.chain);
    worst.sharing = std::max(worst.sharing, sign.sharing);
  }
  if (latest_.size() < kRemembered) {
    latest_.push_back(worst);
  } else {
    latest_[oldest_] = worst;
    oldest_ = (oldest_ + 1) % kRemembered;
  }
  return worst;
}

QuietProbe::Sign QuietProbe::usual() const {
  std::vector<double> chains, sharings;
  for (const Sign& sign : latest_) {
    chains.push_back(sign.chain);
    sharings.push_back(sign.sharing);
  }
  return {lower_quartile(std::move(chains)), lower_quartile(std::move(sharings))};
}

std::vector<double> QuietProbe::cpu_seconds() {
  std::vector<double> seconds(static_cast<size_t>(threads_));
  on_all_([&](int thread) { seconds[static_cast<size_t>(thread)] = thread_cpu_seconds(); });
  return seconds;
}

bool QuietProbe::within_limits(const Sign& sign) const {
  const Sign reference = usual();
  return sign.chain <= limits_.chain * reference.chain &&
         sign.sharing <= limits_.sharing * reference.sharing;
}

bool QuietProbe::quiet_during(const std::function<void()>& body) {
  const Sign before = probe();
  const std::vector<double> cpu_before = cpu_seconds();
  const auto begin = Clock::now();
  body();
  const double wall = seconds_since(begin);
  const std::vector<double> cpu_after = cpu_seconds();
  const Sign after = probe();
  bool quiet = within_limits(before) && within_limits(after);
  for (size_t t = 0; t < cpu_before.size(); ++t) {
    // 30 us of grace: two parked threads take that long to wake.
    quiet = quiet && cpu_after[t] - cpu_before[t] + 30e-6 >= limits_.cpu_share * wall;
  }
  return quiet;
}

}  // namespace bitnet
