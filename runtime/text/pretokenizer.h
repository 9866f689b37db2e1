// Cuts text into the words that byte-level BPE works on, by the expression that tokenizer.ggml.pre
// names.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "runtime/base/result.h"

struct pcre2_real_code_8;

namespace bitnet {

// What else the name says of a vocabulary, where its file does not.
struct PretokenizerHabits {
  bool ignore_merges = true;  // a whole word that is a token is taken as it is
  bool add_bos = true;
};
PretokenizerHabits habits_of_pretokenizer(std::string_view name);

class Pretokenizer {
 public:
  // "llama-bpe", "qwen2", "qwen35", "gpt-2" and the names of vocabularies that use the same
  // expressions; others are refused. As in llama.cpp, text is not brought into a normal form first
  // (Hugging Face's tokenizers of Qwen apply NFC), so every text comes back from its ids.
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
