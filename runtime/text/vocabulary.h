// The vocabulary of a model as plain data: what the tokenizers work on and what tests write down by
// hand. Views lie in whatever the data came from (a mapped model file, a test's literals), which
// must outlive them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/result.h"
#include "runtime/gguf/reader.h"

namespace bitnet {

enum class TokenizerKind : uint8_t {
  bpe,            // tokenizer.ggml.model = gpt2: byte-level, by rank of merges
  sentencepiece,  // tokenizer.ggml.model = llama: by score, with byte fallback
};

// GGUF's token types, by their numbers.
enum class TokenType : uint8_t {
  undefined = 0,
  normal = 1,
  unknown = 2,
  control = 3,       // found in text only when asked for
  user_defined = 4,  // always found in text
  unused = 5,
  byte = 6,  // <0x00> .. <0xFF> of SentencePiece
};

struct Vocabulary {
  TokenizerKind kind = TokenizerKind::bpe;
  std::vector<std::string_view>
      tokens;                 // [size], as in the file: bpe in its alphabet of visible characters
  std::vector<float> scores;  // [size], SentencePiece only
  std::vector<TokenType> types;          // [size]
  std::vector<std::string_view> merges;  // "left right", best first, bpe only
  std::optional<int32_t> bos, eos, eot, unknown;
  bool add_bos = false, add_eos = false;
  bool add_space_prefix = false;  // SentencePiece: text begins with a space that is not written
  bool ignore_merges = false;     // bpe: a whole word that is a token is taken as it is
  std::string_view pretokenizer = "llama-bpe";  // bpe: tokenizer.ggml.pre
  std::string_view chat_template;
  std::vector<std::string> notices;  // lines for the user: what was assumed, what is ignored

  // Reads tokenizer.* of a model file. Where tokenizer.ggml.pre is absent, llama-bpe is assumed.
  static Result<Vocabulary> read(const Gguf& file);
};

}  // namespace bitnet
