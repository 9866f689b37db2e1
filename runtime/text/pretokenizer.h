// Cuts text into the words that byte-level BPE works on, by the expression of tokenizer.ggml.pre =
// llama-bpe.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "runtime/base/result.h"

struct pcre2_real_code_8;

namespace bitnet {

class Pretokenizer {
 public:
  // "llama-bpe" and the names of vocabularies that use the same expression; others are refused.
  static Result<Pretokenizer> make(std::string_view name);

  // Appends the words of a text that is valid UTF-8; joined they are the text. Thread-safe.
  void split(std::string_view text, std::vector<std::string_view>& words) const;

 private:
  struct Free {
    void operator()(pcre2_real_code_8* code) const;
  };
  explicit Pretokenizer(pcre2_real_code_8* code) : code_(code) {}
  std::unique_ptr<pcre2_real_code_8, Free> code_;
};

}  // namespace bitnet
