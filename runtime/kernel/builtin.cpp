// The catalogue compiled into the runtime, and the source that chooses from it: the best level that
// has kernels, its preferred kernel of each class of M. Those of a level work on one packed copy
// (equal packing keys).
#include <algorithm>
#include <cassert>

#include "builtin_kernels.inc"
#include "runtime/kernel/fits.h"
#include "runtime/kernel/kernel.h"

namespace bitnet {
namespace {

class BuiltinSource final : public KernelSource {
 public:
  BuiltinSource(Isa isa, std::vector<const BuiltinKernel*> kernels)
      : isa_(isa), kernels_(std::move(kernels)) {}

  Result<ProblemKernels> find(const Problem& problem) const override {
    ProblemKernels answer;
    for (const BuiltinKernel* kernel : kernels_) {
      ClassKernel k{.m_min = kernel->m_min,
                    .m_max = kernel->m_max,
                    .name = kernel->name,
                    .packing_key = kernel->packing_key,
                    .form = kernel->form,
                    .functions = kernel->functions};
      k.functions.sizes(problem.n, problem.k, &k.sizes);
      BITNET_CHECK(fits(to_string(k.name), k.sizes, problem));
      answer.classes.push_back(std::move(k));
    }
    return answer;
  }

  std::string describe() const override {
    return fmt::format("built-in kernels ({})", bitnet::name(isa_));
  }

 private:
  Isa isa_;
  std::vector<const BuiltinKernel*> kernels_;  // classes ascending
};

std::vector<const BuiltinKernel*> preferred_of(Isa isa) {
  std::vector<const BuiltinKernel*> kernels;
  for (const BuiltinKernel& kernel : builtin_kernels())
    if (kernel.preferred && kernel.name.isa == isa) kernels.push_back(&kernel);
  std::ranges::sort(kernels, {}, &BuiltinKernel::m_min);
  return kernels;
}

}  // namespace

const std::vector<BuiltinKernel>& builtin_kernels() { return kernel_table_builtin_kernels; }

std::unique_ptr<KernelSource> make_builtin_source(const IsaSet& isa) {
  const std::vector<Isa> levels = isa.levels();
  for (auto level = levels.rbegin(); level != levels.rend(); ++level)
    if (auto kernels = preferred_of(*level); !kernels.empty())
      return std::make_unique<BuiltinSource>(*level, std::move(kernels));
  assert(false && "the catalogue has kernels for scalar");
  return nullptr;
}

}  // namespace bitnet
