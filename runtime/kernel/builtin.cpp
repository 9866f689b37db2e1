// The catalogue compiled into the runtime, and the source that chooses from it: for every number of
// tokens the default of the best level that has one for it.
#include <algorithm>
#include <cassert>
#include <set>
#include <span>

#include "builtin_kernels.inc"
#include "runtime/kernel/fits.h"
#include "runtime/kernel/kernel.h"

namespace bitnet {
namespace {

class BuiltinSource final : public KernelSource {
 public:
  BuiltinSource(Isa isa, std::vector<BuiltinKernel> kernels)
      : isa_(isa), kernels_(std::move(kernels)) {}

  Result<ProblemKernels> find(const Problem& problem) const override {
    ProblemKernels answer;
    for (const BuiltinKernel& kernel : kernels_) {
      ClassKernel k{.m_min = kernel.m_min,
                    .m_max = kernel.m_max,
                    .name = kernel.name,
                    .packing_key = kernel.packing_key,
                    .form = kernel.form,
                    .functions = kernel.functions};
      BnFacts facts{};
      k.functions.facts(problem.group, &facts);
      BITNET_CHECK(fits(to_string(k.name), facts));
      k.functions.sizes(problem.n, problem.k, problem.group, &k.sizes);
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
  std::vector<BuiltinKernel> kernels_;  // classes ascending
};

Isa parent_of(Isa isa) { return level_of(isa).parent; }

// A level's own default for so many tokens.
const BuiltinKernel* own_default(Isa isa, int64_t tokens, std::span<const BuiltinKernel> all) {
  const auto found = std::ranges::find_if(all, [&](const BuiltinKernel& k) {
    return k.preferred && k.name.isa == isa && k.m_min <= tokens && tokens <= k.m_max;
  });
  return found == all.end() ? nullptr : &*found;
}

// The nearest one up the tree; null where not even scalar has one.
const BuiltinKernel* default_for(Isa isa, int64_t tokens, std::span<const BuiltinKernel> all) {
  for (;; isa = parent_of(isa)) {
    if (const BuiltinKernel* own = own_default(isa, tokens, all)) return own;
    if (isa == Isa::scalar) return nullptr;
  }
}

bool has_defaults(Isa isa) {
  return std::ranges::any_of(
      builtin_kernels(), [&](const BuiltinKernel& k) { return k.preferred && k.name.isa == isa; });
}

}  // namespace

std::vector<BuiltinKernel> default_kernels(Isa isa, std::span<const BuiltinKernel> all) {
  // Where any kernel begins or has ended, the answer may change.
  std::set<int64_t> begins;
  for (const BuiltinKernel& kernel : all) {
    begins.insert(kernel.m_min);
    if (kernel.m_max != kAnyTokens) begins.insert(kernel.m_max + 1);
  }
  std::vector<BuiltinKernel> kernels;
  for (const int64_t tokens : begins) {
    const BuiltinKernel* kernel = default_for(isa, tokens, all);
    if (kernel == nullptr || (!kernels.empty() && kernels.back().name == kernel->name)) continue;
    if (!kernels.empty()) kernels.back().m_max = tokens - 1;
    kernels.push_back(*kernel);
    kernels.back().m_min = tokens;
  }
  return kernels;
}

const std::vector<BuiltinKernel>& builtin_kernels() { return kernel_table_builtin_kernels; }

std::unique_ptr<KernelSource> make_builtin_source(const IsaSet& isa) {
  const std::vector<Isa> levels = isa.levels();
  const auto best = std::ranges::find_if(levels.rbegin(), levels.rend(), has_defaults);
  assert(best != levels.rend() && "the catalogue has kernels for scalar");
  return std::make_unique<BuiltinSource>(*best, default_kernels(*best, builtin_kernels()));
}

}  // namespace bitnet
