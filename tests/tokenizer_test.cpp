// Tokenizers on vocabularies written down here, and on the demo model.
#include "runtime/text/tokenizer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <random>
#include <set>
#include <sstream>

#include "runtime/text/byte_alphabet.h"
#include "runtime/text/pcg.h"
#include "runtime/text/pretokenizer.h"
#include "runtime/text/special_tokens.h"
#include "runtime/text/stream_decoder.h"
#include "tests/byte_vocabulary.h"

namespace bitnet {
namespace {

using Ids = std::vector<int32_t>;

// Whole words are taken as they are, as Llama-3 does.
Vocabulary whole_word_vocabulary() {
  Vocabulary v = byte_vocabulary();
  v.ignore_merges = true;
  return v;
}

int32_t add(Vocabulary& v, std::string_view token, TokenType type = TokenType::normal,
            float score = 0) {
  v.tokens.push_back(token);
  v.types.push_back(type);
  if (v.kind == TokenizerKind::sentencepiece) v.scores.push_back(score);
  return static_cast<int32_t>(v.tokens.size()) - 1;
}

Tokenizer make(Vocabulary v) {
  auto tokenizer = Tokenizer::make(std::move(v));
  EXPECT_TRUE(tokenizer) << tokenizer.error().message;
  return std::move(*tokenizer);
}

std::string random_bytes(Pcg32& random, size_t count) {
  std::string text(count, 0);
  for (char& c : text) c = static_cast<char>(random.draw());
  return text;
}

TEST(ByteLevelBpe, JoinsTheBestMergeFirstAndTheLeftmostOfEquals) {
  Vocabulary v = whole_word_vocabulary();
  const auto ab = add(v, "ab"), bc = add(v, "bc"), abc = add(v, "abc"), aa = add(v, "aa");
  v.ignore_merges = false;
  v.merges = {"b c", "a b", "a bc", "a a"};
  const auto t = make(v);
  EXPECT_EQ(t.encode("abc", false, false), Ids{abc});  // bc before ab, then a + bc
  EXPECT_EQ(t.encode("abb", false, false), (Ids{ab, 'b'}));
  EXPECT_EQ(t.encode("bcab", false, false), (Ids{bc, ab}));
  EXPECT_EQ(t.encode("aaa", false, false), (Ids{aa, 'a'}));
}

TEST(ByteLevelBpe, TakesAWholeWordOnlyWhereMergesAreIgnored) {
  Vocabulary v = whole_word_vocabulary();
  const auto word = add(v, "\u0120word");  // no merge leads to it
  EXPECT_EQ(make(v).encode("a word", false, false), (Ids{'a', word}));
  v.ignore_merges = false;
  EXPECT_EQ(make(v).encode("a word", false, false), (Ids{'a', ' ', 'w', 'o', 'r', 'd'}));
}

TEST(ByteLevelBpe, AMergeThatNamesNoTokenIsAStepOrFallsBackToBytes) {
  Vocabulary v = whole_word_vocabulary();
  const auto abc = add(v, "abc");
  v.ignore_merges = false;
  v.merges = {"a b", "ab c", "x nothing"};  // ab is no token
  EXPECT_EQ(make(v).encode("abc", false, false), Ids{abc});
  EXPECT_EQ(make(v).encode("abx", false, false), (Ids{'a', 'b', 'x'}));
}

TEST(ByteLevelBpe, AMissingByteIsTheUnknownTokenOrNothing) {
  Vocabulary v;
  v.tokens = {"a", "b", "<unk>"};
  v.types = {TokenType::normal, TokenType::normal, TokenType::unknown};
  EXPECT_EQ(make(v).encode("axb", false, false), (Ids{0, 1}));
  v.unknown = 2;
  EXPECT_EQ(make(v).encode("axb", false, false), (Ids{0, 2, 1}));
}

TEST(ByteLevelBpe, OfTokensWithOneTextTheFirstIsUsed) {
  Vocabulary v = whole_word_vocabulary();
  add(v, "a");
  add(v, "");
  EXPECT_EQ(make(v).encode("a", false, false), Ids{'a'});
}

TEST(ByteLevelBpe, EveryByteStringComesBack) {
  const auto t = make(byte_vocabulary());
  Pcg32 random(1);
  for (int i = 0; i < 2000; ++i) {
    const std::string text = random_bytes(random, random.draw() % 40);
    EXPECT_EQ(t.decode(t.encode(text, false, true)), text);
  }
}

TEST(ByteLevelBpe, AMegabyteWithoutSpacesIsNotQuadratic) {
  Vocabulary v = whole_word_vocabulary();
  add(v, "aa"), add(v, "aaaa"), add(v, "aaaaaaaa");
  v.merges = {"a a", "aa aa", "aaaa aaaa"};
  const auto t = make(v);
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(t.encode(std::string(1 << 20, 'a'), false, false).size(), size_t{1} << 17);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
}

TEST(ByteLevelBpe, AnUnknownPretokenizerIsRefused) {
  Vocabulary v = whole_word_vocabulary();
  v.pretokenizer = "tekken";
  const auto t = Tokenizer::make(v);
  ASSERT_FALSE(t);
  EXPECT_EQ(
      t.error().message,
      "tokenizer.ggml.pre is tekken, known are llama-bpe, llama3, llama-v3, falcon3, falcon_e, "
      "gpt-2, phi-2, mpt, olmo, jais, gigachat, trillion, a.x-4.0, mellum");
}

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

Vocabulary spm_vocabulary() {
  Vocabulary v;
  v.kind = TokenizerKind::sentencepiece;
  v.add_space_prefix = true;
  v.unknown = add(v, "<unk>", TokenType::unknown);
  v.bos = add(v, "<s>", TokenType::control);
  v.eos = add(v, "</s>", TokenType::control);
  v.add_bos = true;
  return v;
}

TEST(SentencePiece, JoinsByScoreAndBeginsWithASpace) {
  Vocabulary v = spm_vocabulary();
  for (const char* c : {"\u2581", "a", "b", "c"}) add(v, c, TokenType::normal, -10);
  const auto ab = add(v, "ab", TokenType::normal, -2), bc = add(v, "bc", TokenType::normal, -1);
  const auto space_a = add(v, "\u2581a", TokenType::normal, -3);
  const auto t = make(v);
  const int32_t space = 3, a = 4;
  EXPECT_EQ(t.encode("abc", true, true), (Ids{1, space_a, bc}));
  EXPECT_EQ(t.encode("ab", false, false), (Ids{space, ab}));
  EXPECT_EQ(t.encode("a<s>a", false, true), (Ids{space_a, 1, space_a}));
  EXPECT_EQ(t.encode("a a", false, true), (Ids{space_a, space_a}));
  EXPECT_EQ(t.decode(t.encode(" a b", true, true)), " a b");
  EXPECT_EQ(t.piece(space_a), " a");
  v.add_space_prefix = false;
  EXPECT_EQ(make(v).encode("a", false, false), Ids{a});
}

TEST(SentencePiece, WhatIsNoTokenIsItsBytes) {
  Vocabulary v = spm_vocabulary();
  add(v, "\u2581");
  v.add_space_prefix = false;
  EXPECT_EQ(make(v).encode("\u00e9", false, false), (Ids{0, 0}));  // no byte tokens: unknown, twice
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (int byte = 0; byte < 256; ++byte) all.push_back(fmt::format("<0x{:02X}>", byte));
    return all;
  }();
  for (const std::string& name : names) add(v, name, TokenType::byte);
  const auto t = make(v);
  EXPECT_EQ(t.encode("\u00e9", false, false), (Ids{4 + 0xC3, 4 + 0xA9}));
  Pcg32 random(2);
  for (int i = 0; i < 500; ++i) {
    const std::string text = random_bytes(random, random.draw() % 40);
    EXPECT_EQ(t.decode(t.encode(text, false, true)), text);
  }
  v.unknown.reset();
  v.tokens.resize(4), v.types.resize(4), v.scores.resize(4);
  EXPECT_EQ(make(v).encode("\u00e9", false, false), Ids{});
}

TEST(StreamDecoder, HoldsACharacterBackUntilItIsWhole) {
  const auto t = make(byte_vocabulary());
  StreamDecoder decoder(t);
  EXPECT_EQ(decoder.push('a'), "a");
  EXPECT_EQ(decoder.push(0xF0), "");
  EXPECT_EQ(decoder.push(0x9F), "");
  EXPECT_EQ(decoder.push(0xA6), "");
  EXPECT_EQ(decoder.push(0x99), "\U0001F999");
  EXPECT_EQ(decoder.push(0xE2), "");
  EXPECT_EQ(decoder.push('x'), "\xE2x");  // can be no character any more
  EXPECT_EQ(decoder.push(0x80), "\x80");
  EXPECT_EQ(decoder.push(0xC3), "");
  EXPECT_EQ(decoder.finish(), "\xC3");
  EXPECT_EQ(decoder.finish(), "");
}

TEST(StreamDecoder, AllThatItGivesIsTheText) {
  const auto t = make(byte_vocabulary());
  Pcg32 random(3);
  for (int i = 0; i < 500; ++i) {
    const std::string text = random_bytes(random, random.draw() % 60);
    StreamDecoder decoder(t);
    std::string joined;
    for (const int32_t id : t.encode(text, false, false)) joined += decoder.push(id);
    EXPECT_EQ(joined + decoder.finish(), text);
  }
}

TEST(StreamDecoder, TakesTheFirstSpaceOffOnlyWhereATextBegins) {
  Vocabulary v = spm_vocabulary();
  const auto a = add(v, "\u2581a");
  const auto t = make(v);
  EXPECT_EQ(StreamDecoder(t).push(a), " a");
  StreamDecoder start(t, {.at_start = true});
  EXPECT_EQ(start.push(*t.bos()), "");
  EXPECT_EQ(start.push(a), "a");
  EXPECT_EQ(start.push(a), " a");
  StreamDecoder special(t, {.special = true, .at_start = true});
  EXPECT_EQ(special.push(*t.bos()), "<s>");
  EXPECT_EQ(special.push(a), "a");
}

TEST(DemoModel, TextComesBackThroughItsVocabulary) {
  auto file = Gguf::open(BITNET_SOURCE_DIR "/models/demo.gguf");
  ASSERT_TRUE(file) << file.error().message;
  auto t = Tokenizer::open(*file);
  ASSERT_TRUE(t) << t.error().message;
  ASSERT_TRUE(t->bos() && t->eos());
  EXPECT_TRUE(t->is_stop(*t->eos()));
  for (const char* name : {"/LICENSE", "/tests/tokenizer_test.cpp"}) {
    std::ifstream in(std::string(BITNET_SOURCE_DIR) + name, std::ios::binary);
    std::ostringstream all;
    all << in.rdbuf();
    ASSERT_GT(all.str().size(), 500U);
    const Ids ids = t->encode(all.str(), true, false);
    EXPECT_EQ(ids.front(), *t->bos());
    EXPECT_LT(ids.size(), all.str().size());
    EXPECT_EQ(t->decode(ids), all.str());
  }
}

}  // namespace
}  // namespace bitnet
