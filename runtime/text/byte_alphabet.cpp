#include "runtime/text/byte_alphabet.h"

#include <array>

#include "runtime/base/utf8.h"

namespace bitnet {
namespace {

constexpr bool stands_for_itself(uint32_t byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

struct Alphabet {
  std::array<uint16_t, 256> letter{};  // code point of a byte
  std::array<int16_t, 324> byte{};     // byte of a code point, or -1
};
constexpr Alphabet make_alphabet() {
  Alphabet alphabet;
  alphabet.byte.fill(-1);
  uint16_t next = 256;
  for (uint16_t byte = 0; byte < 256; ++byte) {
    const uint16_t letter = stands_for_itself(byte) ? byte : next++;
    alphabet.letter[byte] = letter;
    alphabet.byte[letter] = static_cast<int16_t>(byte);
  }
  return alphabet;
}
constexpr Alphabet kAlphabet = make_alphabet();

}  // namespace

void append_as_alphabet(std::string_view bytes, std::string& out) {
  for (const char byte : bytes) append_utf8(kAlphabet.letter[static_cast<uint8_t>(byte)], out);
}

std::string bytes_of_alphabet(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const auto [kind, bytes] = utf8_at(text, at);
    const auto byte = [&](size_t i) {
      return static_cast<uint32_t>(static_cast<uint8_t>(text[at + i]));
    };
    const uint32_t code_point = kind != Utf8::whole
                                    ? UINT32_MAX  // all letters take one or two bytes
                                : bytes == 1 ? byte(0)
                                : bytes == 2 ? (byte(0) & 0x1F) << 6 | (byte(1) & 0x3F)
                                             : UINT32_MAX;
    if (code_point < kAlphabet.byte.size() && kAlphabet.byte[code_point] >= 0)
      out.push_back(static_cast<char>(kAlphabet.byte[code_point]));
    else
      out.append(text, at, bytes);
    at += bytes;
  }
  return out;
}

}  // namespace bitnet
