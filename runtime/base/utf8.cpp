#include "runtime/base/utf8.h"

#include <algorithm>

namespace bitnet {
namespace {

// By the first byte: length, and the range of the second byte, which is where the forbidden forms
// differ.
struct Lead {
  size_t bytes;
  uint8_t low, high;
};
Lead lead(uint8_t byte) {
  if (byte < 0x80) return {1, 0, 0};
  if (byte < 0xC2) return {0, 0, 0};  // a continuation, or overlong
  if (byte < 0xE0) return {2, 0x80, 0xBF};
  if (byte == 0xE0) return {3, 0xA0, 0xBF};
  if (byte == 0xED) return {3, 0x80, 0x9F};  // no surrogates
  if (byte < 0xF0) return {3, 0x80, 0xBF};
  if (byte == 0xF0) return {4, 0x90, 0xBF};
  if (byte < 0xF4) return {4, 0x80, 0xBF};
  if (byte == 0xF4) return {4, 0x80, 0x8F};
  return {0, 0, 0};
}

}  // namespace

Utf8Character utf8_at(std::string_view text, size_t at) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const Lead first = lead(byte(at));
  const size_t there = std::min(first.bytes, text.size() - at);
  if (first.bytes == 0) return {Utf8::invalid, 1};
  for (size_t i = 1; i < there; ++i) {
    const uint8_t low = i == 1 ? first.low : 0x80, high = i == 1 ? first.high : 0xBF;
    if (byte(at + i) < low || byte(at + i) > high) return {Utf8::invalid, 1};
  }
  return {there == first.bytes ? Utf8::whole : Utf8::cut, there};
}

void append_utf8(uint32_t code_point, std::string& out) {
  const auto push = [&out](uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (code_point < 0x80) {
    push(code_point);
  } else if (code_point < 0x800) {
    push(0xC0 | code_point >> 6);
    push(0x80 | (code_point & 0x3F));
  } else if (code_point < 0x10000) {
    push(0xE0 | code_point >> 12);
    push(0x80 | (code_point >> 6 & 0x3F));
    push(0x80 | (code_point & 0x3F));
  } else {
    push(0xF0 | code_point >> 18);
    push(0x80 | (code_point >> 12 & 0x3F));
    push(0x80 | (code_point >> 6 & 0x3F));
    push(0x80 | (code_point & 0x3F));
  }
}

}  // namespace bitnet
