#pragma once

#include <concepts>
#include <type_traits>

namespace bitnet {

// The least multiple that is not below value; both are at least 0.
template <std::integral T>
constexpr T round_up(T value, std::type_identity_t<T> multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

}  // namespace bitnet
