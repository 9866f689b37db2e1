#include "tools/run/observer.h"

namespace bitnet {

void Observer::begin(Step) { watch_ = {}; }

void Observer::end(Step step, int64_t tokens) {
  struct Total {
    double& ms;
    int64_t& count;
  };
  const Total total = step == Step::prompt  ? Total{timings_.prompt_ms, timings_.prompt_tokens}
                      : step == Step::token ? Total{timings_.eval_ms, timings_.eval_tokens}
                                            : Total{timings_.sample_ms, timings_.sampled};
  total.ms += watch_.milliseconds();
  total.count += tokens;
}

Want Observer::want(Want sampler) const {
  return receipt_ != nullptr ? receipt_->want(sampler) : sampler;
}

void Observer::evaluated(std::span<const int32_t> tokens, const TokenResult& result) {
  if (receipt_ != nullptr) receipt_->add(tokens, result);
}

}  // namespace bitnet
