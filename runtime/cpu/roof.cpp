#include "runtime/cpu/roof.h"

#include <fmt/core.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>

namespace bitnet {
namespace {

// Bytes an iteration: 256 and more confused a Zen 4 prefetcher (27-41 ms against 25).
constexpr size_t kStep = 128;

// Vectors as the compilers' extension: the register file is chosen by the target attribute of
// whoever inlines this.
template <size_t kBytes>
using Vector [[gnu::vector_size(kBytes)]] = uint64_t;

// A prefetch may point past the end: it never faults.
[[gnu::always_inline]] inline void fetch_two_lines(const std::byte* at) {
  __builtin_prefetch(at, 0, 3);
  __builtin_prefetch(at + 64, 0, 3);
}

template <int kPrefetch, bool kHeads>
[[gnu::always_inline]] inline void fetch_ahead(const std::byte* at) {
  constexpr uintptr_t kPage = 4096;
  if constexpr (kPrefetch > 0) fetch_two_lines(at + kPrefetch);
  if constexpr (kHeads) {
    const auto into = reinterpret_cast<uintptr_t>(at) % kPage;
    if (into < kStep) fetch_two_lines(at - into + kPage);
  }
}

// Streams lie side by side in the thread's share, each a kStreams-th of it.
template <size_t kBytes, int kPrefetch, bool kHeads, size_t kStreams>
[[gnu::always_inline]] inline uint64_t read_all(const std::byte* data, size_t bytes) {
  constexpr size_t kLanes = kStep / kBytes;
  Vector<kBytes> sums[kStreams * kLanes] = {};
  const size_t stream = bytes / kStreams / kStep * kStep;
  for (size_t at = 0; at < stream; at += kStep) {
    for (size_t s = 0; s < kStreams; ++s) {
      const std::byte* line = data + s * stream + at;
      fetch_ahead<kPrefetch, kHeads>(line);
      for (size_t lane = 0; lane < kLanes; ++lane) {
        Vector<kBytes> loaded;
        std::memcpy(&loaded, line + lane * kBytes, kBytes);
        sums[s * kLanes + lane] += loaded;
      }
    }
  }
  uint64_t total = 0;
  for (const auto& sum : sums)
    for (size_t i = 0; i < kBytes / 8; ++i) total += sum[i];
  return total;
}

template <size_t kBytes, bool kHeads>
[[gnu::always_inline]] inline uint64_t read_streams(const std::byte* data, size_t bytes,
                                                    int streams) {
  if (streams == 4) return read_all<kBytes, 0, kHeads, 4>(data, bytes);
  if (streams == 2) return read_all<kBytes, 0, kHeads, 2>(data, bytes);
  return read_all<kBytes, 0, kHeads, 1>(data, bytes);
}

template <size_t kBytes>
[[gnu::always_inline]] inline uint64_t read_in(const std::byte* data, size_t bytes,
                                               const ReadStyle& style) {
  if (style.page_heads) return read_streams<kBytes, true>(data, bytes, style.streams);
  switch (style.prefetch_bytes) {
    case 1024:
      return read_all<kBytes, 1024, false, 1>(data, bytes);
    case 2048:
      return read_all<kBytes, 2048, false, 1>(data, bytes);
    case 4096:
      return read_all<kBytes, 4096, false, 1>(data, bytes);
    case 8192:
      return read_all<kBytes, 8192, false, 1>(data, bytes);
    default:
      return read_streams<kBytes, false>(data, bytes, style.streams);
  }
}

uint64_t read_16(const std::byte* data, size_t bytes, const ReadStyle& style) {
  return read_in<16>(data, bytes, style);
}
#if defined(__x86_64__)
[[gnu::target("avx2")]] uint64_t read_32(const std::byte* data, size_t bytes,
                                         const ReadStyle& style) {
  return read_in<32>(data, bytes, style);
}
[[gnu::target("avx512f")]] uint64_t read_64(const std::byte* data, size_t bytes,
                                            const ReadStyle& style) {
  return read_in<64>(data, bytes, style);
}
#endif

using Read = uint64_t(const std::byte*, size_t, const ReadStyle&);

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

std::string describe(const ReadStyle& style) {
  std::string text = style.page_heads ? "page heads"
                     : style.prefetch_bytes > 0
                         ? fmt::format("lines {} KB ahead", style.prefetch_bytes >> 10)
                         : "no prefetching";
  if (style.streams > 1) text += fmt::format(", {} streams", style.streams);
  return text;
}

uint64_t plain_read(std::span<const std::byte> bytes, const ReadStyle& style, const IsaSet& isa) {
  return best_read(isa)(bytes.data(), bytes.size(), style);
}

RoofReading read_roof(std::span<const std::span<const std::byte>> blocks, int threads,
                      const OnAllThreads& on_all, const IsaSet& isa,
                      std::span<const ReadStyle> styles) {
  using Clock = std::chrono::steady_clock;
  Read* const read = best_read(isa);
  size_t total = 0;
  for (const auto& block : blocks) total += block.size();
  RoofReading best;
  for (const ReadStyle& style : styles) {
    const auto begin = Clock::now();
    on_all([&](int thread) {
      uint64_t sum = 0;
      for (const auto& block : blocks) {
        const auto mine = share_of(block, threads, thread);
        sum += read(mine.data(), mine.size(), style);
      }
      sink.fetch_add(sum, std::memory_order_relaxed);
    });
    const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    if (best.seconds == 0 || seconds < best.seconds) best = {.seconds = seconds, .style = style};
  }
  if (best.seconds > 0) best.bytes_per_second = static_cast<double>(total) / best.seconds;
  return best;
}

}  // namespace bitnet
