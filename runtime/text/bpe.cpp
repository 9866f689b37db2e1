#include "runtime/text/bpe.h"

#include <optional>
#include <string>
#include <unordered_map>

#include "runtime/base/utf8.h"
#include "runtime/text/byte_alphabet.h"
#include "runtime/text/merge_queue.h"

namespace bitnet {

Bpe::Pair Bpe::split(std::string_view merge) {
  const size_t space = merge.find(' ', 1);
  return {merge.substr(0, space), merge.substr(space + 1)};
}

Bpe::Bpe(const Vocabulary& vocabulary, const TokenIndex& tokens)
    : vocabulary_(&vocabulary), tokens_(&tokens), ranks_(vocabulary.merges.size()) {
  for (uint32_t i = 0; i < vocabulary.merges.size(); ++i) {
    const std::string_view merge = vocabulary.merges[i];
    const auto [left, right] = split(merge);
    ranks_.insert(pair_hash(text_hash(left), text_hash(right)), i,
                  [&](uint32_t other) { return vocabulary.merges[other] == merge; });
    longest_ = std::max(longest_, merge.size() - 1);
  }
}

int64_t Bpe::rank(std::string_view left, uint64_t left_hash, std::string_view right,
                  uint64_t right_hash) const {
  if (left.size() + right.size() > longest_) return -1;
  const auto found = ranks_.find(pair_hash(left_hash, right_hash), [&](uint32_t i) {
    const auto [l, r] = split(vocabulary_->merges[i]);
    return l == left && r == right;
  });
  return found ? static_cast<int64_t>(*found) : -1;
}

void Bpe::append(std::string_view text, std::vector<int32_t>& ids) const {
  if (const auto id = tokens_->find_plain(text)) {
    ids.push_back(*id);
    return;
  }
  for (size_t at = 0; at < text.size();) {
    const size_t bytes = utf8_at(text, at).bytes;
    if (const auto id = tokens_->find_plain(text.substr(at, bytes)))
      ids.push_back(*id);
    else if (vocabulary_->unknown)
      ids.push_back(*vocabulary_->unknown);
    at += bytes;
  }
}

void Bpe::encode(std::string_view word, std::vector<int32_t>& ids) const {
  std::string letters;
  append_as_alphabet(word, letters);
  if (vocabulary_->ignore_merges) {
    if (const auto id = tokens_->find_plain(letters)) {
      ids.push_back(*id);
      return;
    }
  }
  MergeQueue<int64_t> queue;
  queue.symbols.reserve(word.size());
  const std::string_view text = letters;
  for (size_t at = 0, bytes = 0; at < text.size(); at += bytes) {
    bytes = utf8_at(text, at).bytes;
    queue.add_symbol(text.substr(at, bytes), text_hash(text.substr(at, bytes)));
  }
  queue.run(
      [this](const Symbol& left, const Symbol& right) -> std::optional<int64_t> {
        const int64_t found = rank(left.text(), left.hash, right.text(), right.hash);
        return found < 0 ? std::nullopt : std::optional(found);
      },
      [](Symbol& symbol) { symbol.hash = text_hash(symbol.text()); });
  for (const Symbol& symbol : queue.symbols)
    if (symbol.bytes > 0) append(symbol.text(), ids);
}

void Bpe::encode(std::span<const std::string_view> words, std::vector<int32_t>& ids) const {
  if (vocabulary_->ignore_merges) {  // most words are found as they are: nothing to remember
    for (const std::string_view word : words) encode(word, ids);
    return;
  }
  struct Place {
    size_t begin, end;  // in ids
  };
  std::unordered_map<std::string_view, Place> seen;
  for (const std::string_view word : words) {
    const auto [found, is_new] = seen.try_emplace(word, Place{ids.size(), 0});
    Place& place = found->second;
    if (is_new) {
      encode(word, ids);
      place.end = ids.size();
    } else {
      for (size_t i = place.begin; i < place.end; ++i) ids.push_back(ids[i]);
    }
  }
}

}  // namespace bitnet
