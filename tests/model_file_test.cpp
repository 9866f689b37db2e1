// Model files as they are found in the wild, and what is assumed where they say nothing.
#include "runtime/model/model_file.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "runtime/text/tokenizer.h"
#include "tests/tiny_model.h"

namespace bitnet::testing {
namespace {

struct Read {
  Bytes bytes;  // the model's views lie here
  Result<ModelFile> model;
};
Read read(const GgufBuilder& file) {
  Read out{file.build(), fail(Error::Kind::invalid, "not read")};
  out.model = ModelFile::parse(out.bytes, "t.gguf");
  EXPECT_TRUE(out.model) << out.model.error().message;
  return out;
}

TEST(ModelFile, TheArchitectureDecidesTheGraph) {
  const Hparams bitnet = read(build_tiny()).model->hparams;
  EXPECT_EQ(bitnet.gate, GateActivation::silu);
  EXPECT_EQ(bitnet.rope, RopeKind::neox);
  EXPECT_TRUE(bitnet.sub_norms);
  for (const char* name : {"bitnet-b1.58", "bitnet-25"}) {
    const Hparams h = read(build_tiny({.architecture = name})).model->hparams;
    EXPECT_EQ(h.architecture, name);
    EXPECT_EQ(h.gate, GateActivation::relu2);
    EXPECT_EQ(h.rope, RopeKind::neox);
    EXPECT_TRUE(h.sub_norms);
  }
  const Read llama = read(build_tiny({.architecture = "llama"}));
  EXPECT_EQ(llama.model->hparams.gate, GateActivation::silu);
  EXPECT_EQ(llama.model->hparams.rope, RopeKind::norm);
  EXPECT_FALSE(llama.model->hparams.sub_norms);
  EXPECT_TRUE(llama.model->layers[0].attn_sub_norm.empty());
}

TEST(ModelFile, AbsentKeysHaveTheirUsualValues) {
  GgufBuilder file = build_tiny({.kv_heads = 2});
  for (const char* key :
       {"vocab_size", "rope.dimension_count", "rope.freq_base", "attention.head_count_kv"})
    file.remove(std::string("bitnet.") + key);
  file.remove("general.name");
  const Hparams h = read(file).model->hparams;
  EXPECT_EQ(h.vocabulary, 320);  // the tokens
  EXPECT_EQ(h.kv_heads, 2);      // every head
  EXPECT_EQ(h.rope_dimensions, 4);
  EXPECT_EQ(h.rope_base, 10000);
  EXPECT_EQ(h.name, "");
  file.remove("tokenizer.ggml.tokens");
  EXPECT_EQ(read(file).model->hparams.vocabulary, 320);  // the embedding's rows
}

TEST(ModelFile, HeadsMayBeWiderThanTheModel) {
  const Read wide = read(build_tiny({.architecture = "llama", .head_size = 16}));
  const Hparams& h = wide.model->hparams;
  EXPECT_EQ(h.head_size, 16);
  EXPECT_EQ(h.linear_shapes().q_rows, 32);
  EXPECT_EQ(h.linear_shapes().kv_rows, 16);
  EXPECT_EQ(wide.model->layers[0].output.k(), 32);
}

TEST(ModelFile, AHeadOfItsOwnIsUsed) {
  GgufBuilder file = build_tiny(
      {.architecture = "bitnet-25"});  // as in the first 2B-4T files, with their F16 copy
  TestTensor copy = file.tensor("token_embd.weight");
  copy.name = "output.weight";
  file.tensors.push_back(copy);
  const Read untied = read(file);
  EXPECT_NE(untied.model->head.rows, untied.model->embedding.rows);
  EXPECT_EQ(untied.model->head.type, GgmlType::f16);
  EXPECT_EQ(untied.model->head.n, 320);
  const Read tied = read(build_tiny());
  EXPECT_EQ(tied.model->head.rows, tied.model->embedding.rows);
}

TEST(ModelFile, AScaleTensorMultiplies) {
  GgufBuilder file = build_tiny();
  Bytes three;
  put(three, 3.0F);
  file.tensors.push_back({"blk.0.attn_k.scale", {}, 0, three, -1});  // a scalar has no dimensions
  file.tensors.push_back({"blk.0.ffn_down.scale", {1}, 0, three, -1});
  const Read scaled = read(file);
  EXPECT_EQ(scaled.model->layers[0].q.scale(), 0.25F);
  EXPECT_EQ(scaled.model->layers[0].k.scale(), 0.75F);
  EXPECT_EQ(scaled.model->layers[0].down.scale(), 0.75F);
}

TEST(ModelFile, NormsMayBeStoredInSixteenBits) {
  GgufBuilder file = build_tiny();
  TestTensor& half = file.tensor("blk.0.ffn_norm.weight");
  TestTensor& bfloat = file.tensor("output_norm.weight");
  half.type = static_cast<uint32_t>(GgmlType::f16);
  bfloat.type = static_cast<uint32_t>(GgmlType::bf16);
  half.data.clear();
  bfloat.data.clear();
  for (int i = 0; i < 8; ++i) {
    put(half.data, half_from_float(static_cast<float>(i) / 8));
    put(bfloat.data, bfloat_from_float(static_cast<float>(i) / 4));
  }
  const Read norms = read(file);
  for (size_t i = 0; i < 8; ++i) {
    EXPECT_EQ(norms.model->layers[0].ffn_norm[i], static_cast<float>(i) / 8);
    EXPECT_EQ(norms.model->output_norm[i], static_cast<float>(i) / 4);
  }
}

// bitnet.cpp's 2B-4T has neither tokenizer.ggml.pre nor a usable template; an alignment may be any
// power of two.
TEST(ModelFile, ReadsWithoutAPreTokenizerAndWithAnotherAlignment) {
  GgufBuilder file = build_tiny({.architecture = "bitnet-b1.58"});
  file.remove("tokenizer.ggml.pre");
  file.u32("general.alignment", 64);
  file.alignment = 64;
  const Read model = read(file);
  const auto tokenizer = Tokenizer::open(model.model->file);
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  EXPECT_EQ(tokenizer->decode(tokenizer->encode("so it is", false, false)), "so it is");
}

// Written by ARM's quantizer: the same bytes mean other trits, and nothing in the file says so.
TEST(ModelFile, I2sIsReadInTheLayoutThatIsAskedFor) {
  const Bytes bytes = build_tiny({.hidden = 16, .feed_forward = 16, .head_size = 8}).build();
  const auto x86 = ModelFile::parse(bytes, "t.gguf");
  const auto arm = ModelFile::parse(bytes, "t.gguf", {.i2s_layout = I2sLayout::blocks_of_64});
  ASSERT_TRUE(x86 && arm);
  EXPECT_TRUE(arm->notices.empty());
  std::vector<int8_t> first(256), second(256);
  ASSERT_TRUE(x86->layers[0].q.decode_rows(0, 16, first.data()));
  ASSERT_TRUE(arm->layers[0].q.decode_rows(0, 16, second.data()));
  EXPECT_NE(first, second);
  for (size_t i = 0; i < 16; ++i)
    EXPECT_EQ(first[i], second[i]) << i;  // high bits of the same bytes
}

TEST(ModelFile, ALayoutOfI2sWithoutI2sIsSaidToBeUnused) {
  const Bytes bytes = build_tiny({.linear = GgmlType::tq2_0,
                                  .hidden = 256,
                                  .feed_forward = 256,
                                  .kv_heads = 2,
                                  .head_size = 128})
                          .build();
  const auto model = ModelFile::parse(bytes, "t.gguf", {.i2s_layout = I2sLayout::blocks_of_64});
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(model->notices.size(), 1U);
}

TEST(ModelFile, WhatLiesBehindTheLastTensorIsSaidToBeIgnored) {
  Bytes bytes = build_tiny().build();
  EXPECT_TRUE(ModelFile::parse(bytes, "t.gguf")->notices.empty());
  bytes.resize(bytes.size() + 100);
  EXPECT_EQ(ModelFile::parse(bytes, "t.gguf")->notices,
            std::vector<std::string>{"ignored: 100 bytes behind the last tensor"});
}

TEST(ModelFile, RopeFactorsAreReadAndChecked) {
  const auto with = [](const std::vector<float>& values) {
    GgufBuilder file = build_tiny({.architecture = "llama"});
    Bytes data;
    for (const float value : values) put(data, value);
    file.tensors.push_back({"rope_freqs.weight", {values.size()}, 0, data, -1});
    return file;
  };
  const Read good = read(with({1, 8}));
  EXPECT_TRUE(std::ranges::equal(good.model->rope_factors, std::vector<float>{1, 8}));
  EXPECT_TRUE(read(build_tiny()).model->rope_factors.empty());
  const auto error_of = [&with](const std::vector<float>& values) {
    const Bytes bytes = with(values).build();
    return ModelFile::parse(bytes, "t.gguf").error().message;
  };
  EXPECT_EQ(error_of({1, 2, 4}),
            "t.gguf: rope_freqs.weight: found 1x3 (rows x columns), wanted 1x2");
  EXPECT_EQ(error_of({1, 0}), "t.gguf: rope_freqs.weight: element 1 is 0, wanted at least 1e-06");
  EXPECT_EQ(error_of({-1, 1}), "t.gguf: rope_freqs.weight: element 0 is -1, wanted at least 1e-06");
  EXPECT_EQ(error_of({1, std::nanf("")}),
            "t.gguf: rope_freqs.weight: element 1 is nan, wanted a finite number");
}

TEST(Problems, FollowFromShapes) {
  const LinearShapes shapes{.hidden = 2560,
                            .q_rows = 2560,
                            .kv_rows = 640,
                            .feed_forward = 6912,
                            .layers = 30,
                            .relu2 = true};
  const std::vector<Problem> problems = problems_of(shapes);
  ASSERT_EQ(problems.size(), 4U);
  EXPECT_EQ(describe(problems[0]), "qkv 3840x2560");
  EXPECT_EQ(describe(problems[1]), "output 2560x2560");
  EXPECT_EQ(describe(problems[2]), "gate_up 13824x2560");
  EXPECT_EQ(describe(problems[3]), "down 2560x6912");
  EXPECT_EQ(problems[0].epilogue, BN_SCALED);
  EXPECT_EQ(problems[1].epilogue, BN_SCALED_ADD);
  EXPECT_EQ(problems[2].epilogue, BN_GATE_UP_RELU2);
  EXPECT_EQ(problems[3].epilogue, BN_SCALED_ADD);
  for (const Problem& problem : problems) EXPECT_EQ(problem.count, 30);
  LinearShapes silu = shapes;
  silu.relu2 = false;
  EXPECT_EQ(problems_of(silu)[2].epilogue, BN_GATE_UP_SILU);
}

TEST(Problems, DigestNamesThem) {
  const LinearShapes shapes{.hidden = 2560,
                            .q_rows = 2560,
                            .kv_rows = 640,
                            .feed_forward = 6912,
                            .layers = 30,
                            .relu2 = true};
  const std::string digest = shape_digest(problems_of(shapes));
  EXPECT_EQ(digest, "ab5c580074ad50da");  // caches on disk are named so: it must not change
  LinearShapes other = shapes;
  other.layers = 29;
  EXPECT_NE(shape_digest(problems_of(other)), digest);
  other = shapes;
  other.relu2 = false;
  EXPECT_NE(shape_digest(problems_of(other)), digest);
}

}  // namespace
}  // namespace bitnet::testing
