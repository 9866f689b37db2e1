// Every table of float kernels that this CPU can run equals the reference, bit for bit: norm,
// quantisation, RoPE and what works element by element.
#include "tests/float_tables.h"

namespace bitnet {
namespace {

INSTANTIATE_TEST_SUITE_P(Levels, FloatKernels, ::testing::ValuesIn(runnable_tables()),
                         name_of_table);

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
        EXPECT_TRUE(same(kernels().quantize_group(exact(x).get(), k, got.data()),
                         reference_.quantize_group(x.data(), k, want.data())));
        EXPECT_EQ(got, want) << "k=" << k;
      }
    }
  }
}

TEST_P(FloatKernels, AGroupOfNothingIsZeroAndAnyOtherFillsItsRange) {
  std::vector<float> x(64, 0x1p-121F);
  std::vector<int8_t> q(x.size(), 1);
  EXPECT_EQ(kernels().quantize_group(x.data(), 64, q.data()), 0.0F);
  EXPECT_EQ(q, std::vector<int8_t>(64, 0));
  x[3] = -0x1p-119F;
  x[5] = std::nanf("");
  EXPECT_EQ(kernels().quantize_group(x.data(), 64, q.data()), 0x1p-119F / 127.0F);
  EXPECT_EQ(q[3], -127);
  EXPECT_EQ(q[5], 0);
  EXPECT_EQ(q[0], 32);
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

}  // namespace
}  // namespace bitnet
