#include "tools/report/compare.h"

#include <map>
#include <memory>

#include "tuner/check.h"
#include "tuner/halving.h"
#include "tuner/packed_stack.h"
#include "tuner/replay.h"
#include "tuner/replay_roof.h"
#include "tuner/token_classes.h"

#if defined(__x86_64__)
extern "C" {
BnFactsFn i2s_avx2_facts;
BnSizesFn i2s_avx2_sizes;
BnPackFn i2s_avx2_pack;
BnPrepareFn i2s_avx2_prepare;
BnRunFn i2s_avx2_run;
}
#endif

namespace bitnet::report {
namespace {

// Stacks of packed weights, one for each problem and packing.
class Stacks {
 public:
  Stacks(ThreadPool& pool, int layers) : pool_(pool), layers_(layers) {}

  Result<const tuner::PackedStack*> of(size_t index, const Problem& problem,
                                       const ClassKernel& kernel) {
    auto& slot = stacks_[{index, kernel.packing_key}];
    if (!slot) {
      BITNET_TRY(tuner::PackedStack stack,
                 tuner::PackedStack::pack(pool_, problem, kernel.sizes, kernel.functions.pack,
                                          tuner::random_weights(problem.k, problem.group, index),
                                          layers_));
      slot = std::make_unique<tuner::PackedStack>(std::move(stack));
    }
    return slot.get();
  }

 private:
  ThreadPool& pool_;
  int layers_;
  std::map<std::pair<size_t, std::string>, std::unique_ptr<tuner::PackedStack>> stacks_;
};

// One more round of every problem.
void add(const std::vector<double>& round, std::vector<Rounds>& rounds) {
  for (size_t p = 0; p < round.size(); ++p) rounds[p].push_back(round[p]);
}

}  // namespace

Result<std::optional<Contender>> fixed_baseline(const std::vector<Problem>& problems,
                                                const IsaSet& isa) {
#if defined(__x86_64__)
  if (!isa.has(Isa::avx2)) return std::nullopt;
  Contender baseline{.name = "baseline", .kernels = {}};
  for (const Problem& problem : problems) {
    ClassKernel kernel{.m_min = 1,
                       .m_max = kAnyTokens,
                       .name = {"baseline", "i2s", Isa::avx2, {{"r", 4}}},
                       .packing_key = "i2s_128",
                       .form = "i2s",
                       .sizes = {},
                       .functions = {i2s_avx2_facts, i2s_avx2_sizes, i2s_avx2_pack,
                                     i2s_avx2_prepare, i2s_avx2_run}};
    i2s_avx2_sizes(problem.n, problem.k, problem.group, &kernel.sizes);
    for (int64_t m_min : {1, 2}) {
      tuner::Checker checker(problem, m_min, m_min == 1 ? 1 : kAnyTokens);
      BITNET_CHECK(checker.check("the fixed baseline", kernel.sizes, kernel.functions));
    }
    baseline.kernels.push_back(std::move(kernel));
  }
  return baseline;
#else
  (void)problems, (void)isa;
  return std::nullopt;
#endif
}

Result<Contender> contender(std::string name, const KernelSource& source,
                            const KernelSource& otherwise, const std::vector<Problem>& problems,
                            int64_t tokens) {
  Contender all{.name = std::move(name), .kernels = {}};
  for (const Problem& problem : problems) {
    auto kernels = source.find(problem);
    if (!kernels) kernels = otherwise.find(problem);
    if (!kernels) return std::unexpected(std::move(kernels.error()));
    all.kernels.push_back(tuner::class_of(*kernels, tokens));
  }
  return all;
}

Result<Comparison> compare(ThreadPool& pool, const std::vector<Problem>& problems,
                           const std::vector<Contender>& contenders, const Job& job,
                           const IsaSet& isa) {
  Stacks stacks(pool, job.layers);
  std::vector<std::vector<tuner::Runner>> runners;
  std::vector<const tuner::PackedStack*> last_stacks;
  for (const Contender& c : contenders) {
    auto& mine = runners.emplace_back();
    last_stacks.clear();
    for (size_t p = 0; p < problems.size(); ++p) {
      const ClassKernel& kernel = c.kernels[p];
      BITNET_TRY(const tuner::PackedStack* const stack, stacks.of(p, problems[p], kernel));
      mine.push_back({kernel.sizes, kernel.functions, stack});
      last_stacks.push_back(stack);
    }
  }
  tuner::Replay replay(pool, problems, job.tokens, job.layers);
  Comparison all{.seconds = {contenders.size(), std::vector<Rounds>(problems.size())},
                 .roof = std::vector<Rounds>(problems.size())};
  for (int round = 0; round < job.rounds; ++round) {
    for (size_t i = 0; i < contenders.size(); ++i) {
      const size_t c = round % 2 == 0 ? i : contenders.size() - 1 - i;
      if (job.stop()) return fail(Error::Kind::interrupted, "interrupted");
      if (job.tokens == 1 || round == 0) replay.run(runners[c]);
      add(replay.run(runners[c]), all.seconds[c]);
    }
    if (job.tokens == 1) add(tuner::read_replay_roof(pool, last_stacks, isa).seconds, all.roof);
  }
  return all;
}

Rounds all_layers(const std::vector<Problem>& problems, const std::vector<Rounds>& of_problem) {
  Rounds sums(of_problem.front().size(), 0.0);
  for (size_t p = 0; p < problems.size(); ++p)
    for (size_t round = 0; round < of_problem[p].size(); ++round)
      sums[round] += problems[p].count * of_problem[p][round];
  return sums;
}

Gain gain(const Rounds& before, const Rounds& after) {
  if (before.empty() || after.empty()) return {};
  std::vector<double> ratios;
  for (size_t round = 0; round < after.size(); ++round)
    ratios.push_back(before[round] / after[round]);
  const tuner::Estimate e = tuner::estimate(ratios);
  return {.gain = e.ratio, .error = 2 * e.error / e.ratio};
}

}  // namespace bitnet::report
