// UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace bitnet {

enum class Utf8 : uint8_t {
  whole,    // `bytes` bytes are a character
  cut,      // the text ends inside of what may become a character
  invalid,  // the byte begins no character
};
struct Utf8Character {
  Utf8 kind;
  size_t bytes;  // 1 where invalid, all that is left where cut
};
// What begins at text[at]; at < text.size().
Utf8Character utf8_at(std::string_view text, size_t at);

void append_utf8(uint32_t code_point, std::string& out);  // code_point <= 0x10FFFF

}  // namespace bitnet
