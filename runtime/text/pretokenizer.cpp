#include "runtime/text/pretokenizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string>

#include "runtime/base/printable.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

namespace bitnet {
namespace {

// Expressions with two things spelt out: contractions in both cases where case does not count, as
// ignoring case would let U+017F (long s) pass for s; and white space as Unicode's White_Space, as
// PCRE2's \s has U+180E besides.
// clang-format off
#define SPACE "\\t-\\r\\x{85}\\p{Z}"
#define SPACES "|[" SPACE "]+(?![^" SPACE "])|[" SPACE "]+"
// Those after Llama 3's differ in what a word is made of (and no symbol is) and in how many digits
// are taken at once.
#define LLAMA_LIKE(LETTER, LETTERS, DIGITS)               \
  "'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD]" \
  "|[^\\r\\n\\p{L}\\p{N}]?" LETTER "+"                    \
  "|" DIGITS                                              \
  "| ?[^" SPACE LETTERS "\\p{N}]+[\\r\\n]*"               \
  "|[" SPACE "]*[\\r\\n]+" SPACES
constexpr const char* kLlamaExpression = LLAMA_LIKE("\\p{L}", "\\p{L}", "\\p{N}{1,3}");
constexpr const char* kQwen2Expression = LLAMA_LIKE("\\p{L}", "\\p{L}", "\\p{N}");
constexpr const char* kQwen35Expression =
    LLAMA_LIKE("[\\p{L}\\p{M}]", "\\p{L}\\p{M}", "\\p{N}");
constexpr const char* kGpt2Expression =
    "'s|'t|'re|'ve|'m|'ll|'d"
    "| ?\\p{L}+"
    "| ?\\p{N}+"
    "| ?[^" SPACE "\\p{L}\\p{N}]+" SPACES;
#undef LLAMA_LIKE
#undef SPACES
#undef SPACE
// clang-format on

struct Named {
  std::string_view name;
  const char* expression;
  PretokenizerHabits habits;
};
constexpr PretokenizerHabits kLlamas = {.ignore_merges = true, .add_bos = true},
                             kOthers = {.ignore_merges = false, .add_bos = false};
// Names of one expression are those that llama.cpp takes for one. Its rule that a decoder takes
// spaces before punctuation out for some of them (clean_spaces) is not followed: text comes back as
// it was.
constexpr Named kNamed[] = {
    {"llama-bpe", kLlamaExpression, kLlamas},
    {"llama3", kLlamaExpression, kLlamas},
    {"llama-v3", kLlamaExpression, kLlamas},
    {"falcon3", kLlamaExpression, kLlamas},
    {"falcon_e", kLlamaExpression, kLlamas},
    {"qwen2", kQwen2Expression, kOthers},
    {"deepseek-r1-qwen", kQwen2Expression, kOthers},
    {"megrez", kQwen2Expression, kOthers},
    {"kormo", kQwen2Expression, kOthers},
    {"f2llmv2", kQwen2Expression, kOthers},
    {"qwen35", kQwen35Expression, kOthers},
    {"gpt-2", kGpt2Expression, kOthers},
    {"phi-2", kGpt2Expression, kOthers},
    {"mpt", kGpt2Expression, kOthers},
    {"olmo", kGpt2Expression, kOthers},
    {"jais", kGpt2Expression, kOthers},
    {"gigachat", kGpt2Expression, kOthers},
    {"trillion", kGpt2Expression, kOthers},
    {"a.x-4.0", kGpt2Expression, kOthers},
    {"mellum", kGpt2Expression, kOthers},
};

const Named* find_named(std::string_view name) {
  const auto* found = std::ranges::find(kNamed, name, &Named::name);
  return found == std::end(kNamed) ? nullptr : found;
}

std::string known_names() {
  std::string names;
  for (const Named& named : kNamed) names.append(names.empty() ? "" : ", ").append(named.name);
  return names;
}

struct FreeMatch {
  void operator()(pcre2_match_data* data) const { pcre2_match_data_free(data); }
};

}  // namespace

void Pretokenizer::Free::operator()(pcre2_real_code_8* code) const { pcre2_code_free(code); }

PretokenizerHabits habits_of_pretokenizer(std::string_view name) {
  const Named* named = find_named(name);
  return named == nullptr ? PretokenizerHabits{} : named->habits;
}

Result<Pretokenizer> Pretokenizer::make(std::string_view name) {
  const Named* named = find_named(name);
  if (named == nullptr)
    return fail(Error::Kind::unsupported, "tokenizer.ggml.pre is {}, known are {}", printable(name),
                known_names());
  int error = 0;
  PCRE2_SIZE at = 0;
  pcre2_code* code =
      pcre2_compile(reinterpret_cast<PCRE2_SPTR>(named->expression), PCRE2_ZERO_TERMINATED,
                    PCRE2_UTF | PCRE2_UCP | PCRE2_ANCHORED, &error, &at, nullptr);
  if (code == nullptr)
    return fail(Error::Kind::unsupported, "PCRE2 refuses the expression of {} at {}: error {}",
                name, at, error);
  pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);  // where it cannot, pcre2_match interprets
  return Pretokenizer(code);
}

void Pretokenizer::split(std::string_view text, std::vector<std::string_view>& words) const {
  const std::unique_ptr<pcre2_match_data, FreeMatch> match(pcre2_match_data_create(1, nullptr));
  const auto* subject = reinterpret_cast<PCRE2_SPTR>(text.data());
  for (size_t at = 0; at < text.size();) {
    int found = -1;
    // Some alternative takes every character, so a failure means that PCRE2 ran out of memory: then
    // the rest is one word, which still encodes to the same text.
    if (match != nullptr) {
      found = pcre2_match(code_.get(), subject, text.size(), at, PCRE2_NO_UTF_CHECK, match.get(),
                          nullptr);
      if (found == PCRE2_ERROR_JIT_STACKLIMIT)
        found = pcre2_match(code_.get(), subject, text.size(), at,
                            PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, match.get(), nullptr);
    }
    const size_t end = found > 0 ? pcre2_get_ovector_pointer(match.get())[1] : text.size();
    words.push_back(text.substr(at, std::max(end, at + 1) - at));
    at = std::max(end, at + 1);
  }
}

}  // namespace bitnet
