// Candidates that cannot win are not timed: the static cost, cycles that LLVM's machine model gives
// for a product in the innermost loop, against the least of the same template. That is said for
// CPUs of which LLVM has a model, and holds where a timed sample agrees (packing_search.h).
//
// Measured (weights in L2, AVX-512 VNNI machine): rank correlation of cost and time, how many of a
// template's candidates cost more than 1.3 times the least, and what the fastest of those took,
// times the least time.
//
//   gemv   avx512vnni  0.93   12 of 18   1.41        small  avx512vnni  0.74    6 of 40   2.22
//          avxvnni     0.98   12 of 18   1.59               avxvnni     0.77   14 of 32   1.27
//          avx2        0.74    0 of 12   -                  avx2        0.48    0 of 32   -
//          ssse3       0.64    0 of  8   -                  ssse3       0.22    0 of 32   -
//
// So it sorts out what cannot win, not what is best; and it tells nothing of another template. A
// kernel has a cost where its facts count the products of its loop. lut counts none: of the 5 in 24
// candidates of tl2 at avx2 that cost too much one took 1.11 times the least.
#pragma once

#include <map>
#include <string>

#include "tuner/compile.h"

namespace bitnet::tuner {

// Of 16 products, in cycles; 0 where the kernel's facts count none.
double static_cost(const BnFacts& facts, const codegen::StaticReport& report);

class Pruner {
 public:
  // weights_in_memory: one token waits for memory most of the time, so arithmetic may cost 4 times
  // the least before it counts.
  Pruner(int64_t m_min, bool weights_in_memory);

  // Moves to `doubted` what costs too much beside what was seen so far, this compilation included;
  // where there is no cost, what has far more stack accesses in its loops. The nearest to the limit
  // come first. Never the built-in parameters.
  void prune(Compilation& compilation);

 private:
  struct Least {
    double cost = 0;  // 0: unknown
    int spills = 0;
  };
  // How far beyond what is tolerated, a factor; at most 1: it may win.
  double excess(const Compiled& kernel) const;

  double tolerance_;
  std::map<std::string, Least> least_;  // by template
};

}  // namespace bitnet::tuner
