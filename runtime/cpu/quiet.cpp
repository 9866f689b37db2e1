#include "runtime/cpu/quiet.h"

#include <time.h>

#include <algorithm>
#include <cstring>

#include "runtime/base/statistics.h"

namespace bitnet {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kRemembered = 64;  // values that say what is usual
constexpr int kProbesAtRest = 20;   // to begin with
constexpr double kWakeUp = 30e-6;   // seconds of grace: two parked threads take that long to wake

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

void Lately::add(double value) {
  if (latest_.size() < kRemembered) {
    latest_.push_back(value);
    return;
  }
  latest_[oldest_] = value;
  oldest_ = (oldest_ + 1) % kRemembered;
}

bool Lately::is_unusual(double value, double factor) const {
  if (latest_.empty()) return false;
  const auto at = [&](size_t eighths) {
    std::vector<double> values = latest_;
    const auto place = values.begin() + static_cast<ptrdiff_t>((values.size() - 1) * eighths / 8);
    std::nth_element(values.begin(), place, values.end());
    return *place;
  };
  return value > factor * at(2) && value > at(7);
}

QuietProbe::QuietProbe(int threads, OnAllThreads on_all, QuietLimits limits)
    : threads_(threads), on_all_(std::move(on_all)), limits_(limits) {
  for (int i = 0; i < kProbesAtRest; ++i) wall_.add(wall_over_cpu([&] { probe(); }));
}

bool QuietProbe::probe() {
  // Of the slowest thread: seconds, and the seconds of adds and loads over those of the chain.
  std::vector<std::pair<double, double>> signs(static_cast<size_t>(threads_));
  on_all_([&](int thread) {
    auto& [chain, sharing] = signs[static_cast<size_t>(thread)];
    chain = time_chain();
    sharing = time_throughput() / chain;
  });
  double chain = 0, sharing = 0;
  for (const auto& sign : signs) {
    chain = std::max(chain, sign.first);
    sharing = std::max(sharing, sign.second);
  }
  const bool usual =
      !chain_.is_unusual(chain, limits_.chain) && !sharing_.is_unusual(sharing, limits_.sharing);
  chain_.add(chain);
  sharing_.add(sharing);
  return usual;
}

std::vector<double> QuietProbe::cpu_seconds() {
  std::vector<double> seconds(static_cast<size_t>(threads_));
  on_all_([&](int thread) { seconds[static_cast<size_t>(thread)] = thread_cpu_seconds(); });
  return seconds;
}

double QuietProbe::wall_over_cpu(const std::function<void()>& body) {
  const std::vector<double> cpu_before = cpu_seconds();
  const auto begin = Clock::now();
  body();
  const double wall = seconds_since(begin);
  const std::vector<double> cpu_after = cpu_seconds();
  double least = wall;
  for (size_t t = 0; t < cpu_before.size(); ++t)
    least = std::min(least, cpu_after[t] - cpu_before[t] + kWakeUp);
  return wall / least;
}

bool QuietProbe::quiet_during(const std::function<void()>& body) {
  const bool before = probe();
  const double wall = wall_over_cpu(body);
  const bool had_its_cores = !wall_.is_unusual(wall, limits_.wall);
  wall_.add(wall);
  return probe() && before && had_its_cores;
}

}  // namespace bitnet
