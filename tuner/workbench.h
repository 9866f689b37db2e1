// What a search does to the world and asks of it: kernels are compiled, weights packed, replays
// timed, and time passes. The search itself only decides, so a test hands in a workbench that makes
// everything up; live_workbench.h has the real one.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "runtime/base/result.h"
#include "tuner/compile.h"
#include "tuner/sample.h"

namespace bitnet::tuner {

// One packing's kernels of one token class, ready to be timed side by side with the built-in ones.
class Bench {
 public:
  virtual ~Bench() = default;
  // arms[p]: a kernel of problem p; null: the built-in one. The time of each over that of the
  // built-in kernel in the same round.
  virtual Sample ratios(std::span<const Compiled* const> arms) = 0;
  // Of one call of each problem's built-in kernel: medians of all samples so far.
  virtual std::vector<double> builtin_seconds() const = 0;
  virtual SampleCount count() const = 0;
};

class Workbench {
 public:
  virtual ~Workbench() = default;
  // Candidates of class c, compiled and checked in the order of the jobs, as many as the seconds
  // suffice for but at least the first; those that seem unable to win are set apart (doubted).
  virtual std::unique_ptr<Compilation> compile(size_t c, std::span<const CompileJob> jobs,
                                               double seconds) = 0;
  // kernels: of one packing and of class c. Packs the weights that they read. It must not outlive
  // the kernels.
  virtual Result<std::unique_ptr<Bench>> bench(size_t c, std::span<const Compiled> kernels) = 0;
  virtual double seconds_left() const = 0;  // of the budget
  virtual bool stopped() const = 0;         // by the user
};

}  // namespace bitnet::tuner
