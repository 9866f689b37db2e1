#include "tools/run/generator.h"

#include <algorithm>

#include "runtime/model/hparams.h"
#include "tools/common/interrupt.h"

namespace bitnet {

Generator::Generator(Model& model, Sequence sequence, const SamplerOptions& sampler, int64_t batch,
                     Receipt* receipt, Timings& timings)
    : model_(model),
      sequence_(std::move(sequence)),
      sampler_(sampler, model.hparams().vocabulary, model.float_kernels()),
      batch_(batch),
      receipt_(receipt),
      timings_(timings) {}

Result<void> Generator::evaluate(std::span<const int32_t> tokens, bool last_of_all) {
  requests_.clear();
  for (const int32_t token : tokens) {
    sampler_.accept(token);
    requests_.push_back({.sequence = &sequence_, .token = token, .want = {}});
  }
  if (last_of_all) {
    Want& want = requests_.back().want;
    want = sampler_.want();
    if (receipt_ != nullptr) want = receipt_->want(want);
  }
  BITNET_CHECK(model_.evaluate(requests_, results_));
  if (last_of_all && receipt_ != nullptr) receipt_->add(sequence_.tokens(), results_.front());
  return {};
}

Result<void> Generator::feed(std::span<const int32_t> tokens) {
  std::vector<int32_t> all = std::move(unevaluated_);
  unevaluated_.clear();
  all.insert(all.end(), tokens.begin(), tokens.end());
  const Stopwatch watch;
  for (std::span<const int32_t> rest = all; !rest.empty();) {
    if (interrupted()) return fail(Error::Kind::interrupted, "interrupted");
    const auto count = std::min(rest.size(), static_cast<size_t>(batch_));
    BITNET_CHECK(evaluate(rest.first(count), count == rest.size()));
    rest = rest.subspan(count);
  }
  timings_.prompt_ms += watch.milliseconds();
  timings_.prompt_tokens += std::ssize(all);
  return {};
}

int32_t Generator::sample() {
  const Stopwatch watch;
  const TokenResult& result = results_.front();
  const int32_t token = result.all.empty() ? sampler_.sample(std::span<const Logit>(result.top))
                                           : sampler_.sample(std::span<const float>(result.all));
  timings_.sample_ms += watch.milliseconds();
  ++timings_.sampled;
  return token;
}

Result<Generator::End> Generator::reply(int64_t limit, Output& out, StreamDecoder& decoder) {
  End end = End::limit;
  for (int64_t n = 0; limit < 0 || n < limit; ++n) {
    if (interrupted()) {
      end = End::interrupt;
      break;
    }
    const int32_t token = sample();
    if (model_.tokenizer().is_stop(token)) {
      end = End::stop;
      break;
    }
    BITNET_CHECK(out.write(decoder.push(token)));
    unevaluated_.assign(1, token);
    if (room() < 0) {
      end = End::context;
      break;
    }
    if (n + 1 == limit) break;
    const Stopwatch watch;
    BITNET_CHECK(evaluate(unevaluated_, true));
    unevaluated_.clear();
    timings_.eval_ms += watch.milliseconds();
    ++timings_.eval_tokens;
  }
  BITNET_CHECK(out.write(decoder.finish()));
  return end;
}

}  // namespace bitnet
