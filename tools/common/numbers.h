// Numbers of a command line, read strictly: the whole word, in decimal, within the range of its
// type. Nothing is cut, wrapped or guessed: "12abc", "1.5" for a count, "1e999", "nan" and
// 99999999999999999999 are refused, each with what was wanted.
#pragma once

#include <charconv>
#include <cmath>
#include <concepts>
#include <limits>
#include <string_view>

#include "runtime/base/result.h"

namespace bitnet {

template <typename T>
concept Number = (std::integral<T> && !std::same_as<T, bool>) || std::floating_point<T>;

// The message says what was wanted, no more: its reader knows where and what was found.
template <Number T>
Result<T> parse_number(std::string_view text) {
  using Limits = std::numeric_limits<T>;
  if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = end == text.data() + text.size();
  if constexpr (std::integral<T>) {
    const bool below = std::unsigned_integral<T> && text.starts_with('-');
    if (below || (whole && error == std::errc::result_out_of_range))
      return fail(Error::Kind::invalid, "wanted a whole number from {} to {}", Limits::min(),
                  Limits::max());
    if (!whole || error != std::errc{}) return fail(Error::Kind::invalid, "wanted a whole number");
  } else {
    if (!whole || (error == std::errc{} && !std::isfinite(value)) ||
        error == std::errc::invalid_argument)
      return fail(Error::Kind::invalid, "wanted a number");
    if (error != std::errc{})
      return fail(Error::Kind::invalid, "wanted a number of size {} to {}", Limits::min(),
                  Limits::max());
  }
  return value;
}

}  // namespace bitnet
