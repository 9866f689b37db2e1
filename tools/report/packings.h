// Packings of the catalogue at a level: which there are, whether one fits a problem, and kernels of
// one by name, as the search timed them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "codegen/codegen.h"
#include "runtime/cpu/isa.h"
#include "runtime/kernel/kernel.h"
#include "tuner/compile.h"
#include "tuner/report.h"
#include "tuner/token_classes.h"

namespace bitnet::report {

// In the catalogue's order: those with a template at one of these levels.
std::vector<std::string> packings_of(const IsaSet& isa);
std::vector<std::string> packings_of_catalogue();

// The row of the packing's best layout ("t2" of t2_r16 and t2_r32), or one that says why the search
// has no kernel of it.
tuner::PackingReport best_of(const std::vector<tuner::PackingReport>& rows,
                             const std::string& packing, const Problem& problem,
                             const tuner::TokenClass& of_class);

class PackingKernels {
 public:
  static Result<PackingKernels> create(const IsaSet& isa);

  // The kernel of this name, compiled as the search did: for any shape.
  Result<ClassKernel> kernel(const std::string& name, const Problem& problem);
  // An error where no kernel over the packing fits the problem, with one's reason: what is left out
  // rightly. Compiles until one fits.
  Result<void> fits_some(const std::string& packing, const Problem& problem,
                         const tuner::TokenClass& of_class);

 private:
  PackingKernels(const IsaSet& isa, std::unique_ptr<codegen::Jit> jit);
  Result<ClassKernel> make(const KernelName& name, const Problem& problem);

  IsaSet isa_;
  std::unique_ptr<codegen::Jit> jit_;
  std::unique_ptr<tuner::KernelStore> store_;
};

}  // namespace bitnet::report
