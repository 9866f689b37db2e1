// SentencePiece's BPE as Llama 2 uses it (Kudo and Richardson, "SentencePiece", 2018): the
// characters of a text are joined, the pair whose token has the best score first, the leftmost of
// equals first. Spaces are U+2581. A character that is no token becomes its bytes <0x00> .. <0xFF>;
// where the vocabulary lacks them, the unknown token, or nothing.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "runtime/text/token_index.h"
#include "runtime/text/vocabulary.h"

namespace bitnet {

class SentencePiece {
 public:
  // Both must stay where they are; scores are numbers (Vocabulary::read checks).
  SentencePiece(const Vocabulary& vocabulary, const TokenIndex& tokens);

  // Appends the ids of a text without special tokens. O(n log n).
  void encode(std::string_view text, std::vector<int32_t>& ids) const;

  // The bytes of a token: U+2581 as a space, <0x41> as its byte.
  std::string bytes_of(int32_t id) const;

 private:
  const Vocabulary* vocabulary_;
  const TokenIndex* tokens_;
  std::array<int32_t, 256> byte_ids_;  // -1: none
};

}  // namespace bitnet
