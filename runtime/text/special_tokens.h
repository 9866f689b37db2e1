// Finds special tokens written in a text, as llama.cpp does: the longest tokens take their places
// first, wherever they stand, of equally long ones the lowest id, of one token the leftmost; what
// they leave over is plain text.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "runtime/text/token_index.h"
#include "runtime/text/vocabulary.h"

namespace bitnet {

class SpecialTokens {
 public:
  // The texts of the vocabulary must stay where they are.
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
  struct Special {
    std::string_view text;
    int32_t id;
    bool user_defined;
  };
  struct Match {
    size_t begin, bytes;
    int32_t id;
    // The order in which they take their places, the first of all on top of a heap.
    bool operator<(const Match& other) const;
  };
  std::optional<Match> longest(std::string_view text, size_t at, size_t most,
                               std::span<const Range> parsed) const;
  std::vector<Match> take_places(std::string_view text, std::span<const Range> parsed) const;

  std::vector<Special> specials_;  // ascending by text, each text once
  std::array<std::span<const Special>, 256> by_first_byte_;
};

}  // namespace bitnet
