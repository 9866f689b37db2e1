// Kernels of several sources side by side, in the tuner's replay of a token, interleaved round by
// round.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "runtime/base/result.h"
#include "runtime/cpu/isa.h"
#include "runtime/kernel/kernel.h"
#include "runtime/threads/pool.h"

namespace bitnet::report {

// One contender: a kernel for each problem, for evaluations of `tokens` tokens.
struct Contender {
  std::string name{};                  // "scalar", "baseline", "built-in", "tuned", a packing
  std::vector<ClassKernel> kernels{};  // of each problem
};

// The fixed baseline (bench/baseline/i2s_avx2.c), checked against the reference before it is
// returned; nothing where this architecture or set of levels has no AVX2.
Result<std::optional<Contender>> fixed_baseline(const std::vector<Problem>& problems,
                                                const IsaSet& isa);
// The kernels that a source gives to evaluations of `tokens` tokens; `otherwise` answers for
// problems it leaves out. An error where neither has one.
Result<Contender> contender(std::string name, const KernelSource& source,
                            const KernelSource& otherwise, const std::vector<Problem>& problems,
                            int64_t tokens);

using Rounds = std::vector<double>;  // seconds of one call in each round

struct Comparison {
  std::vector<std::vector<Rounds>> seconds;  // [contender][problem]
  std::vector<Rounds>
      roof;  // [problem]: a plain read of the last contender's bytes; one token only
};

struct Job {
  int64_t tokens = 1;
  int layers = 1, rounds = 1;  // layers: that a replay runs through
  std::function<bool()> stop;  // asked in every round: true ends with error kind interrupted
};

// Rounds go forth and back: A B C, C B A, so that nobody is always in somebody's wake.
// With one token each contender runs twice in every round and the second run counts: it finds the
// caches as its own token before left them, not as its neighbour here did. Where arithmetic is the
// limit, it runs twice in the first round only.
Result<Comparison> compare(ThreadPool& pool, const std::vector<Problem>& problems,
                           const std::vector<Contender>& contenders, const Job& job,
                           const IsaSet& isa);

// Of one contender, over all layers.
Rounds all_layers(const std::vector<Problem>& problems, const std::vector<Rounds>& of_problem);
// Of before/after, each pair of the same round.
struct Gain {
  double gain = 0;   // median; 0: not measured
  double error = 0;  // two standard errors of it, relative
};
Gain gain(const Rounds& before, const Rounds& after);

}  // namespace bitnet::report
