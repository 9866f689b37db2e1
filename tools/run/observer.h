// What bitnet-run records of a generation: how long its steps take, and the receipt.
#pragma once

#include "runtime/generation.h"
#include "tools/run/receipt.h"
#include "tools/run/timings.h"

namespace bitnet {

class Observer : public GenerationObserver {
 public:
  // receipt may be null. Both must outlive the observer.
  Observer(Receipt* receipt, Timings& timings) : receipt_(receipt), timings_(timings) {}

  void begin(Step step) override;
  void end(Step step, int64_t tokens) override;
  Want want(Want sampler) const override;
  void evaluated(std::span<const int32_t> tokens, const TokenResult& result) override;

 private:
  Receipt* receipt_;
  Timings& timings_;
  Stopwatch watch_;  // of the step under way
};

}  // namespace bitnet
