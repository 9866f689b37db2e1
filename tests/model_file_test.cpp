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

// What the table says, against files of each architecture: which norms they have.
TEST(ModelFile, TheArchitectureDecidesTheGraph) {
  struct Wanted {
    const char* name;
    GateActivation gate;
    RopeKind rope;
    bool sub_norms, head_norms, scales;
  };
  using enum GateActivation;
  for (const Wanted& wanted : {Wanted{"bitnet", silu, RopeKind::neox, true, false, false},
                               {"bitnet-b1.58", relu2, RopeKind::neox, true, false, false},
                               {"bitnet-25", relu2, RopeKind::neox, true, false, false},
                               {"llama", silu, RopeKind::norm, false, false, false},
                               {"qwen3", silu, RopeKind::neox, false, true, false},
                               {"minicpm", silu, RopeKind::norm, false, false, true}}) {
    const Read file = read(build_tiny({.architecture = wanted.name}));
    const Hparams& h = file.model->hparams;
    const LayerTensors& layer = file.model->layers[0];
    EXPECT_EQ(h.architecture, wanted.name);
    EXPECT_EQ(h.gate, wanted.gate) << wanted.name;
    EXPECT_EQ(h.graph->rope, wanted.rope) << wanted.name;
    EXPECT_EQ(h.graph->scales.has_value(), wanted.scales) << wanted.name;
    EXPECT_EQ(layer.attn_norm.size(), 8U) << wanted.name;
    EXPECT_EQ(layer.ffn_norm.size(), 8U) << wanted.name;
    EXPECT_EQ(layer.attn_sub_norm.size(), wanted.sub_norms ? 8U : 0U) << wanted.name;
    EXPECT_EQ(layer.ffn_sub_norm.size(), wanted.sub_norms ? 12U : 0U) << wanted.name;
    EXPECT_EQ(layer.q_norm.size(), wanted.head_norms ? 4U : 0U) << wanted.name;
    EXPECT_EQ(layer.k_norm.size(), wanted.head_norms ? 4U : 0U) << wanted.name;
  }
  EXPECT_EQ(architectures().size(), 6U);  // one that is added is added here, too
}

TEST(ModelFile, NormsOfHeadsAreWantedWhereTheArchitectureHasThem) {
  const auto error_of = [](const GgufBuilder& file) {
    const Bytes bytes = file.build();
    return ModelFile::parse(bytes, "t.gguf").error().message;
  };
  GgufBuilder none = build_tiny({.architecture = "qwen3"});
  std::erase_if(none.tensors, [](auto& tensor) { return tensor.name.contains("attn_k_norm"); });
  EXPECT_EQ(error_of(none), "t.gguf: there is no tensor blk.0.attn_k_norm.weight");
  GgufBuilder wide = build_tiny({.architecture = "qwen3"});
  TestTensor& norm = wide.tensor("blk.0.attn_q_norm.weight");
  norm.dims = {8};
  norm.data.resize(32);
  EXPECT_EQ(error_of(wide),
            "t.gguf: blk.0.attn_q_norm.weight: found 1x8 (rows x columns), wanted 1x4");
  GgufBuilder stray = build_tiny({.architecture = "llama"});
  TestTensor one = stray.tensor("blk.0.attn_norm.weight");
  one.name = "blk.0.attn_q_norm.weight";
  stray.tensors.push_back(one);
  EXPECT_EQ(error_of(stray),
            "t.gguf: blk.0.attn_q_norm.weight: architecture llama with 1 layers has no such tensor "
            "here");
}

TEST(ModelFile, KeysAndValuesHaveOneLength) {
  GgufBuilder file = build_tiny({.architecture = "qwen3", .head_size = 16});
  file.u32("qwen3.attention.value_length", 8);
  const Bytes bytes = file.build();
  EXPECT_EQ(ModelFile::parse(bytes, "t.gguf").error().message,
            "t.gguf: key qwen3.attention.value_length: found 8, wanted the key length 16");
}

TEST(ModelFile, ScalesOfMiniCpm) {
  GgufBuilder file = build_tiny({.architecture = "minicpm"});
  const Hparams absent = read(file).model->hparams;  // one layer, 8 features
  EXPECT_EQ(absent.embedding_scale, 12);
  EXPECT_EQ(absent.residual_scale, 1.4F);
  EXPECT_EQ(absent.logit_factor, 32);  // llama.cpp's default divides instead
  file.f32("minicpm.embedding_scale", 10);
  file.f32("minicpm.residual_scale", 0.25F);
  file.f32("minicpm.logit_scale", 3);
  const Hparams given = read(file).model->hparams;
  EXPECT_EQ(given.embedding_scale, 10);
  EXPECT_EQ(given.residual_scale, 0.25F);
  EXPECT_EQ(given.logit_factor, 1 / 3.0F);
  file.f32("minicpm.residual_scale", 0);
  EXPECT_EQ(read(file).model->hparams.residual_scale, 1);
  file.f32("minicpm.logit_scale", -1);
  const Bytes bytes = file.build();
  EXPECT_EQ(ModelFile::parse(bytes, "t.gguf").error().message,
            "t.gguf: key minicpm.logit_scale: found -1, wanted 1e-06 to 1000000, or 0 for none");
  const Hparams other = read(build_tiny()).model->hparams;
  EXPECT_EQ(other.embedding_scale, 1);
  EXPECT_EQ(other.residual_scale, 1);
  EXPECT_EQ(other.logit_factor, 1);
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
  EXPECT_EQ(h.rope.dimensions, 4);
  EXPECT_EQ(h.rope.base, 10000);
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

TEST(ModelFile, LongropeHasTwoListsOfFactors) {
  const auto with = [](std::initializer_list<const char*> names) {
    GgufBuilder file = build_tiny({.architecture = "minicpm"});
    file.text("minicpm.rope.scaling.type", "longrope");
    file.u32("minicpm.rope.scaling.original_context_length", 32);
    float first = 1;
    for (const char* name : names) {
      Bytes data;
      put(data, first++);
      put(data, 9.0F);
      file.tensors.push_back({name, {2}, 0, data, -1});
    }
    return file;
  };
  const char *kShort = "rope_factors_short.weight", *kLong = "rope_factors_long.weight";
  const Read both = read(with({kLong, kShort}));
  EXPECT_TRUE(std::ranges::equal(both.model->rope_factors, std::vector<float>{2, 9}));
  EXPECT_TRUE(std::ranges::equal(both.model->rope_factors_long, std::vector<float>{1, 9}));
  EXPECT_EQ(both.model->hparams.rope.scaling.original_context, 32);
  const Read none = read(with({}));
  EXPECT_TRUE(none.model->rope_factors.empty());
  EXPECT_EQ(none.model->notices,
            std::vector<std::string>{"rope.scaling.type is longrope, but there is no "
                                     "rope_factors_short.weight: positions are as they are"});
  const auto error_of = [](const GgufBuilder& file) {
    const Bytes bytes = file.build();
    return ModelFile::parse(bytes, "t.gguf").error().message;
  };
  EXPECT_EQ(error_of(with({kLong})), "t.gguf: there is no tensor rope_factors_short.weight");
  EXPECT_EQ(error_of(with({kShort})), "t.gguf: there is no tensor rope_factors_long.weight");
  GgufBuilder yarn = with({kLong, kShort});
  yarn.text("minicpm.rope.scaling.type", "yarn");
  EXPECT_TRUE(error_of(yarn).ends_with("has no such tensor here")) << error_of(yarn);
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
