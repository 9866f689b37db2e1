// The smallest byte-level vocabulary: the 256 letters of bytes as tokens 0..255, no merges. Texts
// of tokens live as long as the program.
#pragma once

#include <string>
#include <vector>

#include "runtime/text/byte_alphabet.h"
#include "runtime/text/vocabulary.h"

namespace bitnet {

inline Vocabulary byte_vocabulary() {
  static const std::vector<std::string> letters = [] {
    std::vector<std::string> all(256);
    for (size_t byte = 0; byte < 256; ++byte) {
      const char c = static_cast<char>(byte);
      append_as_alphabet({&c, 1}, all[byte]);
    }
    return all;
  }();
  Vocabulary v;
  v.tokens.assign(letters.begin(), letters.end());
  v.types.assign(256, TokenType::normal);
  return v;
}

}  // namespace bitnet
