#include "runtime/model/hparams.h"

#include <cmath>
#include <string_view>
#include <utility>

#include "abi/kernel.h"
#include "runtime/base/printable.h"
#include "runtime/model/gate_activation.h"
#include "runtime/model/keys.h"
#include "runtime/model/known_keys.h"

namespace bitnet {
namespace {

// Far above every published model, far below where products of two of them overflow.
constexpr uint64_t kMostLayers = 4096, kMostHeads = 65536, kMostContext = uint64_t{1} << 31,
                   kMostTokens = uint64_t{1} << 24;

// What general.type calls a GGUF file that is no model.
constexpr std::pair<std::string_view, std::string_view> kOtherTypes[] = {
    {"adapter", "an adapter (LoRA) of another model"},
    {"mmproj", "a projector of images or sounds"},
    {"imatrix", "an importance matrix for quantizing"},
    {"vocab", "a vocabulary without weights"},
};

Result<void> check_type(const Gguf& file) {
  BITNET_TRY(const auto type, file.string_or_none("general.type"));
  if (!type || *type == "model") return {};
  std::string found = '"' + printable(*type) + '"';
  for (const auto& [name, what] : kOtherTypes)
    if (name == *type) found += fmt::format(", {}", what);
  return fail(Error::Kind::unsupported, "{}: key general.type: found {}, wanted \"model\"",
              file.path(), found);
}

Result<const Architecture*> architecture_of(const Gguf& file) {
  BITNET_CHECK(check_type(file));
  BITNET_TRY(const std::string_view name, file.string_value("general.architecture"));
  if (const Architecture* architecture = find_architecture(name)) return architecture;
  return fail(Error::Kind::unsupported, "{}: key general.architecture: found \"{}\", wanted {}",
              file.path(), printable(name), architecture_names());
}

// The model's own count, else that of its tokens, else that of the embedding's rows (files without
// a vocabulary).
Result<int64_t> read_vocabulary(const Keys& keys) {
  if (keys.has("vocab_size")) return keys.count("vocab_size", kMostTokens);
  BITNET_TRY(const TensorInfo* embedding, keys.file().tensor("token_embd.weight"));
  auto vocabulary = static_cast<uint64_t>(embedding->n());
  if (keys.file().has("tokenizer.ggml.tokens")) {
    BITNET_TRY(vocabulary, keys.file().count("tokenizer.ggml.tokens"));
  }
  if (vocabulary < 1 || vocabulary > kMostTokens)
    return fail(Error::Kind::invalid, "{}: found {} tokens, wanted 1 to {}", keys.file().path(),
                vocabulary, kMostTokens);
  return static_cast<int64_t>(vocabulary);
}

Result<void> read_heads(const Keys& keys, Hparams& h) {
  BITNET_TRY(h.heads, keys.count("attention.head_count", kMostHeads));
  BITNET_TRY(h.kv_heads, keys.count_or("attention.head_count_kv", kMostHeads, h.heads));
  if (h.heads % h.kv_heads != 0)
    return keys.out_of_range("attention.head_count_kv", h.kv_heads,
                             fmt::format("a divisor of the {} heads", h.heads));
  if (keys.has("attention.key_length")) {
    BITNET_TRY(h.head_size, keys.count("attention.key_length", BN_MAX_K));
  } else {
    if (h.hidden % h.heads != 0)
      return keys.out_of_range("attention.head_count", h.heads,
                               fmt::format("a divisor of the embedding length {}", h.hidden));
    h.head_size = h.hidden / h.heads;
  }
  BITNET_TRY(const int64_t value_size,
             keys.count_or("attention.value_length", BN_MAX_K, h.head_size));
  if (value_size != h.head_size)
    return keys.unsupported("attention.value_length", value_size,
                            fmt::format("the key length {}", h.head_size));
  if (h.heads * h.head_size > BN_MAX_K) {
    return keys.unsupported(
        "attention.head_count", h.heads,
        fmt::format("at most {} features in all heads of {}, up to which dot products are exact",
                    BN_MAX_K, h.head_size));
  }
  return {};
}

// Whatever else a type may be called is none here, and known_keys.cpp refuses it unless its factor
// is neutral.
Result<RopeStretch> read_stretch(const Keys& keys) {
  const std::string key = keys.prefix() + "rope.scaling.type";
  if (!keys.file().has(key)) return RopeStretch::linear;
  BITNET_TRY(const std::string_view text, keys.file().string_value(key));
  return rope_stretch(text).value_or(RopeStretch::none);
}

Result<void> read_rope_scaling(const Keys& keys, Hparams& h) {
  RopeScaling& scaling = h.rope.scaling;
  BITNET_TRY(scaling.stretch, read_stretch(keys));
  for (const char* key : {"rope.scaling.factor", "rope.scale_linear"}) {  // the first counts
    if (!keys.has(key)) continue;
    BITNET_TRY(scaling.factor, keys.factor(key, 1e-3, 1e6));
    break;
  }
  BITNET_TRY(scaling.original_context,
             keys.count_or("rope.scaling.original_context_length", kMostContext, h.context));
  if (keys.has("rope.scaling.attn_factor")) {
    BITNET_TRY(scaling.attention_factor, keys.positive("rope.scaling.attn_factor", 1e3));
  }
  if (scaling.stretch == RopeStretch::yarn && scaling.factor != 1 && !(h.rope.base > 1))
    return keys.unsupported("rope.freq_base", h.rope.base,
                            "above 1, as YaRN divides by its logarithm");
  return {};
}

Result<void> read_rope(const Keys& keys, Hparams& h) {
  BITNET_TRY(h.rope.dimensions, keys.count_or("rope.dimension_count", BN_MAX_K, h.head_size));
  if (h.rope.dimensions > h.head_size || h.rope.dimensions % 2 != 0) {
    return keys.out_of_range("rope.dimension_count", h.rope.dimensions,
                             fmt::format("an even number up to the head size {}", h.head_size));
  }
  if (keys.has("rope.freq_base")) {
    BITNET_TRY(h.rope.base, keys.positive("rope.freq_base", 1e12));
    if (h.rope.base < 1)  // angles would outgrow what sines are computed of
      return keys.unsupported("rope.freq_base", h.rope.base, "1 or more");
  }
  return read_rope_scaling(keys, h);
}

Result<double> scale_or(const Keys& keys, std::string_view key, double missing) {
  return keys.has(key) ? keys.factor(key, 1e-6, 1e6) : missing;
}

Result<void> read_scales(const Keys& keys, const ScaleDefaults& absent, Hparams& h) {
  const double root = __builtin_sqrt(static_cast<double>(h.layers));
  BITNET_TRY(const double embedding, scale_or(keys, "embedding_scale", absent.embedding));
  BITNET_TRY(const double residual, scale_or(keys, "residual_scale", absent.depth / root));
  BITNET_TRY(const double logit,
             scale_or(keys, "logit_scale", static_cast<double>(h.hidden) / absent.base));
  h.embedding_scale = static_cast<float>(embedding);
  h.residual_scale = static_cast<float>(residual);
  h.logit_factor = static_cast<float>(1 / logit);
  return {};
}

}  // namespace

LinearShapes Hparams::linear_shapes() const {
  return {.hidden = hidden,
          .q_rows = heads * head_size,
          .kv_rows = kv_heads * head_size,
          .feed_forward = feed_forward,
          .layers = static_cast<int>(layers),
          .relu2 = gate == GateActivation::relu2};
}

Result<Hparams> read_hparams(const Gguf& file, const ModelFileOptions& options,
                             std::vector<std::string>& notices) {
  BITNET_TRY(const Architecture* architecture, architecture_of(file));
  const Keys keys(file, architecture->name);
  Hparams h;
  h.architecture = architecture->name;
  h.graph = architecture;
  h.gate = architecture->gate;
  BITNET_TRY(const auto name, file.string_or_none("general.name"));
  h.name = printable(name.value_or(""));
  BITNET_TRY(h.hidden, keys.features("embedding_length"));
  BITNET_TRY(h.feed_forward, keys.features("feed_forward_length"));
  BITNET_TRY(h.layers, keys.count("block_count", kMostLayers));
  BITNET_TRY(h.context, keys.count("context_length", kMostContext));
  BITNET_TRY(const double epsilon, keys.positive("attention.layer_norm_rms_epsilon", 1));
  h.rms_epsilon = static_cast<float>(epsilon);
  BITNET_CHECK(read_heads(keys, h));
  BITNET_CHECK(read_rope(keys, h));
  if (architecture->scales) BITNET_CHECK(read_scales(keys, *architecture->scales, h));
  BITNET_TRY(h.vocabulary, read_vocabulary(keys));
  BITNET_CHECK(check_keys(file, h, notices));
  BITNET_TRY(h.gate, choose_activation(file, h, options.activation, notices));
  return h;
}

}  // namespace bitnet
