#include "tuner/retime.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "runtime/base/statistics.h"
#include "tuner/replay_roof.h"

namespace bitnet::tuner {
namespace {

constexpr int kLeastRounds = 3;
// Rounds go on, up to this many times as many as asked for, while some gain cannot be told from
// noise.
constexpr int kMostPatience = 4;
constexpr double kSure = 2;      // standard errors
constexpr double kSame = 0.005;  // what is known this well and still includes 1 is 1

// What was measured of each problem, round by round.
struct Rounds {
  explicit Rounds(size_t problems) : ratios(problems), shares(problems) {}
  void add(const std::vector<double>& round_ratios, const std::vector<double>& round_shares) {
    for (size_t p = 0; p < ratios.size(); ++p) {
      ratios[p].push_back(round_ratios[p]);
      shares[p].push_back(round_shares[p]);
    }
  }
  int count() const { return static_cast<int>(ratios.front().size()); }
  std::vector<std::vector<double>> ratios, shares;
};

// One class: the plan's kernels, the built-in ones, and the weights that the plan's read.
struct Sides {
  std::vector<Runner> ours, theirs;
  std::vector<const PackedStack*> stacks;
};

class Retimer {
 public:
  Retimer(const Lab& lab, const std::vector<ProblemChoice>& choices, int rounds,
          double budget_seconds, const IsaSet& isa, Listener& listener)
      : lab_(lab),
        choices_(choices),
        rounds_(rounds),
        budget_seconds_(budget_seconds),
        isa_(isa),
        listener_(listener),
        stacks_(lab.problems.size()) {}

  Result<RetimedPlan> run() {
    for (size_t c = 0; c < lab_.classes.size(); ++c) {
      BITNET_TRY(const Sides sides, sides_of(c));
      plan_.classes.push_back(time_class(c, sides));
    }
    plan_.roof_bytes_per_second = median(roofs_);
    return std::move(plan_);
  }

 private:
  // Kernels of one packing share its weights, whatever their class.
  Result<const PackedStack*> stack_of(size_t p, const std::string& key, const BnSizes& sizes,
                                      BnPackFn* pack) {
    auto& stack = stacks_[p][key];
    if (stack == nullptr) {
      BITNET_TRY(stack, pack_stack(lab_, p, sizes, pack));
    }
    return stack.get();
  }

  Result<Sides> sides_of(size_t c) {
    Sides sides;
    for (size_t p = 0; p < lab_.problems.size(); ++p) {
      const ClassKernel& b = class_of(lab_.builtin[p], lab_.classes[c].timed);
      BITNET_TRY(const PackedStack* stack, stack_of(p, b.packing_key, b.sizes, b.functions.pack));
      sides.theirs.push_back({b.sizes, b.functions, stack});
      sides.ours.push_back(sides.theirs.back());
      if (!choices_[p].classes.empty()) {
        const Compiled& chosen = *choices_[p].classes[c];
        BITNET_TRY(stack,
                   stack_of(p, chosen.candidate.packing_key, chosen.sizes, chosen.functions.pack));
        sides.ours.back() = {chosen.sizes, chosen.functions, stack};
      }
      sides.stacks.push_back(stack);
    }
    return sides;
  }

  std::vector<Retimed> time_class(size_t c, const Sides& sides) {
    Replay replay(lab_.pool, lab_.problems, lab_.classes[c].timed, lab_.layers_of(lab_.classes[c]));
    Timing timing(lab_.pool, replay, sides.theirs);
    Rounds quiet(lab_.problems.size()), all(lab_.problems.size());
    for (int round = 0; round < kMostPatience * rounds_; ++round) {
      if (quiet.count() >= rounds_ && is_decided(quiet)) break;
      if (round >= 2 * rounds_ && quiet.count() < kLeastRounds) break;  // never quiet: all count
      if (round >= kLeastRounds && is_late(c)) break;
      tell(c, quiet.count());
      const Sample sample = timing.ratios(sides.ours);
      const std::vector<double> shares = roof_shares(c, sides, timing);
      all.add(sample.ratios, shares);
      if (sample.quiet) quiet.add(sample.ratios, shares);
    }
    plan_.samples.all += timing.count().all;
    plan_.samples.disturbed += timing.count().disturbed;
    return summary(quiet.count() >= kLeastRounds ? quiet : all, timing.incumbent_seconds());
  }

  // Of every problem with kernels of its own it is known on which side of 1 its ratio lies, or that
  // it lies at it.
  bool is_decided(const Rounds& rounds) const {
    for (size_t p = 0; p < choices_.size(); ++p) {
      if (choices_[p].classes.empty()) continue;
      const Estimate e = estimate(rounds.ratios[p]);
      if (std::abs(1 - e.ratio) <= kSure * e.error && kSure * e.error >= kSame) return false;
    }
    return true;
  }

  // A slow or busy machine gets fewer rounds.
  bool is_late(size_t c) const {
    const double allowance = 0.1 * budget_seconds_ * static_cast<double>(c + 1);
    return lab_.stop() || lab_.seconds_left() < -allowance;
  }

  void tell(size_t c, int done) {
    const double of_class = std::min(1.0, static_cast<double>(done) / rounds_);
    listener_.update((static_cast<double>(c) + of_class) / static_cast<double>(lab_.classes.size()),
                     "timing the plan beside the built-in kernels", -1);
  }

  // Of the round just timed; prompts are not memory's affair. Reading the roof leaves the plan's
  // own weights in the caches: its next sample would be warm and the built-in one's cold.
  std::vector<double> roof_shares(size_t c, const Sides& sides, Timing& timing) {
    std::vector<double> shares(sides.ours.size(), 0.0);
    if (lab_.classes[c].timed != 1) return shares;
    const ReplayRoof roof = read_replay_roof(lab_.pool, sides.stacks, isa_);
    roofs_.push_back(roof.bytes_per_second);
    timing.leave_incumbents_in_cache();
    for (size_t p = 0; p < shares.size(); ++p)
      shares[p] = roof.seconds[p] / timing.last_seconds()[p];
    return shares;
  }

  static std::vector<Retimed> summary(const Rounds& rounds,
                                      const std::vector<double>& builtin_seconds) {
    std::vector<Retimed> of_problem;
    for (size_t p = 0; p < builtin_seconds.size(); ++p) {
      const Estimate ratio = estimate(rounds.ratios[p]);
      // From the ratio, which drift does not touch, and the built-in's median over all rounds.
      of_problem.push_back({.ratio = ratio,
                            .seconds = ratio.ratio * builtin_seconds[p],
                            .builtin_seconds = builtin_seconds[p],
                            .roof_share = median(rounds.shares[p])});
    }
    return of_problem;
  }

  const Lab& lab_;
  const std::vector<ProblemChoice>& choices_;
  int rounds_;
  double budget_seconds_;
  const IsaSet& isa_;
  Listener& listener_;
  std::vector<std::map<std::string, std::shared_ptr<const PackedStack>>> stacks_;  // by packing
  std::vector<double> roofs_;
  RetimedPlan plan_;
};

}  // namespace

Result<RetimedPlan> retime(const Lab& lab, const std::vector<ProblemChoice>& choices, int rounds,
                           double budget_seconds, const IsaSet& isa, Listener& listener) {
  return Retimer(lab, choices, rounds, budget_seconds, isa, listener).run();
}

}  // namespace bitnet::tuner
