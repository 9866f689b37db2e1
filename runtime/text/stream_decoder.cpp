#include "runtime/text/stream_decoder.h"

#include <utility>

#include "runtime/base/utf8.h"

namespace bitnet {

StreamDecoder::StreamDecoder(const Tokenizer& tokenizer, Options options)
    : tokenizer_(&tokenizer), options_(options) {}

std::string StreamDecoder::push(int32_t id) {
  std::string piece = tokenizer_->piece(id, options_.special);
  if (piece.empty()) return {};
  if (options_.at_start && !tokenizer_->is_control(id)) {
    options_.at_start = false;
    if (tokenizer_->vocabulary().add_space_prefix && piece.starts_with(' ')) piece.erase(0, 1);
  }
  held_ += piece;
  size_t whole = 0;
  while (whole < held_.size()) {
    const auto [kind, bytes] = utf8_at(held_, whole);
    if (kind == Utf8::cut) break;
    whole += bytes;
  }
  std::string out = held_.substr(0, whole);
  held_.erase(0, whole);
  return out;
}

std::string StreamDecoder::finish() { return std::exchange(held_, {}); }

}  // namespace bitnet
