#include "tuner/class_rounds.h"

#include <algorithm>
#include <set>

namespace bitnet::tuner {
namespace {

constexpr size_t kDoubtedSample = 2;  // kernels of a problem, packing and class

}  // namespace

std::vector<Round> ClassRounds::play(const Compilation& compilation) {
  const size_t problems = in_.problems.size();
  Arms arms = arms_of(compilation.kernels, problems, compilation.kernels.size());
  std::vector<Halving> halvings = halvings_of(arms, in_.preset);
  std::vector<Round> rounds{play_round(std::move(arms), std::move(halvings))};
  if (compilation.doubted.empty()) return rounds;
  arms = arms_of(compilation.doubted, problems, kDoubtedSample);
  halvings = samples_of(arms);
  rounds.push_back(play_round(std::move(arms), std::move(halvings)));
  if (!are_doubted_timed(compilation, rounds)) return rounds;
  arms = doubted_beside_the_best(compilation, rounds.front());
  halvings = halvings_of(arms, in_.preset);
  rounds.push_back(play_round(std::move(arms), std::move(halvings)));
  return rounds;
}

Round ClassRounds::play_round(Arms arms, std::vector<Halving> halvings) {
  Round round{std::move(arms), std::move(halvings)};
  const auto measure = [&](const std::vector<std::optional<size_t>>& asked) {
    std::vector<const Compiled*> now(asked.size(), nullptr);
    for (size_t p = 0; p < asked.size(); ++p)
      if (asked[p]) now[p] = round.arms[p][*asked[p]];
    return bench_.ratios(now);
  };
  tuner::play(
      round.halvings, table_.best_ratios(where_.c), measure,
      {.stop = stop_, .progress = [&](double fraction) { show_(fraction, round.halvings); }});
  return round;
}

// So many samples of each arm, and no choice among them.
std::vector<Halving> ClassRounds::samples_of(const Arms& arms) const {
  std::vector<Halving> halvings;
  for (const auto& of_problem : arms)
    halvings.emplace_back(
        std::vector<int>(of_problem.size(), 0),
        HalvingOptions{.stages = 0, .final_samples = std::max(3, in_.preset.first_samples)});
  return halvings;
}

// Of this packing or another, the built-in kernel included.
Estimate ClassRounds::best_known(const Round& round, size_t p) const {
  Estimate best{.ratio = 1, .error = 0, .samples = 1};
  const double other = table_.best_ratios(where_.c)[p];
  if (other > 0 && other < best.ratio) best.ratio = other;
  const auto leader = round.halvings[p].leader();
  if (leader && round.halvings[p].of(*leader).ratio < best.ratio)
    best = round.halvings[p].of(*leader);
  return best;
}

// Whether the sample contradicts the model. Counts what is pruned where it does not.
bool ClassRounds::are_doubted_timed(const Compilation& compilation,
                                    const std::vector<Round>& rounds) {
  bool timed = true, slower = true;
  for (size_t p = 0; p < in_.problems.size(); ++p) {
    const Verdict v = verdict_of(rounds[1].halvings[p], best_known(rounds[0], p));
    timed = timed && v != Verdict::not_timed;
    slower = slower && v == Verdict::slower;
  }
  std::set<std::string> names;
  for (const Compiled& kernel : compilation.doubted) names.insert(to_string(kernel.candidate.name));
  if (slower) table_.count_pruned(where_.c, static_cast<int>(names.size()));
  if (slower) return false;
  const std::string which =
      fmt::format("note: {}, {} tokens: of the {} kernels that LLVM's model calls hopeless ",
                  where_.key, label(in_.classes[where_.c]), names.size());
  listener_.say(which + (timed ? "a timed sample is not clearly slower: none of them is pruned"
                               : "no sample could be timed: they are left out"));
  return timed;
}

Arms ClassRounds::doubted_beside_the_best(const Compilation& compilation,
                                          const Round& first) const {
  Arms arms(in_.problems.size());
  for (size_t p = 0; p < arms.size(); ++p)
    if (const auto best = best_arm(first.arms[p], first.halvings[p]))
      arms[p].push_back(first.arms[p][*best]);
  for (const Compiled& kernel : compilation.doubted) arms[kernel.problem].push_back(&kernel);
  return arms;
}

}  // namespace bitnet::tuner
