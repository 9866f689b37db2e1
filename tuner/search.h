// The search for one packing and token class: one halving a problem, all in step, because one
// replay of the token times a candidate of every problem at once. The measurement is injected.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "tuner/halving.h"
#include "tuner/sample.h"

namespace bitnet::tuner {

// arms[p]: which candidate of problem p to time; nothing: the incumbent. Answers for every problem
// its time over the incumbent's in the same round.
using MeasureArms = std::function<Sample(const std::vector<std::optional<size_t>>& arms)>;

struct SearchHooks {
  std::function<bool()> stop;  // out of time or interrupted
  std::function<void(double fraction)> progress;
};

// Plays all halvings to their end, or until stopped. A problem is given up once its best is
// hopeless beside what another packing reached (ceiling[p], a ratio; 0: none): after one sample of
// each arm where that is far behind, after the first stage where it is behind at all.
void play(std::vector<Halving>& halvings, const std::vector<double>& ceiling,
          const MeasureArms& measure, const SearchHooks& hooks);

}  // namespace bitnet::tuner
