#include "runtime/text/special_tokens.h"

#include <algorithm>

namespace bitnet {
namespace {

bool found_in_text(TokenType type) {
  return TokenIndex::is_special(type) || type == TokenType::user_defined;
}

// Bytes from `at` to the end of the range that holds it; 0 where none does.
size_t parsed_bytes(size_t at, std::span<const SpecialTokens::Range> parsed) {
  const auto next = std::ranges::upper_bound(parsed, at, {}, &SpecialTokens::Range::begin);
  if (next == parsed.begin()) return 0;
  const size_t end = std::prev(next)->end;
  return end > at ? end - at : 0;
}

}  // namespace

SpecialTokens::SpecialTokens(const Vocabulary& vocabulary, const TokenIndex& tokens) {
  for (size_t i = 0; i < vocabulary.tokens.size(); ++i) {
    const std::string_view text = vocabulary.tokens[i];
    if (text.empty() || !found_in_text(vocabulary.types[i])) continue;
    const int32_t id = tokens.find(text).value();  // of one text the lowest, which has the say
    const TokenType type = vocabulary.types[static_cast<size_t>(id)];
    if (found_in_text(type)) specials_.push_back({text, id, type == TokenType::user_defined});
  }
  std::ranges::sort(specials_, {}, &Special::text);
  const auto same = std::ranges::unique(specials_, {}, &Special::text);
  specials_.erase(same.begin(), same.end());
  for (size_t begin = 0, end = 0; begin < specials_.size(); begin = end) {
    const char first = specials_[begin].text[0];
    while (end < specials_.size() && specials_[end].text[0] == first) ++end;
    by_first_byte_[static_cast<uint8_t>(first)] = std::span(specials_).subspan(begin, end - begin);
  }
}

bool SpecialTokens::Match::operator<(const Match& other) const {
  if (bytes != other.bytes) return bytes < other.bytes;
  return id != other.id ? id > other.id : begin > other.begin;
}

// The longest special token that stands at `at` and takes `most` bytes at most. Goes through the
// text byte by byte and keeps those that begin alike, so a vocabulary of thousands of lengths costs
// no more than what of it is in the text.
std::optional<SpecialTokens::Match> SpecialTokens::longest(std::string_view text, size_t at,
                                                           size_t most,
                                                           std::span<const Range> parsed) const {
  std::span<const Special> left = by_first_byte_[static_cast<uint8_t>(text[at])];
  if (left.empty()) return std::nullopt;
  const size_t control_most = parsed_bytes(at, parsed);
  std::optional<Match> found;
  for (size_t bytes = 1; bytes <= most && !left.empty(); ++bytes) {
    if (left.front().text.size() == bytes) {
      const Special& special = left.front();
      if (special.user_defined || bytes <= control_most) found = Match{at, bytes, special.id};
      left = left.subspan(1);
    }
    if (left.empty() || bytes == most) break;
    const auto next = [bytes](const Special& special) {
      return static_cast<uint8_t>(special.text[bytes]);
    };
    const auto wanted = static_cast<uint8_t>(text[at + bytes]);
    if (next(left.front()) == wanted && next(left.back()) == wanted) continue;
    const auto same = std::ranges::equal_range(left, wanted, {}, next);
    left = std::span<const Special>(same.begin(), same.end());
  }
  return found;
}

// What stands at a place waits with its longest token; where that cannot be had, with the longest
// that ends before what was taken.
std::vector<SpecialTokens::Match> SpecialTokens::take_places(std::string_view text,
                                                             std::span<const Range> parsed) const {
  std::vector<Match> waiting, found;
  for (size_t at = 0; at < text.size(); ++at)
    if (const auto match = longest(text, at, text.size() - at, parsed)) waiting.push_back(*match);
  std::make_heap(waiting.begin(), waiting.end());
  std::vector<bool> taken(waiting.empty() ? 0 : text.size());
  while (!waiting.empty()) {
    std::pop_heap(waiting.begin(), waiting.end());
    const Match match = waiting.back();
    waiting.pop_back();
    size_t end = match.begin;
    while (end < match.begin + match.bytes && !taken[end]) ++end;
    const size_t free = end - match.begin;
    if (free == match.bytes) {
      std::fill_n(taken.begin() + static_cast<ptrdiff_t>(match.begin), match.bytes, true);
      found.push_back(match);
    } else if (const auto shorter =
                   free > 0 ? longest(text, match.begin, free, parsed) : std::nullopt) {
      waiting.push_back(*shorter);
      std::push_heap(waiting.begin(), waiting.end());
    }
  }
  std::ranges::sort(found, {}, &Match::begin);
  return found;
}

std::vector<SpecialTokens::Fragment> SpecialTokens::split(std::string_view text,
                                                          std::span<const Range> parsed) const {
  std::vector<Fragment> fragments;
  size_t at = 0;
  for (const Match& match : take_places(text, parsed)) {
    if (match.begin > at) fragments.push_back({text.substr(at, match.begin - at)});
    fragments.push_back({{}, match.id});
    at = match.begin + match.bytes;
  }
  if (at < text.size()) fragments.push_back({text.substr(at)});
  return fragments;
}

}  // namespace bitnet
