#pragma once

#include <bit>
#include <cstdint>
#include <span>

namespace bitnet {

// Neither infinite nor NaN, by the exponent's bits: no comparison that a compiler may assume away.
inline bool is_finite(float value) {
  constexpr uint32_t kExponent = 0x7f800000U;
  return (std::bit_cast<uint32_t>(value) & kExponent) != kExponent;
}
inline bool all_finite(std::span<const float> values) {
  bool all = true;
  for (const float value : values) all &= is_finite(value);
  return all;
}

}  // namespace bitnet
