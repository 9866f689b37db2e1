#include "tuner/retime.h"

#include <algorithm>

#include "tuner/replay_roof.h"

namespace bitnet::tuner {
namespace {

constexpr int kLeastRounds = 3;
constexpr int kPromptLayers = 2;

double median_of(const std::vector<double>& values) { return estimate(values).ratio; }

// What was measured of each problem, round by round.
struct Rounds {
  explicit Rounds(size_t problems) : ratios(problems), shares(problems) {}
  void add(size_t problem, double ratio, double share) {
    ratios[problem].push_back(ratio);
    shares[problem].push_back(share);
  }
  int count() const { return static_cast<int>(ratios.front().size()); }
  std::vector<std::vector<double>> ratios, shares;
};

class Retimer {
 public:
  Retimer(SearchInput& in, const std::vector<ProblemChoice>& choices, const IsaSet& isa)
      : in_(in), choices_(choices), isa_(isa) {}

  Result<RetimedPlan> run(int rounds) {
    BITNET_CHECK(pack());
    for (size_t c = 0; c < in_.classes.size(); ++c) plan_.classes.push_back(time_class(c, rounds));
    plan_.roof_bytes_per_second = median_of(roofs_);
    return std::move(plan_);
  }

 private:
  Result<void> pack() {
    for (size_t p = 0; p < in_.problems.size(); ++p) {
      const Problem& problem = in_.problems[p];
      const ClassKernel& builtin = class_of(in_.builtin[p], 1);
      BITNET_TRY(PackedStack theirs,
                 PackedStack::pack(in_.pool, problem.n, problem.k, builtin.sizes,
                                   builtin.functions.pack, in_.trits[p], in_.layers));
      builtin_.push_back(std::make_shared<PackedStack>(std::move(theirs)));
      const auto& classes = choices_[p].classes;
      if (classes.empty() || classes.front()->candidate.packing_key == builtin.packing_key) {
        chosen_.push_back(builtin_.back());
        continue;
      }
      BITNET_TRY(PackedStack ours,
                 PackedStack::pack(in_.pool, problem.n, problem.k, classes.front()->sizes,
                                   classes.front()->functions.pack, in_.trits[p], in_.layers));
      chosen_.push_back(std::make_shared<PackedStack>(std::move(ours)));
    }
    return {};
  }

  std::vector<Retimed> time_class(size_t c, int rounds) {
    const int64_t tokens = timed_tokens(in_.classes[c]);
    std::vector<Runner> ours, theirs;
    std::vector<const PackedStack*> stacks;
    for (size_t p = 0; p < in_.problems.size(); ++p) {
      const ClassKernel& builtin = class_of(in_.builtin[p], tokens);
      theirs.push_back({builtin.sizes, builtin.functions, builtin_[p].get()});
      ours.push_back(theirs.back());
      if (!choices_[p].classes.empty()) {
        const Compiled& chosen = *choices_[p].classes[c];
        ours.back() = {chosen.sizes, chosen.functions, chosen_[p].get()};
      }
      stacks.push_back(chosen_[p].get());
    }
    Replay replay(in_.pool, in_.problems, tokens,
                  tokens == 1 ? in_.layers : std::min(in_.layers, kPromptLayers));
    Timing timing(in_.pool, replay, theirs);
    Rounds quiet(in_.problems.size()), all(in_.problems.size());
    // A slow or busy machine gets fewer rounds: each class may take a tenth of the budget beyond
    // it.
    const double allowance = 0.1 * in_.preset.budget_seconds * static_cast<double>(c + 1);
    for (int round = 0; round < 2 * rounds && quiet.count() < rounds; ++round) {
      if (round >= kLeastRounds && (in_.stop() || in_.seconds_left() < -allowance)) break;
      in_.progress.update((static_cast<double>(c) + static_cast<double>(quiet.count()) / rounds) /
                              static_cast<double>(in_.classes.size()),
                          "timing the plan beside the built-in kernels", -1);
      const bool counts = timing.ratios(ours).has_value();
      const ReplayRoof roof = tokens == 1 ? read_replay_roof(in_.pool, stacks, isa_) : ReplayRoof{};
      if (tokens == 1) roofs_.push_back(roof.bytes_per_second);
      for (size_t p = 0; p < ours.size(); ++p) {
        const double share = tokens == 1 ? roof.seconds[p] / timing.last_seconds()[p] : 0;
        all.add(p, timing.last_ratios()[p], share);
        if (counts) quiet.add(p, timing.last_ratios()[p], share);
      }
    }
    const Rounds& used = quiet.count() >= kLeastRounds ? quiet : all;
    plan_.samples.all += timing.count().all;
    plan_.samples.disturbed += timing.count().disturbed;
    const std::vector<double> builtin_seconds = timing.incumbent_seconds();
    std::vector<Retimed> of_problem;
    for (size_t p = 0; p < ours.size(); ++p) {
      const Estimate ratio = estimate(used.ratios[p]);
      // From the ratio, which drift does not touch, and the built-in's median over all rounds.
      of_problem.push_back({.ratio = ratio,
                            .seconds = ratio.ratio * builtin_seconds[p],
                            .builtin_seconds = builtin_seconds[p],
                            .roof_share = median_of(used.shares[p])});
    }
    return of_problem;
  }

  SearchInput& in_;
  const std::vector<ProblemChoice>& choices_;
  const IsaSet& isa_;
  std::vector<std::shared_ptr<const PackedStack>> builtin_, chosen_;
  std::vector<double> roofs_;
  RetimedPlan plan_;
};

}  // namespace

Result<RetimedPlan> retime(SearchInput& input, const std::vector<ProblemChoice>& choices,
                           int rounds, const IsaSet& isa) {
  return Retimer(input, choices, isa).run(rounds);
}

}  // namespace bitnet::tuner
