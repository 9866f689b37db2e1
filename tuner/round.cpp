#include "tuner/round.h"

#include <algorithm>
#include <cmath>

namespace bitnet::tuner {

std::vector<Halving> halvings_of(const Arms& arms, const Preset& preset) {
  std::vector<Halving> halvings;
  for (const auto& of_problem : arms) {
    std::vector<int> distances;
    for (const Compiled* arm : of_problem) distances.push_back(arm->candidate.distance);
    halvings.emplace_back(std::move(distances),
                          HalvingOptions{.first_samples = preset.first_samples,
                                         .stages = preset.stages,
                                         .final_samples = preset.final_samples});
  }
  return halvings;
}

std::optional<size_t> best_arm(const std::vector<const Compiled*>& arms, const Halving& halving) {
  if (const auto winner = halving.winner()) return winner;
  for (size_t i = 0; i < arms.size(); ++i)
    if (arms[i]->candidate.distance == 0) return i;
  return halving.leader();
}

Arms arms_of(const std::vector<Compiled>& kernels, size_t problems, size_t most) {
  Arms arms(problems);
  for (const Compiled& kernel : kernels)
    if (arms[kernel.problem].size() < most) arms[kernel.problem].push_back(&kernel);
  return arms;
}

// Hopeless costs a third more at least.
constexpr double kClearly = 1.05;

Verdict verdict_of(const Halving& sample, const Estimate& best) {
  Verdict verdict = Verdict::slower;
  for (size_t i = 0; i < sample.arms(); ++i) {
    const Estimate e = sample.of(i);
    if (e.samples == 0) return Verdict::not_timed;
    const double noise = 2 * std::hypot(e.error, best.error);
    if (e.ratio <= std::max(kClearly * best.ratio, best.ratio + noise))
      verdict = Verdict::not_slower;
  }
  return verdict;
}

}  // namespace bitnet::tuner
