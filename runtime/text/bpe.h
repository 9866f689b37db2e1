// Byte-level BPE (Sennrich et al., "Neural Machine Translation of Rare Words with Subword Units",
// 2016; bytes as in GPT-2): the letters of a word are joined, the pair with the best merge first,
// the leftmost of equals first, until no merge applies.
//
// Merges are pairs of texts, not of ids: one that names no token may still be a step on the way to
// one. What is left over without being a token is encoded letter by letter; a byte that the
// vocabulary lacks becomes the unknown token, or nothing where there is none.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "runtime/text/hash_index.h"
#include "runtime/text/token_index.h"
#include "runtime/text/vocabulary.h"

namespace bitnet {

class Bpe {
 public:
  // Both must stay where they are. Every merge has a space after its first byte (Vocabulary::read
  // checks).
  Bpe(const Vocabulary& vocabulary, const TokenIndex& tokens);

  // Appends the ids of words, given as bytes. O(n log n) in the length of each; a word that stood
  // there before is joined once, which makes texts of 85 KB and more twice as fast.
  void encode(std::span<const std::string_view> words, std::vector<int32_t>& ids) const;

 private:
  struct Pair {
    std::string_view left, right;
  };
  static Pair split(std::string_view merge);
  int64_t rank(std::string_view left, uint64_t left_hash, std::string_view right,
               uint64_t right_hash) const;
  void encode(std::string_view word, std::vector<int32_t>& ids) const;
  void append(std::string_view text, std::vector<int32_t>& ids) const;

  const Vocabulary* vocabulary_;
  const TokenIndex* tokens_;
  HashIndex ranks_;
  size_t longest_ = 0;  // bytes of the longest result of a merge
};

}  // namespace bitnet
