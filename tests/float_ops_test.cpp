// The primitives of docs/NUMERICS.md at every ISA level of this CPU: against exact arithmetic where
// that exists, and against plain formulas where the page gives one.
#include <algorithm>
#include <cmath>

#include "float_ops_probes.inc"
#include "runtime/base/numerics.h"
#include "runtime/cpu/isa.h"
#include "tests/float_inputs.h"
#include "tests/float_ops_probe.h"

namespace bitnet {
namespace {

class FloatOps : public ::testing::TestWithParam<std::pair<Isa, const FloatOpsProbe*>> {
 protected:
  void SetUp() override {
    if (!reported_isa().has(GetParam().first)) GTEST_SKIP() << "needs " << name(GetParam().first);
  }
  const FloatOpsProbe& ops() { return *GetParam().second; }
};
INSTANTIATE_TEST_SUITE_P(Levels, FloatOps, ::testing::ValuesIn(kLevelTable),
                         [](const auto& info) { return std::string(name(info.param.first)); });

// Step through all floats; 2^32 / kStride of them.
constexpr uint64_t kStride = 1021;
std::vector<float> sweep() {
  std::vector<float> x;
  for (uint64_t bits = 0; bits < (uint64_t{1} << 32U); bits += kStride) {
    x.push_back(std::bit_cast<float>(static_cast<uint32_t>(bits)));
  }
  while (x.size() % 16) x.push_back(0);
  return x;
}

float with_exponent(float x, int exponent) {
  return std::bit_cast<float>((std::bit_cast<uint32_t>(x) & 0x807fffffU) |
                              static_cast<uint32_t>(exponent + 127) << 23U);
}

// Triples on which a sum rounded twice goes wrong: a * b + c just beside the middle of two floats,
// or deep among the subnormals, or cancelling.
void hard_triples(std::vector<float>& a, std::vector<float>& b, std::vector<float>& c) {
  Random random(51);
  const auto mantissa = [&] {
    return std::bit_cast<float>((random.bits() & 0x807fffffU) | 0x3f800000U);
  };
  for (int i = 0; i < 160000; ++i) {
    float x = mantissa(), y = mantissa(), z = mantissa();
    switch (i % 8) {
      case 0:  // c is half an ulp above a power of two's multiple, the product tiny: a near tie
        z = with_exponent(z, 24), x = with_exponent(x, -20 - static_cast<int>(random.below(40)));
        y = with_exponent(y, static_cast<int>(random.below(8)) - 4);
        break;
      case 1:  // the product ends exactly half an ulp of the sum away, and then c a little more
        x = 1.0F + static_cast<float>(random.below(4096)) * 0x1p-12F,
        y = 1.0F + static_cast<float>(random.below(4096)) * 0x1p-12F;
        z = with_exponent(z, -50 - static_cast<int>(random.below(30)));
        break;
      case 2:
        z = -x * y;
        break;
      case 3:
        z = with_exponent(x * y, -24) * 0.5F;
        break;
      case 4:  // subnormal results
        x = with_exponent(x, -70), y = with_exponent(y, -60 - static_cast<int>(random.below(25)));
        z = z * 0x1p-140F;
        break;
      case 5:
        x = with_exponent(x, -100), y = with_exponent(y, -46),
        z = std::bit_cast<float>(random.bits() & 0x8000ffffU);
        break;
      case 6:
        x = with_exponent(x, 100), y = with_exponent(y, 27), z = with_exponent(z, 127);
        break;  // overflow's edge
      default:
        x = made_up(random, Flavour::hostile), y = made_up(random, Flavour::hostile),
        z = made_up(random, Flavour::hostile);
        break;
    }
    a.push_back(x), b.push_back(y), c.push_back(z);
  }
}

TEST_P(FloatOps, FmaRoundsOnce) {
  std::vector<float> a, b, c;
  hard_triples(a, b, c);
  std::vector<float> want(a.size()), got(a.size()), got_scalar(a.size());
  int64_t twice = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    want[i] = std::fma(a[i], b[i], c[i]);  // glibc's, correctly rounded
    twice += !same(want[i], static_cast<float>(double{a[i]} * double{b[i]} + double{c[i]}));
  }
  EXPECT_GT(twice, 500) << "the triples are meant to be hard";
  ops().fma(a.data(), b.data(), c.data(), static_cast<int64_t>(a.size()), got.data());
  ops().fma_scalar(a.data(), b.data(), c.data(), static_cast<int64_t>(a.size()), got_scalar.data());
  EXPECT_TRUE(all_same(got, want));
  EXPECT_TRUE(all_same(got_scalar, want));
}

TEST_P(FloatOps, RintTiesToEven) {
  const auto x = sweep();
  std::vector<float> want(x.size()), got(x.size());
  for (size_t i = 0; i < x.size(); ++i) want[i] = std::nearbyint(x[i]);
  ops().rint(x.data(), static_cast<int64_t>(x.size()), got.data());
  EXPECT_TRUE(all_same(got, want));
  std::vector<float> halves(16), rounded(16);
  for (int i = 0; i < 16; ++i) halves[static_cast<size_t>(i)] = static_cast<float>(i - 8) + 0.5F;
  ops().rint(halves.data(), 16, rounded.data());
  EXPECT_EQ(rounded,
            (std::vector<float>{-8, -6, -6, -4, -4, -2, -2, -0.0F, 0, 2, 2, 4, 4, 6, 6, 8}));
}

TEST_P(FloatOps, ExpWithinNineTenthsOfAnUlp) {
  // A dense sweep of -90..90, by equal steps and by equal steps of the bits.
  std::vector<float> x = sweep();
  for (int i = -900000; i <= 900000; ++i) x.push_back(static_cast<float>(i) * 1e-4F);
  while (x.size() % 16) x.push_back(0);
  std::vector<float> y(x.size());
  ops().exp(x.data(), static_cast<int64_t>(x.size()), y.data());
  double worst = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    if (x[i] != x[i]) {
      EXPECT_NE(y[i], y[i]);
    } else if (x[i] < -87.0F) {
      EXPECT_EQ(std::bit_cast<uint32_t>(y[i]), 0U) << x[i];
    } else if (x[i] > 88.0F) {
      EXPECT_EQ(y[i], std::numeric_limits<float>::infinity()) << x[i];
    } else {
      const double exact = std::exp(double{x[i]});
      const double ulp = std::ldexp(1.0, std::ilogb(exact) - 23);
      worst = std::max(worst, std::abs(double{y[i]} - exact) / ulp);
    }
  }
  EXPECT_LT(worst, 0.9);
  EXPECT_GT(worst, 0.5);  // a polynomial, not a table
  const std::vector<float> zeros(16, -0.0F);
  ops().exp(zeros.data(), 16, y.data());
  EXPECT_EQ(y[0], 1.0F);
}

// By the definition of the format, in double.
float half_value(uint32_t h) {
  const int exponent = static_cast<int>(h >> 10U & 31U);
  const auto mantissa = static_cast<double>(h & 1023U);
  const double sign = h >> 15U ? -1 : 1;
  if (exponent == 31)
    return mantissa == 0 ? static_cast<float>(sign * HUGE_VAL)
                         : std::numeric_limits<float>::quiet_NaN();
  return static_cast<float>(exponent == 0 ? sign * std::ldexp(mantissa, -24)
                                          : sign * std::ldexp(1024 + mantissa, exponent - 25));
}

TEST_P(FloatOps, EveryHalfBecomesItsFloatAndBack) {
  std::vector<uint16_t> halves(65536), back(65536);
  std::vector<float> want(65536), got(65536), brain(65536), brain_want(65536);
  for (uint32_t h = 0; h < 65536; ++h) {
    halves[h] = static_cast<uint16_t>(h);
    want[h] = half_value(h);
    brain_want[h] = std::bit_cast<float>(h << 16U);
  }
  ops().from_f16(halves.data(), 65536, got.data());
  EXPECT_TRUE(all_same(got, want));
  ops().to_f16(want.data(), 65536, back.data());
  for (uint32_t h = 0; h < 65536; ++h) {
    if (want[h] == want[h]) {
      ASSERT_EQ(back[h], h);
    } else {
      ASSERT_GT(back[h] & 0x7fffU, 0x7c00U);
    }
  }
  ops().from_bf16(halves.data(), 65536, brain.data());
  EXPECT_TRUE(all_same(brain, brain_want));
}

// The middle between two neighbouring halves goes to the even one, and the floats beside it to
// their own side.
TEST_P(FloatOps, HalvesRoundToNearestEven) {
  for (uint32_t h = 0; h + 1 < 0x7c00; ++h) {
    const float middle = (half_value(h) + half_value(h + 1)) / 2;
    std::vector<float> x(16, 0.0F);
    x[0] = middle, x[1] = std::nextafter(middle, 0.0F), x[2] = std::nextafter(middle, 1e9F),
    x[3] = -middle;
    std::vector<uint16_t> y(16);
    ops().to_f16(x.data(), 16, y.data());
    const uint32_t even = h % 2 ? h + 1 : h;
    ASSERT_EQ(y[0], even);
    ASSERT_EQ(y[1], h);
    ASSERT_EQ(y[2], h + 1);
    ASSERT_EQ(y[3], even | 0x8000U);
  }
  const std::vector<float> ends = {
      65519.0F, 65520.0F,   1e30F, -65520.0F, 0x1p-25F, 0x1.000002p-25F,
      0x1p-40F, -0x1p-149F, 0,     0,         0,        0,
      0,        0,          0,     0};
  std::vector<uint16_t> y(16);
  ops().to_f16(ends.data(), 16, y.data());
  EXPECT_EQ(y[0], 0x7bff);
  EXPECT_EQ(y[1], 0x7c00);
  EXPECT_EQ(y[2], 0x7c00);
  EXPECT_EQ(y[3], 0xfc00);
  EXPECT_EQ(y[4], 0);
  EXPECT_EQ(y[5], 1);
  EXPECT_EQ(y[6], 0);
  EXPECT_EQ(y[7], 0x8000);
}

// ---- The epilogue against its formulas, row by row

class Epilogue : public FloatOps {
 protected:
  static constexpr int64_t kN = 214, kM = 2, kLd = 220;

  // The scale of row n.
  static float scale_of(const std::vector<BnSegment>& segments, int64_t n) {
    for (const BnSegment& s : segments) {
      if (n >= s.row_begin && n < s.row_end && (n - s.row_begin) % s.row_stride == 0)
        return s.weight_scale;
    }
    return -1;
  }

  // Runs the rows in pieces of `piece` and compares with the formula. With groups results are
  // floats already, and segments have no say.
  void compare(BnEpilogue epilogue, const std::vector<BnSegment>& segments, int64_t piece,
               int64_t group = 0) {
    Random random(61);
    std::vector<int32_t> dots(kN);
    for (int32_t& dot : dots) {
      dot = static_cast<int32_t>(random.bits() % 400001) - 200000;
      if (group) dot = std::bit_cast<int32_t>(static_cast<float>(dot) * 0.01F);
    }
    const std::vector<float> token_scale = {3.7F, 91.3F};
    auto y = made_up(kM * kLd, 62);
    auto want = y;
    const int64_t m = 1;
    constexpr float kResidualScale = 0.2475F;
    const auto dot_times_c = [&](int64_t n) {
      if (group) return std::bit_cast<float>(dots[static_cast<size_t>(n)]);
      const float c = scale_of(segments, n) / token_scale[m];
      return static_cast<float>(dots[static_cast<size_t>(n)]) * c;
    };
    for (int64_t n = 0; n < kN; ++n) {
      auto& one = want[static_cast<size_t>(m * kLd + n)];
      if (epilogue == BN_INT32) one = std::bit_cast<float>(dots[static_cast<size_t>(n)]);
      if (epilogue == BN_SCALED) one = dot_times_c(n);
      if (epilogue == BN_SCALED_ADD) one = one + dot_times_c(n) * kResidualScale;
      if (epilogue >= BN_GATE_UP_SILU && n % 2 == 0) {
        const float g = dot_times_c(n);
        const float activated =
            epilogue == BN_GATE_UP_SILU ? numerics::silu(g) : numerics::relu2(g);
        want[static_cast<size_t>(m * kLd + n / 2)] = activated * dot_times_c(n + 1);
      }
    }
    const BnRun run = {.n = kN,
                       .k = 64,
                       .group = group,
                       .m0 = 0,
                       .m1 = kM,
                       .n0 = 0,
                       .n1 = kN,
                       .packed = nullptr,
                       .form = nullptr,
                       .scratch = nullptr,
                       .token_scale = token_scale.data(),
                       .segments = segments.data(),
                       .segment_count = static_cast<int32_t>(segments.size()),
                       .epilogue = epilogue,
                       .y = y.data(),
                       .ldy = kLd,
                       .residual_scale = kResidualScale};
    for (int64_t n = 0; n < kN; n += piece) {
      const int64_t count = std::min(piece, kN - n);
      const std::vector<int32_t> part(dots.begin() + n,
                                      dots.begin() + n + count);  // its own end, for ASan
      ops().epilogue(&run, m, n, part.data(), count);
    }
    for (size_t i = 0; i < y.size(); ++i) {
      ASSERT_EQ(std::bit_cast<uint32_t>(y[i]), std::bit_cast<uint32_t>(want[i]))
          << "epilogue " << epilogue << " piece " << piece << " at " << i;
    }
  }
};
INSTANTIATE_TEST_SUITE_P(Levels, Epilogue, ::testing::ValuesIn(kLevelTable),
                         [](const auto& info) { return std::string(name(info.param.first)); });

TEST_P(Epilogue, EqualsItsFormulas) {
  const std::vector<BnSegment> one = {{0, 214, 1, 0.7F}};
  const std::vector<BnSegment> three = {
      {0, 130, 1, 0.7F}, {130, 171, 1, 1.3F}, {171, 214, 1, 0.01F}};
  const std::vector<BnSegment> alternating = {{0, 214, 2, 0.7F}, {1, 214, 2, 1.9F}};
  for (const int64_t piece : {2, 4, 16, 22, 32, 34, 64, 214}) {
    for (const auto& segments : {one, three, alternating}) {
      for (const BnEpilogue epilogue : {BN_INT32, BN_SCALED, BN_SCALED_ADD})
        compare(epilogue, segments, piece);
    }
    for (const BnEpilogue epilogue : {BN_GATE_UP_SILU, BN_GATE_UP_RELU2})
      compare(epilogue, alternating, piece);
  }
  for (const int64_t piece : {1, 3, 33}) compare(BN_SCALED_ADD, three, piece);
  for (const int64_t piece : {2, 16, 34, 214})
    for (const BnEpilogue epilogue : {BN_SCALED, BN_SCALED_ADD, BN_GATE_UP_SILU, BN_GATE_UP_RELU2})
      compare(epilogue, alternating, piece, 128);
}

}  // namespace
}  // namespace bitnet
