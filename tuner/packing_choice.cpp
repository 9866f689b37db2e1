#include "tuner/packing_choice.h"

#include <algorithm>

namespace bitnet::tuner {
namespace {

constexpr double kTie = 0.005;
constexpr double kGainOfTwo = 0.10;

double cost_of(const PackingTimes& packing, const TokenClass& of, size_t c) {
  return of.weight * packing.classes[c]->seconds;
}

// Each class takes the faster of packings a and b (which may be the same).
std::optional<PackingChoice> with(std::span<const PackingTimes> packings, size_t a, size_t b,
                                  std::span<const TokenClass> classes) {
  PackingChoice choice;
  for (size_t c = 0; c < classes.size(); ++c) {
    const bool has_a = packings[a].classes[c].has_value(),
               has_b = packings[b].classes[c].has_value();
    if (!has_a && !has_b) return std::nullopt;
    const bool takes_a =
        has_a && (!has_b || packings[a].classes[c]->seconds <= packings[b].classes[c]->seconds);
    choice.of_class.push_back(takes_a ? a : b);
    choice.cost += cost_of(packings[choice.of_class.back()], classes[c], c);
  }
  choice.bytes = packings[a].bytes + (b != a ? packings[b].bytes : 0);
  return choice;
}

double error_of(const PackingTimes& packing) {
  double error = 0;
  for (const auto& time : packing.classes) error = std::max(error, time ? time->error : 0);
  return error;
}

std::optional<PackingChoice> best_of_one(std::span<const PackingTimes> packings,
                                         std::span<const TokenClass> classes) {
  std::optional<PackingChoice> best, builtin;
  for (size_t i = 0; i < packings.size(); ++i) {
    auto one = with(packings, i, i, classes);
    if (!one) continue;
    if (packings[i].builtin) builtin = one;
    if (!best || one->cost < best->cost) best = std::move(one);
  }
  if (!builtin || best->of_class == builtin->of_class) return best;
  const PackingTimes &won = packings[best->of_class[0]], &lost = packings[builtin->of_class[0]];
  const double noise = std::max(kTie, error_of(won) + error_of(lost));
  return 1 - best->cost / builtin->cost > noise ? best : builtin;
}

std::optional<PackingChoice> best_of_two(std::span<const PackingTimes> packings,
                                         std::span<const TokenClass> classes,
                                         int64_t bytes_allowed) {
  std::optional<PackingChoice> best;
  for (size_t a = 0; a < packings.size(); ++a)
    for (size_t b = a + 1; b < packings.size(); ++b) {
      auto two = with(packings, a, b, classes);
      if (two && two->bytes <= bytes_allowed && (!best || two->cost < best->cost))
        best = std::move(two);
    }
  return best;
}

}  // namespace

bool pays_for_two(double cost_of_two, double cost_of_one) {
  return cost_of_two < (1 - kGainOfTwo) * cost_of_one;
}

std::optional<PackingChoice> choose_packing(std::span<const PackingTimes> packings,
                                            std::span<const TokenClass> classes,
                                            int64_t bytes_allowed) {
  auto one = best_of_one(packings, classes);
  auto two = best_of_two(packings, classes, bytes_allowed);
  if (!one || !two) return one ? one : two;
  return pays_for_two(two->cost, one->cost) ? two : one;
}

}  // namespace bitnet::tuner
