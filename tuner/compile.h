// Candidates become functions: specialised on all threads, loaded, asked for their sizes and
// checked against the reference. Never while something is timed.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "codegen/codegen.h"
#include "runtime/threads/pool.h"
#include "tuner/candidates.h"
#include "tuner/check.h"

namespace bitnet::tuner {

// A search compiles a candidate once for all problems, as the built-in kernels are: the shape as a
// constant gains 0 to 2 % and changes no order, and compiling is what a search spends its time on.
// What was chosen is compiled again, for its shape.
struct CompileJob {
  Candidate candidate{};
  std::vector<size_t> problems{};  // indices into the problems
  bool for_shape = false;          // one problem, whose N and K are constants of the code
};

// A candidate and a problem.
struct Compiled {
  size_t problem = 0;
  Candidate candidate{};
  std::shared_ptr<const codegen::Object> object{};
  BnFacts facts{};
  BnSizes sizes{};
  KernelFunctions functions{};
};

// Kernels that were compiled and loaded, each once: several token classes may ask for one.
class KernelStore {
 public:
  explicit KernelStore(codegen::Jit& jit) : jit_(jit) {}

  struct Loaded {
    std::shared_ptr<const codegen::Object> object;
    KernelFunctions functions;
  };
  // Thread-safe for different kernels.
  Result<Loaded> get(const codegen::Spec& spec);

 private:
  codegen::Jit& jit_;
  std::mutex mutex_;
  std::map<std::string, Loaded> loaded_;  // by symbol prefix
};

struct Compilation {
  std::vector<Compiled> kernels;     // in the order of the jobs, and of their problems
  std::vector<std::string> refused;  // a line each: what does not fit or, worse, computes wrongly
  int wrong = 0;  // of these, how many failed the check: a bug, never to be passed over
  std::set<size_t> cut_short;  // problems some of whose jobs were not begun any more
  // Kernels that by their code cannot win, the likeliest first (prune.h). Not among `kernels`: a
  // sample of them is timed, and all of them where it says otherwise.
  std::vector<Compiled> doubted;
};

// checkers[p]: of problem p, for the class that the jobs belong to. Jobs are taken in order; once
// it is interrupted or late, only the first `at_least` are still begun. What is done is kept.
Compilation compile(ThreadPool& pool, KernelStore& store, std::span<const Problem> problems,
                    std::span<const CompileJob> jobs, std::span<Checker* const> checkers,
                    size_t at_least, const std::function<bool()>& interrupted,
                    const std::function<bool()>& late);

}  // namespace bitnet::tuner
