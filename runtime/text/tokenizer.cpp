#include "runtime/text/tokenizer.h"

#include <algorithm>
#include <array>
#include <utility>
#include <variant>

#include "runtime/base/utf8.h"
#include "runtime/text/bpe.h"
#include "runtime/text/byte_alphabet.h"
#include "runtime/text/pretokenizer.h"
#include "runtime/text/sentencepiece.h"
#include "runtime/text/special_tokens.h"
#include "runtime/text/stream_decoder.h"
#include "runtime/text/token_index.h"

namespace bitnet {
namespace {

// Control tokens that end a reply in the models that are run here. Files name one of them at most:
// that of BitNet-b1.58-2B-4T gives 128001, <|end_of_text|>, while its replies end with 128009,
// <|eot_id|>; Qwen's end with <|im_end|> or <|endoftext|>, BitCPM's with <|im_end|> or </s>.
constexpr std::array kStops = {"<|eot_id|>",    "<|end_of_text|>", "<|im_end|>",
                               "<|endoftext|>", "<|eom_id|>",      "</s>"};
constexpr std::array kEndsOfTurn = {"<|eot_id|>", "<|im_end|>"};

struct ByteLevel {
  Pretokenizer pretokenizer;
  Bpe bpe;
};

}  // namespace

struct Tokenizer::State {
  explicit State(Vocabulary v)
      : vocabulary(std::move(v)), tokens(vocabulary), special(vocabulary, tokens) {}

  void encode_plain(std::string_view text, bool first, std::vector<int32_t>& ids) const;
  void encode_words(const ByteLevel& level, std::string_view text, std::vector<int32_t>& ids) const;
  std::vector<int32_t> encode(std::string_view text, std::span<const SpecialTokens::Range> parsed,
                              bool add_special) const;
  TokenType type(int32_t id) const { return vocabulary.types[static_cast<size_t>(id)]; }
  bool in_range(int32_t id) const {
    return id >= 0 && static_cast<size_t>(id) < vocabulary.tokens.size();
  }
  void find_stops();

  const Vocabulary vocabulary;
  const TokenIndex tokens;
  const SpecialTokens special;
  std::variant<std::monostate, ByteLevel, SentencePiece> model;
  std::optional<int32_t> eot;
  std::vector<int32_t> stops;
};

void Tokenizer::State::find_stops() {
  const auto marker = [this](std::string_view text) -> std::optional<int32_t> {
    const auto id = tokens.find(text);
    return id && type(*id) != TokenType::normal ? id : std::nullopt;
  };
  eot = vocabulary.eot;
  for (const char* text : kEndsOfTurn)
    if (!eot) eot = marker(text);
  for (const char* text : kStops)
    if (const auto id = marker(text)) stops.push_back(*id);
  for (const auto id : {vocabulary.eos, eot})
    if (id) stops.push_back(*id);
  std::ranges::sort(stops);
  stops.erase(std::unique(stops.begin(), stops.end()), stops.end());
}

// PCRE2 is given valid UTF-8 only; a byte that is none is a word of its own.
void Tokenizer::State::encode_words(const ByteLevel& level, std::string_view text,
                                    std::vector<int32_t>& ids) const {
  std::vector<std::string_view> words;
  for (size_t begin = 0; begin < text.size();) {
    size_t end = begin;
    while (end < text.size()) {
      const auto [kind, bytes] = utf8_at(text, end);
      if (kind != Utf8::whole) break;
      end += bytes;
    }
    level.pretokenizer.split(text.substr(begin, end - begin), words);
    if (end < text.size()) words.push_back(text.substr(end++, 1));
    begin = end;
  }
  level.bpe.encode(words, ids);
}

void Tokenizer::State::encode_plain(std::string_view text, bool first,
                                    std::vector<int32_t>& ids) const {
  if (const auto* level = std::get_if<ByteLevel>(&model)) return encode_words(*level, text, ids);
  std::string spaced;
  if (vocabulary.add_space_prefix && first) text = spaced.append(" ").append(text);
  std::get<SentencePiece>(model).encode(text, ids);
}

std::vector<int32_t> Tokenizer::State::encode(std::string_view text,
                                              std::span<const SpecialTokens::Range> parsed,
                                              bool add_special) const {
  std::vector<int32_t> ids;
  if (add_special && vocabulary.add_bos) ids.push_back(*vocabulary.bos);
  bool first = true;  // after nothing or a special token
  for (const auto& fragment : special.split(text, parsed)) {
    if (fragment.token >= 0)
      ids.push_back(fragment.token);
    else
      encode_plain(fragment.text, first, ids);
    first = fragment.token >= 0;
  }
  if (add_special && vocabulary.add_eos) ids.push_back(*vocabulary.eos);
  return ids;
}

Tokenizer::Tokenizer(std::unique_ptr<State> state) : state_(std::move(state)) {}
Tokenizer::~Tokenizer() = default;
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;

Result<Tokenizer> Tokenizer::open(const Gguf& file) {
  BITNET_TRY(Vocabulary vocabulary, Vocabulary::read(file));
  auto tokenizer = make(std::move(vocabulary));
  if (!tokenizer) return in(file.path(), std::move(tokenizer.error()));
  return tokenizer;
}

Result<Tokenizer> Tokenizer::make(Vocabulary vocabulary) {
  auto state = std::make_unique<State>(std::move(vocabulary));
  if (state->vocabulary.kind == TokenizerKind::bpe) {
    BITNET_TRY(Pretokenizer pretokenizer, Pretokenizer::make(state->vocabulary.pretokenizer));
    state->model.emplace<ByteLevel>(std::move(pretokenizer), Bpe(state->vocabulary, state->tokens));
  } else {
    state->model.emplace<SentencePiece>(state->vocabulary, state->tokens);
  }
  state->find_stops();
  return Tokenizer(std::move(state));
}

int64_t Tokenizer::size() const { return static_cast<int64_t>(state_->vocabulary.tokens.size()); }
const Vocabulary& Tokenizer::vocabulary() const { return state_->vocabulary; }

std::vector<int32_t> Tokenizer::encode(std::string_view text, bool add_special,
                                       bool parse_special) const {
  const SpecialTokens::Range all = {0, text.size()};
  return state_->encode(text, {&all, parse_special ? 1U : 0U}, add_special);
}

std::vector<int32_t> Tokenizer::encode(std::span<const Part> parts, bool add_special) const {
  std::string text;
  std::vector<SpecialTokens::Range> parsed;
  for (const Part& part : parts) {
    if (part.parse_special) parsed.push_back({text.size(), text.size() + part.text.size()});
    text += part.text;
  }
  return state_->encode(text, parsed, add_special);
}

std::string Tokenizer::piece(int32_t id, bool special) const {
  if (!state_->in_range(id)) return {};
  const std::string_view token = state_->vocabulary.tokens[static_cast<size_t>(id)];
  const auto* sentencepiece = std::get_if<SentencePiece>(&state_->model);
  switch (state_->type(id)) {
    case TokenType::control:
    case TokenType::unknown:
      return special ? std::string(token) : std::string();
    case TokenType::user_defined:
      return std::string(token);
    case TokenType::normal:
    case TokenType::byte:
      return sentencepiece ? sentencepiece->bytes_of(id) : bytes_of_alphabet(token);
    case TokenType::undefined:
    case TokenType::unused:
      return {};
  }
  return {};
}

std::string Tokenizer::decode(std::span<const int32_t> ids, bool special) const {
  StreamDecoder decoder(*this, {.special = special, .at_start = true});
  std::string text;
  for (const int32_t id : ids) text += decoder.push(id);
  return text + decoder.finish();
}

std::optional<int32_t> Tokenizer::find(std::string_view token) const {
  return state_->tokens.find(token);
}
std::optional<int32_t> Tokenizer::bos() const { return state_->vocabulary.bos; }
std::optional<int32_t> Tokenizer::eos() const { return state_->vocabulary.eos; }
std::optional<int32_t> Tokenizer::eot() const { return state_->eot; }
bool Tokenizer::is_stop(int32_t id) const { return std::ranges::binary_search(state_->stops, id); }
std::span<const int32_t> Tokenizer::stops() const { return state_->stops; }
bool Tokenizer::is_control(int32_t id) const {
  return state_->in_range(id) && TokenIndex::is_special(state_->type(id));
}

}  // namespace bitnet
