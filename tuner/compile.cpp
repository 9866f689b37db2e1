#include "tuner/compile.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <optional>

namespace bitnet::tuner {
namespace {

struct Outcome {
  std::optional<Compiled> compiled;
  std::string refusal;
  bool wrong = false;
};

Outcome compile_one(codegen::Jit& jit, std::mutex& jit_mutex, const Problem& problem,
                    const CompileJob& job, Checker& checker) {
  Outcome outcome;
  const std::string name = to_string(job.candidate.name);
  const codegen::Spec spec{
      .name = job.candidate.name, .n = problem.n, .k = problem.k, .tune_cpu = {}};
  auto object = codegen::specialise(spec);
  if (!object) {
    outcome.refusal = object.error().message;
    return outcome;
  }
  Compiled compiled{.job = job, .object = std::move(*object)};
  {
    const std::lock_guard lock(jit_mutex);
    auto functions = jit.load(compiled.object);
    if (!functions) {
      outcome.refusal = functions.error().message;
      return outcome;
    }
    compiled.functions = *functions;
  }
  compiled.functions.sizes(problem.n, problem.k, &compiled.sizes);
  if (problem.k > compiled.sizes.exact_k) {
    outcome.refusal = fmt::format("{}: {}: does not fit", name, describe(problem));
  } else if (auto checked = checker.check(name, compiled.sizes, compiled.functions); !checked) {
    outcome.refusal = checked.error().message;
    outcome.wrong = true;
  } else {
    outcome.compiled = std::move(compiled);
    return outcome;
  }
  const std::lock_guard lock(jit_mutex);
  jit.unload(compiled.object);
  return outcome;
}

}  // namespace

Compilation compile(ThreadPool& pool, codegen::Jit& jit, std::span<const Problem> problems,
                    std::span<const CompileJob> jobs, std::span<Checker* const> checkers,
                    size_t at_least, const std::function<bool()>& interrupted,
                    const std::function<bool()>& late) {
  std::vector<Outcome> outcomes(jobs.size());
  std::atomic<size_t> next{0};
  std::mutex jit_mutex;
  pool.run([&](int) {
    for (size_t i = next++; i < jobs.size() && (i < at_least || !(interrupted() || late()));
         i = next++) {
      outcomes[i] = compile_one(jit, jit_mutex, problems[jobs[i].problem], jobs[i],
                                *checkers[jobs[i].problem]);
    }
  });
  Compilation all;
  for (Outcome& outcome : outcomes) {
    if (outcome.compiled) all.kernels.push_back(std::move(*outcome.compiled));
    if (!outcome.refusal.empty()) all.refused.push_back(std::move(outcome.refusal));
    all.wrong += outcome.wrong;
  }
  return all;
}

void prune_spills(Compilation& compilation, int more_than_least) {
  std::map<size_t, int> least;
  for (const Compiled& c : compilation.kernels) {
    const auto [at, fresh] = least.emplace(c.job.problem, c.object.report.spills);
    if (!fresh) at->second = std::min(at->second, c.object.report.spills);
  }
  std::erase_if(compilation.kernels, [&](const Compiled& c) {
    // The default is always a candidate.
    if (c.job.candidate.complexity == 0) return false;
    if (c.object.report.spills <= least[c.job.problem] + more_than_least) return false;
    compilation.refused.push_back(fmt::format("{}: {} stack accesses in its innermost loops",
                                              to_string(c.job.candidate.name),
                                              c.object.report.spills));
    return true;
  });
}

}  // namespace bitnet::tuner
