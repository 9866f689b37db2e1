// The working state that both tokenizers share: a text as a chain of symbols, of which neighbours
// are joined in order of preference. A symbol that joins its right neighbour keeps its place; the
// neighbour becomes empty. Candidates are never removed from the queue: one whose symbols have
// changed since is recognised by its length and dropped.
#pragma once

#include <cstdint>
#include <queue>
#include <string_view>
#include <vector>

namespace bitnet {

struct Symbol {
  const char* begin;
  size_t bytes;            // 0: joined to another
  int64_t previous, next;  // -1: none
  uint64_t hash;           // of the text, where the tokenizer uses it
  std::string_view text() const { return {begin, bytes}; }
};

// `Preference` is smaller for what is joined first.
template <typename Preference>
class MergeQueue {
 public:
  std::vector<Symbol> symbols;

  void add_symbol(std::string_view text, uint64_t hash = 0) {
    const auto index = static_cast<int64_t>(symbols.size());
    if (index > 0) symbols.back().next = index;
    symbols.push_back({text.data(), text.size(), index - 1, -1, hash});
  }

  // propose(left, right) pushes what it likes; joined(symbol) is called after each join.
  template <typename Propose, typename Joined>
  void run(Propose propose, Joined joined) {
    for (size_t i = 1; i < symbols.size(); ++i) consider(static_cast<int64_t>(i) - 1, propose);
    while (!queue_.empty()) {
      const Candidate best = queue_.top();
      queue_.pop();
      Symbol& left = at(best.left);
      if (left.bytes == 0 || left.next != best.right ||
          left.bytes + at(best.right).bytes != best.bytes)
        continue;
      Symbol& right = at(best.right);
      left.bytes += right.bytes;
      right.bytes = 0;
      left.next = right.next;
      if (right.next >= 0) at(right.next).previous = best.left;
      joined(left);
      if (left.previous >= 0) consider(left.previous, propose);
      consider(best.left, propose);
    }
  }

 private:
  struct Candidate {
    Preference preference;
    int64_t left, right;
    size_t bytes;
    bool operator<(const Candidate& other) const {  // of std::priority_queue: what comes later
      return preference != other.preference ? preference > other.preference : left > other.left;
    }
  };
  Symbol& at(int64_t index) { return symbols[static_cast<size_t>(index)]; }

  template <typename Propose>
  void consider(int64_t left, Propose propose) {
    const int64_t right = at(left).next;
    if (right < 0) return;
    if (const auto preference = propose(at(left), at(right)))
      queue_.push({*preference, left, right, at(left).bytes + at(right).bytes});
  }

  std::priority_queue<Candidate> queue_;
};

}  // namespace bitnet
