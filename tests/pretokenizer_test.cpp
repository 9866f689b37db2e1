// Where the expressions of pre-tokenizers cut words.
#include "runtime/text/pretokenizer.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "runtime/text/byte_alphabet.h"
#include "tests/written_vocabulary.h"

namespace bitnet {
namespace {

using namespace testing;

// The alternatives of the expression one by one. '|' marks where words end; every byte is a token,
// so that words are made visible by making each a token.
TEST(Pretokenizer, CutsWordsAsLlama3Does) {
  const struct {
    std::string text;
    std::vector<std::string> words;
  } cases[] = {
      {"I'll don'T", {"I", "'ll", " don", "'T"}},
      {"Hello, world", {"Hello", ",", " world"}},
      {"12345", {"123", "45"}},
      {"a  b", {"a", " ", " b"}},
      {"a \n b", {"a", " \n", " b"}},
      {"x  ", {"x", "  "}},
      {" ...\n\nx", {" ...\n\n", "x"}},
      {"\u00e9t\u00e9 \u4f60\u597d", {"\u00e9t\u00e9", " \u4f60\u597d"}},
      {"'\u017f", {"'\u017f"}},                        // long s is a letter, no contraction
      {"a\u180eb", {"a", "\u180eb"}},                  // no white space in Unicode
      {"a\u3000\u3000b", {"a", "\u3000", "\u3000b"}},  // white space in Unicode
  };
  for (const auto& c : cases) {
    std::vector<std::string> letters(c.words.size());
    Vocabulary v = whole_word_vocabulary();
    Ids want;
    for (size_t i = 0; i < c.words.size(); ++i) {
      append_as_alphabet(c.words[i], letters[i]);
      const auto known = std::ranges::find(v.tokens, letters[i]);
      want.push_back(known != v.tokens.end() ? static_cast<int32_t>(known - v.tokens.begin())
                                             : add(v, letters[i]));
    }
    EXPECT_EQ(make(v).encode(c.text, false, false), want) << c.text;
  }
}

TEST(Pretokenizer, CutsWordsAsGpt2Does) {
  const Pretokenizer gpt2 = Pretokenizer::make("gpt-2").value();
  const std::pair<const char*, std::vector<std::string_view>> cases[] = {
      {"I'm 12345 years", {"I", "'m", " 12345", " years"}},
      {"I'M here", {"I", "'", "M", " here"}},
      {"a  b\n\nc  ", {"a", " ", " b", "\n", "\n", "c", "  "}},
      {"hi!!\n", {"hi", "!!", "\n"}},
      {"\tx", {"\t", "x"}},
  };
  for (const auto& [text, want] : cases) {
    std::vector<std::string_view> words;
    gpt2.split(text, words);
    EXPECT_EQ(words, want) << text;
  }
}

}  // namespace
}  // namespace bitnet
