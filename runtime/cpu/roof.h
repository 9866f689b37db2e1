// The roof: how fast these threads can read these bytes at best, doing nothing else. Every speed is
// printed beside it. A reading is the best of plain sequential reads, one stream a thread, at
// prefetch distances of 0, 1, 2, 4 and 8 KB: which distance wins differs by CPU (facts: +25 % on
// one, -5 % on another), so none is assumed.
//
// Memory speed drifts by tens of percent within minutes on shared machines: read the roof once in
// every round of what is measured and compare within the round.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "runtime/cpu/isa.h"

namespace bitnet {

// Runs body(0) .. body(threads - 1) at the same time and returns when all are done:
// ThreadPool::run, seen from below.
using OnAllThreads = std::function<void(const std::function<void(int thread)>& body)>;

inline constexpr int kRoofPrefetchBytes[] = {0, 1024, 2048, 4096, 8192};

struct RoofReading {
  double seconds = 0;  // of the best distance
  int prefetch_bytes = 0;
  double bytes_per_second = 0;
};

// Reads every block once a distance; each thread takes its contiguous share of each block, as
// kernels do. Blocks should be 64-byte aligned, in huge pages (AlignedBuffer), and written before:
// untouched pages are all the same zero page.
RoofReading read_roof(std::span<const std::span<const std::byte>> blocks, int threads,
                      const OnAllThreads& on_all, const IsaSet& isa,
                      std::span<const int> prefetch_bytes = kRoofPrefetchBytes);

// One sequential read of whole 128-byte lines of `bytes` (a shorter tail is left out); the result
// depends on all of them. prefetch_bytes: one of kRoofPrefetchBytes.
uint64_t plain_read(std::span<const std::byte> bytes, int prefetch_bytes, const IsaSet& isa);

}  // namespace bitnet
