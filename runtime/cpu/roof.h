// The roof: how fast these threads can read these bytes at best, doing nothing else. Every speed is
// printed beside it. A reading is the best of plain reads in several styles, for which one wins
// differs by CPU, so none is assumed:
//
//   every line   of each stream is prefetched 1, 2, 4 or 8 KB ahead (+25 % on one CPU, -5 % on
//   another) page heads   the first two lines of the next 4 KB only, once per 4 KB: lifts every
//   stream of a
//                Zen 5 1.2 to 1.5 times; without this style its roof reads 20 to 40 % low
//   streams      a thread reads its share as 1, 2 or 4 streams side by side
//
// Memory speed drifts by tens of percent within minutes on shared machines: read the roof once in
// every round of what is measured and compare within the round.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "runtime/cpu/isa.h"

namespace bitnet {

// Runs body(0) .. body(threads - 1) at the same time and returns when all are done:
// ThreadPool::run, seen from below.
using OnAllThreads = std::function<void(const std::function<void(int thread)>& body)>;

struct ReadStyle {
  int prefetch_bytes = 0;  // every line at this distance; 0: none
  bool page_heads = false;
  int streams = 1;
  bool operator==(const ReadStyle&) const = default;
};
inline constexpr ReadStyle kReadStyles[] = {
    {},
    {.prefetch_bytes = 1024},
    {.prefetch_bytes = 2048},
    {.prefetch_bytes = 4096},
    {.prefetch_bytes = 8192},
    {.page_heads = true},
    {.page_heads = true, .streams = 2},
    {.page_heads = true, .streams = 4},
    {.streams = 2},
    {.streams = 4},
};
std::string describe(const ReadStyle& style);  // "page heads, 2 streams"

struct RoofReading {
  double seconds = 0;  // of the best style
  ReadStyle style;
  double bytes_per_second = 0;
};

// Reads every block once a style; each thread takes its contiguous share of each block, as kernels
// do. Blocks should be 64-byte aligned, in huge pages (AlignedBuffer), and written before:
// untouched pages are all the same zero page.
RoofReading read_roof(std::span<const std::span<const std::byte>> blocks, int threads,
                      const OnAllThreads& on_all, const IsaSet& isa,
                      std::span<const ReadStyle> styles = kReadStyles);

// One read of `bytes`, whole 128-byte lines of each stream (shorter tails are left out); the result
// depends on all of them. style: one of kReadStyles.
uint64_t plain_read(std::span<const std::byte> bytes, const ReadStyle& style, const IsaSet& isa);

}  // namespace bitnet
