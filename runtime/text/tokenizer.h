// Text to token ids and back, whatever the kind of vocabulary. Semantics are llama.cpp's, so that
// ids agree with what models were tested with; docs: facts of each kind stand in bpe.h and
// sentencepiece.h.
//
// Text is bytes. Every byte string can be encoded; bytes that are no UTF-8 are encoded one by one
// and come back unchanged from decode().
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/result.h"
#include "runtime/gguf/reader.h"
#include "runtime/text/vocabulary.h"

namespace bitnet {

class Tokenizer {
 public:
  // The file must outlive the tokenizer: tokens are views into its mapping.
  static Result<Tokenizer> open(const Gguf& file);
  static Result<Tokenizer> make(Vocabulary vocabulary);
  ~Tokenizer();
  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;

  int64_t size() const;
  const Vocabulary& vocabulary() const;

  // add_special: bos before and eos after the text, where the model wants them. parse_special:
  // control tokens written in the text ("<|eot_id|>") become their ids; without it only
  // user-defined tokens do.
  std::vector<int32_t> encode(std::string_view text, bool add_special, bool parse_special) const;

  // The same for a text in parts of which only some may contain control tokens: the text of a user
  // must not be able to end its own turn. Where no control token stands between them, parts are
  // joined before they are encoded.
  struct Part {
    std::string_view text;
    bool parse_special;
  };
  std::vector<int32_t> encode(std::span<const Part> parts, bool add_special) const;

  // The bytes of one token; control tokens have none unless `special`. Ids out of range give "".
  std::string piece(int32_t id, bool special = false) const;
  // The bytes of a text from its beginning: SentencePiece's unwritten first space is taken off
  // again.
  std::string decode(std::span<const int32_t> ids, bool special = false) const;

  // The id of a token by its text as it stands in the file.
  std::optional<int32_t> find(std::string_view token) const;

  std::optional<int32_t> bos() const;
  std::optional<int32_t> eos() const;
  std::optional<int32_t> eot() const;  // the end of a turn
  // Ends a reply: eos, eot and the control tokens that are known to mean the same, whatever the
  // metadata says.
  bool is_stop(int32_t id) const;
  std::span<const int32_t> stops() const;  // ascending
  bool is_control(int32_t id) const;

 private:
  struct State;
  explicit Tokenizer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace bitnet
