// GPT-2's alphabet: every byte as one visible character, so that a vocabulary of byte strings can
// be written as text. Printable ASCII and Latin-1 stand for themselves; the other 68 bytes are
// U+0100, U+0101, .. in ascending order.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace bitnet {

void append_as_alphabet(std::string_view bytes, std::string& out);
// Back to bytes; characters outside the alphabet stay as they are.
std::string bytes_of_alphabet(std::string_view text);

}  // namespace bitnet
