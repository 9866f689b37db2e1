#include "tuner/live_workbench.h"

#include <algorithm>

#include "tuner/packing_search.h"

namespace bitnet::tuner {
namespace {

constexpr int kPromptLayers = 2;

class LiveBench final : public Bench {
 public:
  LiveBench(const Lab& lab, const TokenClass& of_class, const Stacks& builtin, Stacks weights)
      : weights_(std::move(weights)),
        builtin_weights_(builtin),
        builtin_(runners_of(lab, of_class, builtin)),
        replay_(lab.pool, lab.problems, of_class.timed, lab.layers_of(of_class)),
        timing_(lab.pool, replay_, builtin_) {}

  Sample ratios(std::span<const Compiled* const> arms) override {
    std::vector<Runner> runners = builtin_;
    for (size_t p = 0; p < arms.size(); ++p)
      if (arms[p] != nullptr) runners[p] = {arms[p]->sizes, arms[p]->functions, weights_[p].get()};
    return timing_.ratios(runners);
  }
  std::vector<double> builtin_seconds() const override { return timing_.incumbent_seconds(); }
  SampleCount count() const override { return timing_.count(); }

 private:
  static std::vector<Runner> runners_of(const Lab& lab, const TokenClass& of_class,
                                        const Stacks& stacks) {
    std::vector<Runner> runners;
    for (size_t p = 0; p < lab.problems.size(); ++p) {
      const ClassKernel& kernel = class_of(lab.builtin[p], of_class.timed);
      runners.push_back({kernel.sizes, kernel.functions, stacks[p].get()});
    }
    return runners;
  }

  Stacks weights_, builtin_weights_;  // kept alive
  std::vector<Runner> builtin_;
  Replay replay_;
  Timing timing_;
};

}  // namespace

int Lab::layers_of(const TokenClass& c) const {
  return c.timed == 1 ? layers : std::min(layers, kPromptLayers);
}

Result<std::shared_ptr<const PackedStack>> pack_stack(const Lab& lab, size_t p,
                                                      const BnSizes& sizes, BnPackFn* pack) {
  BITNET_TRY(PackedStack stack,
             PackedStack::pack(lab.pool, lab.problems[p], sizes, pack, lab.weights[p], lab.layers));
  return std::make_shared<const PackedStack>(std::move(stack));
}

LiveWorkbench::LiveWorkbench(const Lab& lab) : lab_(lab), store_(lab.jit) {
  for (const TokenClass& c : lab.classes) {
    pruners_.emplace_back(c.m_min, lab.weights_in_memory);
    auto& of_class = checkers_.emplace_back();
    for (const Problem& problem : lab.problems)
      of_class.push_back(std::make_unique<Checker>(problem, c.m_min, c.m_max));
  }
}

Result<std::unique_ptr<LiveWorkbench>> LiveWorkbench::create(const Lab& lab) {
  std::unique_ptr<LiveWorkbench> bench(new LiveWorkbench(lab));
  BITNET_CHECK(bench->pack_builtin());
  return bench;
}

// Classes of one packing share its weights.
Result<void> LiveWorkbench::pack_builtin() {
  builtin_.assign(lab_.classes.size(), Stacks(lab_.problems.size()));
  for (size_t p = 0; p < lab_.problems.size(); ++p) {
    std::map<std::string, std::shared_ptr<const PackedStack>> by_key;
    for (size_t c = 0; c < lab_.classes.size(); ++c) {
      const ClassKernel& kernel = class_of(lab_.builtin[p], lab_.classes[c].timed);
      auto& stack = by_key[kernel.packing_key];
      if (stack == nullptr) {
        BITNET_TRY(stack, pack_stack(lab_, p, kernel.sizes, kernel.functions.pack));
      }
      builtin_[c][p] = stack;
    }
  }
  return {};
}

std::unique_ptr<Compilation> LiveWorkbench::compile(size_t c, std::span<const CompileJob> jobs,
                                                    double seconds) {
  const double left = seconds_left();
  const auto late = [&] { return left - seconds_left() > seconds; };
  std::vector<Checker*> checkers;
  for (const auto& checker : checkers_[c]) checkers.push_back(checker.get());
  auto compilation = std::make_unique<Compilation>(tuner::compile(
      lab_.pool, store_, lab_.problems, jobs, checkers, /*at_least=*/1, lab_.stop, late));
  if (codegen::has_cost_model(codegen::host_cpu())) pruners_[c].prune(*compilation);
  return compilation;
}

Result<std::unique_ptr<Bench>> LiveWorkbench::bench(size_t c, std::span<const Compiled> kernels) {
  const std::string& key = kernels.front().candidate.packing_key;
  if (key != packed_key_) {
    packed_.assign(lab_.problems.size(), nullptr);  // what another packing took is free again
    packed_key_ = key;
  }
  for (const Compiled& kernel : kernels) {
    const size_t p = kernel.problem;
    if (packed_[p] != nullptr) continue;
    if (key == class_of(lab_.builtin[p], lab_.classes[c].timed).packing_key) {
      packed_[p] = builtin_[c][p];
    } else {
      BITNET_TRY(packed_[p], pack_stack(lab_, p, kernel.sizes, kernel.functions.pack));
    }
  }
  return std::make_unique<LiveBench>(lab_, lab_.classes[c], builtin_[c], packed_);
}

}  // namespace bitnet::tuner
