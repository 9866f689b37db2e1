// One sequence that grows: tokens are fed, the next one is sampled, text is written as it comes.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "runtime/session.h"
#include "runtime/text/sampler.h"
#include "runtime/text/tokenizer.h"
#include "tools/common/console.h"
#include "tools/run/receipt.h"
#include "tools/run/timings.h"

namespace bitnet {

class Generator {
 public:
  // batch: most tokens given to the model at once. receipt may be null. All must outlive the
  // generator.
  Generator(Model& model, Sequence sequence, const SamplerOptions& sampler, int64_t batch,
            Receipt* receipt, Timings& timings);

  // Evaluates tokens, at least one; the last one's logits are what the next token is sampled from.
  // Kind interrupted after Ctrl-C, with some of them evaluated.
  Result<void> feed(std::span<const int32_t> tokens);

  enum class End : uint8_t {
    stop,       // the model ended it; the stop token is not part of the sequence
    limit,      // as many tokens as asked for
    context,    // no room for another one
    interrupt,  // Ctrl-C
  };
  // After feed: generates and writes at most `limit` tokens (< 0: no limit).
  Result<End> reply(int64_t limit, Output& out, StreamDecoder& decoder);

  // Tokens of a reply that were written but not evaluated, for nobody has needed their logits yet:
  // at most one. What is fed next comes after it.
  std::span<const int32_t> unevaluated() const { return unevaluated_; }
  int64_t room() const {
    return sequence_.capacity() - sequence_.length() - std::ssize(unevaluated_);
  }
  int64_t capacity() const { return sequence_.capacity(); }

 private:
  Result<void> evaluate(std::span<const int32_t> tokens, bool last_of_all);
  int32_t sample();

  Model& model_;
  Sequence sequence_;
  Sampler sampler_;
  int64_t batch_;
  Receipt* receipt_;
  Timings& timings_;
  std::vector<int32_t> unevaluated_;
  std::vector<TokenRequest> requests_;
  std::vector<TokenResult> results_;  // of the last token
};

}  // namespace bitnet
