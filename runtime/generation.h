// Generation: a sequence that grows. Tokens are fed, the next ones are sampled, text comes as it is
// made; what ends a reply is said, and what was said is fed back as the context of the next one.
//
//   BITNET_TRY(auto generation, Generation::start(model, std::move(sequence), {}));
//   BITNET_CHECK(generation.feed(model.encode("Once upon a time")));
//   BITNET_TRY(auto end, generation.reply({.limit = 64}, on_text));  // or: token = next()
//
// The last token of a reply has been given out but not evaluated, for nobody has needed its logits:
// whatever comes after it, more tokens or the next message, evaluates it first.
//
// Threads: a generation and its model belong to one thread at a time; generations of one model may
// take turns. Callbacks are called by that thread, within the method; they must not throw and must
// not call the generation or the model. Nothing here prints. Errors are those of Model::evaluate.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "runtime/session.h"
#include "runtime/text/sampler_options.h"

namespace bitnet {

// For a program that measures or records what happens; does nothing by itself.
class GenerationObserver {
 public:
  enum class Step : uint8_t {
    prompt,  // what was fed is evaluated
    token,   // one token of a reply is
    sample,  // the next one is chosen
  };
  virtual ~GenerationObserver() = default;
  virtual void begin(Step /*step*/) {}
  // tokens: how many it was. Not called for a step that failed or was cancelled.
  virtual void end(Step /*step*/, int64_t /*tokens*/) {}
  // What a token whose logits are needed asks for: all of what sampling needs, and more if wanted.
  virtual Want want(Want sampler) const { return sampler; }
  // Its result. tokens: those of the sequence up to this one.
  virtual void evaluated(std::span<const int32_t> /*tokens*/, const TokenResult& /*result*/) {}
};

struct GenerationOptions {
  SamplerOptions sampler{};
  int64_t batch = 512;  // most tokens evaluated between two looks at `cancelled`
  // Asked before each evaluation of a prompt's tokens and before each token of a reply.
  std::function<bool()> cancelled{};
  GenerationObserver* observer = nullptr;  // must outlive the generation
};

struct ReplyOptions {
  int64_t limit = -1;     // most tokens, < 0: no limit
  bool at_start = false;  // it begins a text: what was fed had none
};

class Generation {
 public:
  enum class End : uint8_t {
    stop,       // the model ended it; the stop token is not part of the sequence
    limit,      // as many tokens as asked for
    context,    // no room for another one
    cancelled,  // as GenerationOptions::cancelled said; next() and reply() can go on
  };
  // A piece of a reply, whole characters. An error ends the reply and is what reply() returns.
  using OnText = std::function<Result<void>(std::string_view)>;

  // The model must outlive the generation. What the sequence holds counts for repetition penalties.
  // Error kind invalid: an option makes no sense.
  static Result<Generation> start(Model& model, Sequence sequence, GenerationOptions options);
  ~Generation();
  Generation(Generation&&) noexcept;
  Generation& operator=(Generation&&) noexcept;

  // Evaluates tokens; the next one is sampled from the logits of the last. Cost: their evaluation
  // in batches. More than there is room for are an error before anything has changed; after kind
  // interrupted (cancelled) some of them are part of the sequence, and all of them have to be fed
  // to a new one.
  Result<void> feed(std::span<const int32_t> tokens);

  // Forgets the tokens of the sequence from `length` on, and those given out but not evaluated, as
  // if they had never been: for what is said in another way than it was first. feed() goes on.
  void rewind(int64_t length);

  // The next token of a reply, after feed(); nothing: it has ended, see end(). Cost: one evaluation
  // and one choice. StreamDecoder (runtime/text/stream_decoder.h) makes text of tokens.
  Result<std::optional<int32_t>> next();
  End end() const;  // why next() gave nothing

  // The same until there is an end, as text. Called again after `limit` it goes on.
  Result<End> reply(const ReplyOptions& options, const OnText& on_text);

  const Sequence& sequence() const;  // what has been evaluated
  // Tokens given out but not evaluated: at most one.
  std::span<const int32_t> unevaluated() const;
  int64_t room() const;  // tokens that can be fed

 private:
  struct State;
  explicit Generation(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace bitnet
