// Finds tokens by their text. Where several tokens have the same text, the lowest id is found; a
// token without text is never found.
#pragma once

#include <algorithm>
#include <optional>
#include <string_view>

#include "runtime/text/hash_index.h"
#include "runtime/text/vocabulary.h"

namespace bitnet {

class TokenIndex {
 public:
  // The vocabulary must stay where it is as long as the index is used.
  explicit TokenIndex(const Vocabulary& vocabulary)
      : vocabulary_(&vocabulary), index_(vocabulary.tokens.size()) {
    const auto& tokens = vocabulary.tokens;
    for (uint32_t id = 0; id < tokens.size(); ++id) {
      if (tokens[id].empty()) continue;
      index_.insert(text_hash(tokens[id]), id,
                    [&](uint32_t other) { return tokens[other] == tokens[id]; });
      longest_ = std::max(longest_, tokens[id].size());
    }
  }

  std::optional<int32_t> find(std::string_view text) const { return find(text, text_hash(text)); }
  std::optional<int32_t> find(std::string_view text, uint64_t hash) const {
    const auto id =
        index_.find(hash, [&](uint32_t other) { return vocabulary_->tokens[other] == text; });
    return id ? std::optional(static_cast<int32_t>(*id)) : std::nullopt;
  }
  // Only tokens that plain text may turn into: what was written by a user never becomes a control
  // token.
  std::optional<int32_t> find_plain(std::string_view text) const {
    if (text.size() > longest_) return std::nullopt;
    const auto id = find(text);
    return id && !is_special(vocabulary_->types[static_cast<size_t>(*id)]) ? id : std::nullopt;
  }

  static bool is_special(TokenType type) {
    return type == TokenType::control || type == TokenType::unknown;
  }

 private:
  const Vocabulary* vocabulary_;
  HashIndex index_;
  size_t longest_ = 0;  // bytes of the longest token
};

}  // namespace bitnet
