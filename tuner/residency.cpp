#include "tuner/residency.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstring>

#include "runtime/base/aligned_buffer.h"
#include "runtime/cpu/roof.h"
#include "runtime/cpu/topology.h"

namespace bitnet::tuner {
namespace {

// A cache reads at least this much faster than memory: the last caches of servers, 2 to 4 times.
constexpr double kFaster = 1.5;
// No last cache that one program gets to itself is as large.
constexpr int64_t kBeyondCaches = int64_t{640} << 20;
constexpr int kReadings = 3;  // the best counts: the first one warms up

double read_rate(ThreadPool& pool, std::span<const std::byte> block, const IsaSet& isa) {
  double best = 0;
  for (int i = 0; i < kReadings; ++i) {
    const RoofReading reading =
        read_roof({&block, 1}, pool.size(), [&](const auto& body) { pool.run(body); }, isa);
    best = std::max(best, reading.bytes_per_second);
  }
  return best;
}

}  // namespace

Residency residency_of(int64_t weight_bytes, const std::vector<int64_t>& cache_bytes,
                       const std::function<std::optional<ReadRates>(int64_t bytes)>& measure) {
  if (!cache_bytes.empty()) return {.in_cache = weight_bytes < cache_bytes.back()};
  const std::string what =
      fmt::format("this machine does not tell its cache sizes: {:.0f} MB of packed weights",
                  1e-6 * static_cast<double>(weight_bytes));
  const std::optional<ReadRates> rates = measure(weight_bytes);
  if (!rates) return {.in_cache = false, .notice = what + " count as in memory"};
  const bool in_cache = rates->weights > kFaster * rates->memory;
  return {.in_cache = in_cache,
          .notice = fmt::format("{} read at {:.1f} GB/s, memory at {:.1f}: in {}", what,
                                1e-9 * rates->weights, 1e-9 * rates->memory,
                                in_cache ? "cache" : "memory")};
}

std::optional<ReadRates> measure_read_rates(ThreadPool& pool, int64_t bytes, const IsaSet& isa) {
  const bool fits = available_memory_bytes().value_or(0) / 2 >= kBeyondCaches;
  if (!fits || bytes <= 0 || bytes >= kBeyondCaches) return std::nullopt;
  AlignedBuffer block(static_cast<size_t>(kBeyondCaches));
  std::memset(block.data(), 1, block.bytes());  // untouched pages are all the same zero page
  const std::span<const std::byte> all{block.data(), block.bytes()};
  return ReadRates{.weights = read_rate(pool, all.first(static_cast<size_t>(bytes)), isa),
                   .memory = read_rate(pool, all, isa)};
}

}  // namespace bitnet::tuner
