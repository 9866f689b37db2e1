// Kernels with the shape of their problem as constants of the code: what a cache holds. Each is
// compiled and checked once.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "tuner/compile.h"

namespace bitnet::tuner {

class ShapedKernels {
 public:
  ShapedKernels(ThreadPool& pool, codegen::Jit& jit, const std::vector<Problem>& problems)
      : pool_(pool), jit_(jit), problems_(problems) {}

  // wanted[p] of the token class m_min, for problem p; nothing where it cannot be had. A kernel
  // that computes wrongly is an error. All threads are used.
  Result<std::vector<const Compiled*>> compile(int64_t m_min,
                                               const std::vector<std::optional<Candidate>>& wanted);

 private:
  const Compiled* find(size_t problem, const KernelName& name) const;
  std::vector<CompileJob> missing(const std::vector<std::optional<Candidate>>& wanted) const;

  ThreadPool& pool_;
  codegen::Jit& jit_;
  const std::vector<Problem>& problems_;
  std::vector<std::unique_ptr<Compilation>> compiled_;
};

}  // namespace bitnet::tuner
