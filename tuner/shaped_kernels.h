// Kernels with the shape of their problem as constants of the code: what a cache holds. Each is
// compiled once, and checked once a token class.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "tuner/compile.h"

namespace bitnet::tuner {

class ShapedKernels {
 public:
  ShapedKernels(ThreadPool& pool, codegen::Jit& jit, const std::vector<Problem>& problems)
      : pool_(pool), store_(jit), problems_(problems) {}

  // wanted[p] of a token class, for problem p; nothing where it cannot be had. A kernel
  // that computes wrongly is an error. All threads are used.
  Result<std::vector<const Compiled*>> compile(const TokenClass& of_class,
                                               const std::vector<std::optional<Candidate>>& wanted);

 private:
  struct OfClass {
    TokenClass token_class;
    std::unique_ptr<Compilation> compilation;
  };
  const Compiled* find(const TokenClass& of_class, size_t problem, const KernelName& name) const;
  std::vector<CompileJob> missing(const TokenClass& of_class,
                                  const std::vector<std::optional<Candidate>>& wanted) const;

  ThreadPool& pool_;
  KernelStore store_;
  const std::vector<Problem>& problems_;
  std::vector<OfClass> compiled_;
};

}  // namespace bitnet::tuner
