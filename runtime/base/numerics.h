// The primitives of docs/NUMERICS.md transcribed into plain scalar C++, for the references that
// fast kernels are held to. Nothing of templates/ uses them: the two check each other. Slow on
// purpose.
#pragma once

#include <bit>
#include <cstdint>
#include <limits>

namespace bitnet::numerics {

// One rounding: exact product in double, TwoSum with c, the sum rounded to odd, then to float.
inline float fma(float a, float b, float c) {
  const double product = double{a} * double{b};
  const double sum = product + double{c};
  const double part = sum - product;
  const double error = (product - (sum - part)) + (double{c} - part);
  auto bits = std::bit_cast<int64_t>(sum);
  const bool inexact = error < 0 || error > 0;  // false for the NaN that an infinite sum has
  if (inexact && bits % 2 == 0) {
    const bool away_from_zero = (error > 0) == (sum > 0);
    bits += away_from_zero ? 1 : -1;
  }
  return static_cast<float>(std::bit_cast<double>(bits));
}

inline float absolute(float x) {
  return std::bit_cast<float>(std::bit_cast<uint32_t>(x) & 0x7fffffffU);
}

// Ties to even. From 2^23 on a float has no fraction.
inline float rint(float x) {
  const float size = absolute(x);
  if (!(size < 0x1p23F)) return x;
  const float whole = (size + 0x1p23F) - 0x1p23F;
  return std::bit_cast<uint32_t>(x) >> 31U ? -whole : whole;
}

inline float exp(float x) {
  if (x != x) return x;
  if (x < -87.0F) return 0.0F;
  if (x > 88.0F) return std::numeric_limits<float>::infinity();
  const float n = rint(x * 0x1.715476p+0F);
  const float r = fma(n, 0x1.05c61p-29F, fma(n, -0x1.62e43p-1F, x));
  constexpr float kCoefficients[] = {
      0x1.6a23dp-10F, 0x1.123a2p-7F, 0x1.5558f2p-5F, 0x1.555492p-3F, 0x1.fffffcp-2F, 1.0F, 1.0F};
  float p = kCoefficients[0];
  for (int i = 1; i < 7; ++i) p = fma(p, r, kCoefficients[i]);
  return std::bit_cast<float>(std::bit_cast<int32_t>(p) + (static_cast<int32_t>(n) << 23));
}

inline float silu(float x) { return x * (1.0F / (1.0F + exp(-x))); }

inline float relu2(float x) {
  const float r = x > 0 ? x : 0.0F;
  return r * r;
}

}  // namespace bitnet::numerics
