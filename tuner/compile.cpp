#include "tuner/compile.h"

#include <algorithm>
#include <atomic>
#include <iterator>
#include <set>

#include "runtime/kernel/fits.h"

namespace bitnet::tuner {
namespace {

struct Outcome {
  std::vector<Compiled> compiled;
  std::vector<std::string> refusals;
  int wrong = 0;
  bool begun = false;
};

// Whether the kernel works on the packed copy that the search will give it: its packing key was
// made from its name, when there was no kernel to ask.
Result<void> check_layout(const KernelName& name, const BnFacts& facts) {
  const codegen::Template* made_from = codegen::find_template(name);
  for (size_t i = 0; i < made_from->layout.size(); ++i) {
    const int64_t value = name.parameter(made_from->layout[i]).value_or(0);
    if (facts.layout[i] != value)
      return fail(Error::Kind::invalid, "{}: it states {} as number {} of its layout, not {}",
                  to_string(name), facts.layout[i], i, value);
  }
  return {};
}

// Whether there is a kernel of these parameters. One that states another layout is wrong.
bool accept(const Candidate& candidate, const BnFacts& facts, Outcome& outcome) {
  const auto fitting = fits(to_string(candidate.name), facts);
  const auto layout = fitting ? check_layout(candidate.name, facts) : Result<void>();
  if (!fitting) outcome.refusals.push_back(fitting.error().message);
  if (!layout) outcome.refusals.push_back(layout.error().message), ++outcome.wrong;
  return fitting && layout;
}

// Asks the kernel for its sizes and checks it on one problem.
void try_on(const Problem& problem, Compiled compiled, Checker& checker, Outcome& outcome) {
  const std::string name = to_string(compiled.candidate.name);
  compiled.functions.sizes(problem.n, problem.k, problem.group, &compiled.sizes);
  if (auto fitting = fits(name, compiled.sizes, problem); !fitting) {
    outcome.refusals.push_back(fitting.error().message);
  } else if (auto checked = checker.check(name, compiled.sizes, compiled.functions); !checked) {
    outcome.refusals.push_back(checked.error().message);
    ++outcome.wrong;
  } else {
    outcome.compiled.push_back(std::move(compiled));
  }
}

// The job's kernel for its problems of one group size: one object serves them.
void compile_for(KernelStore& store, std::span<const Problem> problems, const CompileJob& job,
                 const codegen::Spec& spec, std::span<Checker* const> checkers, Outcome& outcome) {
  const auto loaded = store.get(spec);
  if (!loaded) return outcome.refusals.push_back(loaded.error().message);
  BnFacts facts{};
  loaded->functions.facts(spec.group, &facts);
  if (!accept(job.candidate, facts, outcome)) return;
  for (size_t p : job.problems) {
    if (problems[p].group != spec.group) continue;
    try_on(problems[p],
           {.problem = p,
            .candidate = job.candidate,
            .object = loaded->object,
            .facts = facts,
            .sizes = {},
            .functions = loaded->functions},
           *checkers[p], outcome);
  }
}

Outcome compile_one(KernelStore& store, std::span<const Problem> problems, const CompileJob& job,
                    std::span<Checker* const> checkers) {
  Outcome outcome;
  outcome.begun = true;
  std::set<int64_t> groups;
  for (size_t p : job.problems) groups.insert(problems[p].group);
  for (const int64_t group : groups) {
    codegen::Spec spec{.name = job.candidate.name, .n = 0, .k = 0, .group = group};
    if (job.for_shape) {
      spec.n = problems[job.problems.front()].n;
      spec.k = problems[job.problems.front()].k;
    }
    compile_for(store, problems, job, spec, checkers, outcome);
  }
  return outcome;
}

}  // namespace

Result<KernelStore::Loaded> KernelStore::get(const codegen::Spec& spec) {
  const std::string prefix = codegen::symbol_prefix(spec);
  {
    const std::lock_guard lock(mutex_);
    if (const auto known = loaded_.find(prefix); known != loaded_.end()) return known->second;
  }
  BITNET_TRY(codegen::Object made, codegen::specialise(spec));
  Loaded loaded{.object = std::make_shared<const codegen::Object>(std::move(made)),
                .functions = {}};
  BITNET_TRY(loaded.functions, jit_.load(*loaded.object));
  const std::lock_guard lock(mutex_);
  return loaded_.emplace(prefix, std::move(loaded)).first->second;
}

Compilation compile(ThreadPool& pool, KernelStore& store, std::span<const Problem> problems,
                    std::span<const CompileJob> jobs, std::span<Checker* const> checkers,
                    size_t at_least, const std::function<bool()>& interrupted,
                    const std::function<bool()>& late) {
  std::vector<Outcome> outcomes(jobs.size());
  std::atomic<size_t> next{0};
  pool.run([&](int) {
    for (size_t i = next++; i < jobs.size() && (i < at_least || !(interrupted() || late()));
         i = next++) {
      outcomes[i] = compile_one(store, problems, jobs[i], checkers);
    }
  });
  Compilation all;
  for (size_t i = 0; i < jobs.size(); ++i) {
    Outcome& outcome = outcomes[i];
    if (!outcome.begun) all.cut_short.insert(jobs[i].problems.begin(), jobs[i].problems.end());
    std::ranges::move(outcome.compiled, std::back_inserter(all.kernels));
    std::ranges::move(outcome.refusals, std::back_inserter(all.refused));
    all.wrong += outcome.wrong;
  }
  return all;
}

}  // namespace bitnet::tuner
