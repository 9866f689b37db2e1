#include "runtime/text/sentencepiece.h"

#include <fmt/format.h>

#include <optional>
#include <string>

#include "runtime/base/utf8.h"
#include "runtime/text/merge_queue.h"

namespace bitnet {
namespace {

constexpr std::string_view kSpace = "\u2581";

// The byte that a token like <0x0A> names, or -1.
int named_byte(std::string_view token) {
  const auto digit = [](char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                  : -1;
  };
  if (token.size() != 6 || !token.starts_with("<0x") || token[5] != '>') return -1;
  const int high = digit(token[3]), low = digit(token[4]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

}  // namespace

SentencePiece::SentencePiece(const Vocabulary& vocabulary, const TokenIndex& tokens)
    : vocabulary_(&vocabulary), tokens_(&tokens) {
  for (size_t byte = 0; byte < byte_ids_.size(); ++byte) {
    const char raw = static_cast<char>(byte);
    auto id = tokens.find(fmt::format("<0x{:02X}>", byte));
    if (!id) id = tokens.find_plain({&raw, 1});
    if (!id) id = vocabulary.unknown;
    byte_ids_[byte] = id.value_or(-1);
  }
}

void SentencePiece::encode(std::string_view text, std::vector<int32_t>& ids) const {
  std::string escaped;
  escaped.reserve(text.size() + text.size() / 4);
  for (const char c : text) c == ' ' ? escaped.append(kSpace) : escaped.append(1, c);

  struct Preference {  // the better score first
    float score;
    bool operator>(const Preference& other) const { return score < other.score; }
    bool operator!=(const Preference& other) const { return score != other.score; }
  };
  MergeQueue<Preference> queue;
  const std::string_view all = escaped;
  for (size_t at = 0, bytes = 0; at < all.size(); at += bytes) {
    const auto [kind, length] = utf8_at(all, at);
    bytes = kind == Utf8::whole ? length : 1;
    queue.add_symbol(all.substr(at, bytes));
  }
  queue.run(
      [this](const Symbol& left, const Symbol& right) -> std::optional<Preference> {
        const auto id = tokens_->find_plain({left.begin, left.bytes + right.bytes});
        if (!id) return std::nullopt;
        return Preference{vocabulary_->scores[static_cast<size_t>(*id)]};
      },
      [](Symbol&) {});
  for (const Symbol& symbol : queue.symbols) {
    if (symbol.bytes == 0) continue;
    if (const auto id = tokens_->find_plain(symbol.text())) {
      ids.push_back(*id);
      continue;
    }
    for (const char c : symbol.text())
      if (const int32_t id = byte_ids_[static_cast<uint8_t>(c)]; id >= 0) ids.push_back(id);
  }
}

std::string SentencePiece::bytes_of(int32_t id) const {
  const std::string_view token = vocabulary_->tokens[static_cast<size_t>(id)];
  if (vocabulary_->types[static_cast<size_t>(id)] == TokenType::byte) {
    const int byte = named_byte(token);
    return byte < 0 ? std::string() : std::string(1, static_cast<char>(byte));
  }
  std::string out;
  for (size_t at = 0; at < token.size();) {
    const size_t space = token.find(kSpace, at);
    out.append(token, at, space - at);
    if (space == std::string_view::npos) break;
    out.push_back(' ');
    at = space + kSpace.size();
  }
  return out;
}

}  // namespace bitnet
