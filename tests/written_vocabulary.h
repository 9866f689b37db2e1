// Vocabularies that tests write down token by token.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/text/pcg.h"
#include "runtime/text/tokenizer.h"
#include "tests/byte_vocabulary.h"

namespace bitnet::testing {

using Ids = std::vector<int32_t>;

// Whole words are taken as they are, as Llama-3 does.
inline Vocabulary whole_word_vocabulary() {
  Vocabulary v = byte_vocabulary();
  v.ignore_merges = true;
  return v;
}

// <unk>, <s> and </s>; text begins with a space.
inline Vocabulary spm_vocabulary() {
  Vocabulary v;
  v.kind = TokenizerKind::sentencepiece;
  v.add_space_prefix = true;
  v.tokens = {"<unk>", "<s>", "</s>"};
  v.types = {TokenType::unknown, TokenType::control, TokenType::control};
  v.scores = {0, 0, 0};
  v.unknown = 0, v.bos = 1, v.eos = 2;
  v.add_bos = true;
  return v;
}

inline int32_t add(Vocabulary& v, std::string_view token, TokenType type = TokenType::normal,
                   float score = 0) {
  v.tokens.push_back(token);
  v.types.push_back(type);
  if (v.kind == TokenizerKind::sentencepiece) v.scores.push_back(score);
  return static_cast<int32_t>(v.tokens.size()) - 1;
}

inline Tokenizer make(Vocabulary v) {
  auto tokenizer = Tokenizer::make(std::move(v));
  EXPECT_TRUE(tokenizer) << tokenizer.error().message;
  return std::move(*tokenizer);
}

inline std::string random_bytes(Pcg32& random, size_t count) {
  std::string text(count, 0);
  for (char& c : text) c = static_cast<char>(random.draw());
  return text;
}

}  // namespace bitnet::testing
