#include "runtime/model/known_keys.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>

#include "runtime/base/printable.h"

namespace bitnet {
namespace {

bool is_one_of(const GgufValue& value, std::initializer_list<double> wanted) {
  const std::optional<double> found = number(value);
  return found && std::ranges::find(wanted, *found) != wanted.end();
}

bool is_empty(const GgufValue& value) {
  const auto* array = std::get_if<GgufArray>(&value);
  const auto* text = std::get_if<std::string_view>(&value);
  return (array != nullptr && array->count == 0) || (text != nullptr && text->empty());
}

bool is_text_of(const GgufValue& value, std::initializer_list<std::string_view> wanted) {
  const auto* found = std::get_if<std::string_view>(&value);
  return found != nullptr && std::ranges::find(wanted, *found) != wanted.end();
}

// Files hold floats, so that a value is compared to a float's last places.
bool is_close(double found, double wanted) {
  return std::abs(found - wanted) <= 1e-6 * std::abs(wanted);
}

// ---- Values that change nothing

constexpr NeutralValues kZero = {
    "0", [](auto& value, auto&) { return is_one_of(value, {0}) || is_empty(value); }};
constexpr NeutralValues kZeroOrLess = {"0", [](auto& value, auto&) {
                                         const std::optional<double> found = number(value);
                                         return found && *found <= 0;
                                       }};
constexpr NeutralValues kFalse = {"false",
                                  [](auto& value, auto&) { return is_one_of(value, {0}); }};
constexpr NeutralValues kTrue = {"true", [](auto& value, auto&) { return is_one_of(value, {1}); }};
// Of a factor llama.cpp takes 0 as absent.
constexpr NeutralValues kOneOrZero = {"1, or 0 for none",
                                      [](auto& value, auto&) { return is_one_of(value, {0, 1}); }};
constexpr NeutralValues kEveryLayer = {
    "0 or 1", [](auto& value, auto&) { return is_one_of(value, {0, 1}) || is_empty(value); }};
constexpr NeutralValues kNoToken = {
    "-1 for none", [](auto& value, auto&) { return is_one_of(value, {-1, 4294967295.0}); }};
constexpr NeutralValues kNoPooling = {
    "0 for none", [](auto& value, auto&) { return is_one_of(value, {0, -1, 4294967295.0}); }};
constexpr NeutralValues kHidden = {
    "the embedding length, or 0 for it", [](auto& value, auto& scene) {
      return is_one_of(value, {0, static_cast<double>(scene.h.hidden)});
    }};
constexpr NeutralValues kHeadSize = {"the head size, or 0 for it", [](auto& value, auto& scene) {
                                       return is_one_of(
                                           value, {0, static_cast<double>(scene.h.head_size)});
                                     }};
constexpr NeutralValues kRopeDimensions = {
    "rope.dimension_count, or 0 for it", [](auto& value, auto& scene) {
      return is_one_of(value, {0, static_cast<double>(scene.h.rope.dimensions)});
    }};
constexpr NeutralValues kScoreScale = {
    "1/sqrt(head size), or 0 for it", [](auto& value, auto& scene) {
      const std::optional<double> found = number(value);
      return found && (*found == 0 ||
                       is_close(*found, 1 / std::sqrt(static_cast<double>(scene.h.head_size))));
    }};
constexpr NeutralValues kWholeContext = {
    "the context length or more, or 0 for none", [](auto& value, auto& scene) {
      const std::optional<double> found = number(value);
      return found && (*found <= 0 || *found >= static_cast<double>(scene.h.context));
    }};
constexpr NeutralValues kRopeBase = {"rope.freq_base, or 0 for it", [](auto& value, auto& scene) {
                                       const std::optional<double> found = number(value);
                                       return found &&
                                              (*found == 0 || is_close(*found, scene.h.rope.base));
                                     }};
// ---- Stretched positions: what hparams.cpp computes, and what would change that

bool is_one_or_absent(const KeyScene& scene, std::string_view key) {
  const GgufValue* value = scene.file.value(scene.prefix + std::string(key));
  return value == nullptr || is_one_of(*value, {0, 1});
}
// Other types change nothing where they come with a factor of 1, as some converters write them.
constexpr NeutralValues kRopeType = {
    "none, linear, yarn or longrope", [](auto& value, auto& scene) {
      const auto* text = std::get_if<std::string_view>(&value);
      return (text != nullptr && rope_stretch(*text)) ||
             (is_text_of(value, {"", "default", "su", "dynamic", "ntk", "llama3"}) &&
              is_one_or_absent(scene, "rope.scaling.factor") &&
              is_one_or_absent(scene, "rope.scale_linear"));
    }};
// llama.cpp would divide positions by it, what the model was made with would not.
constexpr NeutralValues kRopeFactor = {
    "1, or 0 for none, beside longrope", [](auto& value, auto& scene) {
      return scene.h.rope.scaling.stretch != RopeStretch::longrope || is_one_of(value, {0, 1});
    }};
constexpr NeutralValues kOlderRopeFactor = {
    "1, 0 for none, or rope.scaling.factor", [](auto& value, auto& scene) {
      const GgufValue* newer = scene.file.value(scene.prefix + "rope.scaling.factor");
      if (newer == nullptr) return kRopeFactor.contain(value, scene);
      const std::optional<double> found = number(value), wanted = number(*newer);
      return is_one_of(value, {0, 1}) || (found && wanted && is_close(*found, *wanted));
    }};
// llama.cpp reads these keys for a few other architectures only and takes its defaults here, so a
// file with other values would be computed by nobody as it says. They matter beside YaRN alone.
bool without_yarn(const KeyScene& scene) {
  const RopeScaling& scaling = scene.h.rope.scaling;
  return scaling.stretch != RopeStretch::yarn || scaling.factor == 1;
}
constexpr NeutralValues kYarnExtension = {"1, or -1 for it", [](auto& value, auto& scene) {
                                            return without_yarn(scene) || is_one_of(value, {1, -1});
                                          }};
constexpr NeutralValues kYarnFast = {
    "32", [](auto& value, auto& scene) { return without_yarn(scene) || is_one_of(value, {32}); }};
constexpr NeutralValues kYarnSlow = {
    "1", [](auto& value, auto& scene) { return without_yarn(scene) || is_one_of(value, {1}); }};
constexpr NeutralValues kYarnLogarithm = {
    "0", [](auto& value, auto& scene) { return without_yarn(scene) || is_one_of(value, {0}); }};
// Some configurations say what follows from the factor anyway.
constexpr NeutralValues kYarnAttention = {
    "1, or 1 + 0.1 ln(factor), which it is", [](auto& value, auto& scene) {
      const std::optional<double> found = number(value);
      return without_yarn(scene) ||
             (found && (*found == 1 ||
                        is_close(*found, rope_magnitude({.stretch = RopeStretch::yarn,
                                                         .factor = scene.h.rope.scaling.factor}))));
    }};

// Factors that an architecture may have.
constexpr NeutralValues kOneOrScaled = {"1, or 0 for none", [](auto& value, auto& scene) {
                                          return scene.h.graph->scales.has_value() ||
                                                 is_one_of(value, {0, 1});
                                        }};
constexpr NeutralValues kUsualLayout = {
    "reference or Meta AI original pth", [](auto& value, auto&) {
      return is_text_of(value, {"", "reference", "Meta AI original pth"});
    }};

// ---- The table. Names: gguf-py/gguf/constants.py and src/llama-arch.cpp of llama.cpp, 2026.

constexpr KnownKey computed(std::string_view name) { return {name, KeyUse::computed}; }
constexpr KnownKey irrelevant(std::string_view name) { return {name, KeyUse::irrelevant}; }
constexpr KnownKey refused(std::string_view name, const NeutralValues& neutral,
                           std::string_view effect, std::string_view beside = {}) {
  return {name, KeyUse::refused, neutral, effect, beside};
}

constexpr std::string_view kExperts = "a mixture of experts", kExpertCount = "expert_count",
                           kWindows = "attention that slides", kRecurrent = "a recurrent state",
                           kWindow = "attention.sliding_window", kLatent = "latent attention",
                           kEncoder = "an encoder", kDraft = "drafting by layers of its own",
                           kStretched = "another way to stretch positions",
                           kYarn = "YaRN with values of its own";

constexpr auto kKeys = std::to_array<KnownKey>({
    computed("vocab_size"),
    computed("context_length"),
    computed("embedding_length"),
    computed("block_count"),
    computed("feed_forward_length"),
    computed("hidden_activation"),
    computed("hidden_act"),
    computed("attention.head_count"),
    computed("attention.head_count_kv"),
    computed("attention.key_length"),
    computed("attention.value_length"),
    computed("attention.layer_norm_rms_epsilon"),
    computed("rope.dimension_count"),
    computed("rope.freq_base"),
    computed("rope.scaling.original_context_length"),
    computed("rope.scaling.attn_factor"),

    irrelevant("attention.layer_norm_epsilon"),  // norms are RMSNorm in these architectures
    irrelevant("rope.scaling.finetuned"),

    refused("rope.scaling.type", kRopeType, kStretched),
    refused("rope.scaling.factor", kRopeFactor, "a factor beside those of longrope"),
    refused("rope.scale_linear", kOlderRopeFactor, "a factor beside another one"),
    refused("rope.scaling.alpha", kOneOrZero, kStretched),
    refused("rope.scaling.yarn_ext_factor", kYarnExtension, kYarn),
    refused("rope.scaling.yarn_attn_factor", kYarnAttention, kYarn),
    refused("rope.scaling.yarn_beta_fast", kYarnFast, kYarn),
    refused("rope.scaling.yarn_beta_slow", kYarnSlow, kYarn),
    refused("rope.scaling.yarn_log_multiplier", kYarnLogarithm, kYarn),
    refused("rope.dimension_sections", kZero, "RoPE in sections"),
    refused("rope.dimension_count_swa", kRopeDimensions, kWindows, kWindow),
    refused("rope.dimension_count_per_layer", kRopeDimensions,
            "RoPE that differs from layer to layer"),
    refused("rope.freq_base_swa", kRopeBase, kWindows, kWindow),

    refused("embedding_length_out", kHidden, "an output of another length"),
    refused("embedding_length_per_layer_input", kZero, "an embedding a layer"),
    refused("features_length", kHidden, "an input of features"),
    refused("embedding_scale", kOneOrScaled, "a factor of embeddings"),
    refused("residual_scale", kOneOrScaled, "a factor of residuals"),
    refused("logit_scale", kOneOrScaled, "a factor of logits"),
    refused("attn_logit_softcapping", kZero, "a soft cap of attention scores"),
    refused("final_logit_softcapping", kZero, "a soft cap of logits"),
    refused("router_logit_softcapping", kZero, "a soft cap of the router", kExpertCount),
    refused("use_parallel_residual", kFalse, "attention beside the feed-forward part"),
    refused("swin_norm", kFalse, "norms after the blocks"),
    refused("pooling_type", kNoPooling, "pooling, one vector a text"),
    refused("decoder_start_token_id", kNoToken, kEncoder),
    refused("decoder_block_count", kZero, kEncoder),
    refused("tensor_data_layout", kUsualLayout, "another order of weights"),
    refused("full_attention_interval", kEveryLayer, "attention in some layers only"),
    refused("num_loops", kEveryLayer, "layers that are repeated"),
    refused("skip_loop_final_norm", kFalse, "layers that are repeated", "num_loops"),
    refused("activation_sparsity_scale", kZero, "sparse activations"),
    refused("swiglu_clamp_exp", kZero, "clamped gates"),
    refused("swiglu_clamp_shexp", kZero, "clamped gates"),
    refused("nextn_predict_layers", kZero, "layers that predict further tokens"),
    refused("n_deepstack_layers", kZero, "inputs of an image"),
    refused("deepstack_mapping", kZero, "inputs of an image"),
    refused("rescale_every_n_layers", kZero, "residuals that are rescaled"),
    refused("time_mix_extra_dim", kZero, kRecurrent),
    refused("time_decay_extra_dim", kZero, kRecurrent),
    refused("token_shift_count", kZero, kRecurrent),
    refused("hash_layer_count", kZero, "hashed embeddings"),

    refused("expert_count", kZero, kExperts),
    refused("expert_used_count", kZero, kExperts, kExpertCount),
    refused("expert_shared_count", kZero, kExperts, kExpertCount),
    refused("expert_feed_forward_length", kZero, kExperts, kExpertCount),
    refused("expert_shared_feed_forward_length", kZero, kExperts, kExpertCount),
    refused("expert_chunk_feed_forward_length", kZero, kExperts, kExpertCount),
    refused("expert_group_count", kZero, kExperts, kExpertCount),
    refused("expert_group_used_count", kZero, kExperts, kExpertCount),
    refused("expert_weights_scale", kOneOrZero, kExperts, kExpertCount),
    refused("expert_weights_norm", kFalse, kExperts, kExpertCount),
    refused("expert_gating_func", kZero, kExperts, kExpertCount),
    refused("expert_group_scale", kOneOrZero, kExperts, kExpertCount),
    refused("expert_latent_length", kZero, kExperts, kExpertCount),
    refused("experts_per_group", kZero, kExperts, kExpertCount),
    refused("moe_every_n_layers", kZero, kExperts, kExpertCount),
    refused("moe_latent_size", kZero, kExperts, kExpertCount),
    refused("interleave_moe_layer_step", kZero, kExperts, kExpertCount),
    refused("leading_dense_block_count", kZero, kExperts, kExpertCount),

    refused("attention.scale", kScoreScale, "another factor of attention scores"),
    refused("attention.output_scale", kOneOrZero, "a factor of attention's output"),
    refused("attention.value_scale", kOneOrZero, "a factor of values"),
    refused("attention.temperature_scale", kZero, "a temperature of attention"),
    refused("attention.temperature_length", kZero, "a temperature of attention",
            "attention.temperature_scale"),
    refused("attention.max_alibi_bias", kZeroOrLess, "ALiBi"),
    refused("attention.clamp_kqv", kZeroOrLess, "clamped queries, keys and values"),
    refused("attention.causal", kTrue, "attention to what follows"),
    refused("attention.sliding_window", kWholeContext, kWindows),
    refused("attention.sliding_window_pattern", kEveryLayer, kWindows, kWindow),
    refused("attention.key_length_swa", kHeadSize, kWindows, kWindow),
    refused("attention.value_length_swa", kHeadSize, kWindows, kWindow),
    refused("attention.rope_pattern", kTrue, "layers without RoPE"),
    refused("attention.shared_kv_layers", kZero, "keys and values that layers share"),
    refused("attention.relative_buckets_count", kZero, "relative positions"),
    refused("attention.group_norm_groups", kZero, "norms of groups"),
    refused("attention.group_norm_epsilon", kZero, "norms of groups",
            "attention.group_norm_groups"),
    refused("attention.q_lora_rank", kZero, kLatent),
    refused("attention.kv_lora_rank", kZero, kLatent),
    refused("attention.kv_lora_rank_swa", kZero, kLatent),
    refused("attention.key_length_mla*", kZero, kLatent),
    refused("attention.value_length_mla*", kZero, kLatent),
    refused("attention.output_lora_rank", kZero, kLatent),
    refused("attention.output_group_count", kEveryLayer, "attention's output in groups"),
    refused("attention.compress_ratios", kZero, "compressed keys and values"),
    refused("attention.compress_rope_freq_base", kRopeBase, "compressed keys and values"),
    refused("attention.indexer.*", kZero, "attention to chosen tokens"),
    refused("attention.decay_lora_rank", kZero, kRecurrent),
    refused("attention.iclr_lora_rank", kZero, kRecurrent),
    refused("attention.value_residual_mix_lora_rank", kZero, kRecurrent),
    refused("attention.gate_lora_rank", kZero, kRecurrent),

    refused("ssm.*", kZero, kRecurrent),
    refused("wkv.*", kZero, kRecurrent),
    refused("kda.*", kZero, kRecurrent),
    refused("shortconv.*", kZero, "convolutions"),
    refused("convnext.*", kZero, "convolutions"),
    refused("posnet.*", kZero, "convolutions"),
    refused("conv_*", kZero, "convolutions"),
    refused("classifier.*", kZero, "a classifier"),
    refused("dense_*", kZero, "dense layers after the last one"),
    refused("altup.*", kZero, "alternating updates"),
    refused("activation.*", kZero, "another activation"),
    refused("attn_res.*", kZero, "attention to residuals"),
    refused("hyper_connection.*", kZero, "hyper-connections"),
    refused("ple.*", kZero, "an embedding a layer"),
    refused("adapters.*", kZero, "adapters"),
    refused("target_layers", kZero, kDraft),
    refused("target_hidden_size", kZero, kDraft),
    refused("extract_layers", kZero, kDraft),
    refused("block_size", kZero, kDraft),
    refused("selector_*", kZero, kDraft),
    refused("sample_from_anchor", kFalse, kDraft),
    refused("has_confidence_head", kFalse, kDraft),
    refused("norm_before_residual", kFalse, kDraft),
    refused("norm_before_fc", kFalse, kDraft),
});

// Keys of any architecture.
struct ForeignKeys {
  std::string_view prefix, effect;
};
constexpr ForeignKeys kForeign[] = {
    {"prism.hadamard.", "weights are stored rotated (a Hadamard transform of their inputs)"},
    {"xielu.", "the activation is xIELU"},
    {"diffusion.", "text is made by diffusion"},
    {"adapter.", "it is an adapter of another model"},
};

constexpr size_t kNamed = 5;  // unknown keys, in a notice

bool matches(const KnownKey& key, std::string_view name) {
  return key.name.ends_with('*') ? name.starts_with(key.name.substr(0, key.name.size() - 1))
                                 : key.name == name;
}

bool is_neutral(const KnownKey& key, const GgufValue& value, const KeyScene& scene) {
  if (key.use != KeyUse::refused || key.neutral.contain(value, scene)) return true;
  if (key.beside.empty()) return false;
  const GgufValue* other = scene.file.value(scene.prefix + std::string(key.beside));
  return other != nullptr && find_known_key(key.beside)->neutral.contain(*other, scene);
}

Result<void> check_foreign(const Gguf& file) {
  for (const auto& [name, value] : file.metadata())
    for (const ForeignKeys& foreign : kForeign)
      if (name.starts_with(foreign.prefix))
        return fail(Error::Kind::unsupported, "{}: key {}: {}, which is not implemented",
                    file.path(), printable(name), foreign.effect);
  return {};
}

std::string unknown_keys(const std::vector<std::string_view>& names) {
  std::string text;
  for (size_t i = 0; i < std::min(names.size(), kNamed); ++i)
    text += (i > 0 ? ", " : "") + printable(names[i], 64);
  if (names.size() > kNamed) text += fmt::format(" and {} more", names.size() - kNamed);
  return fmt::format("ignored, as nobody knows what {} would change: {}",
                     names.size() == 1 ? "it" : "they", text);
}

}  // namespace

const KnownKey* find_known_key(std::string_view name) {
  const auto found =
      std::ranges::find_if(kKeys, [name](const KnownKey& key) { return matches(key, name); });
  return found == kKeys.end() ? nullptr : &*found;
}

Result<void> check_keys(const Gguf& file, const Hparams& h, std::vector<std::string>& notices) {
  BITNET_CHECK(check_foreign(file));
  const KeyScene scene{file, h, h.architecture + "."};
  std::vector<std::string_view> unknown;
  for (const auto& [name, value] : file.metadata()) {
    if (!name.starts_with(scene.prefix)) continue;
    const KnownKey* key = find_known_key(name.substr(scene.prefix.size()));
    if (key == nullptr) {
      unknown.push_back(name);
    } else if (!is_neutral(*key, value, scene)) {
      return fail(Error::Kind::unsupported,
                  "{}: key {}: found {}, wanted {}: {} is not implemented", file.path(),
                  printable(name), describe(value), key->neutral.wanted, key->effect);
    }
  }
  if (!unknown.empty()) notices.push_back(unknown_keys(unknown));
  const auto sampling = file.metadata().lower_bound("general.sampling.");
  if (sampling != file.metadata().end() && sampling->first.starts_with("general.sampling."))
    notices.emplace_back("general.sampling.*: the file's own sampling settings are not used");
  return {};
}

}  // namespace bitnet
