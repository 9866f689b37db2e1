// Whether packed weights are read from a cache, token after token, or from memory. Where the
// machine tells the size of its last cache that decides; where it does not (seen on a Zen 5 virtual
// machine: neither /sys nor CPUID), reading decides: a block of the weights' size again and again,
// beside one that no cache holds.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "runtime/base/result.h"
#include "runtime/cpu/isa.h"
#include "runtime/threads/pool.h"

namespace bitnet::tuner {

struct ReadRates {
  double weights = 0, memory = 0;  // bytes a second
};

struct Residency {
  bool in_cache = false;
  std::string notice{};  // how that is known, where it had to be measured
};

// weight_bytes: of all layers. cache_bytes: L1d, L2, ...; empty: not known, and `measure` is asked
// (nothing: it could not be measured, which counts as memory, and is said).
Residency residency_of(int64_t weight_bytes, const std::vector<int64_t>& cache_bytes,
                       const std::function<std::optional<ReadRates>(int64_t bytes)>& measure);

// On all threads of the pool. Nothing where a block beyond every cache does not fit in half of the
// available memory, or the weights are themselves as large as that block.
std::optional<ReadRates> measure_read_rates(ThreadPool& pool, int64_t bytes, const IsaSet& isa);

}  // namespace bitnet::tuner
