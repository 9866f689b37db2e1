#include "tuner/packing_search.h"

#include <algorithm>
#include <numeric>

#include "tuner/prune.h"

namespace bitnet::tuner {
namespace {

constexpr double kCompileShare = 0.4;  // of a packing's and class's time, at most
constexpr int kPromptLayers = 2;       // a replay with many tokens is long enough with two

using Stacks = std::vector<std::shared_ptr<const PackedStack>>;  // of each problem

Runner runner_of(const BnSizes& sizes, const KernelFunctions& functions,
                 const PackedStack& weights) {
  return {.sizes = sizes, .functions = functions, .weights = &weights};
}

class Searcher {
 public:
  explicit Searcher(SearchInput& input) : in_(input) {
    result_.defaults.resize(in_.problems.size());
  }

  Result<SearchResult> run() {
    BITNET_CHECK(pack_builtin());
    make_checkers();
    const std::vector<std::string> keys = packing_keys();
    const size_t units = keys.size() * in_.classes.size();
    for (const std::string& key : keys) {
      if (in_.stop() || (unit_ > 0 && in_.seconds_left() <= 0)) break;
      BITNET_CHECK(search_packing(key, units));
    }
    choose();
    return std::move(result_);
  }

 private:
  // The built-in kernels' packing first: its result exists whatever happens later.
  std::vector<std::string> packing_keys() const {
    std::vector<std::string> keys{class_of(in_.builtin.front(), 1).packing_key};
    for (const auto& of_class : in_.candidates) {
      for (const Candidate& c : of_class) {
        if (std::ranges::find(keys, c.packing_key) == keys.end()) keys.push_back(c.packing_key);
      }
    }
    // A packing without kernels for every class can serve nobody.
    std::erase_if(keys, [&](const std::string& key) {
      return !std::ranges::all_of(in_.candidates, [&](const std::vector<Candidate>& of_class) {
        return std::ranges::find(of_class, key, &Candidate::packing_key) != of_class.end();
      });
    });
    return keys;
  }

  Result<void> pack_builtin() {
    for (size_t p = 0; p < in_.problems.size(); ++p) {
      const ClassKernel& kernel = class_of(in_.builtin[p], 1);
      BITNET_TRY(PackedStack stack, pack(p, kernel.sizes, kernel.functions.pack));
      builtin_stacks_.push_back(std::make_shared<PackedStack>(std::move(stack)));
    }
    return {};
  }

  Result<PackedStack> pack(size_t p, const BnSizes& sizes, BnPackFn* function) {
    const Problem& problem = in_.problems[p];
    return PackedStack::pack(in_.pool, problem.n, problem.k, sizes, function, in_.trits[p],
                             in_.layers);
  }

  void make_checkers() {
    for (int64_t m_min : in_.classes) {
      pruners_.emplace(m_min, Pruner(m_min, in_.key.residency == "memory"));
      auto& of_class = checkers_[m_min];
      for (const Problem& problem : in_.problems) {
        of_class.push_back(std::make_unique<Checker>(problem, m_min, m_min == 1 ? 1 : kAnyTokens));
      }
    }
  }

  std::unique_ptr<Compilation> compile_class(const std::string& key, size_t class_index,
                                             size_t units) {
    const int64_t m_min = in_.classes[class_index];
    // Nearest first, so that whoever runs out of time has compiled the likelier ones.
    std::vector<size_t> all(in_.problems.size());
    std::iota(all.begin(), all.end(), size_t{0});
    std::vector<CompileJob> jobs;
    for (const Candidate& c : in_.candidates[class_index]) {
      if (c.packing_key == key) jobs.push_back({.candidate = c, .problems = all});
    }
    const double left = in_.seconds_left();
    const double mine = kCompileShare * std::max(0.0, left) / static_cast<double>(units - unit_);
    const auto late = [&] { return left - in_.seconds_left() > mine; };
    std::vector<Checker*> checkers;
    for (const auto& checker : checkers_[m_min]) checkers.push_back(checker.get());
    auto compilation = std::make_unique<Compilation>(
        compile(in_.pool, in_.jit, in_.problems, jobs, checkers, /*at_least=*/1, in_.stop, late));
    result_.pruned[m_min] += pruners_.at(m_min).prune(*compilation);
    auto& refused = compilation->refused;
    result_.refused.insert(result_.refused.end(), refused.begin(), refused.end());
    result_.wrong += compilation->wrong;
    return compilation;
  }

  Result<void> search_packing(const std::string& key, size_t units) {
    std::vector<PackingResult> results(in_.problems.size());
    std::vector<ProblemChoice> choices(in_.problems.size());
    Stacks stacks(in_.problems.size());
    for (size_t c = 0; c < in_.classes.size(); ++c, ++unit_) {
      in_.progress.update(
          static_cast<double>(unit_) / static_cast<double>(units),
          fmt::format("compiling {} for {} tokens", key, in_.classes[c] == 1 ? "1" : "2+"),
          in_.seconds_left());
      std::unique_ptr<Compilation> compilation = compile_class(key, c, units);
      BITNET_CHECK(pack_for(key, *compilation, stacks));
      time_class(key, c, *compilation, stacks, units, results, choices);
      result_.compiled.push_back(std::move(compilation));
    }
    for (size_t p = 0; p < in_.problems.size(); ++p) {
      if (choices[p].classes.size() != in_.classes.size()) continue;
      results[p].builtin = key == class_of(in_.builtin[p], 1).packing_key;
      packings_[p].push_back(std::move(results[p]));
      of_packing_[p].push_back(std::move(choices[p]));
    }
    return {};
  }

  Result<void> pack_for(const std::string& key, const Compilation& compilation, Stacks& stacks) {
    for (const Compiled& c : compilation.kernels) {
      const size_t p = c.problem;
      if (stacks[p]) continue;
      if (key == class_of(in_.builtin[p], 1).packing_key) {
        stacks[p] = builtin_stacks_[p];
        continue;
      }
      BITNET_TRY(PackedStack stack, pack(p, c.sizes, c.functions.pack));
      stacks[p] = std::make_shared<PackedStack>(std::move(stack));
    }
    return {};
  }

  std::vector<Runner> builtin_runners(int64_t tokens) const {
    std::vector<Runner> runners;
    for (size_t p = 0; p < in_.problems.size(); ++p) {
      const ClassKernel& kernel = class_of(in_.builtin[p], tokens);
      runners.push_back(runner_of(kernel.sizes, kernel.functions, *builtin_stacks_[p]));
    }
    return runners;
  }

  // Every problem's candidates on this packing, in one replay after the other.
  void time_class(const std::string& key, size_t class_index, const Compilation& compilation,
                  const Stacks& stacks, size_t units, std::vector<PackingResult>& results,
                  std::vector<ProblemChoice>& choices) {
    const int64_t m_min = in_.classes[class_index], tokens = timed_tokens(m_min);
    std::vector<std::vector<const Compiled*>> arms(in_.problems.size());
    for (const Compiled& c : compilation.kernels) arms[c.problem].push_back(&c);
    std::vector<Halving> halvings;
    std::vector<double> ceiling;
    for (size_t p = 0; p < in_.problems.size(); ++p) {
      std::vector<int> complexity;
      for (const Compiled* c : arms[p]) complexity.push_back(c->candidate.complexity);
      halvings.emplace_back(std::move(complexity),
                            HalvingOptions{.first_samples = in_.preset.first_samples,
                                           .stages = in_.preset.stages,
                                           .final_samples = in_.preset.final_samples});
      ceiling.push_back(best_ratio(p, class_index));
    }
    const std::vector<Runner> incumbents = builtin_runners(tokens);
    Replay replay(in_.pool, in_.problems, tokens,
                  m_min == 1 ? in_.layers : std::min(in_.layers, kPromptLayers));
    Timing timing(in_.pool, replay, incumbents);
    const double left = std::max(0.0, in_.seconds_left());
    const double mine =
        left / static_cast<double>(units - unit_);  // what comes after keeps its share
    const auto measure = [&](const std::vector<std::optional<size_t>>& asked) {
      std::vector<Runner> runners = incumbents;
      for (size_t p = 0; p < asked.size(); ++p) {
        if (asked[p]) {
          const Compiled& c = *arms[p][*asked[p]];
          runners[p] = runner_of(c.sizes, c.functions, *stacks[p]);
        }
      }
      return timing.ratios(runners);
    };
    play(halvings, ceiling, measure,
         {.stop = [&] { return in_.stop() || left - in_.seconds_left() > mine; },
          .progress = [&](double fraction) { show(key, m_min, fraction, units, halvings); }});
    result_.samples.all += timing.count().all;
    result_.samples.disturbed += timing.count().disturbed;
    harvest(m_min, tokens, arms, halvings, timing.incumbent_seconds(), results, choices);
  }

  double best_ratio(size_t p, size_t class_index) const {
    double best = 0;
    const auto found = of_packing_.find(p);
    if (found == of_packing_.end()) return best;
    for (const ProblemChoice& choice : found->second) {
      const double ratio = choice.ratios[class_index].ratio;
      if (best == 0 || ratio < best) best = ratio;
    }
    return best;
  }

  void show(const std::string& key, int64_t m_min, double fraction, size_t units,
            const std::vector<Halving>& halvings) {
    double best = 1;
    size_t of = 0;
    for (size_t p = 0; p < halvings.size(); ++p) {
      const auto leader = halvings[p].leader();
      if (leader && halvings[p].of(*leader).ratio < best) {
        best = halvings[p].of(*leader).ratio;
        of = p;
      }
    }
    in_.progress.update((static_cast<double>(unit_) + fraction) / static_cast<double>(units),
                        fmt::format("timing {}, {} tokens: best {:.2f}x built-in ({})", key,
                                    m_min == 1 ? "1" : "2+", 1 / best, describe(in_.problems[of])),
                        in_.seconds_left());
  }

  // Notes every arm in the log and the best of each problem.
  void harvest(int64_t m_min, int64_t tokens, const std::vector<std::vector<const Compiled*>>& arms,
               const std::vector<Halving>& halvings, const std::vector<double>& builtin_seconds,
               std::vector<PackingResult>& results, std::vector<ProblemChoice>& choices) {
    std::vector<Record> records;
    for (size_t p = 0; p < arms.size(); ++p) {
      for (size_t i = 0; i < arms[p].size(); ++i) {
        const Estimate e = halvings[p].of(i);
        if (e.samples == 0) continue;
        ++result_.tried[m_min];
        records.push_back(trial(p, m_min, arms[p][i]->candidate, e, builtin_seconds[p]));
      }
      for (const Compiled* arm : arms[p]) {
        if (arm->candidate.complexity == 0) result_.defaults[p].classes.push_back(arm);
      }
      const auto best = arms[p].empty() ? std::nullopt : best_arm(arms[p], halvings[p]);
      if (!best) continue;
      Estimate e = halvings[p].of(*best);
      if (e.samples == 0)
        e = {.ratio = 1,
             .error = 0.05,
             .samples = 0};  // unmeasured: the default, as good as built-in
      results[p].classes.push_back({.tokens = tokens,
                                    .seconds = e.ratio * builtin_seconds[p],
                                    .error = e.error / e.ratio,
                                    .kernel = *best});
      choices[p].classes.push_back(arms[p][*best]);
      choices[p].ratios.push_back(e);
      choices[p].builtin_seconds.push_back(builtin_seconds[p]);
    }
    in_.remember(records);
  }

  // The winner over the incumbent; else the default on the built-in packing, and the least time on
  // any other.
  static std::optional<size_t> best_arm(const std::vector<const Compiled*>& arms,
                                        const Halving& halving) {
    if (const auto winner = halving.winner()) return winner;
    for (size_t i = 0; i < arms.size(); ++i) {
      if (arms[i]->candidate.complexity == 0) return i;
    }
    return halving.leader();
  }

  Record trial(size_t p, int64_t m_min, const Candidate& candidate, const Estimate& e,
               double builtin_seconds) const {
    Record record{.kind = RecordKind::trial, .key = in_.key};
    record.key.problem = in_.problems[p];
    record.key.m_min = m_min;
    record.key.kernel = to_string(candidate.name);
    record.key.kernel_hash = candidate.hash;
    record.nanoseconds = 1e9 * e.ratio * builtin_seconds;
    record.ratio = e.ratio;
    record.error = e.error;
    record.samples = e.samples;
    return record;
  }

  void choose() {
    for (size_t p = 0; p < in_.problems.size(); ++p) {
      ProblemChoice choice;
      if (!packings_[p].empty()) choice = of_packing_[p][choose_packing(packings_[p])];
      result_.choices.push_back(std::move(choice));
    }
  }

  SearchInput& in_;
  SearchResult result_;
  Stacks builtin_stacks_;
  std::map<int64_t, std::vector<std::unique_ptr<Checker>>> checkers_;  // by class, of each problem
  std::map<int64_t, Pruner> pruners_;                                  // by class
  std::map<size_t, std::vector<PackingResult>> packings_;              // by problem
  std::map<size_t, std::vector<ProblemChoice>> of_packing_;            // beside them
  size_t unit_ = 0;                                                    // packings x classes done
};

}  // namespace

const ClassKernel& class_of(const ProblemKernels& kernels, int64_t tokens) {
  const auto found = std::ranges::find_if(kernels.classes,
                                          [&](const ClassKernel& c) { return tokens <= c.m_max; });
  return found == kernels.classes.end() ? kernels.classes.back() : *found;
}

int64_t timed_tokens(int64_t m_min) { return m_min == 1 ? 1 : kPromptTokens; }

Result<SearchResult> search_packings(SearchInput& input) { return Searcher(input).run(); }

}  // namespace bitnet::tuner
