// The workbench that really compiles, packs and times: LLVM, the pool, the clock.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tuner/prune.h"
#include "tuner/timing.h"
#include "tuner/token_classes.h"
#include "tuner/workbench.h"

namespace bitnet::tuner {

// What the machine and the model give; all of it outlives the workbench.
struct Lab {
  ThreadPool& pool;
  codegen::Jit& jit;
  const std::vector<Problem>& problems;
  const std::vector<ProblemKernels>& builtin;  // of each problem
  std::vector<WeightSource> weights;           // of each problem
  std::vector<TokenClass> classes;
  int layers = 1;                        // that a replay of one token runs through
  bool weights_in_memory = true;         // rather than in the last cache
  std::function<bool()> stop;            // interrupted
  std::function<double()> seconds_left;  // of the budget

  // Of a replay of the class: one with many tokens is long enough with two.
  int layers_of(const TokenClass& c) const;
};

// Weights of each problem in one packing, or of several: shared by whoever reads them.
using Stacks = std::vector<std::shared_ptr<const PackedStack>>;

// The weights of problem p as a kernel wants them, for lab.layers layers.
Result<std::shared_ptr<const PackedStack>> pack_stack(const Lab& lab, size_t p,
                                                      const BnSizes& sizes, BnPackFn* pack);

class LiveWorkbench final : public Workbench {
 public:
  // Packs for the built-in kernels.
  static Result<std::unique_ptr<LiveWorkbench>> create(const Lab& lab);

  std::unique_ptr<Compilation> compile(size_t c, std::span<const CompileJob> jobs,
                                       double seconds) override;
  Result<std::unique_ptr<Bench>> bench(size_t c, std::span<const Compiled> kernels) override;
  double seconds_left() const override { return lab_.seconds_left(); }
  bool stopped() const override { return lab_.stop(); }

 private:
  explicit LiveWorkbench(const Lab& lab);
  Result<void> pack_builtin();

  const Lab& lab_;
  KernelStore store_;
  std::vector<std::vector<std::unique_ptr<Checker>>> checkers_;  // [class][problem]
  std::vector<Pruner> pruners_;                                  // of each class
  std::vector<Stacks> builtin_;                                  // [class][problem]
  std::string packed_key_;                                       // what packed_ holds
  Stacks packed_;                                                // null: not needed yet
};

}  // namespace bitnet::tuner
