// The search over packings: for each, its candidates of all problems and token classes are
// compiled, checked and timed beside the built-in kernels; then each problem takes the packing that
// costs least.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "tuner/listener.h"
#include "runtime/threads/pool.h"
#include "tuner/candidates.h"
#include "tuner/compile.h"
#include "tuner/records.h"
#include "tuner/search.h"
#include "tuner/timing.h"

namespace bitnet::tuner {

constexpr int64_t kPromptTokens = 128;  // M that kernels for many tokens are timed with

// What is searched, and with what.
struct SearchInput {
  ThreadPool& pool;
  codegen::Jit& jit;
  std::vector<Problem> problems;
  std::vector<TritSource> trits;                   // of each problem
  std::vector<ProblemKernels> builtin;             // of each problem
  std::vector<int64_t> classes;                    // {1, 2}
  std::vector<std::vector<Candidate>> candidates;  // of each class
  Preset preset;
  int layers = 1;                        // that a replay of one token runs through
  std::function<bool()> stop;            // interrupted
  std::function<double()> seconds_left;  // of the budget
  std::function<void(std::span<const Record>)> remember;
  RecordKey key;  // machine, isa, threads, residency, objective
  Listener& progress;
};

// The winner of one problem: a kernel for every token class, all on one packing.
struct ProblemChoice {
  std::vector<const Compiled*> classes;
  std::vector<Estimate> ratios;  // to the built-in kernel
  std::vector<double> builtin_seconds;
};

struct SearchResult {
  std::vector<ProblemChoice>
      choices;  // of each problem; without classes: nothing better than built-in, or no time
  std::vector<ProblemChoice>
      defaults;  // of each problem: the built-in kernels' parameters, specialised
  std::vector<std::unique_ptr<Compilation>> compiled;  // owns what choices point to
  // Of each class, over all packings. tried: candidates timed, all problems together; pruned:
  // compiled and not timed.
  std::map<int64_t, int> tried, pruned;
  std::vector<std::string> refused;
  int wrong = 0;
  SampleCount samples;
};

Result<SearchResult> search_packings(SearchInput& input);

// The built-in kernel of `kernels` for evaluations of `tokens` tokens.
const ClassKernel& class_of(const ProblemKernels& kernels, int64_t tokens);
// M that kernels of the class beginning at m_min are timed with.
int64_t timed_tokens(int64_t m_min);

}  // namespace bitnet::tuner
