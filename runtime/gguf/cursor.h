// Walks a byte range from front to back; every step is checked against its end. Numbers are
// little-endian.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "runtime/base/result.h"

namespace bitnet {

static_assert(std::endian::native == std::endian::little, "GGUF is read in place");

class Cursor {
 public:
  explicit Cursor(std::span<const std::byte> bytes) : bytes_(bytes) {}

  size_t position() const { return position_; }
  size_t left() const { return bytes_.size() - position_; }

  // `what` completes "the file ends inside ...".
  Result<std::span<const std::byte>> take(uint64_t bytes, std::string_view what) {
    if (bytes > left()) {
      return fail(Error::Kind::invalid, "the file ends inside {}: found {} bytes, wanted {}", what,
                  left(), bytes);
    }
    const auto taken = bytes_.subspan(position_, static_cast<size_t>(bytes));
    position_ += taken.size();
    return taken;
  }

  template <typename T>
  Result<T> number(std::string_view what) {
    BITNET_TRY(const auto raw, take(sizeof(T), what));
    T value;
    std::memcpy(&value, raw.data(), sizeof(T));
    return value;
  }

  // A u64 length and as many bytes.
  Result<std::string_view> string(std::string_view what) {
    BITNET_TRY(const uint64_t bytes, number<uint64_t>(what));
    BITNET_TRY(const auto raw, take(bytes, what));
    return std::string_view(reinterpret_cast<const char*>(raw.data()), raw.size());
  }

 private:
  std::span<const std::byte> bytes_;
  size_t position_ = 0;
};

}  // namespace bitnet
