// A receipt: one digest of everything that evaluation decided, equal wherever docs/NUMERICS.md
// holds.
//
// Format 1 is XXH3 of 128 bits over, for every token that asked for logits, in the order of
// evaluation, as little-endian 32-bit words:
//   the number of tokens so far, and their ids (this one last)
//   the bits of the final normed hidden state
//   id and bits of the best 8 logits (all, where the vocabulary is smaller), best first
//   for `full`: the bits of all logits by id
// Every NaN counts as 0x7fc00000. Printed: "receipt 1 <32 hexadecimal digits> of <n> tokens".
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "runtime/model/token_result.h"

namespace bitnet {

class Receipt {
 public:
  static constexpr int kBest = 8;
  explicit Receipt(bool full);
  ~Receipt();

  // What evaluations have to ask for besides what their caller wants.
  Want want(Want caller) const;
  // tokens: those of the sequence up to the one that asked.
  void add(std::span<const int32_t> tokens, const TokenResult& result);
  std::string line() const;

 private:
  void add_word(uint32_t word);
  void add_float(float value);
  void flush();
  struct State;
  std::unique_ptr<State> state_;
  std::vector<uint32_t> words_;
  bool full_;
  int64_t count_ = 0;
};

}  // namespace bitnet
