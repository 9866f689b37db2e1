#include "runtime/base/printable.h"

#include <fmt/core.h>

#include <cstdint>

#include "runtime/base/utf8.h"

namespace bitnet {
namespace {

uint32_t code_point(std::string_view sequence) {
  constexpr uint8_t kFirstBits[] = {0, 0x7F, 0x1F, 0x0F, 0x07};  // by the sequence's length
  uint32_t code = static_cast<uint8_t>(sequence[0]) & kFirstBits[sequence.size()];
  for (const char c : sequence.substr(1)) code = code << 6 | (static_cast<uint8_t>(c) & 0x3FU);
  return code;
}

// What moves a terminal's cursor, turns its writing round, or is there and cannot be seen.
struct Range {
  uint32_t first, last;
};
constexpr Range kUnseen[] = {
    {0x00, 0x1F},        // C0
    {0x7F, 0x9F},        // DEL and C1
    {0xAD, 0xAD},        // soft hyphen
    {0x61C, 0x61C},      // Arabic letter mark
    {0x180E, 0x180E},    // Mongolian vowel separator
    {0x200B, 0x200F},    // zero widths, left-to-right and right-to-left marks
    {0x2028, 0x202E},    // line and paragraph separators, embeddings and overrides
    {0x2060, 0x206F},    // word joiner, invisible operators, isolates
    {0xFEFF, 0xFEFF},    // byte order mark
    {0xFFF9, 0xFFFB},    // annotations
    {0xE0000, 0xE007F},  // tags
};

bool is_unseen(std::string_view sequence) {
  const uint32_t code = code_point(sequence);
  for (const Range& range : kUnseen)
    if (range.first <= code && code <= range.last) return true;
  return false;
}

}  // namespace

std::string printable(std::string_view text, size_t limit) {
  std::string out;
  while (!text.empty()) {
    if (out.size() >= limit) return out + "...";
    const auto [kind, bytes] = utf8_at(text, 0);
    const std::string_view next = text.substr(0, bytes);
    if (kind == Utf8::whole && !is_unseen(next)) {
      out += next;
    } else {
      for (const char c : next) out += fmt::format("\\x{:02x}", static_cast<uint8_t>(c));
    }
    text.remove_prefix(next.size());
  }
  return out;
}

}  // namespace bitnet
