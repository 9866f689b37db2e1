#include "tuner/shaped_kernels.h"

#include <algorithm>

namespace bitnet::tuner {

const Compiled* ShapedKernels::find(const TokenClass& of_class, size_t problem,
                                    const KernelName& name) const {
  for (const OfClass& known : compiled_) {
    if (known.token_class != of_class) continue;
    for (const Compiled& kernel : known.compilation->kernels) {
      if (kernel.problem == problem && kernel.candidate.name == name) return &kernel;
    }
  }
  return nullptr;
}

// Problems of one shape share a kernel.
std::vector<CompileJob> ShapedKernels::missing(
    const TokenClass& of_class, const std::vector<std::optional<Candidate>>& wanted) const {
  std::vector<CompileJob> jobs;
  for (size_t p = 0; p < problems_.size(); ++p) {
    if (!wanted[p] || find(of_class, p, wanted[p]->name) != nullptr) continue;
    const auto same = std::ranges::find_if(jobs, [&](const CompileJob& job) {
      const Problem& other = problems_[job.problems.front()];
      return job.candidate.name == wanted[p]->name && other.n == problems_[p].n &&
             other.k == problems_[p].k;
    });
    if (same != jobs.end()) {
      same->problems.push_back(p);
    } else {
      jobs.push_back({.candidate = *wanted[p], .problems = {p}, .for_shape = true});
    }
  }
  return jobs;
}

Result<std::vector<const Compiled*>> ShapedKernels::compile(
    const TokenClass& of_class, const std::vector<std::optional<Candidate>>& wanted) {
  const std::vector<CompileJob> jobs = missing(of_class, wanted);
  std::vector<std::unique_ptr<Checker>> owners;
  std::vector<Checker*> checkers;
  for (const Problem& problem : problems_) {
    owners.push_back(std::make_unique<Checker>(problem, of_class.m_min, of_class.m_max));
    checkers.push_back(owners.back().get());
  }
  const auto never = [] { return false; };
  compiled_.push_back(
      {of_class, std::make_unique<Compilation>(tuner::compile(
                     pool_, store_, problems_, jobs, checkers, jobs.size(), never, never))});
  const Compilation& compilation = *compiled_.back().compilation;
  if (compilation.wrong > 0) return fail(Error::Kind::invalid, "{}", compilation.refused.front());
  std::vector<const Compiled*> kernels;
  for (size_t p = 0; p < problems_.size(); ++p)
    kernels.push_back(wanted[p] ? find(of_class, p, wanted[p]->name) : nullptr);
  return kernels;
}

}  // namespace bitnet::tuner
