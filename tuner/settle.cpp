#include "tuner/settle.h"

#include <algorithm>

#include "tuner/packing_choice.h"

namespace bitnet::tuner {
namespace {

// A kernel that re-timed slower than the built-in one by more than this (and its noise) is left out
// of the plan.
constexpr double kSlower = 0.01;

// As if the built-in kernel had been timed.
void keep_builtin(Retimed& timed) {
  timed.roof_share *= timed.seconds / timed.builtin_seconds;
  timed.seconds = timed.builtin_seconds;
  timed.ratio.ratio = 1;
}

bool is_slower(const Retimed& timed) {
  return timed.ratio.ratio > 1 + std::max(kSlower, 2 * timed.ratio.error);
}

class Settler {
 public:
  Settler(const SettleInput& input, SearchResult& found) : in_(input), found_(found) {}

  Result<RetimedPlan> run() {
    BITNET_CHECK(give_shapes(found_.choices));
    BITNET_TRY(timed_, in_.retime(found_.choices));
    BITNET_CHECK(ask_again_for_two());
    BITNET_CHECK(drop_slower());
    return std::move(timed_);
  }

 private:
  // The kernels of the choices again, each for its shape.
  Result<void> give_shapes(std::vector<ProblemChoice>& choices) {
    for (size_t c = 0; c < in_.classes.size(); ++c) {
      std::vector<std::optional<Candidate>> wanted(choices.size());
      for (size_t p = 0; p < choices.size(); ++p)
        if (!choices[p].classes.empty()) wanted[p] = choices[p].classes[c]->candidate;
      BITNET_TRY(const std::vector<const Compiled*> shaped, in_.shape(in_.classes[c], wanted));
      for (size_t p = 0; p < choices.size(); ++p) {
        if (!wanted[p]) continue;
        choices[p].classes[c] = shaped[p];
        if (shaped[p] == nullptr) choices[p].classes.clear();
      }
    }
    return {};
  }

  // Weighted, over the built-in kernels' time in the same rounds: two re-timings compare.
  double cost(const RetimedPlan& timed, size_t p) const {
    double cost = 0;
    for (size_t c = 0; c < in_.classes.size(); ++c)
      cost += in_.classes[c].weight * timed.classes[c][p].ratio.ratio *
              timed_.classes[c][p].builtin_seconds;
    return cost;
  }

  Result<void> ask_again_for_two() {
    std::vector<ProblemChoice> ones = found_.ones;
    const auto is_empty = [](const ProblemChoice& one) { return one.classes.empty(); };
    if (std::ranges::all_of(ones, is_empty)) return {};
    BITNET_CHECK(give_shapes(ones));
    BITNET_TRY(RetimedPlan with_one, in_.retime(ones));
    for (size_t p = 0; p < ones.size(); ++p)
      if (!is_empty(ones[p]) && !pays_for_two(cost(timed_, p), cost(with_one, p)))
        take_one(p, std::move(ones[p]), with_one);
    timed_.samples.all += with_one.samples.all;
    timed_.samples.disturbed += with_one.samples.disturbed;
    return {};
  }

  void take_one(size_t p, ProblemChoice one, const RetimedPlan& with_one) {
    in_.listener.say(fmt::format("note: {}: one packing, timed again, does as well as two",
                                 describe(in_.problems[p])));
    found_.choices[p] = std::move(one);
    for (size_t c = 0; c < in_.classes.size(); ++c) timed_.classes[c][p] = with_one.classes[c][p];
  }

  Result<void> drop_slower() {
    std::vector<ProblemChoice> defaults(in_.problems.size());
    for (size_t p = 0; p < in_.problems.size(); ++p) {
      const auto& classes = timed_.classes;
      if (std::ranges::none_of(classes, [&](const auto& c) { return is_slower(c[p]); })) continue;
      in_.listener.say(
          fmt::format("note: {}: built-in parameters are kept", describe(in_.problems[p])));
      found_.choices[p].classes.clear();
      defaults[p] = found_.defaults[p];
      if (std::ranges::count(defaults[p].classes, nullptr) > 0) defaults[p].classes.clear();
      for (std::vector<Retimed>& of_class : timed_.classes) keep_builtin(of_class[p]);
    }
    BITNET_CHECK(give_shapes(defaults));
    for (size_t p = 0; p < defaults.size(); ++p)
      if (!defaults[p].classes.empty()) found_.choices[p] = std::move(defaults[p]);
    return {};
  }

  const SettleInput& in_;
  SearchResult& found_;
  RetimedPlan timed_;
};

}  // namespace

Result<RetimedPlan> settle(const SettleInput& input, SearchResult& found) {
  return Settler(input, found).run();
}

void fill(Plan& plan, const SearchResult& found, const RetimedPlan& timed) {
  const int problems = static_cast<int>(plan.problems.size());
  for (size_t c = 0; c < plan.classes.size(); ++c)
    for (size_t p = 0; p < plan.problems.size(); ++p) {
      const auto& kernels = found.choices[p].classes;
      PlanEntry& entry = plan.entries[c][p];
      entry.kernel = kernels.empty() ? nullptr : kernels[c];
      entry.timed = timed.classes[c][p];
      entry.tried = found.tried[c] / problems;
      entry.pruned = found.pruned[c];
    }
}

}  // namespace bitnet::tuner
