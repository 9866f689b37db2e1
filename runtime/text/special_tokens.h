// Finds special tokens written in a text, as llama.cpp does: the longest tokens take their places
// first, wherever they stand, of equally long ones the lowest id, of one token the leftmost; what
// they leave over is plain text.
#pragma once

#include <bitset>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/text/token_index.h"
#include "runtime/text/vocabulary.h"

namespace bitnet {

class SpecialTokens {
 public:
  // Both must stay where they are.
  SpecialTokens(const Vocabulary& vocabulary, const TokenIndex& tokens);

  struct Fragment {
    std::string_view text;  // of the text, or empty:
    int32_t token = -1;     // a special token
  };
  struct Range {
    size_t begin, end;
  };
  // Gives them in order. User-defined tokens are found everywhere, control tokens only where they
  // lie inside of one of the ranges `parsed`, which are ascending.
  std::vector<Fragment> split(std::string_view text, std::span<const Range> parsed) const;

 private:
  struct Match {
    size_t begin, bytes;
    int32_t id;
  };
  std::vector<Match> matches(std::string_view text, std::span<const Range> parsed) const;

  const Vocabulary* vocabulary_;
  const TokenIndex* tokens_;
  std::bitset<256> first_bytes_;
  std::vector<size_t> lengths_;  // of special tokens, distinct, descending
};

}  // namespace bitnet
