#include "tuner/search.h"

#include <algorithm>

namespace bitnet::tuner {
namespace {

constexpr double kHopeless = 1.15;  // times the best of another packing, after the first stage
constexpr double kFarBehind = 2;    // the same, after one sample of each

int remaining(const std::vector<Halving>& halvings) {
  int most = 0;
  for (const Halving& halving : halvings) most = std::max(most, halving.remaining());
  return most;
}

bool every_arm_was_tried(const Halving& halving) {
  for (size_t i = 0; i < halving.arms(); ++i)
    if (halving.of(i).samples == 0) return false;
  return true;
}

bool is_hopeless(const Halving& halving, double ceiling) {
  const auto leader = halving.leader();
  if (!leader || ceiling <= 0 || !every_arm_was_tried(halving)) return false;
  const double behind = halving.of(*leader).ratio / ceiling;
  return behind > (halving.stage() > 0 ? kHopeless : kFarBehind);
}

}  // namespace

void play(std::vector<Halving>& halvings, const std::vector<double>& ceiling,
          const MeasureArms& measure, const SearchHooks& hooks) {
  const int all = std::max(1, remaining(halvings));
  for (;;) {
    std::vector<std::optional<size_t>> arms;
    for (const Halving& halving : halvings) arms.push_back(halving.next());
    if (std::ranges::none_of(arms, [](const auto& arm) { return arm.has_value(); })) return;
    if (hooks.stop()) {
      for (Halving& halving : halvings) halving.stop();
      return;
    }
    const Sample sample = measure(arms);
    for (size_t p = 0; p < halvings.size(); ++p) {
      if (!arms[p]) continue;
      halvings[p].record(*arms[p], sample.ratios[p], sample.quiet);
      if (is_hopeless(halvings[p], ceiling[p])) halvings[p].stop();
    }
    hooks.progress(1.0 - std::min(1.0, static_cast<double>(remaining(halvings)) / all));
  }
}

}  // namespace bitnet::tuner
