// Special tokens in texts: which are found, which take their places, and what ends a reply.
#include "runtime/text/special_tokens.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <random>
#include <set>

#include "tests/written_vocabulary.h"

namespace bitnet {
namespace {

using namespace testing;

Vocabulary with_special_tokens() {
  Vocabulary v = whole_word_vocabulary();
  add(v, "<|bos|>", TokenType::control);               // 256
  add(v, "<|end_of_text|>", TokenType::control);       // 257
  add(v, "<|eot_id|>", TokenType::control);            // 258
  add(v, "<|eot_id|><|eot_id|>", TokenType::control);  // 259
  add(v, "\t\t", TokenType::user_defined);             // 260
  v.bos = 256, v.eos = 257, v.add_bos = true;
  return v;
}

TEST(SpecialTokens, AreParsedWhereAskedForAndUserDefinedOnesAlways) {
  const auto t = make(with_special_tokens());
  EXPECT_EQ(t.encode("a<|eot_id|>\t\tb", true, true), (Ids{256, 'a', 258, 260, 'b'}));
  const Ids plain = t.encode("a<|eot_id|>\t\tb", false, false);
  EXPECT_EQ(plain.size(), 1 + 10 + 1 + 1U);
  EXPECT_EQ(plain[11], 260);
  EXPECT_EQ(t.encode("", true, true), Ids{256});
}

TEST(SpecialTokens, TheLongestTakesItsPlaceFirst) {
  const auto t = make(with_special_tokens());
  EXPECT_EQ(t.encode("<|eot_id|><|eot_id|><|eot_id|>", false, true), (Ids{259, 258}));
  // Not from left to right: the longer one wins over one that begins earlier.
  Vocabulary v = whole_word_vocabulary();
  const auto xab = add(v, "xab", TokenType::control), abcd = add(v, "abcd", TokenType::control);
  EXPECT_EQ(make(v).encode("xabcd", false, true), (Ids{'x', abcd}));
  EXPECT_EQ(make(v).encode("xabc", false, true), (Ids{xab, 'c'}));
}

TEST(SpecialTokens, AUserCannotWriteThemInPartsThatAreNotParsed) {
  const auto t = make(with_special_tokens());
  using Part = Tokenizer::Part;
  const std::vector<Part> parts = {{"<|bos|>", true}, {"a<|eot_id|>", false}, {"<|eot_id|>", true}};
  const Ids ids = t.encode(parts, false);
  EXPECT_EQ(ids.front(), 256);
  EXPECT_EQ(std::ranges::count(ids, 258), 1);
  EXPECT_EQ(ids.back(), 258);
  // Nor complete one that the template began.
  const std::vector<Part> split = {{"<|eot", true}, {"_id|>", false}};
  EXPECT_EQ(std::ranges::count(t.encode(split, false), 258), 0);
}

TEST(SpecialTokens, PartsWithoutOneBetweenThemAreOneText) {
  Vocabulary v = with_special_tokens();
  const auto hi = add(v, "\u0120Hi");
  const auto t = make(v);
  const std::vector<Tokenizer::Part> parts = {
      {"User: ", true}, {"Hi", false}, {"<|eot_id|>", true}};
  const Ids ids = t.encode(parts, false);
  EXPECT_EQ(ids, t.encode("User: Hi<|eot_id|>", false, true));
  EXPECT_EQ(std::ranges::count(ids, hi), 1);
}

TEST(SpecialTokens, RepliesEndAtEveryTokenKnownToEndThem) {
  const auto t = make(with_special_tokens());  // eos is 257, as in the file of 2B-4T
  EXPECT_EQ(std::vector(t.stops().begin(), t.stops().end()), (Ids{257, 258}));
  EXPECT_TRUE(t.is_stop(258));
  EXPECT_FALSE(t.is_stop('a'));
  EXPECT_FALSE(t.is_stop(-1));
  EXPECT_EQ(t.eot(), 258);
  EXPECT_EQ(t.piece(258), "");
  EXPECT_EQ(t.piece(258, true), "<|eot_id|>");
  EXPECT_EQ(t.piece(99999), "");
  EXPECT_EQ(t.piece(-1), "");
}

TEST(SpecialTokens, ATextOfTheirFirstBytesIsNotQuadratic) {
  const auto t = make(with_special_tokens());
  const auto start = std::chrono::steady_clock::now();
  t.encode(std::string(1 << 20, '<'), false, true);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
}

// Every place and every length, longest first: what the definition says, and slow.
std::vector<std::pair<size_t, int32_t>> taken_by_definition(const Vocabulary& v,
                                                            std::string_view text,
                                                            SpecialTokens::Range parsed) {
  struct Match {
    size_t bytes, begin;
    int32_t id;
  };
  std::vector<Match> all;
  for (size_t id = 0; id < v.tokens.size(); ++id) {
    const bool user = v.types[id] == TokenType::user_defined;
    if (!user && v.types[id] != TokenType::control) continue;
    const size_t bytes = v.tokens[id].size();
    for (size_t at = 0; at + bytes <= text.size(); ++at)
      if (text.substr(at, bytes) == v.tokens[id] &&
          (user || (parsed.begin <= at && at + bytes <= parsed.end)))
        all.push_back({bytes, at, static_cast<int32_t>(id)});
  }
  std::ranges::sort(all, [](const Match& a, const Match& b) {
    return std::tuple(b.bytes, a.id, a.begin) < std::tuple(a.bytes, b.id, b.begin);
  });
  std::vector<bool> taken(text.size());
  std::vector<std::pair<size_t, int32_t>> places;
  for (const Match& match : all) {
    const auto from = taken.begin() + static_cast<ptrdiff_t>(match.begin);
    const auto to = from + static_cast<ptrdiff_t>(match.bytes);
    if (std::find(from, to, true) != to) continue;
    std::fill(from, to, true);
    places.emplace_back(match.begin, match.id);
  }
  std::ranges::sort(places);
  return places;
}

TEST(SpecialTokens, TakeTheirPlacesAsDefinedInRandomTexts) {
  std::mt19937 random(5);
  for (int round = 0; round < 300; ++round) {
    const auto word = [&random](size_t most) {
      std::string text(1 + random() % most, 'a');
      for (char& c : text) c = static_cast<char>('a' + random() % 2);
      return text;
    };
    std::set<std::string> texts;
    for (int i = 0; i < 8; ++i) texts.insert(word(6));
    Vocabulary v;
    for (const std::string& text : texts)
      add(v, text, random() % 3 == 0 ? TokenType::user_defined : TokenType::control);
    const TokenIndex index(v);
    const SpecialTokens special(v, index);
    const std::string text = word(40);
    const size_t begin = random() % text.size();
    const SpecialTokens::Range parsed = {begin, begin + random() % (text.size() - begin + 1)};
    std::vector<std::pair<size_t, int32_t>> got;
    size_t at = 0;
    for (const auto& fragment : special.split(text, {&parsed, 1})) {
      if (fragment.token >= 0) got.emplace_back(at, fragment.token);
      at += fragment.token >= 0 ? v.tokens[static_cast<size_t>(fragment.token)].size()
                                : fragment.text.size();
    }
    EXPECT_EQ(at, text.size());
    EXPECT_EQ(got, taken_by_definition(v, text, parsed)) << text;
  }
}

// Three thousand lengths, and every place of the text looks as if one might stand there.
TEST(SpecialTokens, ThousandsOfLengthsCostNothingWhereTheyAreNotInTheText) {
  std::vector<std::string> texts;
  for (size_t bytes = 3; bytes < 3000; ++bytes) texts.push_back("<|" + std::string(bytes, 'x'));
  Vocabulary v = whole_word_vocabulary();
  for (const std::string& text : texts) add(v, text, TokenType::control);
  const auto t = make(v);
  std::string text;
  for (int i = 0; i < 100000; ++i) text += "<|y";
  EXPECT_EQ(t.encode(text, false, true).size(), text.size());
  EXPECT_EQ(t.encode("<|xxx", false, true), Ids{256});
}

}  // namespace
}  // namespace bitnet
