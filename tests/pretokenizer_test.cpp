// Where the expressions of pre-tokenizers cut words, alternative by alternative.
#include "runtime/text/pretokenizer.h"

#include <gtest/gtest.h>

#include <string_view>
#include <utility>
#include <vector>

namespace bitnet {
namespace {

using Words = std::vector<std::string_view>;

struct Case {
  std::string_view text;
  Words words;
};

void expect_words(std::string_view pretokenizer, const std::vector<Case>& cases) {
  const Pretokenizer tokenizer = Pretokenizer::make(pretokenizer).value();
  for (const auto& [text, want] : cases) {
    Words words;
    tokenizer.split(text, words);
    EXPECT_EQ(words, want) << pretokenizer << ": " << text;
  }
}

// Of Llama 3 and Qwen alike.
const std::vector<Case> kCommon = {
    {"I'll don'T", {"I", "'ll", " don", "'T"}},
    {"Hello, world", {"Hello", ",", " world"}},
    {"a  b", {"a", " ", " b"}},
    {"a \n b", {"a", " \n", " b"}},
    {"\r\n\r\nx", {"\r\n\r\n", "x"}},
    {"x  ", {"x", "  "}},
    {"\tx", {"\tx"}},
    {" ...\n\nx", {" ...\n\n", "x"}},
    {"\u00e9t\u00e9 \u4f60\u597d", {"\u00e9t\u00e9", " \u4f60\u597d"}},
    {"'\u017f", {"'\u017f"}},                        // long s is a letter, no contraction
    {"a\u180eb", {"a", "\u180eb"}},                  // no white space in Unicode
    {"a\u3000\u3000b", {"a", "\u3000", "\u3000b"}},  // white space in Unicode
};

TEST(Pretokenizer, CutsWordsAsLlama3Does) {
  expect_words("llama-bpe", kCommon);
  expect_words("llama-bpe", {{"12345", {"123", "45"}}, {"a1 2", {"a", "1", " ", "2"}}});
}

TEST(Pretokenizer, TakesDigitsOneByOneAsQwenDoes) {
  for (const char* name : {"qwen2", "deepseek-r1-qwen", "qwen35"}) {
    expect_words(name, kCommon);
    expect_words(name, {{"12345", {"1", "2", "3", "4", "5"}},
                        {"v1.25", {"v", "1", ".", "2", "5"}},
                        {" 7\u0664\u00bd", {" ", "7", "\u0664", "\u00bd"}}});
  }
}

// What stands over, under or around a letter belongs to no word of qwen2, to any of qwen35.
TEST(Pretokenizer, MarksAreLettersOfQwen35Only) {
  const std::string_view accent = "e\u0301t", hindi = "\u0939\u093f\u0928", alone = "\u0301",
                         symbols = "+\u0301+";
  expect_words("qwen2", {{accent, {"e", "\u0301t"}},
                         {hindi, {"\u0939", "\u093f\u0928"}},
                         {alone, {alone}},
                         {symbols, {symbols}}});
  expect_words(
      "qwen35",
      {{accent, {accent}}, {hindi, {hindi}}, {alone, {alone}}, {symbols, {"+\u0301", "+"}}});
}

TEST(Pretokenizer, CutsWordsAsGpt2Does) {
  expect_words("gpt-2", {{"I'm 12345 years", {"I", "'m", " 12345", " years"}},
                         {"I'M here", {"I", "'", "M", " here"}},
                         {"a  b\n\nc  ", {"a", " ", " b", "\n", "\n", "c", "  "}},
                         {"hi!!\n", {"hi", "!!", "\n"}},
                         {"\tx", {"\t", "x"}}});
}

}  // namespace
}  // namespace bitnet
