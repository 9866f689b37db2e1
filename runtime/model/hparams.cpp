#include "runtime/model/hparams.h"

#include <array>
#include <cmath>
#include <string_view>
#include <utility>

#include "abi/kernel.h"
#include "runtime/base/printable.h"
#include "runtime/model/gate_activation.h"
#include "runtime/model/known_keys.h"

namespace bitnet {
namespace {

struct Architecture {
  std::string_view name;
  GateActivation gate;
  RopeKind rope;
  bool sub_norms;
};
constexpr std::array<Architecture, 4> kArchitectures = {{
    {"bitnet", GateActivation::silu, RopeKind::neox, true},
    {"bitnet-b1.58", GateActivation::relu2, RopeKind::neox, true},
    {"bitnet-25", GateActivation::relu2, RopeKind::neox, true},
    {"llama", GateActivation::silu, RopeKind::norm, false},
}};

// Far above every published model, far below where products of two of them overflow.
constexpr uint64_t kMostLayers = 4096, kMostHeads = 65536, kMostContext = uint64_t{1} << 31,
                   kMostTokens = uint64_t{1} << 24, kMostWidth = uint64_t{1} << 31;

// The keys of one architecture, range-checked. Some converters write them once a layer: equal
// elements are one number.
class Keys {
 public:
  Keys(const Gguf& file, std::string_view architecture)
      : file_(file), prefix_(std::string(architecture) + ".") {}

  bool has(std::string_view key) const { return file_.has(prefix_ + std::string(key)); }

  Result<int64_t> count(std::string_view key, uint64_t most) const {
    BITNET_TRY(const uint64_t value, unsigned_value(prefix_ + std::string(key)));
    if (value < 1 || value > most) return out_of_range(key, value, fmt::format("1 to {}", most));
    return static_cast<int64_t>(value);
  }
  // The K of a matrix.
  Result<int64_t> features(std::string_view key) const {
    BITNET_TRY(const int64_t value, count(key, kMostWidth));
    if (value > BN_MAX_K)
      return unsupported(key, value,
                         fmt::format("at most {}, up to which dot products are exact", BN_MAX_K));
    return value;
  }
  Result<int64_t> count_or(std::string_view key, uint64_t most, int64_t missing) const {
    return has(key) ? count(key, most) : missing;
  }
  Result<double> positive(std::string_view key, double most) const {
    BITNET_TRY(const double value, float_value(prefix_ + std::string(key)));
    if (!(value > 0 && value <= most))
      return out_of_range(key, value, fmt::format("above 0, at most {}", most));
    return value;
  }
  template <typename T>
  std::unexpected<Error> out_of_range(std::string_view key, const T& found,
                                      const std::string& wanted) const {
    return fail(Error::Kind::invalid, "{}: key {}{}: found {}, wanted {}", file_.path(), prefix_,
                key, found, wanted);
  }
  template <typename T>
  std::unexpected<Error> unsupported(std::string_view key, const T& found,
                                     const std::string& wanted) const {
    return fail(Error::Kind::unsupported, "{}: key {}{}: found {}, wanted {}", file_.path(),
                prefix_, key, found, wanted);
  }
  const Gguf& file() const { return file_; }
  const std::string& prefix() const { return prefix_; }

 private:
  // Of an array the element that all of it is.
  std::optional<GgufValue> element(const std::string& key) const {
    const GgufValue* found = file_.value(key);
    return found != nullptr && std::holds_alternative<GgufArray>(*found) ? uniform(*found)
                                                                         : std::nullopt;
  }
  Result<uint64_t> unsigned_value(const std::string& key) const {
    const std::optional<GgufValue> one = element(key);
    if (!one) return file_.unsigned_value(key);
    if (const auto* value = std::get_if<uint64_t>(&*one)) return *value;
    const auto* value = std::get_if<int64_t>(&*one);
    return value != nullptr && *value >= 0 ? Result<uint64_t>(static_cast<uint64_t>(*value))
                                           : file_.unsigned_value(key);
  }
  Result<double> float_value(const std::string& key) const {
    const std::optional<GgufValue> one = element(key);
    const auto* value = one ? std::get_if<double>(&*one) : nullptr;
    return value != nullptr ? Result<double>(*value) : file_.float_value(key);
  }

  const Gguf& file_;
  std::string prefix_;
};

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

Result<const Architecture*> find_architecture(const Gguf& file) {
  BITNET_CHECK(check_type(file));
  BITNET_TRY(const std::string_view name, file.string_value("general.architecture"));
  for (const Architecture& architecture : kArchitectures) {
    if (architecture.name == name) return &architecture;
  }
  return fail(
      Error::Kind::unsupported,
      "{}: key general.architecture: found \"{}\", wanted bitnet, bitnet-b1.58, bitnet-25 or llama",
      file.path(), printable(name));
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

Result<void> read_rope(const Keys& keys, Hparams& h) {
  BITNET_TRY(h.rope_dimensions, keys.count_or("rope.dimension_count", BN_MAX_K, h.head_size));
  if (h.rope_dimensions > h.head_size || h.rope_dimensions % 2 != 0) {
    return keys.out_of_range("rope.dimension_count", h.rope_dimensions,
                             fmt::format("an even number up to the head size {}", h.head_size));
  }
  if (keys.has("rope.freq_base")) {
    BITNET_TRY(h.rope_base, keys.positive("rope.freq_base", 1e12));
    if (h.rope_base < 1)  // angles would outgrow what sines are computed of
      return keys.unsupported("rope.freq_base", h.rope_base, "1 or more");
  }
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
  BITNET_TRY(const Architecture* architecture, find_architecture(file));
  const Keys keys(file, architecture->name);
  Hparams h;
  h.architecture = architecture->name;
  h.gate = architecture->gate;
  h.rope = architecture->rope;
  h.sub_norms = architecture->sub_norms;
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
  BITNET_TRY(h.vocabulary, read_vocabulary(keys));
  BITNET_CHECK(check_keys(file, h, notices));
  BITNET_TRY(h.gate, choose_activation(file, h, options.activation, notices));
  return h;
}

}  // namespace bitnet
