// KV cache and attention of every table of float kernels that this CPU can run equal the
// reference's, bit for bit.
#include <cmath>
#include <cstring>

#include "runtime/base/aligned_buffer.h"
#include "tests/float_tables.h"

namespace bitnet {
namespace {

INSTANTIATE_TEST_SUITE_P(Levels, FloatKernels, ::testing::ValuesIn(runnable_tables()),
                         name_of_table);

struct CacheTypes {
  BnKvType k, v;
};
constexpr CacheTypes kCacheTypes[] = {
    {BN_KV_F16, BN_KV_F16}, {BN_KV_F16, BN_KV_F32}, {BN_KV_F32, BN_KV_F16}, {BN_KV_F32, BN_KV_F32}};
std::string describe(CacheTypes types) {
  const auto name = [](BnKvType type) { return type == BN_KV_F16 ? "f16" : "f32"; };
  return fmt::format("K {} V {}", name(types.k), name(types.v));
}

struct Cache {
  Cache(CacheTypes types, int64_t head_size, int64_t capacity)
      : types(types),
        head_size(head_size),
        k(plane_bytes(types.k, head_size, capacity)),
        v(plane_bytes(types.v, head_size, capacity)) {}
  static size_t plane_bytes(BnKvType type, int64_t head_size, int64_t capacity) {
    return static_cast<size_t>(capacity * head_size * (type == BN_KV_F16 ? 2 : 4));
  }
  void fill_with_nan() {
    std::memset(k.data(), 0xff, k.bytes());
    std::memset(v.data(), 0xff, v.bytes());
  }
  void fill(const BnFloatKernels& kernels, int64_t keys, uint64_t seed, Flavour flavour) {
    for (int64_t t = 0; t < keys; ++t) {
      const auto row = static_cast<uint64_t>(t);
      kernels.store_k(types.k, made_up(head_size, seed + 2 * row, flavour).data(), head_size, t,
                      k.data());
      kernels.store_v(types.v, made_up(head_size, seed + 2 * row + 1, flavour).data(), head_size, t,
                      v.data());
    }
  }
  CacheTypes types;
  int64_t head_size;
  AlignedBuffer k, v;
};

TEST_P(FloatKernels, CacheStores) {
  for (const BnKvType type : {BN_KV_F16, BN_KV_F32}) {
    for (const int64_t head_size : {1, 16, 64, 100, 256}) {
      for (const Flavour flavour : kFlavours) {
        Cache want({type, type}, head_size, 256), got({type, type}, head_size, 256);
        want.fill(reference_, 37, 11, flavour);
        got.fill(kernels(), 37, 11, flavour);
        EXPECT_EQ(std::memcmp(want.k.data(), got.k.data(), want.k.bytes()), 0)
            << "K, head size " << head_size;
        EXPECT_EQ(std::memcmp(want.v.data(), got.v.data(), want.v.bytes()), 0)
            << "V, head size " << head_size;
      }
    }
  }
}

std::vector<float> attend(const BnFloatKernels& kernels, const Cache& cache, int32_t group,
                          int64_t keys, const std::vector<float>& q) {
  const auto size = static_cast<int32_t>(cache.head_size);
  AlignedBuffer scratch(static_cast<size_t>(BN_ATTEND_SCRATCH(group, size)) * sizeof(float));
  std::memset(scratch.data(), 0xff, scratch.bytes());  // NaN: nothing may be taken over
  std::vector<float> out(static_cast<size_t>(group) * static_cast<size_t>(size));
  const auto queries = exact(q);
  const BnAttend attend = {.q = queries.get(),
                           .out = out.data(),
                           .group = group,
                           .head_size = size,
                           .scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(size))),
                           .k_type = cache.types.k,
                           .v_type = cache.types.v,
                           .keys = keys,
                           .k = cache.k.data(),
                           .v = cache.v.data(),
                           .scratch = scratch.as<float>()};
  kernels.attend(&attend);
  return out;
}

class Attention : public FloatKernels {
 protected:
  void compare(CacheTypes types, int64_t head_size, int32_t group, std::vector<int64_t> key_counts,
               Flavour flavour) {
    Cache cache(types, head_size, 768);
    // What masked keys hold is nobody's business: fill the cache with NaN first.
    cache.fill_with_nan();
    cache.fill(reference_, 600, 21, flavour);
    const auto q = made_up(group * head_size, 22, flavour);
    for (const int64_t keys : key_counts) {
      EXPECT_TRUE(all_same(attend(kernels(), cache, group, keys, q),
                           attend(reference_, cache, group, keys, q)))
          << describe(types) << " head size " << head_size << " group " << group << " keys "
          << keys;
    }
  }
};

INSTANTIATE_TEST_SUITE_P(Levels, Attention, ::testing::ValuesIn(runnable_tables()), name_of_table);

TEST_P(Attention, HeadSizesAndGroups) {
  for (const CacheTypes types : kCacheTypes) {
    for (const int64_t head_size : {2, 64, 96, 100, 128, 256}) {
      for (const int32_t group : {1, 3, 4, 7})
        compare(types, head_size, group, {1, 17, 300}, Flavour::plain);
    }
    compare(types, 16, 8, {600}, Flavour::plain);
    compare(types, 16, 2, {33}, Flavour::plain);
    compare(types, 16, 5, {31}, Flavour::plain);
    compare(types, 16, 6, {256}, Flavour::plain);
  }
}

TEST_P(Attention, EveryNumberOfKeys) {
  std::vector<int64_t> counts(600);
  for (size_t i = 0; i < counts.size(); ++i) counts[i] = static_cast<int64_t>(i) + 1;
  compare({BN_KV_F16, BN_KV_F16}, 16, 1, counts, Flavour::plain);
  compare({BN_KV_F32, BN_KV_F32}, 4, 4, counts, Flavour::plain);
}

TEST_P(Attention, HostileInputs) {
  for (const Flavour flavour : kFlavours) {
    int32_t group = 1;
    for (const CacheTypes types : kCacheTypes)
      compare(types, 64, group++, {1, 40, 257, 600}, flavour);
  }
}

// Each type alone changes the result: neither is taken for the other.
TEST_P(Attention, KeysAndValuesHaveATypeEach) {
  std::vector<std::vector<float>> results;
  for (const CacheTypes types : kCacheTypes) {
    Cache cache(types, 64, 512);
    cache.fill(kernels(), 300, 21, Flavour::plain);
    results.push_back(attend(kernels(), cache, 4, 300, made_up(256, 22)));
  }
  for (size_t i = 0; i < results.size(); ++i)
    for (size_t j = 0; j < i; ++j)
      EXPECT_FALSE(all_same(results[i], results[j]))
          << describe(kCacheTypes[i]) << ", " << describe(kCacheTypes[j]);
}

// Masked keys: NaN in the last key's group and in the rest of the block must not reach the result.
TEST_P(Attention, IgnoresWhatLiesBehindTheLastKey) {
  for (const CacheTypes types : kCacheTypes) {
    Cache cache(types, 64, 256);
    cache.fill_with_nan();
    cache.fill(reference_, 5, 31, Flavour::plain);
    for (const float y : attend(kernels(), cache, 3, 5, made_up(192, 32))) EXPECT_EQ(y, y);
  }
}

}  // namespace
}  // namespace bitnet
