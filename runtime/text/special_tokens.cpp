#include "runtime/text/special_tokens.h"

#include <algorithm>
#include <functional>

namespace bitnet {
namespace {

bool found_in_text(TokenType type) {
  return TokenIndex::is_special(type) || type == TokenType::user_defined;
}

}  // namespace

SpecialTokens::SpecialTokens(const Vocabulary& vocabulary, const TokenIndex& tokens)
    : vocabulary_(&vocabulary), tokens_(&tokens) {
  for (size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    const std::string_view token = vocabulary.tokens[id];
    if (token.empty() || !found_in_text(vocabulary.types[id])) continue;
    first_bytes_.set(static_cast<uint8_t>(token[0]));
    lengths_.push_back(token.size());
  }
  std::ranges::sort(lengths_, std::greater());
  lengths_.erase(std::unique(lengths_.begin(), lengths_.end()), lengths_.end());
}

std::vector<SpecialTokens::Match> SpecialTokens::matches(std::string_view text,
                                                         std::span<const Range> parsed) const {
  std::vector<Match> found;
  for (size_t at = 0; at < text.size(); ++at) {
    if (!first_bytes_[static_cast<uint8_t>(text[at])]) continue;
    while (!parsed.empty() && parsed.front().end <= at) parsed = parsed.subspan(1);
    const auto control_counts = [&](size_t end) {
      return !parsed.empty() && parsed.front().begin <= at && end <= parsed.front().end;
    };
    for (const size_t bytes : lengths_) {
      if (at + bytes > text.size()) continue;
      const auto id = tokens_->find(text.substr(at, bytes));
      if (!id) continue;
      const TokenType type = vocabulary_->types[static_cast<size_t>(*id)];
      if (type == TokenType::user_defined ||
          (TokenIndex::is_special(type) && control_counts(at + bytes)))
        found.push_back({at, bytes, *id});
    }
  }
  return found;
}

std::vector<SpecialTokens::Fragment> SpecialTokens::split(std::string_view text,
                                                          std::span<const Range> parsed) const {
  std::vector<Match> found = matches(text, parsed);
  std::ranges::sort(found, [](const Match& a, const Match& b) {
    if (a.bytes != b.bytes) return a.bytes > b.bytes;
    return a.id != b.id ? a.id < b.id : a.begin < b.begin;
  });
  // A match overlaps one that was taken, which is no shorter, if and only if one of its ends lies
  // in it.
  std::vector<bool> taken(found.empty() ? 0 : text.size());
  std::erase_if(found, [&taken](const Match& match) {
    const size_t end = match.begin + match.bytes;
    if (taken[match.begin] || taken[end - 1]) return true;
    for (size_t i = match.begin; i < end; ++i) taken[i] = true;
    return false;
  });
  std::ranges::sort(found, {}, &Match::begin);

  std::vector<Fragment> fragments;
  size_t at = 0;
  for (const Match& match : found) {
    if (match.begin > at) fragments.push_back({text.substr(at, match.begin - at)});
    fragments.push_back({{}, match.id});
    at = match.begin + match.bytes;
  }
  if (at < text.size()) fragments.push_back({text.substr(at)});
  return fragments;
}

}  // namespace bitnet
