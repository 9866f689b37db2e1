#include "runtime/base/printable.h"

#include <fmt/core.h>

#include <cstdint>

namespace bitnet {
namespace {

// Bytes of the well-formed UTF-8 sequence at the start of `text` (Unicode 15, table 3-7), 0 where
// there is none.
size_t utf8_sequence_bytes(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t first = byte(0);
  if (first < 0x80) return 1;
  const size_t bytes = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < bytes) return 0;
  const uint8_t low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;  // no overlong forms
  const uint8_t high = first == 0xED   ? 0x9F
                       : first == 0xF4 ? 0x8F
                                       : 0xBF;  // no surrogates, at most 10FFFF
  if (byte(1) < low || byte(1) > high) return 0;
  for (size_t i = 2; i < bytes; ++i) {
    if (byte(i) < 0x80 || byte(i) > 0xBF) return 0;
  }
  return bytes;
}

bool is_control(std::string_view sequence) {
  const auto first = static_cast<uint8_t>(sequence[0]);
  if (sequence.size() == 1) return first < 0x20 || first == 0x7F;
  return sequence.size() == 2 && first == 0xC2 && static_cast<uint8_t>(sequence[1]) < 0xA0;  // C1
}

}  // namespace

std::string printable(std::string_view text, size_t limit) {
  std::string out;
  while (!text.empty()) {
    if (out.size() >= limit) return out + "...";
    const size_t bytes = utf8_sequence_bytes(text);
    if (bytes > 0 && !is_control(text.substr(0, bytes))) {
      out += text.substr(0, bytes);
      text.remove_prefix(bytes);
    } else {
      out += fmt::format("\\x{:02x}", static_cast<uint8_t>(text[0]));
      text.remove_prefix(1);
    }
  }
  return out;
}

}  // namespace bitnet
