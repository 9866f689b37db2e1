// The search for one packing and token class: one halving a problem, all in step, because one
// replay of the token times a candidate of every problem at once. The measurement is injected.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "tuner/halving.h"

namespace bitnet::tuner {

// arms[p]: which candidate of problem p to time; nothing: the incumbent. Answers for every problem
// its time over the incumbent's in the same round, or nothing where the sample was disturbed.
using MeasureArms = std::function<std::optional<std::vector<double>>(
    const std::vector<std::optional<size_t>>& arms)>;

struct SearchHooks {
  std::function<bool()> stop;  // out of time or interrupted
  std::function<void(double fraction)> progress;
};

// Plays all halvings to their end, or until stopped. Once a problem's best is hopeless, beside what
// another packing reached (ceiling[p], a ratio; 0: none), it is given up.
void play(std::vector<Halving>& halvings, const std::vector<double>& ceiling,
          const MeasureArms& measure, const SearchHooks& hooks);

// One packing's result for one problem: a kernel a token class, by index into whatever the caller
// keeps.
struct ClassBest {
  int64_t tokens = 1;  // M that it was timed with
  double seconds = 0;  // of one call
  double error = 0;    // relative
  size_t kernel = 0;
};
struct PackingResult {
  std::vector<ClassBest> classes;  // ascending; of one token and of many
  bool builtin = false;            // the built-in kernels' packing
};

// What a packing costs under the objective "balanced": one token's time and a 64th of a prompt of
// 512 tokens.
double balanced_cost(const PackingResult& packing);
// The packing of least cost; the built-in one stays unless beaten by more than the noise (and half
// a percent).
size_t choose_packing(const std::vector<PackingResult>& packings);

}  // namespace bitnet::tuner
