// The reference is checked against figures worked out by hand and against double precision:
// everything else is checked against the reference.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "runtime/base/aligned_buffer.h"
#include "runtime/kernel/product.h"
#include "runtime/kernel/reference.h"

namespace bitnet {
namespace {

// Y[2][..] of x[2][3] and w[4][3]; dots below.
constexpr int8_t kX[2][3] = {{1, 2, 4}, {-127, -127, -127}};
constexpr int8_t kW[4][3] = {{1, 1, 0}, {0, -1, -1}, {-1, 0, 0}, {1, 1, 1}};
constexpr int32_t kDots[2][4] = {{3, -6, -1, 7}, {-254, 254, 127, -381}};

template <typename T>
std::vector<T> run(BnEpilogue epilogue, std::vector<T> y, int64_t ldy, float residual_scale = 1) {
  const Problem problem{.n = 4, .k = 3, .epilogue = epilogue};
  const float token_scale[2] = {2.0F, 4.0F};
  ProductKernel kernel{.functions = reference_functions()};
  kernel.functions.sizes(4, 3, 0, &kernel.sizes);
  AlignedBuffer packed(static_cast<size_t>(kernel.sizes.packed_bytes));
  pack_rows(problem, kernel.functions.pack, {0, 4}, &kW[0][0], nullptr, packed.as<uint8_t>());
  kernel.packed = packed.as<uint8_t>();
  const Product product(problem, {{0, 4, 2, 1.0F}, {1, 4, 2, 8.0F}}, {kernel});
  AlignedBuffer form(static_cast<size_t>(product.form_bytes(2)));
  const ProductInput in{
      .tokens = 2, .x = &kX[0][0], .ldx = 3, .scales = token_scale, .form = form.as<uint8_t>()};
  product.prepare({0, 2}, in);
  product.run({{0, 2}, {0, 4}}, in, nullptr, {y.data(), ldy, residual_scale});
  return y;
}

TEST(Reference, DotProducts) {
  const auto y = run(BN_INT32, std::vector<int32_t>(10, 99), 5);
  for (size_t m = 0; m < 2; ++m) {
    for (size_t n = 0; n < 4; ++n) EXPECT_EQ(y[m * 5 + n], kDots[m][n]);
    EXPECT_EQ(y[m * 5 + 4], 99) << "wrote past its columns";
  }
}

TEST(Reference, ScalesBySegmentAndToken) {
  EXPECT_EQ(run(BN_SCALED, std::vector<float>(8), 4),
            (std::vector<float>{1.5F, -24, -0.5F, 28, -63.5F, 508, 31.75F, -762}));
  EXPECT_EQ(run(BN_SCALED_ADD, std::vector<float>(8, 1.0F), 4),
            (std::vector<float>{2.5F, -23, 0.5F, 29, -62.5F, 509, 32.75F, -761}));
  EXPECT_EQ(run(BN_SCALED_ADD, std::vector<float>(8, 1.0F), 4, 0.5F),
            (std::vector<float>{1.75F, -11, 0.75F, 15, -30.75F, 255, 16.875F, -380}));
}

TEST(Reference, SquaredReluGate) {
  EXPECT_EQ(run(BN_GATE_UP_RELU2, std::vector<float>(4, 9.0F), 2),
            (std::vector<float>{2.25F * -24, 0, 0, 31.75F * 31.75F * -762}));
}

// exp of NUMERICS is within 0.9 ulp, the division and the two products add half an ulp each: 4 ulp
// are enough.
TEST(Reference, SiluGateIsCloseToDouble) {
  std::mt19937 random(1);
  std::uniform_real_distribution<float> g(-80.0F, 80.0F);
  for (int i = 0; i < 100000; ++i) {
    const float gate = g(random) * (i % 2 == 0 ? 1.0F : 0.05F);
    const double want = gate / (1.0 + std::exp(-double{gate})) * 3.0;
    EXPECT_NEAR(reference_gate_up(gate, 3.0F, BN_GATE_UP_SILU), want, std::fabs(want) * 4 * 0x1p-23)
        << gate;
  }
}

TEST(Reference, SiluGateAtTheEnds) {
  EXPECT_EQ(reference_gate_up(100.0F, 2.0F, BN_GATE_UP_SILU), 200.0F);
  EXPECT_EQ(reference_gate_up(-100.0F, 2.0F, BN_GATE_UP_SILU), -0.0F);
  EXPECT_EQ(reference_gate_up(0.0F, 2.0F, BN_GATE_UP_SILU), 0.0F);
  EXPECT_TRUE(std::isnan(reference_gate_up(std::nanf(""), 2.0F, BN_GATE_UP_SILU)));
}

}  // namespace
}  // namespace bitnet
