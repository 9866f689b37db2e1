#include "tuner/packed_stack.h"

#include <algorithm>
#include <cstring>

#include "runtime/base/round_up.h"

namespace bitnet::tuner {
namespace {

constexpr uint16_t kOne = 0x3C00;  // as F16

uint64_t mix(uint64_t x) {  // splitmix64
  x += 0x9e3779b97f4a7c15U;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
  return x ^ (x >> 31);
}

}  // namespace

namespace {

TritSource random_trits(int64_t k, uint64_t seed) {
  return [k, seed](int64_t n0, int64_t n1, int8_t* out) -> Result<void> {
    constexpr int8_t kTrit[10] = {0, 0, 0, 0, 1, 1, 1, -1, -1, -1};
    for (int64_t n = n0; n < n1; ++n) {
      uint64_t state = mix(seed ^ static_cast<uint64_t>(n));
      for (int64_t i = 0; i < k; ++i) {
        if (i % 16 == 0) state = mix(state + static_cast<uint64_t>(i));
        *out++ = kTrit[((state >> (4 * (i % 16))) & 15U) * 10 / 16];
      }
    }
    return {};
  };
}

}  // namespace

WeightSource random_weights(int64_t k, int64_t group, uint64_t seed) {
  return {.trits = random_trits(k, seed),
          .scales = [k, group](int64_t n0, int64_t n1, uint16_t* out) -> Result<void> {
            std::fill_n(out, (n1 - n0) * (k / group), kOne);
            return {};
          }};
}

Result<PackedStack> PackedStack::pack(ThreadPool& pool, const Problem& problem,
                                      const BnSizes& sizes, BnPackFn* pack,
                                      const WeightSource& weights, int layers) {
  PackedStack stack;
  stack.layers_ = layers;
  stack.stride_ = round_up(sizes.packed_bytes, 64);
  stack.buffer_ = AlignedBuffer(static_cast<size_t>(stack.stride_ * layers));
  auto* const first = stack.buffer_.as<uint8_t>();
  const PackJob job{.problem = problem, .weights = weights, .copies = {{sizes, pack, first}}};
  BITNET_CHECK(pack_weights(pool, {&job, 1}));
  // Each thread writes the pages that it will read, whole layers apart.
  pool.run([&](int thread) {
    const Range mine = share(stack.stride_, 4096, pool.size(), thread);
    for (int layer = 1; layer < layers; ++layer) {
      std::memcpy(first + layer * stack.stride_ + mine.begin, first + mine.begin,
                  static_cast<size_t>(mine.size()));
    }
  });
  return stack;
}

}  // namespace bitnet::tuner
