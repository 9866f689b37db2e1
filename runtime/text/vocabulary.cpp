#include "runtime/text/vocabulary.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

#include "runtime/base/printable.h"
#include "runtime/text/pretokenizer.h"
#include "runtime/text/repeated_bos.h"

namespace bitnet {
namespace {

using enum Error::Kind;

constexpr size_t kMostTokens = size_t{1} << 24;

Result<TokenizerKind> read_kind(const Gguf& file) {
  BITNET_TRY(const std::string_view model, file.string_value("tokenizer.ggml.model"));
  if (model == "gpt2") return TokenizerKind::bpe;
  if (model == "llama") return TokenizerKind::sentencepiece;
  return fail(unsupported, "{}: tokenizer.ggml.model is {}, known are gpt2 and llama", file.path(),
              printable(model));
}

Result<void> same_count(const Gguf& file, std::string_view key, size_t found, size_t wanted) {
  if (found == wanted) return {};
  return fail(invalid, "{}: {} has {} entries, tokenizer.ggml.tokens has {}", file.path(), key,
              found, wanted);
}

Result<std::vector<TokenType>> read_types(const Gguf& file, size_t count) {
  constexpr std::string_view key = "tokenizer.ggml.token_type";
  if (!file.has(key)) return std::vector(count, TokenType::normal);
  BITNET_TRY(const std::vector<int32_t> numbers, file.ints(key));
  BITNET_CHECK(same_count(file, key, numbers.size(), count));
  std::vector<TokenType> types;
  types.reserve(count);
  for (const int32_t number : numbers) {
    if (number < 0 || number > 6)
      return fail(invalid, "{}: {} of token {} is {}, wanted 0 to 6", file.path(), key,
                  types.size(), number);
    types.push_back(static_cast<TokenType>(number));
  }
  return types;
}

Result<std::vector<float>> read_scores(const Gguf& file, size_t count) {
  constexpr std::string_view key = "tokenizer.ggml.scores";
  if (!file.has(key))
    return fail(invalid, "{}: {} is absent, which tokenizer.ggml.model = llama needs", file.path(),
                key);
  BITNET_TRY(std::vector<float> scores, file.floats(key));
  BITNET_CHECK(same_count(file, key, scores.size(), count));
  for (size_t id = 0; id < count; ++id)
    if (std::isnan(scores[id]))
      return fail(invalid, "{}: {} of token {} is not a number", file.path(), key, id);
  return scores;
}

Result<std::vector<std::string_view>> read_merges(const Gguf& file) {
  constexpr std::string_view key = "tokenizer.ggml.merges";
  if (!file.has(key))
    return fail(invalid, "{}: {} is absent, which tokenizer.ggml.model = gpt2 needs", file.path(),
                key);
  BITNET_TRY(std::vector<std::string_view> merges, file.strings(key));
  for (size_t i = 0; i < merges.size(); ++i)
    if (merges[i].find(' ', 1) == std::string_view::npos)
      return fail(invalid, "{}: {}: merge {} has no space between two parts", file.path(), key, i);
  return merges;
}

// -1, in whatever width it was written: no token.
bool is_none(const GgufValue& value) {
  constexpr std::array kNone = {-1.0, 0x1p32 - 1, 0x1p64};  // the last: 2^64 - 1 as a double
  const std::optional<double> id = number(value);
  return id && std::ranges::find(kNone, *id) != kNone.end();
}

Result<std::optional<int32_t>> read_id(const Gguf& file, std::string_view key, size_t count) {
  const GgufValue* value = file.value(key);
  if (value == nullptr || is_none(*value)) return std::optional<int32_t>();
  BITNET_TRY(const uint64_t id, file.unsigned_value(key));
  if (id >= count)
    return fail(invalid, "{}: {} is {}, the vocabulary has {} tokens", file.path(), key, id, count);
  return std::optional(static_cast<int32_t>(id));
}

// Absent, true, where the models of a kind want it; an id that is absent is not added.
Result<bool> read_add(const Gguf& file, std::string_view key, bool missing, std::string_view id_key,
                      bool has_id, std::vector<std::string>& notices) {
  BITNET_TRY(const bool add, file.bool_or(key, missing && has_id));
  if (add && !has_id)
    notices.push_back(fmt::format("{} is true, but {} names no token: none is added", key, id_key));
  return add && has_id;
}

// What other kinds of tokenizers do, and what is done here by no kind.
void say_ignored(const Gguf& file, std::vector<std::string>& notices) {
  for (const char* key :
       {"tokenizer.ggml.add_sep_token", "tokenizer.ggml.normalizer.lowercase",
        "tokenizer.ggml.normalizer.strip_accents", "tokenizer.ggml.precompiled_charsmap",
        "tokenizer.ggml.suppress_tokens"}) {
    const GgufValue* value = file.value(key);
    const auto* array = value == nullptr ? nullptr : std::get_if<GgufArray>(value);
    if (array != nullptr ? array->count > 0 : value != nullptr && number(*value) != 0.0)
      notices.push_back(fmt::format("{} is ignored", key));
  }
}

}  // namespace

Result<Vocabulary> Vocabulary::read(const Gguf& file) {
  Vocabulary v;
  BITNET_TRY(v.kind, read_kind(file));
  BITNET_TRY(v.tokens, file.strings("tokenizer.ggml.tokens"));
  const size_t count = v.tokens.size();
  if (count == 0 || count > kMostTokens)
    return fail(invalid, "{}: tokenizer.ggml.tokens has {} entries, wanted 1 to {}", file.path(),
                count, kMostTokens);
  BITNET_TRY(v.types, read_types(file, count));
  BITNET_TRY(v.bos, read_id(file, "tokenizer.ggml.bos_token_id", count));
  BITNET_TRY(v.eos, read_id(file, "tokenizer.ggml.eos_token_id", count));
  BITNET_TRY(v.eot, read_id(file, "tokenizer.ggml.eot_token_id", count));
  BITNET_TRY(v.unknown, read_id(file, "tokenizer.ggml.unknown_token_id", count));
  PretokenizerHabits habits;
  const bool sentencepiece = v.kind == TokenizerKind::sentencepiece;
  if (sentencepiece) {
    BITNET_TRY(v.scores, read_scores(file, count));
  } else {
    BITNET_TRY(v.merges, read_merges(file));
    // The official file of BitNet-b1.58-2B-4T has no pre-tokenizer's name; it is Llama 3's
    // vocabulary.
    BITNET_TRY(const auto pre, file.string_or_none("tokenizer.ggml.pre"));
    v.pretokenizer = pre.value_or("llama-bpe");
    habits = habits_of_pretokenizer(v.pretokenizer);
    v.ignore_merges = habits.ignore_merges;
  }
  BITNET_TRY(v.add_space_prefix, file.bool_or("tokenizer.ggml.add_space_prefix", sentencepiece));
  BITNET_TRY(v.add_bos, read_add(file, "tokenizer.ggml.add_bos_token", habits.add_bos,
                                 "tokenizer.ggml.bos_token_id", v.bos.has_value(), v.notices));
  BITNET_TRY(v.add_eos, read_add(file, "tokenizer.ggml.add_eos_token", false,
                                 "tokenizer.ggml.eos_token_id", v.eos.has_value(), v.notices));
  BITNET_TRY(const auto chat, file.string_or_none("tokenizer.chat_template"));
  v.chat_template = chat.value_or("");
  strip_repeated_bos(v);
  say_ignored(file, v.notices);
  return v;
}

}  // namespace bitnet
