// Metadata that asks for more than is computed is refused, neutral values of it are not; and where
// the activation comes from.
#include "runtime/model/known_keys.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "runtime/model/gate_activation.h"
#include "runtime/model/model_file.h"
#include "tests/tiny_model.h"

namespace bitnet::testing {
namespace {

using Bend = std::function<void(GgufBuilder&)>;

struct Outcome {
  std::string error;  // empty: it was read
  std::vector<std::string> notices;
  GateActivation gate = GateActivation::silu;
};
Outcome read(const GgufBuilder& file, const ModelFileOptions& options = {}) {
  const Bytes bytes = file.build();
  const auto model = ModelFile::parse(bytes, "t.gguf", options);
  if (!model) return {model.error().message, {}, {}};
  return {"", model->notices, model->hparams.gate};
}
Outcome read_bent(const TinyModel& model, const Bend& bend, const ModelFileOptions& options = {}) {
  GgufBuilder file = build_tiny(model);
  bend(file);
  return read(file, options);
}

struct Key {
  const char* what;
  Bend bend;
};
template <typename T>
Key number(const char* key, GgufValueType type, T value) {
  return {key, [=](GgufBuilder& f) { f.number(std::string("llama.") + key, type, value); }};
}
Key f32(const char* key, float value) { return number(key, GgufValueType::f32, value); }
Key u32(const char* key, uint32_t value) { return number(key, GgufValueType::u32, value); }
Key flag(const char* key, bool value) {
  return number(key, GgufValueType::boolean, static_cast<uint8_t>(value));
}
Key text(const char* key, const char* value) {
  return {key, [=](GgufBuilder& f) { f.text(std::string("llama.") + key, value); }};
}
Key both(const Key& a, const Key& b) {
  return {a.what, [=](GgufBuilder& f) { a.bend(f), b.bend(f); }};
}
Key ints(const char* key, const std::vector<int32_t>& values) {
  return {key, [=](GgufBuilder& f) {
            f.array<int32_t>(std::string("llama.") + key, GgufValueType::i32, values);
          }};
}

const Key kYarn = both(text("rope.scaling.type", "yarn"), f32("rope.scaling.factor", 4));

// build_tiny has a head size of 4, 2 heads, a context of 64 and a RoPE base of 10000.
const std::vector<Key>& neutral_keys() {
  static const std::vector<Key> kKeys = {
      both(text("rope.scaling.type", "linear"), f32("rope.scaling.factor", 1)),
      both(text("rope.scaling.type", "yarn"), f32("rope.scaling.factor", 1)),
      both(text("rope.scaling.type", "none"), f32("rope.scaling.factor", 4)),
      text("rope.scaling.type", "linear"),
      both(text("rope.scaling.type", "dynamic"), f32("rope.scaling.factor", 1)),
      text("rope.scaling.type", "llama3"),
      both(text("rope.scaling.type", "yarn"), f32("rope.scaling.yarn_beta_fast", 16)),
      both(kYarn, f32("rope.scaling.yarn_beta_fast", 32)),
      both(kYarn, u32("rope.scaling.yarn_beta_slow", 1)),
      both(kYarn, f32("rope.scaling.yarn_ext_factor", 1)),
      both(kYarn, f32("rope.scaling.yarn_ext_factor", -1)),
      both(kYarn, f32("rope.scaling.yarn_log_multiplier", 0)),
      both(kYarn, f32("rope.scaling.yarn_attn_factor", 1)),
      both(kYarn, f32("rope.scaling.yarn_attn_factor", 1.1386294F)),
      both(text("rope.scaling.type", "linear"), f32("rope.scaling.yarn_beta_fast", 16)),
      both(f32("rope.scaling.factor", 4), f32("rope.scale_linear", 4)),
      both(f32("rope.scaling.factor", 4), f32("rope.scale_linear", 0)),
      f32("rope.scaling.factor", 0),
      f32("rope.scale_linear", 1),
      f32("rope.scaling.attn_factor", 1),
      u32("rope.scaling.original_context_length", 8192),
      flag("rope.scaling.finetuned", true),
      ints("rope.dimension_sections", {0, 0, 0, 0}),
      f32("rope.freq_base_swa", 10000),
      both(u32("attention.sliding_window", 0), f32("rope.freq_base_swa", 500)),
      f32("logit_scale", 1),
      f32("logit_scale", 0),
      f32("residual_scale", 1),
      f32("embedding_scale", 1),
      f32("attention.scale", 0),
      f32("attention.scale", 0.5F),
      f32("attention.scale", std::nextafter(0.5F, 1.0F)),
      f32("attention.output_scale", 1),
      f32("attn_logit_softcapping", 0),
      f32("final_logit_softcapping", 0),
      f32("attention.clamp_kqv", 0),
      f32("attention.max_alibi_bias", 0),
      flag("attention.causal", true),
      flag("use_parallel_residual", false),
      u32("attention.sliding_window", 64),
      u32("attention.sliding_window", 0xffffffffU),
      number("attention.sliding_window", GgufValueType::i32, -1),
      f32("attention.clamp_kqv", -1),
      ints("attention.sliding_window", {0, 0}),
      u32("expert_count", 0),
      u32("expert_used_count", 0),
      both(u32("expert_count", 0), f32("expert_weights_scale", 2.5F)),
      both(u32("expert_count", 0), u32("expert_used_count", 2)),
      f32("attention.layer_norm_epsilon", 1e-6F),
      u32("embedding_length_out", 8),
      u32("pooling_type", 0),
      u32("nextn_predict_layers", 0),
      u32("ssm.state_size", 0),
      u32("attention.q_lora_rank", 0),
      u32("attention.key_length_swa", 4),
      number("decoder_start_token_id", GgufValueType::i32, -1),
      text("tensor_data_layout", "Meta AI original pth"),
      ints("attention.head_count", {2, 2}),
      ints("attention.head_count_kv", {1, 1, 1}),
      ints("feed_forward_length", {12}),
      text("hidden_activation", "silu"),
      text("hidden_act", "Swish"),
  };
  return kKeys;
}

TEST(KnownKeys, WhatChangesNothingIsTakenInSilence) {
  for (const Key& key : neutral_keys()) {
    const Outcome read = read_bent({.architecture = "llama"}, key.bend);
    EXPECT_EQ(read.error, "") << key.what;
    EXPECT_TRUE(read.notices.empty()) << key.what << ": " << read.notices.front();
  }
}

const std::vector<Key>& changing_keys() {
  static const std::vector<Key> kKeys = {
      both(text("rope.scaling.type", "dynamic"), f32("rope.scaling.factor", 4)),
      both(text("rope.scaling.type", "su"), f32("rope.scale_linear", 4)),
      text("rope.scaling.type", "spiral"),
      both(text("rope.scaling.type", "longrope"), f32("rope.scaling.factor", 4)),
      both(f32("rope.scaling.factor", 4), f32("rope.scale_linear", 2)),
      f32("rope.scaling.alpha", 1000),
      both(kYarn, f32("rope.scaling.yarn_beta_fast", 16)),
      both(kYarn, f32("rope.scaling.yarn_beta_slow", 2)),
      both(kYarn, f32("rope.scaling.yarn_ext_factor", 0.5F)),
      both(kYarn, f32("rope.scaling.yarn_log_multiplier", 0.1F)),
      both(kYarn, f32("rope.scaling.yarn_attn_factor", 1.2F)),
      ints("rope.dimension_sections", {1, 1, 0, 0}),
      f32("rope.freq_base_swa", 500),
      f32("logit_scale", 0.25F),
      f32("residual_scale", 0.22F),
      f32("embedding_scale", 12),
      f32("attention.scale", 0.25F),
      f32("attention.scale", std::nanf("")),
      text("attention.scale", "0.5"),
      f32("attention.output_scale", 2),
      f32("attention.temperature_scale", 0.1F),
      f32("attn_logit_softcapping", 50),
      f32("final_logit_softcapping", 30),
      f32("attention.clamp_kqv", 8),
      f32("attention.max_alibi_bias", 8),
      flag("attention.causal", false),
      flag("use_parallel_residual", true),
      flag("swin_norm", true),
      u32("attention.sliding_window", 63),
      ints("attention.sliding_window", {64, 16}),
      u32("expert_count", 8),
      u32("expert_used_count", 2),
      f32("expert_weights_scale", 2.5F),
      u32("interleave_moe_layer_step", 2),
      u32("embedding_length_out", 4),
      u32("pooling_type", 3),
      u32("nextn_predict_layers", 1),
      u32("ssm.inner_size", 16),
      u32("wkv.head_size", 16),
      u32("attention.kv_lora_rank", 16),
      u32("attention.relative_buckets_count", 32),
      u32("attention.key_length_swa", 8),
      u32("attention.indexer.top_k", 8),
      u32("dense_2_feat_in", 8),
      u32("decoder_start_token_id", 0),
      text("tensor_data_layout", "jploski"),
  };
  return kKeys;
}

TEST(KnownKeys, WhatChangesTheNumbersIsRefused) {
  for (const Key& key : changing_keys()) {
    const std::string error = read_bent({.architecture = "llama"}, key.bend).error;
    EXPECT_TRUE(error.starts_with("t.gguf: key llama.")) << key.what << ": " << error;
    EXPECT_NE(error.find(": found "), error.npos) << key.what << ": " << error;
    EXPECT_NE(error.find(", wanted "), error.npos) << key.what << ": " << error;
    EXPECT_NE(error.find("is not implemented"), error.npos) << key.what << ": " << error;
  }
  EXPECT_EQ(
      read_bent({.architecture = "llama"}, f32("logit_scale", 0.25F).bend).error,
      "t.gguf: key llama.logit_scale: found the float 0.25, wanted 1, or 0 for none: a factor "
      "of logits is not implemented");
}

TEST(KnownKeys, RopeScalingIsComputed) {
  const auto scaling = [](const Bend& bend) {
    GgufBuilder file = build_tiny({.architecture = "llama"});
    bend(file);
    const Bytes bytes = file.build();
    const auto model = ModelFile::parse(bytes, "t.gguf");
    EXPECT_TRUE(model) << model.error().message;
    return model ? model->hparams.rope.scaling : RopeScaling{};
  };
  EXPECT_EQ(scaling(kYarn.bend).stretch, RopeStretch::yarn);
  EXPECT_EQ(scaling(kYarn.bend).factor, 4);
  EXPECT_EQ(scaling(kYarn.bend).original_context, 64);  // the context where it is not said
  EXPECT_EQ(
      scaling(both(kYarn, u32("rope.scaling.original_context_length", 16)).bend).original_context,
      16);
  EXPECT_EQ(scaling(f32("rope.scale_linear", 0.5F).bend).stretch, RopeStretch::linear);
  EXPECT_EQ(scaling(f32("rope.scale_linear", 0.5F).bend).factor, 0.5);
  EXPECT_EQ(scaling(u32("rope.scaling.factor", 3).bend).factor, 3);
  EXPECT_EQ(
      scaling(both(text("rope.scaling.type", "none"), f32("rope.scaling.factor", 4)).bend).stretch,
      RopeStretch::none);
  EXPECT_EQ(scaling(f32("rope.scaling.attn_factor", 1.5F).bend).attention_factor, 1.5);

  EXPECT_EQ(read_bent({.architecture = "llama"}, both(kYarn, f32("rope.freq_base", 1)).bend).error,
            "t.gguf: key llama.rope.freq_base: found 1, wanted above 1, as YaRN divides by its "
            "logarithm");
  EXPECT_EQ(read_bent({.architecture = "llama"}, f32("rope.scaling.factor", -2).bend).error,
            "t.gguf: key llama.rope.scaling.factor: found -2, wanted 0.001 to 1000000, or 0 for "
            "none");
  EXPECT_EQ(read_bent({.architecture = "llama"}, f32("rope.scaling.attn_factor", 0).bend).error,
            "t.gguf: key llama.rope.scaling.attn_factor: found 0, wanted above 0, at most 1000");
}

TEST(KnownKeys, OneNumberForAllLayersOrNone) {
  for (const char* key : {"attention.head_count", "attention.head_count_kv", "feed_forward_length"})
    EXPECT_EQ(
        read_bent({.architecture = "llama"}, ints(key, {2, 1}).bend).error,
        fmt::format("t.gguf: key llama.{}: found an array of 2 integers, wanted an integer of "
                    "0 or more",
                    key));
}

TEST(KnownKeys, UnknownOnesAreNamedOnce) {
  const auto unknown = [](int count) {
    return read_bent({}, [count](GgufBuilder& f) {
      for (int i = 0; i < count; ++i) f.u32("bitnet.new_idea_" + std::to_string(i), 1);
      f.u32("llama.of_another", 1);
      f.u32("general.quantization_version", 2);
    });
  };
  EXPECT_EQ(
      unknown(1).notices,
      std::vector<std::string>{"ignored, as nobody knows what it would change: bitnet.new_idea_0"});
  const std::vector<std::string> many = unknown(7).notices;
  ASSERT_EQ(many.size(), 1U);
  EXPECT_NE(many[0].find("bitnet.new_idea_4 and 2 more"), many[0].npos) << many[0];
  const Outcome ugly = read_bent({}, [](GgufBuilder& f) { f.u32("bitnet.\x1b[2J", 1); });
  EXPECT_NE(ugly.notices.at(0).find("bitnet.\\x1b[2J"), std::string::npos);
}

TEST(KnownKeys, RotatedWeightsAreRefused) {
  EXPECT_EQ(read_bent({}, [](GgufBuilder& f) { f.u32("prism.hadamard.version", 1); }).error,
            "t.gguf: key prism.hadamard.version: weights are stored rotated (a Hadamard transform "
            "of their inputs), which is not implemented");
}

TEST(KnownKeys, TheFilesSamplingSettingsAreSaidToBeIgnored) {
  const Outcome read = read_bent({}, [](GgufBuilder& f) { f.f32("general.sampling.temp", 1); });
  ASSERT_EQ(read.notices.size(), 1U);
  EXPECT_TRUE(read.notices[0].starts_with("general.sampling.*")) << read.notices[0];
}

// ---- The activation

Outcome with_activation(const char* architecture, const char* key, const char* value,
                        const ModelFileOptions& options = {}) {
  return read_bent(
      {.architecture = architecture},
      [=](GgufBuilder& f) { f.text(std::string(architecture) + "." + key, value); }, options);
}

TEST(Activation, OfABitnetIsWhatTheFileSays) {
  for (const char* key : {"hidden_activation", "hidden_act"}) {
    EXPECT_EQ(with_activation("bitnet", key, "relu2").gate, GateActivation::relu2);
    EXPECT_EQ(with_activation("bitnet", key, "relu_squared").gate, GateActivation::relu2);
    EXPECT_EQ(with_activation("bitnet", key, "silu").gate, GateActivation::silu);
    EXPECT_EQ(with_activation("bitnet", key, "SWISH").gate, GateActivation::silu);
    EXPECT_EQ(with_activation("bitnet", key, "gelu").error,
              fmt::format("t.gguf: key bitnet.{}: found \"gelu\", wanted silu or relu2", key));
  }
  EXPECT_TRUE(with_activation("bitnet", "hidden_activation", "relu2").notices.empty());
}

TEST(Activation, OfTheOthersMustBeTheirs) {
  EXPECT_EQ(with_activation("llama", "hidden_activation", "relu2").error,
            "t.gguf: key llama.hidden_activation: found relu2, wanted silu as architecture llama "
            "has it");
  EXPECT_EQ(with_activation("bitnet-b1.58", "hidden_act", "silu").error,
            "t.gguf: key bitnet-b1.58.hidden_act: found silu, wanted relu2 as architecture "
            "bitnet-b1.58 has it");
  EXPECT_EQ(with_activation("bitnet-b1.58", "hidden_act", "relu2").error, "");
}

TEST(Activation, TwoKeysMustAgree) {
  const auto two = [](const char* second) {
    return read_bent({}, [second](GgufBuilder& f) {
      f.text("bitnet.hidden_activation", "relu2");
      f.text("bitnet.hidden_act", second);
    });
  };
  EXPECT_EQ(two("relu_squared").gate, GateActivation::relu2);
  EXPECT_EQ(two("silu").error,
            "t.gguf: key bitnet.hidden_act: found \"silu\", wanted relu2 as "
            "bitnet.hidden_activation has it");
}

TEST(Activation, MayBeAskedForAndSaysWhatItOverrules) {
  const ModelFileOptions relu2{.activation = GateActivation::relu2};
  const Outcome against = with_activation("bitnet", "hidden_act", "silu", relu2);
  EXPECT_EQ(against.gate, GateActivation::relu2);
  EXPECT_EQ(against.notices, std::vector<std::string>{"the activation is relu2 as asked for, "
                                                      "against bitnet.hidden_act"});
  EXPECT_TRUE(with_activation("bitnet", "hidden_act", "relu2", relu2).notices.empty());
  EXPECT_EQ(with_activation("llama", "hidden_act", "gelu", relu2).notices.size(), 1U);
}

// A file of the size of 2B-4T would be large: only what the choice rests on.
TEST(Activation, OfAFileOfTheShapeOf2B4TIsAssumed) {
  const Bytes bytes = GgufBuilder{}.build();
  const auto file = Gguf::parse(bytes, "t.gguf");
  ASSERT_TRUE(file) << file.error().message;
  Hparams h;
  h.architecture = "bitnet", h.hidden = 2560, h.feed_forward = 6912, h.layers = 30;
  std::vector<std::string> notices;
  EXPECT_EQ(choose_activation(*file, h, {}, notices), GateActivation::relu2);
  ASSERT_EQ(notices.size(), 1U);
  EXPECT_NE(notices[0].find("BitNet-b1.58-2B-4T"), notices[0].npos);
  h.layers = 26;
  EXPECT_EQ(choose_activation(*file, h, {}, notices), GateActivation::silu);
  EXPECT_EQ(notices.size(), 1U);
}

TEST(Hparams, TheNameIsPrintable) {
  GgufBuilder file = build_tiny();
  file.text("general.name", "ok\x1b]0;owned\x07\n" + std::string(1000, 'x'));
  const Bytes bytes = file.build();
  const auto model = ModelFile::parse(bytes, "t.gguf");
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_TRUE(model->hparams.name.starts_with("ok\\x1b]0;owned\\x07\\x0axxx"));
  EXPECT_LT(model->hparams.name.size(), 110U);
}

}  // namespace
}  // namespace bitnet::testing
