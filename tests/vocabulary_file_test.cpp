// Vocabularies as files hold them: what is wrong with them, and what is said in odd ways.
#include <gtest/gtest.h>

#include <limits>
#include <memory>
#include <optional>

#include "runtime/text/chat.h"
#include "runtime/text/tokenizer.h"
#include "tests/byte_vocabulary.h"
#include "tests/gguf_builder.h"

namespace bitnet {
namespace {

using Ids = std::vector<int32_t>;

// What is said of a file with these keys, or "" where it is taken.
std::string error_of(const testing::GgufBuilder& builder) {
  const testing::Bytes bytes = builder.build();
  const auto file = Gguf::parse(bytes, "m.gguf");
  if (!file) return file.error().message;
  const auto tokenizer = Tokenizer::open(*file);
  return tokenizer ? "" : tokenizer.error().message;
}

TEST(VocabularyOfAFile, WhatIsWrongWithItIsSaidInOneLine) {
  const auto spm = [] {
    testing::GgufBuilder f;
    f.text("tokenizer.ggml.model", "llama");
    f.texts("tokenizer.ggml.tokens", {"<unk>", "a"});
    return f;
  };
  const auto bpe = [] {
    testing::GgufBuilder f;
    f.text("tokenizer.ggml.model", "gpt2");
    f.texts("tokenizer.ggml.tokens", {"a", "b"});
    return f;
  };
  {
    testing::GgufBuilder f;
    f.text("tokenizer.ggml.model", "bert");
    EXPECT_EQ(error_of(f), "m.gguf: tokenizer.ggml.model is bert, known are gpt2 and llama");
  }
  {
    testing::GgufBuilder f = spm();
    EXPECT_EQ(error_of(f),
              "m.gguf: tokenizer.ggml.scores is absent, which tokenizer.ggml.model = llama needs");
  }
  {
    testing::GgufBuilder f = spm();
    f.array<float>("tokenizer.ggml.scores", GgufValueType::f32, {0});
    EXPECT_EQ(error_of(f),
              "m.gguf: tokenizer.ggml.scores has 1 entries, tokenizer.ggml.tokens has 2");
  }
  {
    testing::GgufBuilder f = spm();
    f.array<float>("tokenizer.ggml.scores", GgufValueType::f32,
                   {0, std::numeric_limits<float>::quiet_NaN()});
    EXPECT_EQ(error_of(f), "m.gguf: tokenizer.ggml.scores of token 1 is not a number");
  }
  {
    testing::GgufBuilder f = bpe();
    EXPECT_EQ(error_of(f),
              "m.gguf: tokenizer.ggml.merges is absent, which tokenizer.ggml.model = gpt2 needs");
  }
  {
    testing::GgufBuilder f = bpe();
    f.texts("tokenizer.ggml.merges", {"a b", "ab"});
    EXPECT_EQ(error_of(f), "m.gguf: tokenizer.ggml.merges: merge 1 has no space between two parts");
  }
  {
    testing::GgufBuilder f = bpe();
    f.array<int32_t>("tokenizer.ggml.token_type", GgufValueType::i32, {1, 1, 1});
    EXPECT_EQ(error_of(f),
              "m.gguf: tokenizer.ggml.token_type has 3 entries, tokenizer.ggml.tokens has 2");
  }
  {
    testing::GgufBuilder f = bpe();
    f.array<int32_t>("tokenizer.ggml.token_type", GgufValueType::i32, {1, 7});
    EXPECT_EQ(error_of(f), "m.gguf: tokenizer.ggml.token_type of token 1 is 7, wanted 0 to 6");
  }
  {
    testing::GgufBuilder f = bpe();
    f.u32("tokenizer.ggml.bos_token_id", 2);
    EXPECT_EQ(error_of(f), "m.gguf: tokenizer.ggml.bos_token_id is 2, the vocabulary has 2 tokens");
  }
  {
    testing::GgufBuilder f = bpe();
    f.texts("tokenizer.ggml.merges", {});
    f.text("tokenizer.ggml.pre", "tekken");
    EXPECT_EQ(error_of(f).find("m.gguf: tokenizer.ggml.pre is tekken, known are llama-bpe, "), 0U)
        << error_of(f);
  }
  {
    testing::GgufBuilder f = bpe();  // the official 2B-4T file has no tokenizer.ggml.pre
    f.texts("tokenizer.ggml.merges", {"a b"});
    EXPECT_EQ(error_of(f), "");
  }
}

// ---- What files say in odd ways

testing::GgufBuilder file_with(const std::vector<std::string>& specials) {
  const Vocabulary v = byte_vocabulary();
  std::vector<std::string> tokens(v.tokens.begin(), v.tokens.end());
  std::vector<int32_t> types(tokens.size(), 1);
  for (const std::string& special : specials) {
    tokens.push_back(special);
    types.push_back(3);
  }
  testing::GgufBuilder f;
  f.text("tokenizer.ggml.model", "gpt2");
  f.texts("tokenizer.ggml.tokens", tokens);
  f.array("tokenizer.ggml.token_type", GgufValueType::i32, types);
  f.texts("tokenizer.ggml.merges", {});
  f.u32("tokenizer.ggml.bos_token_id", 256);
  return f;
}
struct Opened {
  testing::Bytes bytes;
  std::optional<Gguf> file;
  std::optional<Tokenizer> tokenizer;
};
std::unique_ptr<Opened> open(const testing::GgufBuilder& builder) {
  auto out = std::make_unique<Opened>();
  out->bytes = builder.build();
  out->file.emplace(Gguf::parse(out->bytes, "m.gguf").value());
  auto tokenizer = Tokenizer::open(*out->file);
  EXPECT_TRUE(tokenizer) << tokenizer.error().message;
  if (tokenizer) out->tokenizer.emplace(std::move(*tokenizer));
  return out;
}

TEST(VocabularyOfAFile, ThePreTokenizersNameSaysWhetherTextBeginsWithAToken) {
  testing::GgufBuilder f = file_with({"<bos>"});
  EXPECT_TRUE(open(f)->tokenizer->vocabulary().add_bos);
  for (const char* pre : {"gpt-2", "qwen2", "qwen35"}) {
    f.text("tokenizer.ggml.pre", pre);
    const auto model = open(f);
    EXPECT_FALSE(model->tokenizer->vocabulary().add_bos) << pre;
    EXPECT_FALSE(model->tokenizer->vocabulary().ignore_merges) << pre;
  }
  f.number("tokenizer.ggml.add_bos_token", GgufValueType::boolean, uint8_t{1});
  EXPECT_TRUE(open(f)->tokenizer->vocabulary().add_bos);
}

TEST(VocabularyOfAFile, MinusOneIsNoToken) {
  testing::GgufBuilder f = file_with({"<bos>", "<eos>"});
  f.number("tokenizer.ggml.bos_token_id", GgufValueType::i32, -1);
  f.u32("tokenizer.ggml.eos_token_id", 0xffffffffU);
  f.number("tokenizer.ggml.eot_token_id", GgufValueType::i64, int64_t{-1});
  f.number("tokenizer.ggml.unknown_token_id", GgufValueType::u64, ~uint64_t{0});
  const auto model = open(f);
  const Vocabulary& v = model->tokenizer->vocabulary();
  EXPECT_FALSE(v.bos || v.eos || v.eot || v.unknown);
  EXPECT_FALSE(v.add_bos);
  EXPECT_TRUE(v.notices.empty());
  f.number("tokenizer.ggml.eos_token_id", GgufValueType::i32, -2);
  EXPECT_NE(error_of(f), "");
}

TEST(VocabularyOfAFile, ATokenThatIsNoneIsNotAddedAndThisIsSaid) {
  testing::GgufBuilder f = file_with({"<bos>"});
  f.u32("tokenizer.ggml.bos_token_id", 0xffffffffU);
  f.number("tokenizer.ggml.add_bos_token", GgufValueType::boolean, uint8_t{1});
  f.number("tokenizer.ggml.add_eos_token", GgufValueType::boolean, uint8_t{1});
  const auto model = open(f);
  EXPECT_EQ(model->tokenizer->encode("a", true, true), Ids{'a'});
  EXPECT_EQ(
      model->tokenizer->vocabulary().notices,
      (std::vector<std::string>{"tokenizer.ggml.add_bos_token is true, but "
                                "tokenizer.ggml.bos_token_id names no token: none is added",
                                "tokenizer.ggml.add_eos_token is true, but "
                                "tokenizer.ggml.eos_token_id names no token: none is added"}));
}

TEST(VocabularyOfAFile, ABeginTokenBeforeEverySpecialTokenIsTakenOff) {
  const std::string bos = "<|begin_of_text|>";
  for (const std::string& own : {bos, bos + bos}) {
    const auto model = open(file_with(
        {own, bos + "<|eot_id|>", bos + " <|start_header_id|>", bos + bos + "<|end_header_id|>"}));
    const Tokenizer& t = *model->tokenizer;
    EXPECT_EQ(t.encode("<|begin_of_text|>a<|eot_id|>", false, true), (Ids{256, 'a', 257}));
    EXPECT_EQ(t.find("<|start_header_id|>"), 258);
    EXPECT_EQ(t.find("<|end_header_id|>"), 259);
    EXPECT_TRUE(t.is_stop(257));
    EXPECT_TRUE(ChatTemplate::make(ChatFormat::llama3, t));
    ASSERT_EQ(t.vocabulary().notices.size(), 1U);
    EXPECT_NE(t.vocabulary().notices[0].find("spelt with <|begin_of_text|>"), std::string::npos);
  }
}

TEST(VocabularyOfAFile, ASpellingThatAnotherTokenHasStays) {
  const auto model = open(file_with({"<bos>", "<bos><eot>", "<eot>", "<bo", "x<bos>"}));
  EXPECT_EQ(model->tokenizer->find("<bos><eot>"), 257);
  EXPECT_EQ(model->tokenizer->find("<eot>"), 258);
  EXPECT_TRUE(model->tokenizer->vocabulary().notices.empty());
}

TEST(VocabularyOfAFile, WhatIsIgnoredOfItIsSaid) {
  testing::GgufBuilder f = file_with({"<bos>"});
  f.number("tokenizer.ggml.normalizer.lowercase", GgufValueType::boolean, uint8_t{1});
  f.number("tokenizer.ggml.add_sep_token", GgufValueType::boolean, uint8_t{0});
  f.array<int32_t>("tokenizer.ggml.suppress_tokens", GgufValueType::i32, {1});
  EXPECT_EQ(open(f)->tokenizer->vocabulary().notices,
            (std::vector<std::string>{"tokenizer.ggml.normalizer.lowercase is ignored",
                                      "tokenizer.ggml.suppress_tokens is ignored"}));
}

TEST(VocabularyOfAFile, ItsStringsReachNoTerminalRaw) {
  testing::GgufBuilder f = file_with({"<bos>"});
  f.text("tokenizer.ggml.pre", "\x1b[2J");
  EXPECT_NE(error_of(f).find("tokenizer.ggml.pre is \\x1b[2J, known"), std::string::npos);
  f.text("tokenizer.ggml.model", "\x1b[2J\u202e");
  EXPECT_NE(error_of(f).find("tokenizer.ggml.model is \\x1b[2J\\xe2\\x80\\xae, known"),
            std::string::npos);
}

}  // namespace
}  // namespace bitnet
