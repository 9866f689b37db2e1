// A kernel as the runtime sees it: a name, numbers and functions; and the sources that answer for a
// problem with kernels: a tuned cache, the built-in catalogue, or the scalar reference.
//
// A kernel's name has a grammar, printed and parsed by one pair of functions, the same in symbols,
// logs and reports:
//   <kernel>_<packing>_<isa>__<parameters>     gemv_t2_avx512vnni__r32_k512_u2_pf2048
// A packing is fixed by its name and those parameters that shape its bytes: packing_key "t2_r32".
// Kernels of different token classes work on one packed copy if and only if their packing keys are
// equal.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "abi/kernel.h"
#include "runtime/base/result.h"
#include "runtime/cpu/isa.h"
#include "runtime/kernel/problem.h"

namespace bitnet {

struct KernelName {
  std::string kernel;   // "gemv"
  std::string packing;  // "t2"
  Isa isa = Isa::scalar;
  std::vector<std::pair<std::string, int64_t>>
      parameters;  // in the template's own order: {"r", 32}, ...

  std::optional<int64_t> parameter(std::string_view key) const;
  bool operator==(const KernelName&) const = default;
};
std::string to_string(const KernelName& name);  // also the C symbol prefix
Result<KernelName> parse_kernel_name(std::string_view text);

struct KernelFunctions {
  BnFactsFn* facts = nullptr;  // null for a cached kernel, which was chosen already
  BnSizesFn* sizes = nullptr;  // null for a cached kernel: its sizes stand in the manifest
  BnPackFn* pack = nullptr;
  BnPrepareFn* prepare = nullptr;
  BnRunFn* run = nullptr;
};

constexpr int64_t kAnyTokens = BN_ANY_TOKENS;

// The kernel for evaluations of m_min..m_max tokens.
struct ClassKernel {
  int64_t m_min = 1, m_max = kAnyTokens;
  KernelName name;
  std::string packing_key;
  std::string form;  // kernels with equal form and K may share a prepared form
  BnSizes sizes{};   // for this problem's n and k
  KernelFunctions functions;
};

// What a source answers for one problem: classes ascending, without gaps, from 1 to kAnyTokens.
struct ProblemKernels {
  std::vector<ClassKernel> classes;
};

class KernelSource {
 public:
  virtual ~KernelSource() = default;
  // An error says why this source has no kernel for the problem: the caller asks the next source.
  virtual Result<ProblemKernels> find(const Problem& problem) const = 0;
  // One line for the user: "tuned kernels of <file> (avx512vnni)", "built-in kernels (avx2)".
  virtual std::string describe() const = 0;
};

// The catalogue compiled into the runtime: every template at default parameters, at every level of
// this architecture.
struct BuiltinKernel {
  KernelName name;
  std::string packing_key, form;
  int64_t m_min = 1, m_max = kAnyTokens;  // the token class that it is written for
  // The default of its level and class (others are kept for tests and reports).
  bool preferred = false;
  KernelFunctions functions;
};
const std::vector<BuiltinKernel>& builtin_kernels();

// For every number of tokens the preferred kernel of the level, or of the nearest level up the tree
// that has one for it: classes ascending, without gaps. A level's defaults and those that it
// inherits have one packing key, so that there is one packed copy (tests hold the catalogue to it).
std::vector<BuiltinKernel> default_kernels(Isa isa, std::span<const BuiltinKernel> all);

// The default kernels of the best level that has any of its own.
std::unique_ptr<KernelSource> make_builtin_source(const IsaSet& isa);
// runtime/kernel/reference, plain scalar C++
std::unique_ptr<KernelSource> make_reference_source();

}  // namespace bitnet
