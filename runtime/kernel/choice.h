// Which kernels a model runs with: for each problem the first source that has some. A tuned cache
// comes first, then the built-in catalogue, then the scalar reference, which has an answer to
// everything.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "runtime/kernel/cache.h"
#include "runtime/kernel/kernel.h"

namespace bitnet {

struct KernelSearch {
  IsaSet isa;
  int threads = 1;
  bool cache = true, builtin = true;
  std::string cache_path;  // empty: the usual places
  LoadedCache::How how = LoadedCache::How::map;
  const KernelSource* first = nullptr;  // asked before all others; must outlive what is chosen
};

struct ChosenKernels {
  std::vector<ProblemKernels> of_problem;  // in the order of the problems
  std::string line;  // what is used; why there is no cache; why a source serves not all problems
  std::string cache_warning;  // why the cache that was named is not used; empty: it is, or none was
  std::vector<std::unique_ptr<KernelSource>> sources;  // owners of the code
};

ChosenKernels choose_kernels(const std::vector<Problem>& problems, const KernelSearch& search);

}  // namespace bitnet
