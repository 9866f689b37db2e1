#include "tuner/search.h"

#include <algorithm>

namespace bitnet::tuner {
namespace {

constexpr double kHopeless = 1.15;  // times the best of another packing, after the first stage
constexpr double kTie = 0.005;
constexpr double kPromptTokens = 512, kPromptWeight = 1.0 / 64;

int remaining(const std::vector<Halving>& halvings) {
  int most = 0;
  for (const Halving& halving : halvings) most = std::max(most, halving.remaining());
  return most;
}

double cost_error(const PackingResult& packing) {
  double error = 0;
  for (const ClassBest& best : packing.classes) error = std::max(error, best.error);
  return error;
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
    const auto ratios = measure(arms);
    for (size_t p = 0; p < halvings.size(); ++p) {
      if (!arms[p]) continue;
      halvings[p].record(*arms[p], ratios ? std::optional((*ratios)[p]) : std::nullopt);
      const auto leader = halvings[p].leader();
      if (leader && ceiling[p] > 0 && halvings[p].stage() > 0 &&
          halvings[p].of(*leader).ratio > kHopeless * ceiling[p]) {
        halvings[p].stop();
      }
    }
    hooks.progress(1.0 - std::min(1.0, static_cast<double>(remaining(halvings)) / all));
  }
}

double balanced_cost(const PackingResult& packing) {
  double cost = 0;
  for (const ClassBest& best : packing.classes) {
    cost += best.tokens == 1
                ? best.seconds
                : best.seconds * (kPromptTokens / static_cast<double>(best.tokens)) * kPromptWeight;
  }
  return cost;
}

size_t choose_packing(const std::vector<PackingResult>& packings) {
  size_t best = 0, builtin = packings.size();
  for (size_t i = 0; i < packings.size(); ++i) {
    if (packings[i].builtin) builtin = i;
    if (balanced_cost(packings[i]) < balanced_cost(packings[best])) best = i;
  }
  if (builtin == packings.size() || best == builtin) return best;
  const double gain = 1 - balanced_cost(packings[best]) / balanced_cost(packings[builtin]);
  const double noise = std::max(kTie, cost_error(packings[best]) + cost_error(packings[builtin]));
  return gain > noise ? best : builtin;
}

}  // namespace bitnet::tuner
