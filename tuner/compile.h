// Candidates become functions: specialised on all threads, pruned by what the compiler says of
// them, loaded, asked for their sizes and checked against the reference. Never while something is
// timed.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "codegen/codegen.h"
#include "runtime/threads/pool.h"
#include "tuner/candidates.h"
#include "tuner/check.h"

namespace bitnet::tuner {

struct CompileJob {
  size_t problem = 0;  // index into the problems
  Candidate candidate{};
};

struct Compiled {
  CompileJob job{};
  codegen::Object object{};
  BnSizes sizes{};
  KernelFunctions functions{};
};

struct Compilation {
  std::vector<Compiled> kernels;  // in the order of the jobs
  std::vector<std::string>
      refused;    // one line each: what does not fit, spills or, worse, computes wrongly
  int wrong = 0;  // of these, how many failed the check: a bug, never to be passed over
};

// checkers[p]: for the class that jobs of problem p belong to. Jobs are taken in order; once it is
// interrupted or late, only the first `at_least` are still begun. What is done is kept.
Compilation compile(ThreadPool& pool, codegen::Jit& jit, std::span<const Problem> problems,
                    std::span<const CompileJob> jobs, std::span<Checker* const> checkers,
                    size_t at_least, const std::function<bool()>& interrupted,
                    const std::function<bool()>& late);

// Kernels whose innermost loops touch the stack this much more often than the least of their
// problem are not timed.
void prune_spills(Compilation& compilation, int more_than_least);

}  // namespace bitnet::tuner
