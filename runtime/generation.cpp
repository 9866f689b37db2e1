#include "runtime/generation.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "runtime/session_internals.h"
#include "runtime/text/sampler.h"
#include "runtime/text/stream_decoder.h"

namespace bitnet {

using Step = GenerationObserver::Step;

struct Generation::State {
  Model& model;
  Sequence sequence;
  GenerationOptions options;
  GenerationObserver silent;  // where no observer was given
  GenerationObserver& observer;
  Sampler sampler;
  End end = End::limit;
  bool ready = false;                // results are of the last token
  std::vector<int32_t> unevaluated;  // given out: at most one
  std::vector<TokenRequest> requests;
  std::vector<TokenResult> results;

  State(Model& model_in, Sequence sequence_in, GenerationOptions options_in)
      : model(model_in),
        sequence(std::move(sequence_in)),
        options(std::move(options_in)),
        observer(options.observer != nullptr ? *options.observer : silent),
        sampler(options.sampler, model.vocabulary(), ModelInternals::float_kernels(model)) {
    for (const int32_t token : sequence.tokens()) sampler.accept(token);
  }

  bool cancelled() const { return options.cancelled && options.cancelled(); }
  int64_t room() const { return sequence.capacity() - sequence.length() - std::ssize(unevaluated); }
  Result<void> evaluate(std::span<const int32_t> tokens, bool last_of_all);
  Result<void> evaluate_prompt(std::span<const int32_t> tokens);
  Result<void> evaluate_pending();
  int32_t sample();
  std::optional<int32_t> ended(End why) {
    end = why;
    return std::nullopt;
  }
};

// Only the last token of all needs logits.
Result<void> Generation::State::evaluate(std::span<const int32_t> tokens, bool last_of_all) {
  requests.clear();
  for (const int32_t token : tokens) {
    sampler.accept(token);
    requests.push_back({.sequence = &sequence, .token = token, .want = {}});
  }
  if (last_of_all) requests.back().want = observer.want(sampler.want());
  BITNET_CHECK(model.evaluate(requests, results));
  if (last_of_all) observer.evaluated(sequence.tokens(), results.front());
  ready = last_of_all;
  return {};
}

Result<void> Generation::State::evaluate_prompt(std::span<const int32_t> tokens) {
  observer.begin(Step::prompt);
  for (std::span<const int32_t> rest = tokens; !rest.empty();) {
    if (cancelled()) return fail(Error::Kind::interrupted, "interrupted");
    const auto count = std::min(rest.size(), static_cast<size_t>(options.batch));
    BITNET_CHECK(evaluate(rest.first(count), count == rest.size()));
    rest = rest.subspan(count);
  }
  observer.end(Step::prompt, std::ssize(tokens));
  return {};
}

Result<void> Generation::State::evaluate_pending() {
  observer.begin(Step::token);
  BITNET_CHECK(evaluate(unevaluated, true));
  unevaluated.clear();
  observer.end(Step::token, 1);
  return {};
}

int32_t Generation::State::sample() {
  observer.begin(Step::sample);
  const TokenResult& result = results.front();
  const int32_t token = result.all.empty() ? sampler.sample(std::span<const Logit>(result.top))
                                           : sampler.sample(std::span<const float>(result.all));
  observer.end(Step::sample, 1);
  return token;
}

Generation::Generation(std::unique_ptr<State> state) : state_(std::move(state)) {}
Generation::~Generation() = default;
Generation::Generation(Generation&&) noexcept = default;
Generation& Generation::operator=(Generation&&) noexcept = default;
Generation::End Generation::end() const { return state_->end; }
const Sequence& Generation::sequence() const { return state_->sequence; }
std::span<const int32_t> Generation::unevaluated() const { return state_->unevaluated; }
int64_t Generation::room() const { return state_->room(); }

Result<Generation> Generation::start(Model& model, Sequence sequence, GenerationOptions options) {
  BITNET_CHECK(check(options.sampler));
  if (options.batch < 1)
    return fail(Error::Kind::invalid, "batch of {} tokens, wanted at least 1", options.batch);
  return Generation(std::make_unique<State>(model, std::move(sequence), std::move(options)));
}

Result<void> Generation::feed(std::span<const int32_t> tokens) {
  State& s = *state_;
  std::vector<int32_t> all = s.unevaluated;
  all.insert(all.end(), tokens.begin(), tokens.end());
  if (all.empty()) return fail(Error::Kind::invalid, "no tokens to go on from, wanted at least 1");
  if (std::ssize(tokens) > s.room())
    return fail(Error::Kind::unsupported, "{} tokens do not fit, {} of the context of {} are left",
                tokens.size(), std::max<int64_t>(0, s.room()), s.sequence.capacity());
  s.ready = false;
  s.end = End::limit;
  s.unevaluated.clear();
  return s.evaluate_prompt(all);
}

void Generation::rewind(int64_t length) {
  State& s = *state_;
  s.sequence.truncate(length);
  s.unevaluated.clear();
  s.ready = false;
  s.end = End::limit;
  s.sampler.forget();
  for (const int32_t token : s.sequence.tokens()) s.sampler.accept(token);
}

Result<std::optional<int32_t>> Generation::next() {
  State& s = *state_;
  if (s.room() < 0) return s.ended(End::context);
  if (!s.unevaluated.empty()) BITNET_CHECK(s.evaluate_pending());
  if (s.cancelled()) return s.ended(End::cancelled);
  // Also after a stop token: it is no part of the sequence, so nothing can follow.
  if (!s.ready && s.end == End::stop) return std::nullopt;
  if (!s.ready) return fail(Error::Kind::invalid, "nothing was fed, so that nothing can follow");
  const int32_t token = s.sample();
  if (s.model.tokenizer().is_stop(token)) {
    s.ready = false;
    return s.ended(End::stop);
  }
  s.unevaluated.assign(1, token);
  return token;
}

Result<Generation::End> Generation::reply(const ReplyOptions& options, const OnText& on_text) {
  StreamDecoder decoder(state_->model.tokenizer(),
                        {.special = false, .at_start = options.at_start});
  const auto give = [&](const std::string& text) {
    return text.empty() ? Result<void>{} : on_text(text);
  };
  End end = End::limit;
  for (int64_t n = 0; options.limit < 0 || n < options.limit; ++n) {
    BITNET_TRY(const std::optional<int32_t> token, next());
    if (!token) {
      end = state_->end;
      break;
    }
    BITNET_CHECK(give(decoder.push(*token)));
  }
  // A full context is news, also where the limit is reached with it.
  if (room() < 0) end = End::context;
  BITNET_CHECK(give(decoder.finish()));
  return end;
}

}  // namespace bitnet
