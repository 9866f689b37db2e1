#include "runtime/cpu/roof.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>

namespace bitnet {
namespace {

constexpr size_t kStep =
    128;  // bytes an iteration: 256 and more confused a Zen 4 prefetcher (27-41 ms against 25)

// Vectors as the compilers' extension: the register file is chosen by the target attribute of
// whoever inlines this.
template <size_t kBytes>
using Vector [[gnu::vector_size(kBytes)]] = uint64_t;

template <size_t kBytes, int kPrefetch>
[[gnu::always_inline]] inline uint64_t read_all(const std::byte* data, size_t bytes) {
  constexpr size_t kLanes = kStep / kBytes;
  Vector<kBytes> sums[kLanes] = {};
  for (size_t at = 0; at + kStep <= bytes; at += kStep) {
    if constexpr (kPrefetch > 0) {
      // May point past the end: a prefetch never faults.
      __builtin_prefetch(data + at + kPrefetch, 0, 3);
      __builtin_prefetch(data + at + kPrefetch + 64, 0, 3);
    }
    for (size_t lane = 0; lane < kLanes; ++lane) {
      Vector<kBytes> loaded;
      std::memcpy(&loaded, data + at + lane * kBytes, kBytes);
      sums[lane] += loaded;
    }
  }
  uint64_t total = 0;
  for (const auto& sum : sums) {
    for (size_t i = 0; i < kBytes / 8; ++i) total += sum[i];
  }
  return total;
}

template <size_t kBytes>
[[gnu::always_inline]] inline uint64_t read_at(const std::byte* data, size_t bytes,
                                               int prefetch_bytes) {
  switch (prefetch_bytes) {
    case 1024:
      return read_all<kBytes, 1024>(data, bytes);
    case 2048:
      return read_all<kBytes, 2048>(data, bytes);
    case 4096:
      return read_all<kBytes, 4096>(data, bytes);
    case 8192:
      return read_all<kBytes, 8192>(data, bytes);
    default:
      return read_all<kBytes, 0>(data, bytes);
  }
}

uint64_t read_16(const std::byte* data, size_t bytes, int prefetch_bytes) {
  return read_at<16>(data, bytes, prefetch_bytes);
}
#if defined(__x86_64__)
[[gnu::target("avx2")]] uint64_t read_32(const std::byte* data, size_t bytes, int prefetch_bytes) {
  return read_at<32>(data, bytes, prefetch_bytes);
}
[[gnu::target("avx512f")]] uint64_t read_64(const std::byte* data, size_t bytes,
                                            int prefetch_bytes) {
  return read_at<64>(data, bytes, prefetch_bytes);
}
#endif

using Read = uint64_t(const std::byte*, size_t, int);

Read* best_read(const IsaSet& isa) {
#if defined(__x86_64__)
  if (isa.has(Isa::avx512)) return read_64;
  if (isa.has(Isa::avx2)) return read_32;
#endif
  (void)isa;
  return read_16;
}

// What the reads sum up to ends here, so that no compiler may leave them out.
std::atomic<uint64_t> sink{0};

std::span<const std::byte> share_of(std::span<const std::byte> block, int threads, int thread) {
  const size_t lines = block.size() / kStep;
  const size_t begin = lines * static_cast<size_t>(thread) / static_cast<size_t>(threads);
  const size_t end = lines * static_cast<size_t>(thread + 1) / static_cast<size_t>(threads);
  return block.subspan(begin * kStep, (end - begin) * kStep);
}

}  // namespace

uint64_t plain_read(std::span<const std::byte> bytes, int prefetch_bytes, const IsaSet& isa) {
  return best_read(isa)(bytes.data(), bytes.size(), prefetch_bytes);
}

RoofReading read_roof(std::span<const std::span<const std::byte>> blocks, int threads,
                      const OnAllThreads& on_all, const IsaSet& isa,
                      std::span<const int> prefetch_bytes) {
  using Clock = std::chrono::steady_clock;
  Read* const read = best_read(isa);
  size_t total = 0;
  for (const auto& block : blocks) total += block.size();
  RoofReading best;
  for (int distance : prefetch_bytes) {
    const auto begin = Clock::now();
    on_all([&](int thread) {
      uint64_t sum = 0;
      for (const auto& block : blocks) {
        const auto mine = share_of(block, threads, thread);
        sum += read(mine.data(), mine.size(), distance);
      }
      sink.fetch_add(sum, std::memory_order_relaxed);
    });
    const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    if (best.seconds == 0 || seconds < best.seconds)
      best = {.seconds = seconds, .prefetch_bytes = distance};
  }
  if (best.seconds > 0) best.bytes_per_second = static_cast<double>(total) / best.seconds;
  return best;
}

}  // namespace bitnet
