// Turns tokens into text as they come. A character whose bytes come in several tokens is held back
// until it is whole, so that whatever is printed is whole characters; bytes that can belong to none
// are let through unchanged. All that push() and finish() give, joined, is what decode() gives.
#pragma once

#include <cstdint>
#include <string>

#include "runtime/text/tokenizer.h"

namespace bitnet {

class StreamDecoder {
 public:
  struct Options {
    bool special = false;  // control tokens too
    // The first token begins a text (an empty prompt), it does not continue one.
    bool at_start = false;
  };
  explicit StreamDecoder(const Tokenizer& tokenizer) : StreamDecoder(tokenizer, Options{}) {}
  StreamDecoder(const Tokenizer& tokenizer, Options options);

  std::string push(int32_t id);
  std::string finish();  // what is still held back

 private:
  const Tokenizer* tokenizer_;
  Options options_;
  std::string held_;
};

}  // namespace bitnet
