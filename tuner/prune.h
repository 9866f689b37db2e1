// Candidates that cannot win are not timed: the static cost, cycles that LLVM's machine model gives
// for a product in the innermost loop, against the least of the same template.
//
// Measured (weights in L2, AVX-512 VNNI machine; 18 to 40 candidates a template): rank correlation
// of cost and time 0.94, 0.96, 0.84 for gemv at avx512vnni, avxvnni, avx2, and 0.73 to 0.75 for
// small, which it orders well but for what spills and for few accumulators. What costs more than
// 1.3 times the least took 1.4 times the least time or more, without exception. So a bound on the
// cost within a template is safe where kernels compute, and tells nothing of another template.
#pragma once

#include <map>
#include <string>

#include "tuner/compile.h"

namespace bitnet::tuner {

// Of one product, in cycles; 0 where there is no model of the kernel's loop, as for batch, whose
// loop that works most is not the one that many tokens go through.
double static_cost(const KernelName& name, const codegen::StaticReport& report);

class Pruner {
 public:
  // weights_in_memory: one token waits for memory most of the time, so arithmetic may cost 4 times
  // the least before it counts.
  Pruner(int64_t m_min, bool weights_in_memory);

  // Takes out candidates that cost too much beside what was seen so far, this compilation included;
  // where there is no cost, those with far more stack accesses in their loops. Never the built-in
  // parameters. Answers how many candidates were taken out.
  int prune(Compilation& compilation);

 private:
  struct Least {
    double cost = 0;  // 0: unknown
    int spills = 0;
  };
  bool hopeless(const Compiled& kernel) const;

  double tolerance_;
  std::map<std::string, Least> least_;  // by template
};

}  // namespace bitnet::tuner
