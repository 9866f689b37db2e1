// Kernels of several sources side by side, in the tuner's replay of a token, interleaved round by
// round.
#pragma once

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
  std::string name{};                  // "scalar", "baseline", "built-in", "tuned"
  std::vector<ClassKernel> kernels{};  // of each problem
};

// The fixed baseline (bench/baseline/i2s_avx2.c), checked against the reference before it is
// returned; nothing where this architecture or set of levels has no AVX2.
Result<std::optional<Contender>> fixed_baseline(const std::vector<Problem>& problems,
                                                const IsaSet& isa);
// The kernels that a source gives to evaluations of `tokens` tokens; `otherwise` answers for
// problems it leaves out. An error where neither has one.
Result<Contender> contender(std::string name, const KernelSource& source, const KernelSource& otherwise,
                    const std::vector<Problem>& problems, int64_t tokens);

struct Comparison {
  std::vector<std::vector<double>>
      seconds;                     // [contender][problem]: of one call, lower quartile over rounds
  std::vector<double> roof_share;  // of each problem, for the last contender; one token only
};

Result<Comparison> compare(ThreadPool& pool, const std::vector<Problem>& problems,
                           const std::vector<Contender>& contenders, int64_t tokens, int layers,
                           int rounds, const IsaSet& isa);

}  // namespace bitnet::report
