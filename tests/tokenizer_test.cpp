// Byte-level BPE, SentencePiece and decoding on vocabularies written down here, and on the demo
// model.
#include "runtime/text/tokenizer.h"

#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <sstream>

#include "runtime/text/stream_decoder.h"
#include "tests/written_vocabulary.h"

namespace bitnet {
namespace {

using namespace testing;

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

TEST(ByteLevelBpe, AWordIsTheSameEachTimeItComes) {
  Vocabulary v = byte_vocabulary();
  const auto ab = add(v, "ab"), space_ab = add(v, "\u0120ab");
  v.merges = {"a b", "\u0120 ab"};
  const auto t = make(v);
  EXPECT_EQ(t.encode("ab ab  abc ab ab", false, false),
            (Ids{ab, space_ab, ' ', space_ab, 'c', space_ab, space_ab}));
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
      "qwen2, "
      "deepseek-r1-qwen, megrez, kormo, f2llmv2, qwen35, gpt-2, phi-2, mpt, olmo, jais, gigachat, "
      "trillion, a.x-4.0, mellum");
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

// Wherever text begins, after a user-defined token, too; never within it, and not for no text.
TEST(SentencePiece, ASpaceStandsBeforeTextAfterASpecialToken) {
  Vocabulary v = spm_vocabulary();
  const auto space = add(v, "\u2581"), a = add(v, "a"), space_a = add(v, "\u2581a");
  const auto mark = add(v, "<|m|>", TokenType::control),
             own = add(v, "<own>", TokenType::user_defined);
  const auto t = make(v);
  EXPECT_EQ(t.encode("<|m|>a", true, true), (Ids{1, mark, space_a}));
  EXPECT_EQ(t.encode("<|m|> a", false, true), (Ids{mark, space, space_a}));
  EXPECT_EQ(t.encode("a<own>a<|m|><|m|>", false, true), (Ids{space_a, own, space_a, mark, mark}));
  EXPECT_EQ(t.encode("aa", false, true), (Ids{space_a, a}));
  EXPECT_EQ(t.decode(Ids{space_a, mark, space_a}), "a a");
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
