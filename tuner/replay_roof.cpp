#include "tuner/replay_roof.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <numeric>

#include "runtime/cpu/roof.h"
#include "tuner/replay.h"

namespace bitnet::tuner {
namespace {

constexpr int64_t kLine = 128;      // plain_read takes whole ones
constexpr size_t kLeastReads = 16;  // of a problem: few layers are read again and again

// What was read ends here, so that no compiler may leave the reads out.
std::atomic<uint64_t> sink{0};

std::vector<double> time_reads(ThreadPool& pool, std::span<const PackedStack* const> problems,
                               const ReadStyle& style, const IsaSet& isa) {
  using Clock = std::chrono::steady_clock;
  const auto layers = static_cast<size_t>(problems.front()->layers());
  const size_t repeats = (kLeastReads + layers - 1) / layers;
  std::vector<std::vector<double>> seconds(problems.size());
  for (auto& of_problem : seconds) of_problem.reserve(layers * repeats);
  pool.run([&](int thread) {
    uint64_t sum = 0;
    pool.barrier(thread);
    for (size_t i = 0; i < layers * repeats; ++i) {
      for (size_t p = 0; p < problems.size(); ++p) {
        const auto begin = Clock::now();
        const auto layer = problems[p]->layer_bytes(static_cast<int>(i % layers));
        const Range mine = share(static_cast<int64_t>(layer.size()), kLine, pool.size(), thread);
        sum += plain_read(layer.subspan(static_cast<size_t>(mine.begin),
                                        static_cast<size_t>(mine.end - mine.begin)),
                          style, isa);
        pool.barrier(thread);
        if (thread == 0)
          seconds[p].push_back(std::chrono::duration<double>(Clock::now() - begin).count());
      }
    }
    sink.fetch_add(sum, std::memory_order_relaxed);
  });
  return lower_quartiles(std::move(seconds));
}

double sum_of(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0);
}

}  // namespace

ReplayRoof read_replay_roof(ThreadPool& pool, std::span<const PackedStack* const> problems,
                            const IsaSet& isa) {
  ReplayRoof best;
  for (const ReadStyle& style : kReadStyles) {
    std::vector<double> seconds = time_reads(pool, problems, style, isa);
    if (best.seconds.empty() || sum_of(seconds) < sum_of(best.seconds))
      best.seconds = std::move(seconds);
  }
  double bytes = 0;
  for (const PackedStack* problem : problems)
    bytes += static_cast<double>(problem->layer_bytes(0).size());
  best.bytes_per_second = bytes / sum_of(best.seconds);
  return best;
}

}  // namespace bitnet::tuner
