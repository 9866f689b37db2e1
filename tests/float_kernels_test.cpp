// Every table of float kernels that this CPU can run equals the reference, bit for bit.
#include "runtime/model/float_kernels.h"

#include <algorithm>
#include <cstring>
#include <memory>

#include "runtime/base/aligned_buffer.h"
#include "tests/float_inputs.h"

namespace bitnet {
namespace {

class FloatKernels : public ::testing::TestWithParam<const BnFloatKernels*> {
 protected:
  const BnFloatKernels& kernels() { return *GetParam(); }
  const BnFloatKernels& reference_ = reference_float_kernels();
};

std::vector<const BnFloatKernels*> runnable_tables() {
  std::vector<const BnFloatKernels*> tables;
  for (const auto& [level, table] : float_tables())
    if (reported_isa().has(level)) tables.push_back(table);
  return tables;
}
INSTANTIATE_TEST_SUITE_P(Levels, FloatKernels, ::testing::ValuesIn(runnable_tables()),
                         [](const auto& info) { return std::string(info.param->name); });

// A copy that ends where an AddressSanitizer build notices reading past it.
template <typename T>
std::unique_ptr<T[]> exact(const std::vector<T>& x) {
  auto copy = std::make_unique<T[]>(x.size());
  std::copy(x.begin(), x.end(), copy.get());
  return copy;
}

constexpr int64_t kSizes[] = {1,  2,  15, 16, 17,  31,  32,  33,  48,
                              49, 63, 64, 65, 100, 127, 256, 769, 2560};

TEST_P(FloatKernels, RmsNorm) {
  for (const int64_t k : kSizes) {
    for (const Flavour flavour : kFlavours) {
      const auto x = made_up(k, 1, flavour), g = made_up(k, 2);
      auto want = blank(k), got = blank(k);
      reference_.rms_norm(x.data(), g.data(), k, 1e-5F, want.data());
      kernels().rms_norm(exact(x).get(), exact(g).get(), k, 1e-5F, got.data());
      EXPECT_TRUE(all_same(got, want)) << "k=" << k;
      got = x;
      kernels().rms_norm(got.data(), g.data(), k, 1e-5F, got.data());
      EXPECT_TRUE(all_same(got, want)) << "in place, k=" << k;
    }
  }
}

TEST_P(FloatKernels, Quantize) {
  for (const int64_t k : kSizes) {
    for (const Flavour flavour : kFlavours) {
      for (uint64_t seed = 0; seed < 20; ++seed) {
        const auto x = made_up(k, seed, flavour);
        auto want = blank<int8_t>(k), got = blank<int8_t>(k);
        const float s_want = reference_.quantize(x.data(), k, want.data());
        const float s_got = kernels().quantize(exact(x).get(), k, got.data());
        EXPECT_TRUE(same(s_got, s_want));
        EXPECT_EQ(got, want) << "k=" << k;
        EXPECT_GE(*std::min_element(got.begin(), got.end()), -127);
      }
    }
  }
}

TEST_P(FloatKernels, QuantizeTiesToEven) {
  const std::vector<float> x = {127.0F, 0.5F, 1.5F, 2.5F, -0.5F, -1.5F, -2.5F, 126.5F, -126.5F};
  std::vector<int8_t> q(x.size());
  EXPECT_EQ(kernels().quantize(x.data(), static_cast<int64_t>(x.size()), q.data()), 1.0F);
  EXPECT_EQ(q, (std::vector<int8_t>{127, 0, 2, 2, 0, -2, -2, 126, -126}));
}

TEST_P(FloatKernels, Rope) {
  struct Shape {
    int64_t heads, head_size, dims;
  };
  for (const Shape shape : {Shape{1, 2, 2}, Shape{3, 64, 64}, Shape{2, 100, 100}, Shape{2, 128, 64},
                            Shape{1, 96, 34}}) {
    for (const int neox : {0, 1}) {
      for (const Flavour flavour : kFlavours) {
        const auto x = made_up(shape.heads * shape.head_size, 3, flavour);
        const auto cos = made_up(shape.dims / 2, 4), sin = made_up(shape.dims / 2, 5);
        auto want = x, got = x;
        reference_.rope(want.data(), shape.heads, shape.head_size, shape.dims, neox, cos.data(),
                        sin.data());
        kernels().rope(got.data(), shape.heads, shape.head_size, shape.dims, neox, exact(cos).get(),
                       exact(sin).get());
        EXPECT_TRUE(all_same(got, want))
            << "head size " << shape.head_size << " dims " << shape.dims;
      }
    }
  }
}

TEST_P(FloatKernels, Elementwise) {
  for (const int64_t n : kSizes) {
    for (const Flavour flavour : kFlavours) {
      auto x = made_up(n, 6, flavour);
      for (float& value : x) value *= 20;  // far enough for exp's ends
      const auto u = made_up(n, 7, flavour);
      auto want = blank(n), got = blank(n);
      for (const int relu2 : {0, 1}) {
        reference_.gate(x.data(), u.data(), n, relu2, want.data());
        kernels().gate(exact(x).get(), exact(u).get(), n, relu2, got.data());
        EXPECT_TRUE(all_same(got, want)) << "gate, relu2=" << relu2 << " n=" << n;
      }
      const float sum_want = reference_.softmax_terms(x.data(), n, 30.0F, want.data());
      const float sum_got = kernels().softmax_terms(exact(x).get(), n, 30.0F, got.data());
      EXPECT_TRUE(all_same(got, want)) << "softmax, n=" << n;
      EXPECT_TRUE(same(sum_got, sum_want));
      auto trits = blank<int8_t>(n);
      Random random(8);
      for (int8_t& trit : trits) trit = static_cast<int8_t>(static_cast<int>(random.below(3)) - 1);
      EXPECT_TRUE(same(kernels().ternary_dot(exact(trits).get(), exact(x).get(), n),
                       reference_.ternary_dot(trits.data(), x.data(), n)))
          << "ternary dot, n=" << n;
    }
  }
}

// ---- KV cache and attention

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
INSTANTIATE_TEST_SUITE_P(Levels, Attention, ::testing::ValuesIn(runnable_tables()),
                         [](const auto& info) { return std::string(info.param->name); });

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

// ---- Head and embedding

std::vector<uint8_t> made_up_rows(int32_t type, int64_t rows, int64_t k, uint64_t seed,
                                  Flavour flavour) {
  Random random(seed);
  std::vector<uint8_t> bytes;
  const auto append = [&](uint64_t value, int count) {
    for (int i = 0; i < count; ++i) bytes.push_back(static_cast<uint8_t>(value >> (8 * i)));
  };
  const auto half = [&]() -> uint16_t {  // of any class, mostly small
    if (flavour == Flavour::hostile && random.below(20) == 0)
      return static_cast<uint16_t>(random.bits());
    return static_cast<uint16_t>((random.bits() & 0x83ffU) | ((random.below(12) + 4) << 10U));
  };
  const auto byte = [&]() -> uint8_t {  // extremes often
    if (flavour == Flavour::huge) return random.below(2) ? 0x80 : 0x7f;
    return static_cast<uint8_t>(random.bits());
  };
  for (int64_t n = 0; n < rows; ++n) {
    for (int64_t i = 0; i < k;) {
      if (type == BN_F32) {
        append(std::bit_cast<uint32_t>(made_up(random, flavour)), 4), i += 1;
      } else if (type == BN_F16) {
        append(half(), 2), i += 1;
      } else if (type == BN_BF16) {
        append(std::bit_cast<uint32_t>(made_up(random, flavour)) >> 16U, 2), i += 1;
      } else if (type == BN_Q8_0) {
        append(half(), 2), i += 32;
        for (int j = 0; j < 32; ++j) append(byte(), 1);
      } else {
        for (int j = 0; j < 192; ++j)
          append(flavour == Flavour::huge ? (random.below(2) ? 0xff : 0) : byte(), 1);
        for (int j = 0; j < 16; ++j) append(byte(), 1);
        append(half(), 2), i += 256;
      }
    }
  }
  return bytes;
}

struct HeadShape {
  int64_t rows, k, tokens;
};

std::vector<float> logits(const BnFloatKernels& kernels, int32_t type, const HeadShape& shape,
                          const std::vector<uint8_t>& rows, const std::vector<float>& hidden) {
  const int64_t prepared_bytes = kernels.head_prepared_bytes(type, shape.k);
  EXPECT_EQ(prepared_bytes % 64, 0);
  AlignedBuffer prepared(static_cast<size_t>(prepared_bytes * shape.tokens) + 1);
  for (int64_t m = 0; m < shape.tokens; ++m) {
    kernels.head_prepare(type, hidden.data() + m * shape.k, shape.k,
                         prepared.as<uint8_t>() + m * prepared_bytes);
  }
  std::vector<float> out(static_cast<size_t>(shape.tokens * (shape.rows + 3)), -77.0F);
  const auto bytes = exact(rows);
  const auto x = exact(hidden);
  BnHead head = {.type = type,
                 .rows = bytes.get(),
                 .row_bytes = static_cast<int64_t>(rows.size()) / shape.rows,
                 .k = shape.k,
                 .n0 = 1,
                 .n1 = shape.rows,
                 .tokens = shape.tokens,
                 .hidden = x.get(),
                 .ld_hidden = shape.k,
                 .prepared = prepared.as<uint8_t>(),
                 .ld_prepared = prepared_bytes,
                 .logits = out.data(),
                 .ld_logits = shape.rows + 3,
                 .prefetch_bytes = 0};
  kernels.head(&head);
  const auto plain = out;
  std::fill(out.begin(), out.end(), -77.0F);
  head.prefetch_bytes = 4096;  // another path, the same bits
  kernels.head(&head);
  EXPECT_TRUE(all_same(out, plain));
  for (int64_t m = 0; m < shape.tokens; ++m)
    EXPECT_EQ(out[static_cast<size_t>(m * (shape.rows + 3))], -77.0F);
  return out;
}

TEST_P(FloatKernels, Head) {
  for (const int32_t type : {BN_F32, BN_F16, BN_BF16, BN_Q8_0, BN_Q6_K}) {
    const int64_t step = type == BN_Q8_0 ? 32 : type == BN_Q6_K ? 256 : 1;
    for (const HeadShape shape :
         {HeadShape{2, step, 1}, HeadShape{5, 3 * step, 2}, HeadShape{4, 256, 1},
          HeadShape{4, 256 + step, 5}, HeadShape{4, 512 + 3 * step, 9}, HeadShape{3, 2560, 4},
          HeadShape{18, 768, 1}, HeadShape{19, 1024, 3}}) {
      for (const Flavour flavour : kFlavours) {
        const auto rows = made_up_rows(type, shape.rows, shape.k, 41, flavour);
        const auto hidden = made_up(shape.tokens * shape.k, 42, flavour);
        EXPECT_TRUE(all_same(logits(kernels(), type, shape, rows, hidden),
                             logits(reference_, type, shape, rows, hidden)))
            << "type " << type << " k=" << shape.k << " tokens=" << shape.tokens << " flavour "
            << int(flavour);
      }
    }
  }
}

// The largest sums: every code, scale and H at its end, all of one sign.
TEST_P(FloatKernels, HeadSumsAtTheirBounds) {
  for (const int32_t type : {BN_Q8_0, BN_Q6_K}) {
    for (const uint8_t code : {uint8_t{0}, uint8_t{0x7f}, uint8_t{0x80}, uint8_t{0xff}}) {
      for (const uint8_t scale : {uint8_t{0x7f}, uint8_t{0x80}}) {
        for (const float last : {1.0F, -1.0F, 128.0F / 32639, -128.0F / 32639, 32512.0F / 32639}) {
          constexpr HeadShape kShape = {2, 512, 1};
          std::vector<uint8_t> rows = made_up_rows(type, 2, 512, 1, Flavour::plain);
          const size_t block = type == BN_Q8_0 ? 34 : 210;
          for (size_t i = 0; i < rows.size(); ++i) {
            const size_t at = i % block;
            if (type == BN_Q8_0 ? at >= 2 : at < 192) rows[i] = code;
            if (type == BN_Q6_K && at >= 192 && at < 208) rows[i] = scale;
          }
          std::vector<float> hidden(512, last);
          hidden[511] = 1.0F;
          EXPECT_TRUE(all_same(logits(kernels(), type, kShape, rows, hidden),
                               logits(reference_, type, kShape, rows, hidden)));
        }
      }
    }
  }
}

TEST_P(FloatKernels, Embedding) {
  for (const int32_t type : {BN_F32, BN_F16, BN_BF16, BN_Q8_0, BN_Q6_K}) {
    for (const Flavour flavour : kFlavours) {
      const auto row = made_up_rows(type, 1, 512, 43, flavour);
      std::vector<float> want(512), got(512);
      reference_.embed(type, row.data(), 512, want.data());
      kernels().embed(type, exact(row).get(), 512, got.data());
      EXPECT_TRUE(all_same(got, want)) << "type " << type;
    }
  }
}

}  // namespace
}  // namespace bitnet
